"""Reading an exported graph: the values so far, the steps so far, and what the readers of single operations share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

from torch import Tensor

from archlang.diagnostics import ArchError, Diagnostic, error
from archlang.importing.held import Known, Ref
from archlang.importing.steps import Kernel, ModulePlace, Origin, State, Static, Step, Word

AXES: Mapping[int, tuple[str, ...]] = {
    1: ("features",),
    2: ("positions", "features"),
    3: ("channels", "height", "width"),
    4: ("channels", "depth", "height", "width"),
}
"""The words for the axes of a value, by how many it has."""


class NoWordError(Exception):
    """Something that an exported graph does and no text says, with the reason."""


class StepReader:
    """The steps that were read so far, and what the readers of operations need to add one."""

    def __init__(self) -> None:
        self.batch = 0
        self.steps: list[Step] = []
        self.sizes: dict[int, tuple[int, ...]] = {}
        self.makers: dict[int, Step] = {}
        self.remarks: dict[str, list[ModulePlace]] = {}
        self.problems: list[Diagnostic] = []
        self.place = ModulePlace()
        self.own: dict[object, Ref] = {}  # the model's own tensors that are values already

    def fresh(self, sizes: Sequence[int]) -> int:
        """Make a value of these sizes."""
        value = len(self.sizes)
        self.sizes[value] = tuple(sizes)
        return value

    def step(
        self, op: str, inputs: Sequence[int], sizes: Sequence[int], args: Mapping[str, Static] | None = None,
        weights: Mapping[str, Origin] | None = None, free: bool = False, bundled: bool = False,
    ) -> Ref:
        """Add a step that makes one value of these sizes, and return it."""
        value = self.fresh(sizes)
        made = Step(op, dict(args or {}), tuple(inputs), value, dict(weights or {}), self.place, free, bundled)
        self.steps.append(made)
        self.makers[value] = made
        return Ref(value, tuple(range(len(sizes))))

    def logical(self, ref: Ref) -> tuple[int, ...]:
        """The sizes as torch has them, without the batch."""
        sizes = self.sizes[ref.value]
        return tuple(sizes[axis] for axis in ref.order)

    def plain(self, ref: Ref) -> int:
        """The value of a tensor with its axes as torch has them: a permutation is written where one is due."""
        if ref.plain:
            return ref.value

        sizes = self.sizes[ref.value]
        # A map whose places were laid in a row, then turned: a sequence, row by row.
        maker = self.makers.get(ref.value)
        if maker is not None and ref.order == (1, 0) and maker.op == "reshape" and len(maker.inputs) == 1:
            before = self.sizes[maker.inputs[0]]
            if len(before) == 3 and sizes == (before[0], before[1] * before[2]):
                return self.step("to_sequence", maker.inputs, (sizes[1], sizes[0])).value

        words = AXES.get(len(sizes))
        if words is None:
            raise NoWordError(f"a tensor of {len(sizes)} axes beside the batch has its axes turned")
        named = tuple(Word(words[axis]) for axis in ref.order)
        return self.step("permute", (ref.value,), self.logical(ref), {"axes": named}).value

    def axis(self, ref: Ref, dim: int) -> int:
        """The axis of the value that torch counts as `dim`, the batch included. Raises `NoWordError` for the batch."""
        rank = len(ref.order) + 1
        dim = dim % rank
        if dim == 0:
            raise NoWordError("it works along the batch")
        return ref.order[dim - 1]

    def word(self, ref: Ref, axis: int) -> Word:
        """The word for an axis of a value."""
        words = AXES.get(len(self.sizes[ref.value]))
        if words is None:
            raise NoWordError(f"axes of a tensor of {len(ref.order)} axes have no names")
        return Word(words[axis])

    def tensor(self, held: Any) -> Ref:
        """A tensor that depends on the input; one of the model's own becomes a `parameter`."""
        if isinstance(held, Ref):
            return held
        if isinstance(held, Known):
            held = self.single(held)
            return self.parameter(held, held.shape[1:])
        raise NoWordError("it wants a tensor and has none")

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
        key = (known.names, known.key, sizes, turned) if known.trained else None
        if key is not None and key in self.own:
            return self.own[key]
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
        if key is not None:
            self.own[key] = made
        return made

    def derived(self, known: Known) -> None:
        """Note that a tensor was calculated from parameters, which a training would have moved."""
        if known.derived:
            self.remark("what is calculated from parameters is stored as it came out, and training moves that itself")

    def remark(self, message: str) -> None:
        """Note what a reader must know of the place that is being read."""
        places = self.remarks.setdefault(message, [])
        if self.place not in places:
            places.append(self.place)

    @property
    def notes(self) -> tuple[str, ...]:
        """All remarks, each with the first place that it is about."""
        lines = []
        for message, places in self.remarks.items():
            more = f" and {len(places) - 1} more" if len(places) > 1 else ""
            lines.append(f"{places[0]}{more}: {message}")
        return tuple(lines)

    def refuse(self, what: str, reason: str = "") -> None:
        """Remember an operation that no text says; all of them are reported together."""
        message = f"{what} in {self.place} has no word in the language"
        if reason:
            message = f"{what} in {self.place} cannot be said in the language: {reason}"
        notes = (f"called at {self.place.line}",) if self.place.line else ()
        if not any(found.message == message for found in self.problems):
            self.problems.append(error("not-importable", message, notes=notes))


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
