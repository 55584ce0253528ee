"""Layers: stages and routers that hold their weights once and are used by name, several times."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TypeVar

from archlang.dataclass import dataclass
from archlang.diagnostics import Label
from archlang.elaborate.arguments import as_stage
from archlang.elaborate.context import Build, LayerUses, ModuleForm, chain
from archlang.elaborate.interpret import STAGE, apply, evaluate
from archlang.elaborate.scope import define
from archlang.elaborate.values import POISON, Env, Flowing, LayerStage, Place, Poison, Poisoned
from archlang.graph.ir import Frame, Member, Node
from archlang.ops.model import Module
from archlang.ops.values import Option
from archlang.source import Span
from archlang.syntax.tree import Layer

KIND = "layer"
"""The kind of `Member` that says which use of a layer a node belongs to."""

Modules = Mapping[tuple[str, ...], ModuleForm]
"""The modules of one use of a layer, by their paths."""

Made = TypeVar("Made")


@dataclass(frozen=True)
class RouterHolder:
    """A `layer` that holds a router: its modules lie at `path`, whichever stages ask it."""

    name: str
    path: tuple[str, ...]


def declare_layer(b: Build, env: Env, statement: Layer, path: tuple[str, ...]) -> None:
    """`layer name = stage`: a stage, or a router, whose modules live at `path`, whoever uses it."""
    value: object = POISON
    try:
        value = evaluate(b, statement.value, env.static(), STAGE)
        if isinstance(value, Option) and value.role == "router":
            # A router that another layer holds already has its modules there.
            value = replace(value, holder=value.holder or RouterHolder(statement.name, path))
        else:
            stage = as_stage(b, value, statement.value, env.static())
            value = LayerStage(stage, statement.name, path, span=statement.span)
    except Poisoned:
        value = POISON  # reported; whatever uses the name stays silent
    define(b, env, statement.name, value, statement, statement.name_span)


def through_layer(b: Build, layer: LayerStage, value: Flowing, at: Span, place: Place) -> Flowing:
    """Pass a value through a layer: its modules are those of its other uses."""
    if isinstance(value, Poison) or b.surveying:
        return _guarded(b, layer.stage, lambda: apply(b, layer.stage, value, at, Place()))

    use = _Use(layer.name, layer.path, layer.span, str(value.type))
    return _guarded(b, layer.stage, lambda: _used(b, use, place, lambda inner: apply(b, layer.stage, value, at, inner)))


def through_router(b: Build, router: Option, span: Span, entering: str, place: Place,
                   make: Callable[[Place], Made]) -> Made:
    """Make what a router makes, in the scope of the `layer` that holds it, if one does; else in the place itself.

    Args:
        b: the build.
        router: the router that is asked.
        span: where it is asked.
        entering: the type of what it sees, for messages.
        place: the scope of its modules where they are its own.
        make: makes the nodes of the router and returns their results, in the scope that it is given.
    """
    holder = router.holder
    if not isinstance(holder, RouterHolder):
        return make(place)
    if b.surveying:
        return _guarded(b, holder, lambda: make(Place()))

    use = _Use(holder.name, holder.path, span, entering)
    return _guarded(b, holder, lambda: _used(b, use, place, make))


@dataclass(frozen=True)
class _Use:
    """One use of a layer: its name and path, where the use stands, and the type of what enters."""

    name: str
    path: tuple[str, ...]
    span: Span
    entering: str


def _guarded(b: Build, held: object, make: Callable[[], Made]) -> Made:
    """Make something with what a layer holds, unless that is being done already."""
    # Its name is not known inside itself, which is reported; a flow that is read later would find it all the same.
    if id(held) in b.running:
        raise Poisoned

    b.running.add(id(held))
    try:
        return make()
    finally:
        b.running.discard(id(held))


def _used(b: Build, use: _Use, place: Place, make: Callable[[Place], Made]) -> Made:
    """Make one use of a layer: the same modules at every one of them, or a mistake."""
    uses = b.layers.setdefault(use.path, LayerUses(first=use.span, entered=use.entering))
    member = Member(KIND, use.path, uses.count, 0)  # how many there are in all is known when the build ends
    uses.count += 1

    nodes_before = len(b.graph)
    inner = place.holding(Frame(use.name, use.span, depth=len(use.path)), member)
    result = make(inner)
    if isinstance(result, Poison):
        return result

    modules = _modules(b, b.made_since(nodes_before), use.path)
    # Inside another layer all modules are compared there, with its uses, which a reader sees.
    if uses.modules is not None and not _inside_layer(place, use.path):
        differing = _first_difference(uses.modules, modules)
        if differing is not None:
            raise _differs(b, use, uses, differing, modules, place)
    uses.modules = {**modules, **(uses.modules or {})}
    return result


def _modules(b: Build, nodes: list[Node], path: tuple[str, ...]) -> Modules:
    """The modules among nodes that belong to a layer: what its flows read of other layers is theirs to compare."""
    modules = {}
    for node in nodes:
        if isinstance(node.op.torch, Module) and node.path[: len(path)] == path:
            call = b.graph.call(node)
            target = node.op.torch
            modules[node.path] = ModuleForm(target.dotted(call), target.arguments(call), b.graph.weights(node))
    return modules


def _inside_layer(place: Place, path: tuple[str, ...]) -> bool:
    """Tell whether a layer is declared inside another one, and so is declared anew at each use of that."""
    return any(member.kind == KIND and path[: len(member.region)] == member.region for member in place.members)


def _first_difference(first: Modules, second: Modules) -> tuple[str, ...] | None:
    """The path of the first module that differs in two uses; None where they can share all.

    A module without weights may be there in one of them alone: a second block of branches has the mask of the first.
    """
    for path in (*second, *first):
        one, other = first.get(path), second.get(path)
        if one is not None and other is not None:
            if one != other:
                return path
        elif any(form is not None and form.weights for form in (one, other)):
            return path
    return None


def _differs(b: Build, use: _Use, uses: LayerUses, path: tuple[str, ...], modules: Modules, place: Place) -> Poisoned:
    """Report a use of a layer at which a module would be another than at the first, and return what to raise."""
    assert uses.modules is not None
    here, there = _in_words(".".join(path), uses.modules.get(path), modules.get(path))
    secondary = [Label(uses.first, f"first used here, on {uses.entered}: {there}")]
    message = f"`{use.name}` holds its weights once, and this use needs others"
    help = ("make what enters alike before it, in the channels or features that its weights depend on",
            f"with `let {use.name} = ...` every use has weights of its own")
    return b.refuse("shared-shapes", message, use.span, f"on {use.entering}: {here}", secondary=secondary, help=help,
                    notes=chain(place))


def _in_words(name: str, first: ModuleForm | None, second: ModuleForm | None) -> tuple[str, str]:
    """Describe a module that differs, in the second use and in the first one."""
    if first is None:
        return f"there is a `{name}`", f"there is no `{name}`"
    if second is None:
        return f"there is no `{name}`", f"there is a `{name}`"
    if first.kind != second.kind:
        return f"`{name}` is {_class(second)}", f"`{name}` is {_class(first)}"
    return _differing_part(name, second, first), _differing_part(name, first, second)


def _class(form: ModuleForm) -> str:
    return f"a {form.kind.rpartition('.')[2]}"


def _differing_part(name: str, form: ModuleForm, other: ModuleForm) -> str:
    """The first weight of a module that another form of it has otherwise; else the first setting."""
    shapes = {weight.name: weight.shape for weight in other.weights}
    for weight in form.weights:
        if shapes.get(weight.name) != weight.shape:
            sizes = ", ".join(str(size) for size in weight.shape)
            return f"`{name}.{weight.name}` is [{sizes}]"
    if len(form.weights) < len(other.weights):
        missing = next(weight for weight in other.weights if weight.name not in {w.name for w in form.weights})
        return f"there is no `{name}.{missing.name}`"

    for key, value in form.given.items():
        if other.given.get(key) != value:
            return f"`{name}` has {key} = {value}"
    return f"`{name}` starts otherwise"
