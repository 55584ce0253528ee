"""`python -m tests.campaign.attack_threads [--threads N] [--models N]`: the same work in many threads as in one.

Examples are compiled, fused, drawn, saved and loaded, models of others are fused, a small network is trained: one piece
of work after the other, then many at once, while one more thread draws from torch's global generator and runs a model.
What comes out must be the same, byte for byte.
"""

from __future__ import annotations

import argparse
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import nn

from archlang.artefact import load_model
from archlang.artefact.saving import pack, save
from archlang.compiler import compile, fuse
from archlang.elaborate import load, loads
from archlang.train import fit
from archlang.views.notebook import draw
from tests.train.nets import bars, tiny

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "examples").glob("[0-9]*.arch"))
INITIALISED = """archlang 1
network Initialised {
  input x: [12]
  a = x -> linear(8, init = orthogonal) -> relu -> linear(8, init = truncated_normal(std = 0.1)) -> tanh
  output a -> linear(8, init = kaiming_normal) -> dropout(0.5) -> linear(3)
}
"""


class Foreign(nn.Module):
    """A model that archlang did not make, for fusion to trace."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Convolve and normalise."""
        return torch.relu(self.norm(self.conv(x)))


def compiled(number: int) -> str:
    """The weights of an example, by seed."""
    return _digest(compile(load(EXAMPLES[number % len(EXAMPLES)]), seed=number))


def initialised(number: int) -> str:
    """The weights of a network whose file says how they are drawn."""
    return _digest(compile(loads(INITIALISED), seed=number))


def kept(number: int) -> str:
    """The file of a fused model, saved, loaded and saved again."""
    model = fuse(compile(load(EXAMPLES[number % 4]), seed=number).eval())
    with TemporaryDirectory() as folder:
        save(model, Path(folder) / "a")
        return sha256(pack(load_model(Path(folder) / "a"))).hexdigest()


def fused(number: int) -> str:
    """The weights and the code of a foreign model, once it is fused."""
    model = Foreign().eval()
    chance = torch.Generator().manual_seed(number)
    for weight in model.state_dict().values():
        if weight.is_floating_point():
            weight.copy_(torch.rand(weight.shape, generator=chance))
    made = fuse(model)
    return _digest(made) + sha256(made.code.encode()).hexdigest()


def drawn(number: int) -> str:
    """The diagram of an example."""
    return sha256(draw(load(EXAMPLES[number % len(EXAMPLES)])).svg.encode()).hexdigest()


def trained(number: int) -> str:
    """The weights of a short training with dropout and augmentation."""
    return _digest(fit(tiny(), bars(), seed=number, epochs=1).model)


WORK: dict[str, Callable[[int], str]] = {
    "compile": compiled, "initialise": initialised, "save and load": kept, "fuse": fused, "draw": drawn,
    "train": trained,
}


QUIET = ("train",)
"""Work beside which nobody else draws: dropout draws from the generator of all threads, for which archlang's trainings
wait, and others do not."""


def _digest(model: nn.Module) -> str:
    """A digest of all weights."""
    sha = sha256()
    for name, value in model.state_dict().items():
        sha.update(name.encode() + value.detach().contiguous().numpy().tobytes())
    return sha.hexdigest()


@contextmanager
def disturbed(draws: bool) -> Iterator[None]:
    """Within this, a thread runs a model all the time and, with `draws`, draws from torch's global generator."""
    done = threading.Event()
    model, x = Foreign().eval(), torch.zeros(1, 3, 5, 5)

    def disturb() -> None:
        while not done.wait(0.001):
            if draws:
                torch.rand(1)
            model(x)

    thread = threading.Thread(target=disturb)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def differing(name: str, count: int, threads: int) -> list[str]:
    """All that differs where `count` pieces of work are done in many threads: its number, or what it raised."""
    work = WORK[name]
    alone = [work(number) for number in range(count)]
    with disturbed(name not in QUIET), ThreadPoolExecutor(threads) as pool:
        together = [pool.submit(work, number) for number in range(count)]
        found = []
        for number, future in enumerate(together):
            problem = future.exception()
            if problem is not None:
                found.append(f"{number}: {type(problem).__name__}: {problem}")
            elif future.result() != alone[number]:
                found.append(f"{number}: another result")
    return found


def main(argv: Sequence[str] | None = None) -> int:
    """Run the campaign and say what came of it; 1 where anything differed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=8)
    parser.add_argument("--models", type=int, default=32)
    given = parser.parse_args(argv)
    torch.set_num_threads(1)

    failures = 0
    for name in WORK:
        found = differing(name, given.models, given.threads)
        failures += len(found)
        print(f"{name}: {given.models} in {given.threads} threads, {len(found)} differ", *found[:3], sep="\n  ")
    return int(failures > 0)


if __name__ == "__main__":
    sys.exit(main())
