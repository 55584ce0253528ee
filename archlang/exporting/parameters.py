"""The parameters of constructors: the numbers that differ between the uses of a class, as expressions of few."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from archlang.exporting.classes import CONDITION, ENTERING, ClassForm, Instance, is_there, scope_name
from archlang.exporting.fitting import MISSING, condition, constant, expression, words
from archlang.exporting.forms import COUNT, Slot
from archlang.exporting.scopes import ScopeCall
from archlang.exporting.steps import ModelStep


class Unfit(Exception):
    """Raised where the numbers of variants are no expressions of their dials."""


def parametrise(root: Instance, order: Sequence[ClassForm]) -> None:
    """Give every class its parameters, inner classes first. Raises `Unfit` for the network itself."""
    for plan in order:
        _parametrise(plan, plan is root.plan)


def inner_first(root: ClassForm) -> list[ClassForm]:
    """All classes, each behind those that it uses."""
    order: dict[int, ClassForm] = {}

    def visit(plan: ClassForm) -> None:
        if id(plan) in order:
            return
        for child in plan.children.values():
            visit(child)
        order[id(plan)] = plan

    visit(root)
    return list(order.values())


def numbers(instance: Instance) -> dict[Slot, object]:
    """All numbers of a body, those that modules inside are given too, by place."""
    found = dict(instance.slots)
    for n, child in instance.children.items():
        values = child.given
        if child.plan.flat:
            values = {_flat_name(slot): value for slot, value in numbers(child).items()}
        found.update({(n, name): value for name, value in values.items()})
    return found


def _flat_name(slot: Slot) -> str:
    """The name of a number in an `nn.Sequential`, as the class around it knows it."""
    return f"{slot[0]}/{slot[1]}"


def _parametrise(plan: ClassForm, is_root: bool) -> None:
    """Find the expression of every number, and the parameters that those take."""
    # An `nn.Sequential` has no constructor: its numbers are those of the class around it.
    if plan.flat:
        return

    rows = [numbers(instance) for instance in plan.instances]
    known = _columns(plan)
    used: dict[str, list[object]] = {}
    for slot in dict.fromkeys(slot for row in rows for slot in row):
        column = [row.get(slot, MISSING) for row in rows]
        if constant(column):
            plan.texts[slot] = _of_a_part(slot, column, used)
            continue

        entering = slot[1] in ENTERING and slot[0] == 0
        # A name that says it comes before a number that is worked out.
        text = expression(column, used, True) or expression(column, known, True)
        if text is None and not entering:
            text = expression(column, used) or expression(column, known)
        if text is None and is_root:
            raise Unfit
        if text is None:
            text = _new_name(plan, slot, {*known, *used})
            used[text] = column
        plan.texts[slot] = text
        used.update({name: known[name] for name in _names(text) if name in known})

    _find_conditions(plan, known, used)
    order = [*(name for name in used if name not in known), *(name for name in known if name in used)]
    plan.parameters = order
    for n, instance in enumerate(plan.instances):
        instance.given = {name: None if used[name][n] is MISSING else used[name][n] for name in order}


def _of_a_part(slot: Slot, column: list[object], used: Mapping[str, list[object]]) -> str | None:
    """The expression of a number that is the same wherever it is there; None, and so itself, where all uses have it."""
    sizes = (*ENTERING, "out_channels", "out_features", "stride")
    if MISSING not in column or slot[1].rpartition("/")[2] not in sizes:
        return None
    return expression(column, {name: values for name, values in used.items() if not constant(values)})


def _find_conditions(plan: ClassForm, known: Mapping[str, list[object]], used: dict[str, list[object]]) -> None:
    """For every part that some uses lack, the condition under which it is there."""
    for n in plan.optional:
        there: list[object] = [is_there(instance.item(n)) for instance in plan.instances]
        text = condition(there, used) or condition(there, {**known, **used})
        if text is None:
            text = _own_name(plan.base.item(n))
            while text in known or text in used:
                text = f"has_{text}"
            used[text] = there
        used.update({name: known[name] for name in _names(text) if name in known})
        plan.texts[n, CONDITION] = text


def _names(text: str) -> Iterator[str]:
    return iter(words(text))


def _columns(plan: ClassForm) -> dict[str, list[object]]:
    """The values of what all uses of a class know: parameters of its block, dials of the network."""
    names = [name for name in plan.instances[0].names if all(name in i.names for i in plan.instances)]
    return {name: [instance.names[name] for instance in plan.instances] for name in names}


def _new_name(plan: ClassForm, slot: Slot, taken: set[str]) -> str:
    """A name for a parameter that no parameter of the block stands for."""
    n, what = slot
    item: ModelStep | ScopeCall = plan.base.item(n)
    child: ClassForm | None = plan.children.get(n)
    # Through chains of modules, down to the module itself.
    while "/" in what and child is not None:
        inner, _, what = what.partition("/")
        item, child = child.base.item(int(inner)), child.children.get(int(inner))

    what = what.lstrip("@")
    if what == COUNT:
        what = "count"
    if what in ENTERING and not item.path[:-1].count("each"):
        # Norms call it otherwise, and one class has one name for what enters.
        name = "in_channels"
        if what.startswith("in_"):
            name = what
        if name not in taken and _enters(plan, slot):
            return name
    name = what
    if not what.isidentifier() or what in taken:
        name = f"{_own_name(item)}_{what}"
    name = name.replace("out_channels", "channels").replace("out_features", "features").replace("num_", "")
    while name in taken or not name.isidentifier():
        name = f"{_own_name(item)}_{name}" if not name.startswith(_own_name(item)) else f"{name}_2"
    return name


def _own_name(item: ModelStep | ScopeCall) -> str:
    name = scope_name(item.path)
    return name.rstrip("_") or "part"


def _enters(plan: ClassForm, slot: Slot) -> bool:
    """Tell whether the item of a number reads what enters the class first."""
    item = plan.base.item(slot[0])
    return bool(plan.call.inputs) and plan.call.inputs[0] in item.reads
