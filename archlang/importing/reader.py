"""Reading an exported graph: what the readers of single operations share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

from torch import Tensor

from archlang.diagnostics import ArchError, error
from archlang.importing.held import BATCH, FinalStates, Known, Ref, Unsaid
from archlang.importing.step_list import NoWordError, StepList
from archlang.importing.steps import Kernel, ModulePlace, Origin, Quoted, State, Static, Word

__all__ = ["AXES", "NoWordError", "StepReader", "origin", "window"]

AXES: Mapping[int, tuple[str, ...]] = {
    1: ("features",),
    2: ("positions", "features"),
    3: ("channels", "height", "width"),
    4: ("channels", "depth", "height", "width"),
}
"""The words for the axes of a value, by how many it has."""

MOST_AXES = 8
"""Axes that a value may have."""

LETTERS = "abcdefghlmnopqrstuvw"
"""Names for axes that have none."""


class StepReader(StepList):
    """The steps so far, and what the readers of operations need to add one."""

    def __init__(self) -> None:
        super().__init__()
        self.batch = 0
        self.state: State = {}
        self.sized = False  # whether the size of a map decided which steps there are
        self.several: set[str] = set()  # parameters that operations of several kinds read, so that none of them has it
        self.crossed: set[str] = set()  # the modules that are one operation, and not of a tensor laid out as theirs was
        self.own: dict[object, Ref] = {}  # the model's own tensors that are values already
        self.laid: dict[Ref, int] = {}  # the values of tensors that had to be written out in torch's layout
        self.ranges: dict[int, int] = {}  # of inputs that are whole numbers, how many there are; 0 while unknown
        self.tables: list[tuple[int, int, ModulePlace]] = []  # such an input, the rows of a table, and where it stands

    # --- layouts ------------------------------------------------------------------------------------------------------

    def extent(self, ref: Ref, dim: Sequence[int]) -> int:
        """The size of an axis of a torch tensor, which runs over these axes of the value."""
        sizes = {BATCH: self.batch, **dict(enumerate(self.sizes[ref.value]))}
        return prod(sizes[axis] for axis in dim)

    def logical(self, ref: Ref) -> tuple[int, ...]:
        """The sizes as torch has them, without the batch."""
        return tuple(self.extent(ref, dim) for dim in ref.dims if dim != (BATCH,))

    def turned(self, value: int, order: Sequence[int]) -> int:
        """A value with its axes in another order."""
        if list(order) == sorted(order):
            return value
        sizes = self.sizes[value]
        after = tuple(sizes[axis] for axis in order)
        words = AXES.get(len(sizes))
        if words is not None:
            return self.step("permute", (value,), after, {"axes": tuple(Word(words[axis]) for axis in order)}).value

        # Axes of a tensor of more than four have no words of their own.
        names = LETTERS[: len(sizes)]
        if len(names) < len(sizes):
            raise NoWordError(f"a tensor of {len(sizes)} axes beside the batch")
        axes = f"{' '.join(names)} -> {' '.join(names[axis] for axis in order)}"
        return self.step("einsum", (value,), after, {"axes": Quoted(axes)}).value

    def resized(self, value: int, sizes: Sequence[int]) -> int:
        """A value under other sizes, its numbers in the same order."""
        sizes = tuple(sizes)
        maker = self.makers.get(value)
        # What was only laid out otherwise is laid out once.
        if maker is not None and maker.op in ("reshape", "flatten") and len(maker.inputs) == 1:
            value = maker.inputs[0]
        if self.sizes[value] == sizes:
            return value
        if len(sizes) == 1:
            return self.step("flatten", (value,), sizes).value
        if not 1 < len(sizes) <= MOST_AXES:
            raise NoWordError(f"a tensor of {len(sizes)} axes beside the batch")
        return self.step("reshape", (value,), sizes, {"sizes": sizes}).value

    def plain(self, ref: Ref) -> int:
        """The value of a tensor with its axes as torch has them: an order is written where one is due.

        Raises `NoWordError` where the batch stands elsewhere than first, or shares its axis.
        """
        if ref.plain:
            return ref.value
        if len(ref.dims) == 1 and self.sizes[ref.value] == (1,):
            raise NoWordError("nothing of a sample is left but one number")
        if ref.dims[0] != (BATCH,):
            raise NoWordError("it works on samples and parts of samples as one axis, or moves the batch")
        # Several readers of one layout share what was written for the first of them.
        if ref not in self.laid:
            self.laid[ref] = self._written(ref)
        return self.laid[ref]

    def _written(self, ref: Ref) -> int:
        sizes = self.sizes[ref.value]
        # A map whose places were laid in a row, then turned: a sequence, row by row.
        maker = self.makers.get(ref.value)
        if ref.dims[1:] == ((1, 2), (0,)) and len(sizes) == 3:
            return self.step("to_sequence", (ref.value,), (sizes[1] * sizes[2], sizes[0])).value
        if ref.dims[1:] == ((1,), (0,)) and maker is not None and maker.op == "reshape" and len(maker.inputs) == 1:
            before = self.sizes[maker.inputs[0]]
            if len(before) == 3 and sizes == (before[0], before[1] * before[2]):
                return self.step("to_sequence", maker.inputs, (sizes[1], sizes[0])).value

        turned = self.turned(ref.value, [axis for dim in ref.dims[1:] for axis in dim])
        return self.resized(turned, self.logical(ref))

    def straight(self, ref: Ref) -> Ref:
        """A tensor whose value has its axes as torch has them."""
        value = self.plain(ref)
        return Ref.of(value, range(len(self.sizes[value])))

    def axis(self, ref: Ref, dim: int) -> int:
        """The axis of the value that torch counts as `dim`, the batch included. Raises `NoWordError` for the batch."""
        found = ref.dims[dim % len(ref.dims)]
        if BATCH in found:
            raise NoWordError("it works along the batch")
        if len(found) != 1:
            raise NoWordError("it works along an axis that torch laid out of several, or made")
        return found[0]

    def word(self, ref: Ref, axis: int) -> Word:
        """The word for an axis of a value."""
        words = AXES.get(len(self.sizes[ref.value]))
        if words is None:
            raise NoWordError(f"axes of a tensor of {len(self.sizes[ref.value])} axes have no names")
        return Word(words[axis])

    def tensor(self, held: Any) -> Ref:
        """A tensor that depends on the input, the batch first; one of the model's own becomes a `parameter`."""
        ref = self.loose(held)
        if ref.regular:
            return ref
        return self.straight(ref)

    def loose(self, held: Any) -> Ref:
        """The same in whatever layout torch has it."""
        if isinstance(held, Ref):
            return held
        if isinstance(held, Known):
            held = self.single(held)
            return self.parameter(held, held.shape[1:])
        if isinstance(held, Unsaid):
            raise NoWordError(held.reason)
        if isinstance(held, FinalStates):
            return self._stacked(held)
        raise NoWordError("it wants a tensor and has none")

    def _stacked(self, held: FinalStates) -> Ref:
        """The last states side by side, `[layers, batch, hidden]`."""
        if held.count > len(held.uppermost):
            raise NoWordError("states of all layers leave a recurrent layer, and not of the uppermost alone")
        values = [ref.value for ref in held.uppermost]
        sizes = (len(values), *self.sizes[values[0]])
        if len(values) == 1:
            return Ref(self.resized(values[0], sizes), ((0,), (BATCH,), (1,)))
        return Ref(self.step("stack", values, sizes, bundled=True).value, ((0,), (BATCH,), (1,)))

    # --- tensors of the model's own -----------------------------------------------------------------------------------

    def single(self, known: Known) -> Known:
        """A tensor of the model's own for one sample: code that makes it for a whole batch makes equal ones."""
        if not known.shape or known.shape[0] in (0, 1) or known.shape[0] != self.batch:
            return known

        def read(state: State) -> Tensor:
            value = known.read(state)
            if not bool((value == value[:1]).all()):
                raise ArchError(error("not-importable", "a tensor of the model is another one for each sample"))
            return value[:1]

        return Known((1, *known.shape[1:]), read, known.names, derived=known.derived, key=f"{known.key} single")

    def parameter(self, known: Known, sizes: Sequence[int], turned: tuple[int, ...] = ()) -> Ref:
        """A tensor of the model's own as a value of these sizes, the batch left out; one for all its readers.

        `turned` is the order in which its axes lie, where that is not torch's.
        """
        sizes = tuple(sizes)
        if list(turned) == sorted(turned):
            turned = ()
        # One tensor for all its readers, if it is learned: each would learn another one.
        key = (known.names, known.key, turned)
        if known.trained and key in self.own and (not turned or self.sizes[self.own[key].value] == sizes):
            # Sizes of 1 may stand otherwise beside another tensor.
            return Ref.of(self.resized(self.own[key].value, sizes), range(len(sizes)))
        if not 1 <= len(sizes) <= 4:
            raise NoWordError(f"a tensor of the model has {len(sizes)} axes beside the batch")
        if prod(known.shape) != prod(sizes):
            raise NoWordError(f"a tensor of the model has the sizes {list(known.shape)} and not {list(sizes)}")

        args: dict[str, Static] = {"sizes": sizes}
        if not known.trained:
            args["trained"] = False
            self.derived(known)
        origin = Origin(lambda state: known.read(state).reshape(sizes), known.names, known.key)
        made = self.step("parameter", (), sizes, args, {"value": origin})
        if known.trained:
            self.own[key] = made
        return made

    def derived(self, known: Known) -> None:
        """Note that a tensor was calculated from parameters, which a training would have moved."""
        if known.derived:
            self.remark("what is calculated from parameters is stored as it came out, and training moves that itself")


def origin(known: Known, sizes: Sequence[int] | None = None) -> Origin:
    """The origin of a weight: a tensor of the model, in these sizes where they are given."""
    if sizes is None:
        return Origin(known.read, known.names, known.key)
    wanted = tuple(sizes)
    return Origin(lambda state: known.read(state).reshape(wanted), known.names, known.key)


def window(values: Sequence[int] | int, rank: int) -> Kernel:
    """A size of torch, which may be given once for all axes."""
    if isinstance(values, int):
        return Kernel((values,) * rank)
    if len(values) == 1:
        return Kernel(tuple(values) * rank)
    return Kernel(values)
