"""The network of a few classes: branches that work for none of them are taken out of a trained model, for good."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import fx, nn

from archlang.diagnostics import ArchError, error
from archlang.emit import emit, module_name
from archlang.graph.removal import head_node, removal

FORM = re.compile(r"extract\{class=(\d{1,6}(?:\+\d{1,6})*)\}")
MOST = 16_384


def pass_name(classes: Sequence[int]) -> str:
    """How a model file calls the pass.

    >>> pass_name([3, 5])
    'extract{class=3+5}'
    """
    return f"extract{{class={'+'.join(map(str, classes))}}}"


def classes_of(name: str) -> tuple[int, ...] | None:
    """The classes that a pass's name holds, increasing and different; None where it is no such name.

    >>> classes_of("extract{class=3+5}"), classes_of("fuse"), classes_of("extract{class=5+3}")
    ((3, 5), None, None)
    """
    form = FORM.fullmatch(name)
    found = tuple(map(int, form[1].split("+"))) if form else ()
    sound = found and list(found) == sorted(set(found)) and found[-1] < MOST and name == pass_name(found)
    return found if sound else None


def told(passes: Sequence[str]) -> tuple[int, ...] | None:
    """The classes that a model tells of after these passes, by their numbers in the data; None for all of them.

    >>> told(["extract{class=3+5}", "fuse"]), told(["fuse"])
    ((3, 5), None)
    """
    return next((found for found in map(classes_of, passes) if found is not None), None)


def extract(model: nn.Module, classes: Sequence[int]) -> fx.GraphModule:
    """A smaller model that tells of some classes (by number, from 0) what the whole one does with the others' branches
    at zero: a new module in evaluation mode, one output number a class. The model stays as it is.

    Raises ArchError: unsupported-module, pass-does-not-apply.
    """
    record = getattr(model, "archlang", None)
    if getattr(record, "network", None) is None:
        raise ArchError(error("unsupported-module", "only a model that archlang compiled has branches of a code"))
    assert record is not None
    if record.passes:
        raise ArchError(error("pass-does-not-apply", "classes are extracted from a model as it was trained",
                              help="extract first, then fuse what was extracted"))
    chosen, graph = sorted(set(classes)), record.network.graph
    count = min((site.code.classes for site in graph.coded.values()), default=len(chosen) and chosen[-1] + 1)
    if not chosen or chosen[0] < 0 or chosen[-1] >= count:
        raise ArchError(error("out-of-range", f"classes are numbers from 0 to {count - 1}"))

    smaller = removal(graph, chosen)
    made = emit(smaller.graph, seed=record.seed)
    weights = dict(model.state_dict())
    for (path, weight), part in smaller.narrowed.items():
        name = f"{module_name(path)}.{weight}"
        kept = torch.tensor(part.kept, device=weights[name].device)
        weights[name] = weights[name].index_select(part.dimension, kept)
    head = head_node(graph)
    if head is not None:
        rows = {f"{module_name(head.path)}.{name}" for name in ("weight", "bias")} & weights.keys()
        weights.update({name: weights[name][chosen] for name in rows})
    kind = next((p for p in model.parameters()), None)
    made = made if kind is None else made.to(kind.device, kind.dtype)
    made.load_state_dict({name: weights[name] for name in made.state_dict()})
    made.archlang = replace(record, passes=(pass_name(chosen),))
    return made.eval()
