"""The form of a call: what happens in its body without the numbers, rows of equal parts counted."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, Protocol

from archlang.exporting.fitting import plain, same
from archlang.exporting.scopes import ScopeCall, relative
from archlang.exporting.steps import ModelStep, Path, Value, replaced, values_in

COUNT = "#"
"""In place of a number's name: how many parts a row has."""

Item = ModelStep | ScopeCall
Slot = tuple[int, str]
"""A number of a body: the group of items that it belongs to, and which of their numbers it is."""


class FormPart(Protocol):
    """A module inside a body, as far as its form is concerned."""

    @property
    def form(self) -> object:
        """Name what makes two modules those of one class."""

    def equals(self, other: Any) -> bool:
        """Tell whether another module of the class has the same numbers."""


class CallForm:
    """The body of a call taken apart.

    Items that are modules of one list, of one class and with equal numbers, are one group where they run one after the
    other, or side by side on the members of something parallel: how many there are is a number of the body.

    Args:
        call: the call.
        children: the modules of the calls inside, by the index of their item.
        optional: the places of parts that some uses lack.
        counts: whether rows are counted; else each item is a group by itself.

    Attributes:
        groups: the indices of the items of each group.
        slots: the numbers by group.
        parts: what happens, group by group.
        outputs: what is handed out.
    """

    def __init__(self, call: ScopeCall, children: Mapping[int, FormPart], optional: Collection[Path],
                 counts: bool) -> None:
        self.call, self.children, self.optional, self.counts = call, children, optional, counts
        self.groups: list[list[int]] = []
        self.slots: dict[Slot, object] = {}
        self.parts: list[object] = []
        self._places: dict[Value, object] = {}
        self._bundles: dict[tuple[Value, ...], object] = {}
        self._last = self._last_uses()
        self._read = {item.name: set[int]() for item in call.items if isinstance(item, ModelStep)}
        for value in self._last:
            if value.index is not None and value.step in self._read:
                self._read[value.step].add(value.index)

        self._enter()
        n = 0
        while n < len(call.items):
            n += self._turns(n) or self._members(n) or self._one(n)
        self.outputs = self._placed(tuple(call.outputs))

    @property
    def inputs(self) -> tuple[object, ...]:
        """The form of what comes in: one tensor, or the members of something parallel, whose number may be open."""
        if self.counts:
            return tuple(size > 1 for size in self.call.groups)
        return self.call.groups

    # --- values -----------------------------------------------------------------------------------------------------

    def _last_uses(self) -> dict[Value, int]:
        last = {value: n for n, item in enumerate(self.call.items) for value in item.reads}
        last.update(dict.fromkeys(self.call.outputs, len(self.call.items)))
        return last

    def _enter(self) -> None:
        start = 0
        for n, size in enumerate(self.call.groups):
            values = tuple(self.call.inputs[start : start + size])
            start += size
            if size == 1:
                self._places[values[0]] = (-1, n)
            else:
                self._bundle(values, (-1, n))
        # A size is known by the tensor that has it.
        for value, (tensor, axis) in self.call.shapes.items():
            self._places[value] = (-2 - axis, self._places[tensor])

    def _bundle(self, values: tuple[Value, ...], place: object, from_end: bool = False) -> None:
        """Note values that are handed on together. `from_end`: the last is known as the last."""
        self._bundles[values] = place
        for m, value in enumerate(values):
            self._places[value] = (place, m)
        if from_end:
            self._places[values[-1]] = (place, -1)

    def _placed(self, item: Any) -> Any:
        """An argument with the places of its values; all members of a bundle in a row are one."""
        if isinstance(item, Value):
            return self._places[item]
        if isinstance(item, tuple):
            return tuple(self._in_order(item))
        if isinstance(item, Mapping):
            return tuple((key, self._placed(value)) for key, value in item.items())
        if isinstance(item, slice):
            return ("slice", *map(self._placed, (item.start, item.stop, item.step)))
        return (type(item).__name__, repr(item))

    def _in_order(self, items: tuple[Any, ...]) -> Iterator[object]:
        n = 0
        while n < len(items):
            whole = self._whole(items, n)
            if whole:
                yield ("*", self._bundles[whole])
                n += len(whole)
            else:
                yield self._placed(items[n])
                n += 1

    def _whole(self, items: tuple[Any, ...], n: int) -> tuple[Value, ...]:
        """The bundle that begins at a place among arguments; empty where there is none."""
        if not self.counts or not isinstance(items[n], Value):
            return ()
        return next((values for values in self._bundles if items[n : n + len(values)] == values), ())

    def _results(self, item: Item) -> tuple[Value, ...]:
        """The values that an item makes: one, or all of several in order."""
        if isinstance(item, ScopeCall):
            return tuple(item.outputs)
        # Results that nothing reads are left out, from the last one read on.
        indices = self._read[item.name]
        if not indices:
            return (Value(item.name),)
        return tuple(Value(item.name, m) for m in range(max(indices) + 1))

    # --- groups -----------------------------------------------------------------------------------------------------

    def _one(self, n: int) -> int:
        """A single item."""
        self.parts.append(self._part(n))
        group = len(self.groups)
        self.groups.append([n])

        results = self._results(self.call.items[n])
        if len(results) == 1 and isinstance(self.call.items[n], ScopeCall):
            self._places[results[0]] = (group, 0)
        elif len(results) == 1:
            self._places[results[0]] = (group, results[0].index)
        else:
            self._bundle(results, group)
        # A part that is lacking in some uses has one result, be it a call or a step.
        if relative(self.call.items[n], self.call) in self.optional:
            self._places[results[0]] = (group, None)
        return 1

    def _turns(self, n: int) -> int:
        """A row of modules that run one after the other; the first may have other numbers than the rest."""
        row = self._row(n)
        if not self._is_chain(row):
            return 0
        begin = 0
        if len(row) > 1 and not self._alike(row[0], row[1]):
            begin = 1
        if not all(self._alike(row[begin], other) for other in row[begin + 1 :]):
            return 0

        items = self.call.items
        results = tuple(self._results(items[m])[0] for m in row)
        is_kept = any(self._last[value] != m + 1 for value, m in zip(results[:-1], row[:-1], strict=True))
        if begin:
            self._one(row[0])
        group = len(self.groups)
        self.parts.append(("turns", begin, self._part(row[begin])))
        self.groups.append(row[begin:])
        self.slots[group, COUNT] = len(row) - begin
        if is_kept:
            self._bundle(results, (group, "turns"), from_end=True)
        else:
            self._places[results[-1]] = (group, -1)
        return len(row)

    def _is_chain(self, row: list[int]) -> bool:
        """Tell whether each item of a row reads what the one before it made, and all the same beside it."""
        items = [self.call.items[m] for m in row]
        if not items or any(len(self._results(item)) != 1 or not item.reads for item in items):
            return False
        return all(item.reads[:1] == list(self._results(before)) and item.reads[1:] == items[0].reads[1:]
                   for before, item in pairwise(items))

    def _members(self, n: int) -> int:
        """A row of modules, or calls of one function, that run side by side."""
        row = self._row(n) or self._calls(n)
        # One alone may be the only turn as well: that is what it is taken for.
        if len(row) < 2:
            return 0
        items = [self.call.items[m] for m in row]
        if any(len(self._results(item)) != 1 for item in items):
            return 0
        # A member that reads one value twice would stand for two things.
        if len({len(item.reads) for item in items}) > 1 or not all(self._alike(row[0], m) for m in row):
            return 0

        # What they read is the same for all, or the members of a bundle in order.
        moving: list[object] = []
        for column in zip(*(item.reads for item in items), strict=True):
            if len(set(column)) > 1:
                if column not in self._bundles:
                    return 0
                moving.append(self._bundles[column])

        group = len(self.groups)
        self.parts.append(("members", tuple(moving), self._part(row[0])))
        self.groups.append(row)
        if _has_module(items[0]):
            self.slots[group, COUNT] = len(row)
        self._bundle(tuple(self._results(item)[0] for item in items), (group, "members"))
        return len(row)

    def _row(self, n: int) -> list[int]:
        """The items from here on that are all modules of one list, in its order; empty where there are none."""
        items = self.call.items
        where = relative(items[n], self.call)
        if not self.counts or not _has_module(items[n]) or len(where) < 2 or where[-1] != "0":
            return []

        holder = where[:-1]
        row = [n]
        while n + len(row) < len(items):
            item = items[n + len(row)]
            if not _has_module(item) or relative(item, self.call) != (*holder, str(len(row))):
                break
            row.append(n + len(row))
        inside = {relative(item, self.call)[len(holder)] for item in items
                  if _has_module(item) and len(relative(item, self.call)) > len(holder)
                  and relative(item, self.call)[: len(holder)] == holder}
        if len(row) == len(inside):
            return row
        return []

    def _calls(self, n: int) -> list[int]:
        """The steps from here on that call one function, one for each member of a bundle that they read."""
        first = self.call.items[n]
        if not self.counts or isinstance(first, ScopeCall) or first.kind != "function":
            return []
        length = next((len(values) for values in self._bundles if values[0] in first.reads), 0)
        row = list(range(n, n + length))
        if length < 2 or row[-1] >= len(self.call.items):
            return []
        return row

    def _alike(self, one: int, other: int) -> bool:
        """Tell whether two items do the same with the same numbers, whatever they read."""
        first, second = self.call.items[one], self.call.items[other]
        if isinstance(first, ScopeCall) or isinstance(second, ScopeCall):
            return isinstance(first, ScopeCall) and isinstance(second, ScopeCall) and first.groups == second.groups \
                and self.children[one].form is self.children[other].form \
                and self.children[one].equals(self.children[other])
        if first.kind != second.kind or _bare(first) != _bare(second) or (first.made is None) != (second.made is None):
            return False
        if first.made is None or second.made is None:
            return bool(first.target == second.target)
        return first.made.target is second.made.target and repr(first.made) == repr(second.made)

    # --- items ------------------------------------------------------------------------------------------------------

    def _part(self, n: int) -> object:
        """The form of an item; its numbers go into the slots of the group that comes next."""
        item, group = self.call.items[n], len(self.groups)
        where = relative(item, self.call)
        if where in self.optional:
            if isinstance(item, ModelStep) and item.made is not None:
                self._step(group, item)
            return ("optional", where, tuple(self._placed(value) for value in item.reads))
        if isinstance(item, ScopeCall):
            return ("call", where, id(self.children[n].form), tuple(self._given(item)))
        return self._step(group, item)

    def _given(self, item: ScopeCall) -> Iterator[object]:
        """The places of a call's arguments, one by one."""
        start = 0
        for size in item.groups:
            yield self._placed(tuple(item.inputs[start : start + size]))
            start += size

    def _step(self, group: int, step: ModelStep) -> object:
        """The form of a step; its numbers go into `slots`."""
        named: list[object] = []
        if step.made is not None:
            for name, value in step.made.arguments.items():
                self.slots[group, name] = plain(value, step.made.target)
            starts = tuple((name, str(option)) for name, option in step.made.starts.items())
            named = [step.made.target, tuple(step.made.arguments), starts]

        args: list[object] = []
        n = 0
        while n < len(step.args):
            whole = self._whole(step.args, n)
            if whole:
                args.append(("*", self._bundles[whole]))
                n += len(whole)
            else:
                args.append(self._argument(group, n, step.args[n]))
                n += 1
        args += [self._argument(group, key, item) for key, item in step.kwargs.items()]

        where: object = step.kind
        target: object = step.target
        if step.made is not None:
            where, target = relative(step, self.call), None
        return (where, target, tuple(map(str, named)), tuple(args))

    def _argument(self, group: int, key: object, item: Any) -> object:
        """An argument's place; a number goes into `slots`."""
        if any(True for _ in values_in(item)):
            return (key, self._placed(item))
        self.slots[group, f"@{key}"] = item
        return key


def same_slots(one: Mapping[Slot, object], other: Mapping[Slot, object]) -> bool:
    """Tell whether two bodies of one form have the same numbers."""
    return one.keys() == other.keys() and all(same(one[slot], other[slot]) for slot in one)


def _bare(step: ModelStep) -> str:
    """The arguments of a step without the values in them."""
    return repr([replaced(item, lambda value: "") for item in (step.args, dict(step.kwargs))])


def _has_module(item: Item) -> bool:
    return isinstance(item, ScopeCall) or item.kind == "module"


def indices(groups: Sequence[Sequence[int]]) -> dict[int, int]:
    """The group of each item."""
    return {n: group for group, items in enumerate(groups) for n in items}
