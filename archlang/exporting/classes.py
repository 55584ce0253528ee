"""Calls of one form become one class; what differs between its uses becomes the parameters of its constructor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch

from archlang.exporting.fitting import plain
from archlang.exporting.forms import CallForm, Slot, same_slots
from archlang.exporting.optional import ABSENT, aligned
from archlang.exporting.scopes import Inline, ScopeCall, relative
from archlang.exporting.steps import ModelStep, Path, Value

ENTERING = ("in_channels", "in_features", "num_features", "num_channels", "features", "channels")
"""Arguments of modules that say how much comes in."""

MODULES = {torch.flatten: "flatten"}
"""Functions that torch has a module for, which may stand in an `nn.Sequential`."""

CONDITION = "?"
"""In place of a number: whether the item is there."""


@dataclass
class Instance:
    """One module of a class.

    Args:
        plan: the class.
        path: where it stands.
        variant: the number of the network that it stands in, of several with different dials.
        call: its (first) call.
        slots: the numbers in its body.
        groups: the indices of items that are one in its form: a row, or a single item.
        children: the modules inside, by their group; of a row the first.
        names: what its block and the network's dials are set to.
        given: the values of the constructor's parameters, once they are known.
    """

    plan: ClassForm
    path: Path
    variant: int
    call: ScopeCall
    slots: dict[Slot, object]
    groups: list[list[int]]
    children: dict[int, Instance]
    names: Mapping[str, object]
    given: dict[str, object] = field(default_factory=dict)

    @property
    def form(self) -> object:
        """The class."""
        return self.plan

    def item(self, group: int) -> ModelStep | ScopeCall:
        """The item of a group; of a row the first."""
        return self.call.items[self.groups[group][0]]

    def equals(self, other: Instance) -> bool:
        """Tell whether another module of the class has the same numbers, inside too."""
        return same_slots(self.slots, other.slots) and all(
            child.equals(other.children[group]) for group, child in self.children.items())


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
        """One module that stands for all: the first of those that have the most parts.

        Loops are read off it: as many rows as can be have two turns or more.
        """
        def parts(instance: Instance) -> tuple[int, int]:
            return (sum(len(items) > 1 for items in instance.groups),
                    sum(is_there(item) for item in instance.call.items))

        return max(self.instances, key=parts)

    @property
    def call(self) -> ScopeCall:
        """The call of that module."""
        return self.base.call

    @property
    def children(self) -> dict[int, ClassForm]:
        """The classes of the groups that are calls."""
        return {n: child.plan for n, child in self.base.children.items()}

    @property
    def optional(self) -> list[int]:
        """The groups that some modules lack."""
        groups = range(len(self.base.groups))
        return [group for group in groups if not all(is_there(one.item(group)) for one in self.instances)]


def is_there(item: ModelStep | ScopeCall) -> bool:
    return isinstance(item, ScopeCall) or item.kind != ABSENT


class Plans:
    """All classes of a network, gathered from one or several variants of it.

    `optional` are the places in blocks, by block and relative path, of parts that some of their uses lack. `fixed` are
    the blocks whose rows are not counted.
    """

    def __init__(self, optional: frozenset[tuple[object, Path]] = frozenset(),
                 fixed: frozenset[object] = frozenset()) -> None:
        self.optional, self.fixed = optional, fixed
        self.plans: dict[object, ClassForm] = {}
        self.at: dict[tuple[int, Path], Instance] = {}
        self.calls: dict[tuple[int, Path], list[ScopeCall]] = {}
        self.of_call: dict[int, ClassForm] = {}

    def add(self, call: ScopeCall, variant: int, dials: Mapping[str, object]) -> Instance:
        """Add a call and those inside. Raises `Inline` where two calls of one module differ."""
        inner = {n: item for n, item in enumerate(call.items) if isinstance(item, ScopeCall)}
        children = {n: self.add(item, variant, dials) for n, item in inner.items()}
        form, key = self._form(call, children)
        plan = self.plans.get(key)
        if plan is None:
            plan = self.plans[key] = ClassForm(key, is_flat(call))

        names: dict[str, object] = {}
        block = call.frame or call.around
        if block is not None:
            names = {name: plain(value) for name, value in block.known.items()}
        inside = {group: children[items[0]] for group, items in enumerate(form.groups) if items[0] in children}
        instance = Instance(plan, call.path, variant, call, form.slots, form.groups, inside, {**dials, **names})

        self.calls.setdefault((variant, call.path), []).append(call)
        self.of_call[id(call)] = plan
        # A module that is called again is made once, and must be the same both times.
        before = self.at.get((variant, call.path))
        if before is not None:
            if before.plan is not plan or not before.equals(instance):
                raise Inline(call.path)
            return before
        self.at[variant, call.path] = instance
        plan.instances.append(instance)
        return instance

    def _form(self, call: ScopeCall, children: Mapping[int, Instance]) -> tuple[CallForm, object]:
        """The numbers in a call's body, and the body without them."""
        block = identity(call)
        optional = {path for name, path in self.optional if name == block}
        form = CallForm(call, children, optional, block not in self.fixed)
        return form, (block, form.inputs, tuple(form.parts), form.outputs)

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
