"""`python -m benchmarks.training [--batch N] [--steps N] [--repetitions N]`: a step of a training through archlang
against a loop written by hand over the same model, optimiser, batches and normalisation.

Both count the loss and what was recognised in every step. Turn by turn, medians of processor time a step; then the
largest memory of a process that does either, beyond what it had before its first step.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from statistics import median

import torch

from archlang.compiler import compile
from archlang.elaborate import load, loads
from archlang.elaborate.network import Network
from archlang.train import Beat, Data, Progress, Tensors, fit
from archlang.train.fitting import fit_to

ROOT = Path(__file__).parents[1]
DENSE = """archlang 1
network Dense(classes = 10) {
  input image: [1, 28, 28]
  logits = image -> flatten -> linear(1024) -> relu -> linear(1024) -> relu -> linear(classes)
  output logits
}
"""
TRAIN = """
train {{
  loss      = cross_entropy(logits, label)
  optimizer = {}
  batch     = {}
  phase all {{ epochs = 1 }}
}}
"""
Make = Callable[[list[torch.nn.Parameter], bool | None], torch.optim.Optimizer]
OPTIMISERS: dict[str, Make] = {
    "sgd(lr = 0.01, momentum = 0.9)": lambda weights, fused: torch.optim.SGD(weights, 0.01, 0.9, fused=fused),
    "adam(lr = 0.001)": lambda weights, fused: torch.optim.Adam(weights, 0.001, fused=fused),
}
CASES = ("examples/04_paths.arch", "specs/multipath/base_cnn_cc.arch", "specs/multipath/resnet_cifar.arch",
         "specs/coded_resnext/digits.arch", "dense")


def network(name: str, batch: int, optimizer: str) -> Network:
    """A network of the project, with the training that is compared."""
    text = DENSE if name == "dense" else load(ROOT / name).text.partition("\ntrain {")[0]
    return loads(text + TRAIN.format(optimizer, batch))


def data(net: Network, samples: int) -> Data:
    """Random images that fit a network, with labels."""
    generator = torch.Generator().manual_seed(0)
    shape = [int(str(size)) for size in net.graph.inputs[0].type.dims]
    images = torch.randn(samples, *shape, generator=generator)
    part = Tensors(images, torch.randint(0, 10, (samples,), generator=generator))
    return Data("random", part, Tensors(images[:2], part.labels[:2]))


class Clock(Progress):
    """When steps were done, in processor time."""

    def __init__(self) -> None:
        self.times: list[float] = []

    def step(self, _beat: Beat) -> None:
        """Note the time."""
        self.times.append(time.process_time())


def ours(net: Network, found: Data) -> list[float]:
    """Seconds of each step but the first, through the engine."""
    clock = Clock()
    fit(net, found, device="cpu", progress=clock)
    return [after - before for before, after in pairwise(clock.times)]


def by_hand(net: Network, found: Data, optimizer: str, fused: bool | None) -> list[float]:
    """The same, as one writes it."""
    model = compile(net).train()
    fitted = fit_to(net.graph, found.train)
    optim = OPTIMISERS[optimizer](list(model.parameters()), fused)
    samples, labels = found.train.samples, found.train.labels  # type: ignore[attr-defined]
    times, total, right = [], 0.0, 0
    for rows in torch.randperm(len(labels)).split(net.graph.plan.batch):  # type: ignore[union-attr]
        x, y = fitted.normalise(samples[rows]), labels[rows]
        optim.zero_grad()
        scores = model(x)
        loss = torch.nn.functional.cross_entropy(scores, y)
        loss.backward()
        optim.step()
        total += loss.item() * len(y)
        right += int((scores.argmax(1) == y).sum())
        times.append(time.process_time())
    return [after - before for before, after in pairwise(times)]


def memory(name: str, batch: int, optimizer: str, way: str) -> float:
    """MiB that a process of its own needs beyond what it had before."""
    words = [sys.executable, "-m", "benchmarks.training", "--one", name, way, "--batch", str(batch),
             "--optimizer", optimizer]
    return float(subprocess.run(words, check=True, capture_output=True, text=True, cwd=ROOT).stdout)


def one(name: str, way: str, batch: int, optimizer: str) -> None:
    """What the process of `memory` does."""
    net = network(name, batch, optimizer)
    found = data(net, 6 * batch)
    compile(net)
    Path("/proc/self/clear_refs").write_text("5")  # Linux: forget the largest size so far
    before = status("VmRSS")
    if way == "ours":
        ours(net, found)
    else:
        by_hand(net, found, optimizer, None)
    print(status("VmHWM") - before)


def status(name: str) -> float:
    """MiB of memory, as Linux counts them for this process."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith(f"{name}:")) / 1024


def main() -> None:
    """Measure all cases and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--optimizer", choices=list(OPTIMISERS), default=next(iter(OPTIMISERS)))
    parser.add_argument("--fused", action="store_true", help="the loop by hand too takes torch's fused optimiser")
    parser.add_argument("--only", nargs="*", default=CASES, help="names of networks")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    torch.set_num_threads(1)
    if given.one:
        one(*given.one, given.batch, given.optimizer)
        return
    print("| network | archlang, a step | by hand | ratio | memory, MiB | by hand | ratio |")
    print("|---|--:|--:|--:|--:|--:|--:|")
    for name in given.only:
        net = network(name, given.batch, given.optimizer)
        found = data(net, given.steps * given.batch)
        mine, theirs = [], []
        for _ in range(given.repetitions):
            mine += ours(net, found)
            theirs += by_hand(net, found, given.optimizer, given.fused or None)
        times = median(mine), median(theirs)
        sizes = [memory(name, given.batch, given.optimizer, way) for way in ("ours", "by hand")]
        cells = [f"{times[0] * 1e3:.3g} ms", f"{times[1] * 1e3:.3g} ms", f"{times[0] / times[1]:.3f}"]
        cells += [f"{sizes[0]:.0f}", f"{sizes[1]:.0f}", f"{sizes[0] / sizes[1]:.2f}"]
        print(f"| `{Path(name).stem}` | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
