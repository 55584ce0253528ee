"""`python -m benchmarks.pipeline [--turns N] [--epochs N]`: steps a second of a training through archlang and of
a loop written by hand with the same `DataLoader` settings, over the same data, network and optimiser.

Both shuffle, normalise, count loss and hits in every step, and measure the test part after every epoch, with workers
that stay. With `--clock cpu` processor time counts where one process does all. What is timed begins with the first
step that is done, so that neither compiling nor starting workers counts. Turn by turn, each first every other time;
the median of the turns' ratios, and the smallest and the largest one.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset, TensorDataset

import archlang
from benchmarks.timing import CLOCKS

NETWORK = """archlang 1
network Bench(classes = 10) {
  input image: [3, 32, 32] (mean = [0.5, 0.5, 0.5], std = [0.25, 0.25, 0.25])
  logits = image -> conv(3x3, 16) -> batch_norm -> relu -> conv(3x3, 16, stride = 2) -> batch_norm -> relu
                 -> conv(3x3, 32, stride = 2) -> batch_norm -> relu -> global_avg_pool -> linear(classes)
  output logits
}
train {
  loss      = cross_entropy(logits, label)
  optimizer = sgd(lr = 0.05, momentum = 0.9)
  batch     = 32
  phase all { epochs = 1 }
}
"""
Clock = Callable[[], float]
SAMPLE = 0.02
"""Seconds that a slow sample takes."""


class SlowSamples(Dataset[Any]):
    """Samples that take 20 ms each, as an augmentation in Python may."""

    def __init__(self, images: torch.Tensor, labels: torch.Tensor) -> None:
        self.images, self.labels = images, labels

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, number: int) -> tuple[torch.Tensor, int]:
        time.sleep(SAMPLE)
        return self.images[number], int(self.labels[number])


class Photographs(Dataset[Any]):
    """A folder of JPEGs, read as one writes it."""

    def __init__(self, folder: Path) -> None:
        self.files = sorted(folder.glob("*/*.jpg"))
        self.classes = sorted({file.parent.name for file in self.files})

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, number: int) -> tuple[torch.Tensor, int]:
        file = self.files[number]
        with Image.open(file) as image:
            pixels = numpy.asarray(image.convert("RGB"))
        sample = torch.from_numpy(pixels.copy()).permute(2, 0, 1).float() / 255
        return sample, self.classes.index(file.parent.name)


@dataclass(frozen=True)
class Case:
    """What is compared: data as archlang takes it, the same as data sets, and the workers of both."""

    name: str
    data: Any
    train: Dataset[Any]
    test: Dataset[Any]
    workers: int


class Moments(archlang.Progress):
    """When the first step and the last epoch were done."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.first = self.last = 0.0
        self.steps = 0

    def step(self, _beat: Any) -> None:
        """Note the first step, and count the others."""
        if not self.first:
            self.first = self.clock()
        else:
            self.steps += 1

    def epoch(self, _epoch: Any, _best: bool) -> None:
        """Note the end of an epoch."""
        self.last = self.clock()


def ours(case: Case, epochs: int, clock: Clock) -> float:
    """Steps a second through archlang."""
    moments = Moments(clock)
    archlang.fit(archlang.loads(NETWORK), case.data, epochs=epochs, workers=case.workers, device="cpu",
                 callbacks=[moments])
    return moments.steps / (moments.last - moments.first)


def by_hand(case: Case, epochs: int, clock: Clock) -> float:
    """Steps a second of the loop that one writes."""
    model = archlang.compile(archlang.loads(NETWORK)).train()
    optimizer = torch.optim.SGD(model.parameters(), 0.05, 0.9)
    stays = case.workers > 0
    train = DataLoader(case.train, 32, shuffle=True, num_workers=case.workers, persistent_workers=stays)
    test = DataLoader(case.test, 256, num_workers=case.workers, persistent_workers=stays)

    first, steps = 0.0, -1
    for _ in range(epochs):
        total = right = 0.0
        for images, labels in train:
            optimizer.zero_grad()
            logits = model((images - 0.5) / 0.25)
            loss = torch.nn.functional.cross_entropy(logits, labels)
            loss.backward()
            optimizer.step()
            total += loss.item() * len(labels)
            right += int((logits.argmax(1) == labels).sum())
            steps += 1
            first = first or clock()

        with torch.no_grad():
            model.eval()
            for images, labels in test:
                right += int((model((images - 0.5) / 0.25).argmax(1) == labels).sum())
            model.train()
    return steps / (clock() - first)


def images(count: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Random images in ten classes."""
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(count, 3, 32, 32, generator=generator), torch.arange(count) % 10


def photographs(folder: Path) -> None:
    """The same as JPEGs in folders."""
    for part, count, seed in (("train", 480, 0), ("test", 64, 1)):
        pixels, labels = images(count, seed)
        for number, (image, label) in enumerate(zip(pixels, labels.tolist(), strict=True)):
            place = folder / part / f"class{label}"
            place.mkdir(parents=True, exist_ok=True)
            array = (image.permute(1, 2, 0) * 255).byte().numpy()
            Image.fromarray(array).save(place / f"{number:05}.jpg", quality=90)


def cases(folder: Path) -> Iterable[Case]:
    """All that is compared."""
    train, test = images(960, 0), images(64, 1)
    yield Case("from memory", (train, test), TensorDataset(*train), TensorDataset(*test), 0)

    photographs(folder)
    files = Photographs(folder / "train"), Photographs(folder / "test")
    for workers in (0, 2):
        yield Case(f"a folder of JPEGs, {workers} workers", f"folder:{folder}", *files, workers)

    for workers in (2, 8):
        # So many that each worker reads several batches an epoch: with fewer, most of what counts would be its ends.
        slow = SlowSamples(*images(96 * workers, 0)), SlowSamples(*images(8 * workers, 1))
        yield Case(f"slow samples, 20 ms each, {workers} workers", slow, *slow, workers)


def compared(case: Case, turns: int, epochs: int, clock: Clock) -> str:
    """A line of the table."""
    speeds: list[tuple[float, float]] = []
    ways: list[Callable[[Case, int, Clock], float]] = [ours, by_hand]
    if case.workers:
        clock = time.perf_counter
    for turn in range(turns):
        found = {way: way(case, epochs, clock) for way in (ways if turn % 2 else reversed(ways))}
        speeds.append((found[ours], found[by_hand]))

    ratios = sorted(mine / theirs for mine, theirs in speeds)
    mine, theirs = (median(pair[i] for pair in speeds) for i in (0, 1))
    spread = f"{ratios[0]:.2f} to {ratios[-1]:.2f}"
    return f"| {case.name} | {mine:.1f} | {theirs:.1f} | {median(ratios):.3f} | {spread} |"


def main() -> None:
    """Measure all cases and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--clock", choices=CLOCKS, default="wall", help="`cpu` where a machine does more")
    parser.add_argument("--only", default="", help="cases whose names hold this")
    given = parser.parse_args()
    torch.set_num_threads(1)

    print("| data | archlang, steps/s | by hand | ratio | smallest to largest |")
    print("|---|--:|--:|--:|--:|")
    with tempfile.TemporaryDirectory() as folder:
        for case in cases(Path(folder)):
            if given.only in case.name:
                print(compared(case, given.turns, given.epochs, CLOCKS[given.clock]), flush=True)


if __name__ == "__main__":
    main()
