"""`python -m tests.campaign.specs`: every spec of the project trains some steps from its own `train { }`.

Batches are small and phases short, on random images, but losses, optimisers, schedules, augmentations and phases are
the file's own. Prints a row for each;
with words (`python -m tests.campaign.specs pce pbconv/unet`) for those alone whose names hold one of them.
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from pathlib import Path

import torch

from archlang.elaborate import load
from archlang.elaborate.network import Network
from archlang.emit import ImagePreparation
from archlang.graph.ir import Port
from archlang.graph.views import larger_side
from archlang.ops.values import Weighted
from archlang.shapes import Dim, substitute
from archlang.train import Data, Result, Tensors, fit
from archlang.train.data.label_tables import rows_in_memory
from archlang.train.data.named import NamedTensors
from archlang.train.losses.classes import class_output

ROOT = Path(__file__).parents[2]
SPECS = sorted((ROOT / "specs").rglob("*.arch"))
SIDE = 64
"""The side of images for networks that leave it open."""


def trainable(path: Path) -> bool:
    """Whether a file says how to train its network, for one input."""
    text = path.read_text(encoding="utf-8")
    return "\ntrain {" in text and "\nnetwork " in text


def short(path: Path) -> Network:
    """A spec's network, its plan cut to batches of two and phases of an epoch (or two steps)."""
    network = load(path)
    plan = network.graph.plan
    assert plan is not None
    phases = [replace(phase, epochs=min(phase.epochs, 1), steps=min(phase.steps, 2)) for phase in plan.phases]
    network.graph.plan = replace(plan, batch=2, phases=tuple(replace(p, lr=_bare(p.lr)) for p in phases))
    return network


def _bare(curve: Weighted | None) -> Weighted | None:
    """A curve without its warm-up, which would be longer than the phase."""
    terms = curve.terms if curve is not None else ()
    cut = [(w, replace(o, args={k: v for k, v in o.args.items() if k != "warmup"})) for w, o in terms]
    return Weighted(tuple(cut)) if curve is not None else None


def images(network: Network) -> Data:
    """Six random images and their labels, or tables of labels with names."""
    shape = [_side(size) for size in network.graph.inputs[0].type.dims]
    generator = torch.Generator().manual_seed(0)
    output = network.graph.type(network.graph.outputs[0].port).dims
    sides = [_side(size) for size in output]
    labels = torch.randint(0, 10, (6,), generator=generator)
    plan = network.graph.plan
    if len(output) > 1 and plan is not None and class_output(network.graph, plan.losses):
        labels = torch.randint(0, sides[0], (6, *sides[1:]), generator=generator)
    elif len(output) > 1:  # an image that comes out is compared with an image
        labels = torch.rand(6, *sides, generator=generator)
    side = larger_side(plan.augment if plan is not None else ())
    # Windows are cut out of larger images than the network's.
    if side is not None:
        shape = [*ImagePreparation(*shape).enlarged(side).shape]
    samples, named = torch.rand(6, *shape, generator=generator), _named_labels(network, generator)
    if named:
        table, places = rows_in_memory(named)
        whole = NamedTensors({network.graph.inputs[0].name: samples}, table, places)
        return Data("random", whole, whole)
    part = Tensors(samples, labels)
    return Data("random", part, Tensors(part.samples[:2], labels[:2]))


def _named_labels(network: Network, generator: torch.Generator) -> dict[str, torch.Tensor]:
    """Random labels for losses that read them by names: numbers in the form of what they are compared with."""
    graph = network.graph
    assert graph.plan is not None
    found: dict[str, torch.Tensor] = {}
    for loss in graph.plan.losses:
        scores, word = (*loss.reads, None, None)[:2]
        if isinstance(scores, Port) and isinstance(word, str) and word.startswith("label."):
            sides = [_side(size) for size in graph.type(scores).dims]
            # Rounded, so that a heatmap has centres.
            found[word.partition(".")[2]] = torch.rand(6, *sides, generator=generator).round(decimals=1)
    return found


def _side(size: Dim) -> int:
    """A size as a number, each symbol of an image as `SIDE`."""
    return substitute(size, dict.fromkeys("HWT", SIDE))


def trained(path: Path) -> Result:
    """A spec after its short training."""
    network = short(path)
    return fit(network, images(network), device="cpu")


def main() -> None:
    """Train all specs, or those whose names hold one of the words given; leave with status 1 where one did not."""
    torch.set_num_threads(1)
    failed = 0
    print("| spec | parameters | training loss | seconds |\n|---|--:|--:|--:|")
    words = sys.argv[1:] or [""]
    for path in filter(trainable, SPECS):
        name = path.relative_to(ROOT / "specs").with_suffix("").as_posix()
        if not any(word in name for word in words):
            continue

        began, parameters = time.perf_counter(), ""
        try:
            parameters = f"{load(path).parameters:,}"
            result = trained(path)
            said = f"{result.history[-1].train_loss:.3f}"
        except Exception as problem:
            said, failed = f"{type(problem).__name__}: {str(problem).splitlines()[0]}", failed + 1
        print(f"| {name} | {parameters} | {said} | {time.perf_counter() - began:.1f} |", flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
