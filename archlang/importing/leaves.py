"""Modules that are one operation of the language, recognised by their class, so that nothing inside them is read.

While a model is exported, each such module gives one call of `archlang::leaf` in the graph. What an export in
evaluation mode would lose altogether, such as a dropped path, stays in the graph in this way.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.export import ExportedProgram

from archlang.importing.held import BATCH, Known, Ref
from archlang.importing.program import place_of
from archlang.importing.reader import NoWordError, StepReader, origin
from archlang.importing.steps import Origin, State, Static

_LIBRARY = torch.library.Library("archlang", "FRAGMENT")  # type: ignore[no-untyped-call]  # torch gives it no types
_LIBRARY.define("leaf(Tensor[] inputs, int key, int[] order) -> Tensor")  # type: ignore[no-untyped-call]  # as above
_LIBRARY.define("shares(Tensor queries, Tensor keys, int heads) -> Tensor")  # type: ignore[no-untyped-call]  # as above
torch.library.register_fake("archlang::leaf", lambda inputs, key, order: torch.empty_like(inputs[0]), lib=_LIBRARY)


def _shares(queries: Tensor, keys: Tensor, heads: int) -> Tensor:
    """An empty tensor of the sizes that weights of attention have: of all heads together where `heads` is 0."""
    between = (heads,) if heads else ()
    return queries.new_empty((queries.shape[0], *between, queries.shape[1], keys.shape[1]))


torch.library.register_fake("archlang::shares", _shares, lib=_LIBRARY)


@dataclass(frozen=True)
class Rows:
    """Rows of a torch module's tensor, from `start` up to, and without, `stop`; None for all that follow."""

    name: str
    start: int
    stop: int | None


@dataclass(frozen=True)
class Leaf:
    """A module as one operation that leaves the sizes as they are: its name, arguments and weights.

    `weights` say for each weight of archlang's module the name of the tensor in the torch module, or which of its rows
    it is. `beside` are the weights where a second sequence stands beside the first; without them there can be none.
    `places` where a map enters with its channels last, `[batch, rows, columns, channels]`, and `anywhere` where the
    axes of a sample may lie in any order. `settle` gives the leaf for the sizes of what enters, where these decide
    about arguments; None from it lets the module be read as its code is.
    """

    op: str
    args: Mapping[str, Static]
    weights: Mapping[str, str | Rows]
    beside: Mapping[str, str | Rows] | None = None
    places: bool = False
    anywhere: bool = False
    settle: Callable[[tuple[int, ...]], Leaf | None] | None = None
    sized: bool = False  # whether the size of a map decided about it
    note: str = ""  # what a reader must know of the operation


@dataclass(frozen=True)
class OtherForward:
    """A module that is read from other code, which gives the same: `forward`, and leaves by the paths inside of it.

    What a model does in a layout of its own may be one operation of the language in another. Like everything, that is
    compared with the model as it is.
    """

    forward: Callable[..., Any]
    leaves: Mapping[str, Leaf]


Recognise = Callable[[nn.Module], Leaf | OtherForward | None]
"""Says what a module of a certain class is; None where this one is none of the language's operations."""


def class_name(module: nn.Module) -> str:
    """The full name of a module's class."""
    return f"{type(module).__module__}.{type(module).__qualname__}"


@contextmanager
def marked(
    model: nn.Module, recognised: Mapping[str, Recognise], written: Collection[str] = ()
) -> Iterator[Sequence[Leaf]]:
    """Make every recognised module of a model one call of `archlang::leaf`, and give the leaves in their order.

    There are as many as there were calls once the model has run. Those at the paths `written` are read as their code.
    """
    leaves: list[Leaf] = []
    touched: list[nn.Module] = []
    inside: set[str] = set()
    try:
        for path, module in model.named_modules():
            recognise = recognised.get(class_name(module))
            if recognise is None or path in written or any(path.startswith(f"{outer}.") for outer in inside):
                continue
            found = recognise(module)
            if isinstance(found, OtherForward):
                module.forward = found.forward
                touched.append(module)
                for below, leaf in found.leaves.items():
                    part = module.get_submodule(below)
                    _mark(part, leaf, leaves)
                    touched.append(part)
                    inside.add(f"{path}.{below}".lstrip("."))
            elif found is not None:
                _mark(module, found, leaves)
                touched.append(module)
                inside.add(path)
        yield leaves
    finally:
        for module in touched:
            del module.forward


def _mark(module: nn.Module, found: Leaf, leaves: list[Leaf]) -> None:
    """Let a module's call be one operation of the graph, its leaf one more of `leaves`."""
    attends = isinstance(module, nn.MultiheadAttention)

    def forward(*args: Any, **kwargs: Any) -> Any:
        asked = _Asked()
        if attends:
            asked = _asked(module, *args, **kwargs)
        if asked.masked:
            return type(module).forward(module, *args, **kwargs)
        given = [value for value in (*args, *kwargs.values()) if isinstance(value, Tensor)]
        inputs = _once(given)
        leaf: Leaf | None = found
        if found.settle is not None:
            leaf = found.settle(tuple(inputs[0].shape))
        if leaf is None:
            return type(module).forward(module, *args, **kwargs)
        leaves.append(leaf)
        # A sequence that attends to itself is given three times.
        order = [next(at for at, one in enumerate(inputs) if one is value) for value in given]
        made = torch.ops.archlang.leaf(inputs, len(leaves) - 1, order)
        if not attends:
            return made
        # Most models have no use for the weights beside; where one has, the graph shows it.
        shares = None
        if asked.heads is not None:
            shares = torch.ops.archlang.shares(given[0], given[1], asked.heads)
        return made, shares

    # Taken back when the export is done.
    module.forward = forward


@dataclass(frozen=True)
class _Asked:
    """The further results that a call of torch's attention asks for.

    `masked`: whether a mask says what sees what. `heads`: None without weights, 0 for those of all heads together.
    """

    masked: bool = False
    heads: int | None = None


def _asked(module: Any, *args: Any, **kwargs: Any) -> _Asked:
    bound = inspect.signature(type(module).forward).bind(module, *args, **kwargs)
    bound.apply_defaults()
    call = bound.arguments
    masked = call["attn_mask"] is not None or call["key_padding_mask"] is not None
    if not call["need_weights"]:
        return _Asked(masked)
    return _Asked(masked, 0 if call["average_attn_weights"] else module.num_heads)


def weighed(program: ExportedProgram) -> set[str]:
    """The paths of the modules of attention whose weights something reads."""
    found = set()
    for node in program.graph.nodes:
        if node.op == "call_function" and node.target is torch.ops.archlang.shares.default and node.users:
            found.add(place_of(node).path)
    return found


def _once(tensors: Sequence[Tensor]) -> list[Tensor]:
    """Each tensor once."""
    found: list[Tensor] = []
    for tensor in tensors:
        if not any(tensor is other for other in found):
            found.append(tensor)
    return found


def read_leaf(r: StepReader, call: Mapping[str, Any], leaves: Sequence[Leaf], shapes: State) -> Any:
    """Read the call that a recognised module left in the graph."""
    leaf: Leaf = leaves[call["key"]]
    if leaf.note:
        r.remark(leaf.note)
    r.sized = r.sized or leaf.sized
    try:
        refs = [_entering(r, leaf, one) for one in call["inputs"]]
    except NoWordError:
        # Its own code may have words for what is laid out so.
        r.crossed.add(r.place.path)
        raise
    inputs = [ref.value for ref in refs]
    weights = leaf.weights
    named: tuple[str, ...] = ()
    # Keys and values of one other sequence.
    if list(call["order"]) == [0, 1, 1] and leaf.beside is not None:
        weights, named = leaf.beside, ("memory",)
    elif len(inputs) != 1:
        raise NoWordError(f"`{leaf.op}` takes one tensor here, and this module gets {len(call['order'])}")

    origins: dict[str, Origin] = {}
    for ours, theirs in weights.items():
        # The whole of a tensor is its rows without a bound.
        rows = theirs
        if isinstance(rows, str):
            rows = Rows(rows, 0, None)
        name = f"{r.place.path}.{rows.name}".lstrip(".")
        read = _reader(name, rows)
        key = f"rows {rows.start} to {rows.stop}"
        origins[ours] = origin(Known(tuple(read(shapes).shape), read, (name,), trained=True, key=key))
    made = r.step(leaf.op, inputs, r.sizes[inputs[0]], leaf.args, origins, named=named)
    return refs[0].on(made.value)


def _entering(r: StepReader, leaf: Leaf, held: Any) -> Ref:
    """The tensor that enters a leaf: its axes in torch's order, or a map whose channels torch has last."""
    if not leaf.places and not leaf.anywhere:
        return r.straight(r.tensor(held))
    ref = r.loose(held)
    if leaf.anywhere and ref.dims[0] == (BATCH,):
        return ref
    if leaf.anywhere:
        return r.straight(ref)
    if len(r.sizes[ref.value]) == 3 and ref.dims[1:] == ((1,), (2,), (0,)):
        return ref
    return Ref.of(r.turned(r.plain(ref), (2, 0, 1)), (1, 2, 0))


def _reader(name: str, rows: Rows) -> Callable[[State], Tensor]:
    return lambda state: state[name][rows.start:rows.stop]
