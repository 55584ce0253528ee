"""Calls of one form become one class; what differs between its uses becomes the parameters of its constructor."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from typing import Any

import torch

from archlang.exporting.fitting import plain
from archlang.exporting.optional import ABSENT, aligned
from archlang.exporting.scopes import Inline, ScopeCall, relative
from archlang.exporting.steps import ModelStep, Path, Value, replaced, values_in

ENTERING = ("in_channels", "in_features", "num_features", "num_channels", "features", "channels")
"""Arguments of modules that say how much comes in."""

MODULES = {torch.flatten: "flatten"}
"""Functions that torch has a module for, which may stand in an `nn.Sequential`."""

CONDITION = "?"
"""In place of a number: whether the item is there."""

Slot = tuple[int, str]
"""A number of a class's body: the index of the item it belongs to, and which of its numbers it is."""


@dataclass
class Instance:
    """One module of a class.

    Args:
        plan: the class.
        path: where it stands.
        variant: the number of the network that it stands in, of several with different dials.
        call: its (first) call.
        slots: the numbers in its body.
        children: the modules inside, by the index of their item.
        names: what its block and the network's dials are set to.
        given: the values of the constructor's parameters, once they are known.
    """

    plan: ClassForm
    path: Path
    variant: int
    call: ScopeCall
    slots: dict[Slot, object]
    children: dict[int, Instance]
    names: Mapping[str, object]
    given: dict[str, object] = field(default_factory=dict)


@dataclass
class ClassForm:
    """A class that will be written.

    Args:
        key: its form.
        flat: whether it is an `nn.Sequential` and needs no class.
        instances: all modules of it.
        parameters: the constructor's parameters in order.
        texts: the expression of every number in its body.
        defaults: the parameters that have one, and its value.
        name: what it is called.
    """

    key: object
    flat: bool
    instances: list[Instance] = field(default_factory=list)
    parameters: list[str] = field(default_factory=list)
    texts: dict[Slot, str | None] = field(default_factory=dict)
    defaults: dict[str, object] = field(default_factory=dict)
    name: str = ""

    @property
    def base(self) -> Instance:
        """One module that stands for all: the first of those that have the most parts."""
        return max(self.instances, key=lambda instance: sum(is_there(item) for item in instance.call.items))

    @property
    def call(self) -> ScopeCall:
        """The call of that module."""
        return self.base.call

    @property
    def children(self) -> dict[int, ClassForm]:
        """The classes of the items that are calls."""
        return {n: child.plan for n, child in self.base.children.items()}

    @property
    def optional(self) -> list[int]:
        """The items that some modules lack."""
        return [n for n in range(len(self.call.items)) if not all(is_there(i.call.items[n]) for i in self.instances)]


def is_there(item: ModelStep | ScopeCall) -> bool:
    return isinstance(item, ScopeCall) or item.kind != ABSENT


class Plans:
    """All classes of a network, gathered from one or several variants of it.

    `optional` are the places in blocks, by block and relative path, of parts that some of their uses lack.
    """

    def __init__(self, optional: frozenset[tuple[object, Path]] = frozenset()) -> None:
        self.optional = optional
        self.plans: dict[object, ClassForm] = {}
        self.at: dict[tuple[int, Path], Instance] = {}
        self.calls: dict[tuple[int, Path], list[ScopeCall]] = {}
        self.of_call: dict[int, ClassForm] = {}

    def add(self, call: ScopeCall, variant: int, dials: Mapping[str, object]) -> Instance:
        """Add a call and those inside. Raises `Inline` where two calls of one module differ."""
        inner = {n: item for n, item in enumerate(call.items) if isinstance(item, ScopeCall)}
        children = {n: self.add(item, variant, dials) for n, item in inner.items()}
        slots, key = self._form(call, children)
        plan = self.plans.get(key)
        if plan is None:
            plan = self.plans[key] = ClassForm(key, is_flat(call))

        names: dict[str, object] = {}
        block = call.frame or call.around
        if block is not None:
            names = {name: plain(value) for name, value in block.known.items()}
        instance = Instance(plan, call.path, variant, call, slots, children, {**names, **dials})

        self.calls.setdefault((variant, call.path), []).append(call)
        self.of_call[id(call)] = plan
        # A module that is called again is made once, and must be the same both times.
        before = self.at.get((variant, call.path))
        if before is not None:
            if before.plan is not plan or before.slots != slots:
                raise Inline(call.path)
            return before
        self.at[variant, call.path] = instance
        plan.instances.append(instance)
        return instance

    def _form(self, call: ScopeCall, children: Mapping[int, Instance]) -> tuple[dict[Slot, object], object]:
        """The numbers in a call's body, and the body without them."""
        block = identity(call)
        places = _places(call, {path for name, path in self.optional if name == block})
        slots: dict[Slot, object] = {}
        form: list[object] = []
        for n, item in enumerate(call.items):
            where = relative(item, call)
            if (block, where) in self.optional:
                reads = tuple(places[value] for value in item.reads)
                form.append(("optional", where, reads))
                if isinstance(item, ModelStep) and item.made is not None:
                    _leaf(n, item, call, places, slots)
            elif isinstance(item, ScopeCall):
                child = children[n].plan
                reads = tuple(places[value] for value in item.inputs)
                form.append(("call", relative(item, call), id(child), reads, len(item.outputs)))
            else:
                form.append(_leaf(n, item, call, places, slots))

        outputs = tuple(places[value] for value in call.outputs)
        return slots, (block, call.groups, tuple(form), outputs)


    def completed(self) -> tuple[object, list[Path], dict[int, ScopeCall]] | None:
        """A block of several forms of which one has all parts: what it is, the parts that others lack, their calls.

        The new calls are given by the id() of the old ones. None where there is no such block.
        """
        blocks: dict[object, list[ClassForm]] = {}
        for plan in self.plans.values():
            if plan.call.frame is not None:
                blocks.setdefault(identity(plan.call), []).append(plan)

        for block, plans in blocks.items():
            plans.sort(key=lambda plan: -len(plan.call.items))
            for n, full in enumerate(plans):
                for part in plans[n + 1 :]:
                    calls = self._aligned(full, part)
                    if calls:
                        parts = next(iter(calls.values()))
                        return block, [relative(i, parts) for i in parts.items if not is_there(i)], calls
        return None

    def _aligned(self, full: ClassForm, part: ClassForm) -> dict[int, ScopeCall]:
        """The calls of a class completed to those of a larger one; empty where they differ in more."""
        if len(full.call.items) <= len(part.call.items):
            return {}
        found: dict[int, ScopeCall] = {}
        for instance in part.instances:
            for call in self.calls[instance.variant, instance.path]:
                made = aligned(full.call, call, self._sign)
                if made is None:
                    return {}
                found[id(call)] = made
        return found

    def _sign(self, item: ModelStep | ScopeCall) -> object:
        """Name what makes two items the same: the class of a call, the function or class of a step."""
        if isinstance(item, ScopeCall):
            return id(self.of_call[id(item)])
        if item.made is not None:
            return (item.made.target, tuple(item.made.arguments))
        return (item.kind, item.target)


def identity(call: ScopeCall) -> object:
    """Name what makes calls of one form one class: their block, else the name of their scope."""
    if call.frame is not None:
        return ("block", call.frame.block, call.frame.doc)
    if call.around is not None:
        return ("scope", scope_name(call.path), call.around.block, call.around.doc)
    return ("scope", scope_name(call.path))


def scope_name(path: Path) -> str:
    """The last part of a path that is a name.

    >>> scope_name(("maps", "each", "0")), scope_name(())
    ('each', '')
    """
    return next((part for part in reversed(path) if not part.isdigit()), "")


def _places(call: ScopeCall, optional: Set[Path]) -> dict[Value, tuple[int, int]]:
    """For each value of a call where it comes from: -1 and the input's number, or an item's and the result's."""
    places = {value: (-1, n) for n, value in enumerate(call.inputs)}
    # A size is known by the tensor that has it.
    places.update({value: (-2 - axis, places[tensor][1]) for value, (tensor, axis) in call.shapes.items()})
    for n, item in enumerate(call.items):
        if isinstance(item, ScopeCall):
            places.update({value: (n, m) for m, value in enumerate(item.outputs)})
    made = {item.name: n for n, item in enumerate(call.items) if isinstance(item, ModelStep)}
    # A part that is lacking in some uses has one result, be it a call or a step.
    single = {n for n, item in enumerate(call.items) if relative(item, call) in optional}
    wanted = [value for item in call.items for value in item.reads]
    for value in (*wanted, *call.outputs):
        if value.step in made and value not in places:
            n = made[value.step]
            index = value.index
            if index is None:
                index = 0 if n in single else -1
            places[value] = (n, index)
    return places


def _leaf(n: int, step: ModelStep, call: ScopeCall, places: Mapping[Value, tuple[int, int]],
          slots: dict[Slot, object]) -> object:
    """The form of a step; its numbers go into `slots`."""
    named: list[object] = []
    starts: tuple[tuple[str, str], ...] = ()
    if step.made is not None:
        for name, value in step.made.arguments.items():
            slots[n, name] = plain(value, step.made.target)
        starts = tuple((name, str(option)) for name, option in step.made.starts.items())
        named = [step.made.target, tuple(step.made.arguments), starts]

    def placed(item: Any) -> object:
        return replaced(item, lambda value: places[value])

    args: list[object] = []
    for key, item in (*enumerate(step.args), *step.kwargs.items()):
        if any(True for _ in values_in(item)):
            args.append((key, str(placed(item))))
        else:
            args.append(key)
            slots[n, f"@{key}"] = item
    where: object = step.kind
    if step.made is not None:
        where = relative(step, call)
    return (where, step.target if step.made is None else None, tuple(map(str, named)), tuple(args))


def is_flat(call: ScopeCall) -> bool:
    """Tell whether a call is a chain of modules: an `nn.Sequential` says all of it. Blocks are classes always."""
    if call.frame is not None or not call.path or len(call.inputs) != 1 or len(call.outputs) != 1:
        return False

    flowing = call.inputs[0]
    for item in call.items:
        if item.reads != [flowing] or len(relative(item, call)) != 1:
            return False
        if isinstance(item, ScopeCall):
            if len(item.outputs) != 1:
                return False
            flowing = item.outputs[0]
            continue
        if item.kind != "module" and item.target not in MODULES:
            return False
        # Initial values are set in the constructor of a class.
        if (item.made is not None and item.made.starts) or item.args != (flowing,) or item.kind == "tensor":
            return False
        flowing = Value(item.name)
    return call.outputs == [flowing]
