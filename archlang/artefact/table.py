"""The tensors that a network's model must have: names, shapes, kinds of numbers, known before anything is allocated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

import torch

from archlang.artefact.container import Entry, refuse
from archlang.emit import module_name
from archlang.graph.ir import Graph
from archlang.shapes import substitute

KINDS: Mapping[torch.dtype, str] = {
    torch.float64: "F64",
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.int64: "I64",
}
FLOATS: Mapping[str, torch.dtype] = {name: kind for kind, name in KINDS.items() if kind.is_floating_point}
"""torch's kinds of numbers to the file's, and the floating-point ones back."""


@dataclass(frozen=True)
class Slot:
    """A tensor that a model must have; `integer` for a counter, else it is of the model's floating-point kind."""

    shape: tuple[int, ...]
    integer: bool


def of_graph(graph: Graph) -> dict[str, Slot]:
    """The tensors of a network as it is compiled, by their names in the `state_dict`; read off the graph."""
    slots = {}
    for path, node in graph.modules().items():
        for weight in graph.weights(node):
            # Sizes of weights are never symbolic, so that there is nothing to substitute but the type.
            shape = tuple(substitute(size, {}) for size in weight.shape)
            slots[f"{module_name(path)}.{weight.name}"] = Slot(shape, weight.dtype == "int64")
    return slots


def of_state(state: Mapping[str, torch.Tensor]) -> dict[str, Slot]:
    """The tensors that a model has."""
    return {name: Slot(tuple(value.shape), not value.is_floating_point()) for name, value in state.items()}


def compare(table: Mapping[str, Entry], wanted: Mapping[str, Slot]) -> str:
    """The file's one kind of floating-point number. Raises `ArchError` (altered-model) where tables differ."""
    missing, extra = sorted(wanted.keys() - table.keys()), sorted(table.keys() - wanted.keys())
    if missing:
        raise _unlike(f"`{missing[0]}` is missing")
    if extra:
        raise _unlike(f"`{extra[0][:80]}` is one too many")

    for name, slot in wanted.items():
        entry = table[name]
        if entry.shape != slot.shape or (entry.dtype == "I64") is not slot.integer:
            raise _unlike(f"`{name[:80]}` differs")

    # A counter alone says nothing of the kind; float32 is what an empty model is made in.
    floats = {entry.dtype for entry in table.values()} - {"I64"}
    if len(floats) > 1:
        raise refuse("altered-model", "the file mixes several kinds of floating-point numbers")
    return next(iter(floats), "F32")


def _unlike(detail: str) -> Exception:
    """The error of tensors that are not those of the network."""
    return refuse("altered-model", f"the file's weights are not those of its network: {detail}")


def numbers(slots: Mapping[str, Slot] | Mapping[str, Entry]) -> int:
    """The count of numbers that the tensors hold in all."""
    return sum(prod(slot.shape) for slot in slots.values())
