"""`python -m benchmarks.check [--write]`: the ratios that hardly depend on a machine, against the committed ones.

For whoever changes `emit/` or `layers/`: processor time of one thread, in turns, medians. Leaves with status 3 where a
ratio is more than a quarter above that of `benchmarks/ratios.json`; `--write` writes the file anew.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import torch
from torch import nn

from archlang.tuning.timing import in_turns
from benchmarks.by_hand import BaseCNNCC
from benchmarks.cases import output, spec

RATIOS = Path(__file__).with_name("ratios.json")
PAIRS = 9
SLACK = 1.25
"""The share of a committed ratio from which on it counts as slower: a busy machine moves medians by less."""

Pair = tuple[nn.Module, nn.Module, tuple[int, ...]]


def pairs() -> dict[str, Callable[[], Pair]]:
    """Two models and the shape of their input, by name; the second is the peer."""
    digits = (16, 1, 8, 8)
    small = (4, 3, 32, 32)
    coded, attention = "coded_resnext/digits", "layer_attention"
    return {
        "4 paths / loop by hand": lambda: (spec("multipath/base_cnn_cc", paths=4)(), BaseCNNCC(4), small),
        "acb / off": lambda: (spec("pbconv/vgg16_cifar", boost="acb")(), spec("pbconv/vgg16_cifar")(), small),
        "dbb / off": lambda: (spec("pbconv/vgg16_cifar", boost="dbb")(), spec("pbconv/vgg16_cifar")(), small),
        "coded / off": lambda: (spec(coded)(), spec(coded, use_codes=False)(), digits),
        "attention / plain": lambda: (spec(f"{attention}/self_attention")(), spec(f"{attention}/plain")(), small),
    }


def step(model: nn.Module, x: torch.Tensor) -> float:
    """Processor seconds of a training step without its optimiser."""
    model.zero_grad(set_to_none=True)
    begun = time.process_time()
    output(model(x)).square().mean().backward()
    return time.process_time() - begun


def ratio(ours: nn.Module, theirs: nn.Module, shape: tuple[int, ...], count: int = PAIRS) -> float:
    """The median of the turns' ratios, after a turn that warms up."""
    x = torch.randn(shape)
    return median(in_turns(lambda: step(ours, x), lambda: step(theirs, x), count))


def slower(found: dict[str, float], committed: dict[str, float]) -> list[str]:
    """The names of ratios that have grown.

    >>> slower({"a": 1.3, "b": 1.0, "new": 9.0}, {"a": 1.0, "b": 1.0})
    ['a']
    """
    return [name for name, value in found.items() if value > SLACK * committed.get(name, value)]


def main() -> int:
    """Measure, print, compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    torch.set_num_threads(1)
    committed = {} if given.write else json.loads(RATIOS.read_text())

    found = {}
    for name, make in pairs().items():
        found[name] = round(ratio(*make()), 3)
        print(f"{name}: {found[name]:.2f}, committed {committed.get(name, float('nan')):.2f}", flush=True)
    if given.write:
        RATIOS.write_text(json.dumps(found, indent=1) + "\n")

    grown = slower(found, committed)
    for name in grown:
        print(f"slower: {name}", file=sys.stderr)
    return 3 * bool(grown)


if __name__ == "__main__":
    sys.exit(main())
