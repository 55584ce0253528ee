"""The verb of this room: a compiled network takes its weights from a source, and says which."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, fx, nn

from archlang.adopting.patterns import mapped
from archlang.adopting.sources import opened
from archlang.adopting.structure import counterparts
from archlang.artefact.foreign import fits_in, misfit
from archlang.diagnostics import ArchError, error
from archlang.record import Record

COUNTER = "num_batches_tracked"
"""A norm's count of batches, which many sources leave out."""

NONE = "the source has none"


@dataclass(frozen=True)
class Adopted:
    """The weights that a network took, and those that it did not.

    Args:
        taken: our tensors, each with the name of the source's.
        new: our tensors that keep their own start, each with the reason.
        left: the source's tensors that nothing took.
        how: by which way: `names`, `map`, `structure` or `order`.
    """

    taken: Mapping[str, str]
    new: Mapping[str, str]
    left: tuple[str, ...]
    how: str

    def __str__(self) -> str:
        """The table: a line for each tensor that is new or left over, and how many were taken."""
        lines = [f"taken by {self.how}: {len(self.taken)} tensors"]
        lines += [f"new: {name} ({reason})" for name, reason in self.new.items()]
        lines += [f"left over: {name}" for name in self.left]
        return "\n".join(lines)


def adopt(
    model: fx.GraphModule, source: Any, map: Mapping[str, str] | None = None, *, guess: bool = False
) -> Adopted:
    """Put the weights of a source into a compiled network, in place, and return the table of what was taken.

    By a map where one is given; else by equal names; else, for a model of archlang, by structure; else, with `guess`, a
    bare table of tensors in order, where all shapes agree. A tensor of another size, such as the head for other
    classes, keeps its own start, and the table says so; so does one whose source has another kind of numbers, such as
    the integers of a quantized model, which mean something by their scales alone.

    Args:
        model: a model that archlang compiled.
        source: a model of archlang, a torch module, a table of tensors by name, or a file: a model's, `.safetensors`
            of any program, or what `torch.save` wrote of tensors (no code of it runs).
        map: our names to the source's, with globs: `{"layer1.*": "backbone.layer1.*"}`.
        guess: take tensors by their order, which nothing proves.

    Raises `ArchError`: nothing-adopted, unknown-pattern, unsafe-model, unreadable-file, not-a-model, non-finite-model.
    """
    state = model.state_dict()
    tensors, module = opened(source)
    names, how = _matched(model, state, tensors, module, map, guess)

    taken: dict[str, str] = {}
    new: dict[str, str] = {}
    # A tensor of another size keeps its own start: the head for other classes does, by name.
    for name, value in state.items():
        other = names.get(name)
        if other is None:
            new[name] = NONE
        elif tensors[other].shape != value.shape:
            new[name] = f"{_size(value)} here, {_size(tensors[other])} in the source"
        elif reason := misfit(tensors[other], value):
            new[name] = reason
        else:
            taken[name] = other

    # A count of batches says nothing of a network.
    if not any(not name.endswith(COUNTER) for name in taken):
        raise _nothing(state, tensors, how, new)
    _put(model, taken, tensors)
    used = set(taken.values())
    new = {name: reason for name, reason in new.items() if not name.endswith(COUNTER)}
    left = tuple(name for name in tensors if name not in used and not name.endswith(COUNTER))
    return Adopted(taken, new, left, how)


def _matched(
    model: fx.GraphModule, state: Mapping[str, Tensor], tensors: Mapping[str, Tensor], module: nn.Module | None,
    given: Mapping[str, str] | None, guess: bool,
) -> tuple[Mapping[str, str], str]:
    """For each of our tensors the source's, and by which way."""
    if given is not None:
        return mapped(state, tensors, given), "map"

    same = {name: name for name in state if name in tensors}
    if any(tensors[name].shape == state[name].shape for name in same if not name.endswith(COUNTER)):
        return same, "names"

    ours, theirs = _network(model), _network(module)
    if ours is not None and theirs is not None:
        return counterparts(ours.graph, theirs.graph), "structure"
    if guess:
        return _in_order(state, tensors), "order"
    return same, "names"


def _network(module: nn.Module | None) -> Any:
    """The network of a model that archlang compiled and no pass changed; None for any other module."""
    record = getattr(module, "archlang", None)
    if isinstance(record, Record) and not record.passes:
        return record.network
    return None


def _in_order(state: Mapping[str, Tensor], tensors: Mapping[str, Tensor]) -> dict[str, str]:
    """Tensors in their order, where as many of them have the same shapes. Raises `ArchError` (nothing-adopted)."""
    ours = [name for name in state if not name.endswith(COUNTER)]
    theirs = [name for name in tensors if not name.endswith(COUNTER)]
    pairs = list(zip(ours, theirs, strict=False))
    different = [(a, b) for a, b in pairs if state[a].shape != tensors[b].shape]

    # The head may have another size: its weight and its bias are the last ones.
    last = set(ours[-2:])
    if len(ours) != len(theirs) or any(a not in last for a, _ in different):
        message = f"the source's {len(theirs)} tensors are not, in their order, of the shapes of our {len(ours)}"
        if different:
            a, b = different[0]
            message += f": `{a}` has {_size(state[a])}, and `{b}` {_size(tensors[b])}"
        raise ArchError(error("nothing-adopted", message))
    return dict(pairs)


def _nothing(state: Mapping[str, Tensor], tensors: Mapping[str, Tensor], how: str, new: Mapping[str, str]
             ) -> ArchError:
    ours = [name for name in state if not name.endswith(COUNTER)]
    theirs = [name for name in tensors if not name.endswith(COUNTER)]
    message = f"nothing was taken: no tensor of the source fits one of the network's by {how}"
    notes = [f"the network's begin with {_shown(ours)}", f"the source's begin with {_shown(theirs)}"]
    # Of a tensor that is there under its name, the reason is what helps.
    notes += [f"`{name[:80]}`: {reason}" for name, reason in new.items() if reason != NONE][:1]
    help = (
        'a map says which is which: `map={"layer1.*": "backbone.layer1.*"}`',
        "a table that was saved in the order of the layers can be tried in that order, as a guess",
    )
    return ArchError(error("nothing-adopted", message, help=help, notes=tuple(notes)))


def _shown(names: Sequence[str]) -> str:
    if not names:
        return "nothing"
    return ", ".join(f"`{name[:80]}`" for name in names[:3])


def _size(value: Tensor) -> str:
    return str(list(value.shape))


def _put(model: fx.GraphModule, taken: Mapping[str, str], tensors: Mapping[str, Tensor]) -> None:
    """Copy the tensors, once all of them are known to be numbers."""
    state = model.state_dict()
    for name, other in taken.items():
        if not fits_in(tensors[other], state[name]):
            raise ArchError(error("non-finite-model", f"`{other[:80]}` of the source holds NaN or infinity, or numbers "
                                  "past those of our floats"))

    with torch.no_grad():
        for name, other in taken.items():
            state[name].copy_(tensors[other])
