"""Tensors that depend on the model alone: calculated when weights are taken over, or once where no weight decides."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, fx

from archlang.importing.held import Held, Known
from archlang.importing.reader import NoWordError, StepReader
from archlang.importing.steps import State

MOVES = frozenset({
    "view", "reshape", "permute", "transpose", "unsqueeze", "squeeze", "flatten", "t", "clone", "contiguous", "to",
    "alias", "detach", "numpy_T", "unflatten",
})
"""Operations after which a parameter still holds its own numbers, each once."""

LIKE: Mapping[str, float | None] = {
    "zeros_like": 0, "ones_like": 1, "new_zeros": 0, "new_ones": 1, "new_empty": 0, "empty_like": 0, "full_like": None,
    "new_full": None,
}
"""Operations that make a tensor of one number, and the number; None where they are given it."""


def kinds_of_readers(node: fx.Node) -> set[str]:
    """The operations that read a tensor, or what only lays the same numbers out otherwise."""
    found: set[str] = set()
    for reader in node.users:
        short = getattr(reader.target, "_opname", "")
        if short in (*MOVES, "expand"):
            found |= kinds_of_readers(reader)
        else:
            found.add(short)
    return found


class ConstantReader:
    """Reads the calls that no input reaches.

    Args:
        reader: what was read so far, with the model's tensors and the size of the batch.
        held: what each node holds.
    """

    def __init__(self, reader: StepReader, held: Mapping[fx.Node, Held]) -> None:
        self.reader, self.held = reader, held

    def read(self, node: fx.Node, short: str) -> Held:
        """A tensor that depends on the model alone: it is calculated when weights are taken over."""
        value = node.meta.get("val")
        used = [held for inner in node.all_input_nodes for held in flat([self.held[inner]])]
        known = [held for held in used if isinstance(held, Known)]
        names = tuple(dict.fromkeys(name for one in known for name in one.names))
        # Dropout that drops nothing.
        if short in ("dropout", "feature_dropout", "alpha_dropout") and node.args[2] is False and known:
            return known[0]
        if torch.Tag.nondeterministic_seeded in node.target.tags:  # type: ignore[union-attr]  # an overload
            raise NoWordError("it draws numbers in evaluation, too")
        if all(one.made is not None for one in known):
            return self._made(node)
        if not isinstance(value, Tensor):
            return self._several(node, value, known, names)

        # A parameter that was only laid out otherwise is trained as it is; what was calculated from one is not.
        shape = tuple(value.shape)
        moved = short in MOVES and len(known) == 1
        # The batch is not part of a tensor of the model's own.
        if short in ("expand", "repeat") and known and self.reader.batch == shape[0] != known[0].shape[0]:
            rest = (1, *shape[1:])
            inner = known[0]
            return Known(rest, lambda state: inner.read(state).expand(rest), names, inner.trained, inner.derived,
                         repeated=self._value(node))
        trained = moved and known[0].trained
        derived = not trained and any(one.trained or one.derived for one in known)
        # A part that is the whole, such as as many positions as there are, is the parameter itself.
        if derived and len(names) == 1 and unchanged(self._value(node), names[0], self.reader.state):
            trained, derived = True, False
        number = None
        key = node.name
        if moved:
            number = known[0].number
            key = f"{known[0].key} {short}{_told(node)}"
        return Known(shape, self._value(node), names, trained, derived, number, key)

    def like(self, node: fx.Node, short: str) -> Held:
        """A tensor of one number, as large as the graph has it."""
        value = node.meta["val"]
        number = LIKE[short]
        if number is None:
            number = node.args[-1]  # type: ignore[assignment]  # a number
        if not isinstance(number, int | float):
            raise NoWordError("it is filled with what is calculated")
        # Whole numbers stay whole; others are as exact as the comparison wants them.
        dtype = value.dtype
        if dtype.is_floating_point:
            dtype = torch.float64
        made = torch.full(tuple(value.shape), number, dtype=dtype)
        return Known(tuple(made.shape), _constant_reader(made), key=node.name, made=made)

    def _made(self, node: fx.Node) -> Held:
        """Calculate, once and now, what depends on no weight: code writes into such tensors, through views of them."""
        made = self._value(node)(self.reader.state)
        rows = flat([made])
        if not all(isinstance(one, Tensor) for one in rows):
            raise NoWordError("it gives no tensor")
        # The names tell one such tensor from another.
        held = tuple(
            Known(tuple(one.shape), _constant_reader(one), key=f"{node.name} {at}", made=one)
            for at, one in enumerate(rows)
        )
        if isinstance(made, Tensor):
            return held[0]
        return held

    def _several(self, node: fx.Node, value: Any, known: Sequence[Known], names: tuple[str, ...]) -> Held:
        if not isinstance(value, list | tuple):
            raise NoWordError("it gives no tensor")
        whole = self._value(node)
        derived = any(one.trained or one.derived for one in known)
        return tuple(
            Known(tuple(part.shape), _member(whole, index), names, derived=derived)
            for index, part in enumerate(value)
        )

    def _value(self, node: fx.Node) -> Callable[[State], Any]:
        """Calculate a node of the model's own tensors from a state."""
        held = {inner: self.held[inner] for inner in node.all_input_nodes}

        def read(state: State) -> Any:
            def value(inner: fx.Node) -> Any:
                one = held[inner]
                if isinstance(one, tuple):
                    return tuple(member.read(state) for member in one if isinstance(member, Known))
                if isinstance(one, Known):
                    # The call was written for tensors that have the batch.
                    return (one.repeated or one.read)(state)
                return one

            args = mapped(node.args, value)
            kwargs = {name: mapped(given, value) for name, given in node.kwargs.items()}
            return _run(node, args, kwargs)

        return read


def unchanged(read: Callable[[State], Any], name: str, state: State, rows: int | None = None) -> bool:
    """Tell whether what is calculated from one tensor of a state holds that tensor's numbers, or its first rows.

    That is tried with numbers that are drawn anew. Rows run over the only axis that may be longer than it is read.
    """
    whole = state.get(name)
    if whole is None or not whole.is_floating_point():
        return False
    drawn = torch.randn(whole.shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    made = read({**state, name: drawn})
    if rows is not None:
        drawn = drawn.reshape(-1, whole.shape[-1])[:rows]
    return isinstance(made, Tensor) and torch.equal(made.flatten(), drawn.flatten())


def _told(node: fx.Node) -> list[str]:
    """The arguments of a call but for its tensors."""
    return [str(given) for given in (*node.args, *node.kwargs.values()) if not isinstance(given, fx.Node)]


def mapped(given: Any, value: Callable[[fx.Node], Any]) -> Any:
    """An argument with a value in the place of each node."""
    return fx.node.map_arg(given, value)


def _run(node: fx.Node, args: Any, kwargs: Mapping[str, Any]) -> Any:
    """Run an operation on the model's own tensors, in the widest kind of number that is among them.

    The graph was exported in the model's kind of number, and import compares in float64.
    """
    tensors = [one for one in flat([args, list(kwargs.values())]) if isinstance(one, Tensor)]
    kinds = {one.dtype for one in tensors if one.is_floating_point()}
    if torch.float64 in kinds:
        if node.target in CASTS and node.meta["val"].is_floating_point():
            return tensors[0]
        args, kwargs = _widened(args), {name: _widened(given) for name, given in kwargs.items()}
    assert callable(node.target)
    return node.target(*args, **kwargs)


CASTS = (
    torch.ops.aten.to.dtype, torch.ops.aten.to.dtype_layout, torch.ops.aten.to.device, torch.ops.aten._to_copy.default,
    torch.ops.aten.to.other,
)
"""Operations that turn one kind of number into another."""


def _widened(given: Any) -> Any:
    if isinstance(given, list | tuple):
        return type(given)(_widened(one) for one in given)
    if isinstance(given, Tensor) and given.is_floating_point():
        return given.double()
    return given


def _constant_reader(made: Tensor) -> Callable[[State], Tensor]:
    return lambda state: made


def _member(whole: Callable[[State], Any], index: int) -> Callable[[State], Tensor]:
    return lambda state: whole(state)[index]


def flat(values: Any) -> list[Any]:
    """All values, those in lists and tuples too."""
    found: list[Any] = []
    for value in values:
        if isinstance(value, list | tuple):
            found.extend(flat(value))
        else:
            found.append(value)
    return found
