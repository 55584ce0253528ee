"""Blocks whose `if` was taken in some uses and not in others: one form for all, where the rest is the same.

A part that a use lacks becomes a step that passes its input on, so that both uses are modules of one class.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from archlang.exporting.scopes import ScopeCall, relative
from archlang.exporting.steps import ModelStep, Value, replaced

ABSENT = "absent"
"""The kind of a step that stands for a part that is not there."""

Sign = Callable[[ModelStep | ScopeCall], object]
"""The sign by which two items of two calls are the same item."""


class Unlike(Exception):
    """Raised where two calls differ in more than parts that one of them lacks."""


def aligned(full: ScopeCall, part: ScopeCall, sign: Sign) -> ScopeCall | None:
    """The smaller of two calls with steps for what it lacks; None where more than that differs."""
    if full.groups != part.groups or len(full.inputs) != len(part.inputs):
        return None
    try:
        return _Aligner(full, part).run(sign)
    except Unlike:
        return None


class _Aligner:
    """Walks through two calls side by side.

    Attributes:
        meaning: the values of the larger call, as the smaller one has them.
        names: the steps of the larger call, and their like.
        behind: for a value of a part that is not there, what it passes on.
    """

    def __init__(self, full: ScopeCall, part: ScopeCall) -> None:
        self.full, self.part = full, part
        self.meaning: dict[Value, Value] = dict(zip(full.inputs, part.inputs, strict=True))
        self.names: dict[str, str] = {}
        self.behind: dict[Value, Value] = {}

    def run(self, sign: Sign) -> ScopeCall:
        """The smaller call, completed. Raises `Unlike`."""
        items: list[ModelStep | ScopeCall] = []
        waiting = list(self.part.items)
        for item in self.full.items:
            like = waiting[0] if waiting else None
            if like is not None and relative(like, self.part) == relative(item, self.full) and sign(like) == sign(item):
                items.append(self._matched(item, waiting.pop(0)))
            else:
                items.append(self._stand_in(item))

        # What the call hands out is known outside by its name.
        if waiting or [self._of(value) for value in self.full.outputs] != self.part.outputs:
            raise Unlike
        return replace(self.part, items=items)

    def _of(self, value: Value) -> Value:
        """A value of the larger call in the smaller one."""
        if value in self.meaning:
            return self.meaning[value]
        if value.step in self.names:
            return Value(self.names[value.step], value.index)
        raise Unlike

    def _stand_in(self, item: ModelStep | ScopeCall) -> ModelStep:
        """The step for an item that the smaller call lacks: one that has a place, one input and one result."""
        if isinstance(item, ScopeCall):
            results = item.outputs
        else:
            results = [Value(item.name)]
        is_module = isinstance(item, ScopeCall) or item.kind == "module"
        if not is_module or len(item.reads) != 1 or len(results) != 1:
            raise Unlike

        path = (*self.part.path, *relative(item, self.full))
        entering = self._of(item.reads[0])
        step = ModelStep(f"{'.'.join(path)} in {self.part.uses}", path, (), ABSENT, args=(entering,))
        made = Value(step.name)
        self.meaning[results[0]] = made
        self.behind[made] = self.behind.get(entering, entering)
        return step

    def _matched(self, item: ModelStep | ScopeCall, like: ModelStep | ScopeCall) -> ModelStep | ScopeCall:
        """An item of the smaller call, reading what its like in the larger one reads. Raises `Unlike`."""
        if isinstance(item, ScopeCall) and isinstance(like, ScopeCall):
            if len(item.outputs) != len(like.outputs):
                raise Unlike
            inputs = self._joined(tuple(item.inputs), tuple(like.inputs))
            self.meaning.update(zip(item.outputs, like.outputs, strict=True))
            return renamed(like, dict(zip(like.inputs, inputs, strict=True)))

        if not isinstance(item, ModelStep) or not isinstance(like, ModelStep):
            raise Unlike
        if item.kwargs.keys() != like.kwargs.keys():
            raise Unlike
        self.names[item.name] = like.name
        kwargs = {key: self._joined(value, like.kwargs[key]) for key, value in item.kwargs.items()}
        return replace(like, args=self._joined(item.args, like.args), kwargs=kwargs)

    def _joined(self, ours: Any, theirs: Any) -> Any:
        """An argument of the smaller call with the values of the larger one. Raises `Unlike`."""
        if isinstance(ours, Value) or isinstance(theirs, Value):
            if not isinstance(ours, Value) or not isinstance(theirs, Value):
                raise Unlike
            value = self._of(ours)
            if theirs not in (value, self.behind.get(value)):
                raise Unlike
            return value
        if isinstance(ours, tuple) and isinstance(theirs, tuple) and len(ours) == len(theirs):
            return tuple(self._joined(one, other) for one, other in zip(ours, theirs, strict=True))
        return theirs


def renamed(call: ScopeCall, exchange: Mapping[Value, Value]) -> ScopeCall:
    """A call that reads other values, also inside."""
    if all(one == other for one, other in exchange.items()):
        return call

    def changed(item: Any) -> Any:
        return replaced(item, lambda value: exchange.get(value, value))

    items: list[ModelStep | ScopeCall] = []
    for item in call.items:
        if isinstance(item, ScopeCall):
            items.append(renamed(item, exchange))
        else:
            kwargs = {key: changed(value) for key, value in item.kwargs.items()}
            items.append(replace(item, args=changed(item.args), kwargs=kwargs))
    return replace(call, items=items, inputs=[exchange.get(value, value) for value in call.inputs])
