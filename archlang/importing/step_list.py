"""The steps that were read so far, what a reader must know of them, and what could not be said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from archlang.diagnostics import Diagnostic, error
from archlang.importing.held import Ref
from archlang.importing.steps import ModulePlace, Origin, Static, Step


class NoWordError(Exception):
    """Something that an exported graph does and no text says, with the reason."""


class StepList:
    """The steps so far, in order, with the sizes of what they make."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.sizes: dict[int, tuple[int, ...]] = {}
        self.makers: dict[int, Step] = {}
        self.remarks: dict[str, list[ModulePlace]] = {}
        self.problems: list[Diagnostic] = []
        self.place = ModulePlace()

    def fresh(self, sizes: Sequence[int]) -> int:
        """Make a value of these sizes."""
        value = len(self.sizes)
        self.sizes[value] = tuple(sizes)
        return value

    def step(
        self, op: str, inputs: Sequence[int], sizes: Sequence[int], args: Mapping[str, Static] | None = None,
        weights: Mapping[str, Origin] | None = None, free: bool = False, bundled: bool = False,
        named: tuple[str, ...] = (),
    ) -> Ref:
        """Add a step that makes one value of these sizes, and return it."""
        # A step makes one value; what hands out several is a step for each.
        value = self.fresh(sizes)
        made = Step(op, dict(args or {}), tuple(inputs), value, dict(weights or {}), self.place, free, bundled, named)
        self.steps.append(made)
        self.makers[value] = made
        return Ref.of(value, range(len(sizes)))

    def apart(self, *values: int) -> tuple[int, ...]:
        """Values that a step brings together: one tensor twice is a mistake, and a copy says that it is meant."""
        found: list[int] = []
        for value in values:
            if value in found:
                value = self.step("identity", (value,), self.sizes[value]).value
            found.append(value)
        return tuple(found)

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
            first = str(places[0])
            if len(places) > 1:
                first += f" and {len(places) - 1} more"
            lines.append(f"{first}: {message}")
        return tuple(lines)

    def refuse(self, what: str, reason: str = "") -> None:
        """Remember an operation that no text says; all of them are reported together."""
        message = f"{what} in {self.place} has no word in the language"
        if reason:
            message = f"{what} in {self.place} cannot be said in the language: {reason}"
        notes: tuple[str, ...] = ()
        if self.place.line:
            notes = (f"called at {self.place.line}",)
        # A line that runs in a loop is one mistake.
        if not any(found.message == message for found in self.problems):
            self.problems.append(error("not-importable", message, notes=notes))
