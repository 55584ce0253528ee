"""Which tensors a network's model must have: names, shapes, kinds of numbers, known before anything is allocated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

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


@dataclass(frozen=True)
class Slot:
    """A tensor that a model must have."""

    shape: tuple[int, ...]
    whole: bool  # integers: a counter


def of_graph(graph: Graph) -> dict[str, Slot]:
    """The tensors of a network as it is compiled, by their names in the `state_dict`; read off the graph."""
    return {
        f"{module_name(path)}.{w.name}": Slot(tuple(substitute(size, {}) for size in w.shape), w.dtype == "int64")
        for path, node in graph.modules().items()
        for w in graph.weights(node)
    }


def of_state(state: Mapping[str, torch.Tensor]) -> dict[str, Slot]:
    """The tensors that a model has."""
    return {name: Slot(tuple(value.shape), not value.is_floating_point()) for name, value in state.items()}


def compare(table: Mapping[str, Entry], wanted: Mapping[str, Slot]) -> str:
    """The file's one kind of floating-point number. Raises `ArchError` (altered-model) where tables differ."""
    missing, extra = sorted(wanted.keys() - table.keys()), sorted(table.keys() - wanted.keys())
    if missing or extra:
        said = f"`{missing[0]}` is missing" if missing else f"`{extra[0][:80]}` is one too many"
        raise refuse("altered-model", f"the file's weights are not those of its network: {said}")
    for name, slot in wanted.items():
        entry = table[name]
        if entry.shape != slot.shape or (entry.dtype == "I64") is not slot.whole:
            raise refuse("altered-model", f"the file's weights are not those of its network: `{name[:80]}` differs")
    floats = {entry.dtype for entry in table.values()} - {"I64"}
    if len(floats) > 1:
        raise refuse("altered-model", "the file mixes several kinds of floating-point numbers")
    return floats.pop() if floats else "F32"


def numbers(slots: Mapping[str, Slot] | Mapping[str, Entry]) -> int:
    """How many numbers the tensors hold in all."""
    total = 0
    for slot in slots.values():
        count = 1
        for size in slot.shape:
            count *= size
        total += count
    return total
