"""Stages: the rule of each kind. Blocks and loops are expanded where they are used."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from archlang.elaborate import arithmetic, loops
from archlang.elaborate.bodies import body, read_braces, run
from archlang.elaborate.context import CIRCLE, Build
from archlang.elaborate.interpret import STAGE, apply, evaluate, guarded, known
from archlang.elaborate.layers import through_layer
from archlang.elaborate.operations import operation
from archlang.elaborate.own import OwnTensor, made
from archlang.elaborate.scope import define
from archlang.elaborate.values import (
    POISON,
    BlockStage,
    BundleValue,
    Env,
    Flowing,
    FlowStage,
    ForStage,
    IfStage,
    LayerStage,
    NamedStage,
    OpStage,
    Place,
    Poison,
    Poisoned,
    RepeatStage,
    Stage,
    StructureStage,
    TensorValue,
    TurnStage,
)
from archlang.graph.ir import Frame
from archlang.ops.kinds import Fault, describe
from archlang.ops.values import Size
from archlang.source import Span
from archlang.syntax.tree import Body, If


def _named(b: Build, stage: NamedStage, value: Flowing, at: Span, place: Place) -> Flowing:
    inner = stage.stage
    # The name of a `let` or a parameter is a scope around the stage's own names: `head.linear`, not `head`.
    if stage.scope:
        return _held(b, stage, value, at, place.enter(stage.name))

    # After `as` the name takes the place of the stage's own.
    match inner:
        case NamedStage():
            return apply(b, inner.stage, value, at, place.enter(stage.name))
        case OpStage():
            return operation(b, inner, value, at, place, stage.name)
        case BlockStage():
            return _block(b, inner, value, at, place.enter(stage.name))
        case RepeatStage():
            return _repeat(b, inner, value, at, place.enter(stage.name))
        case ForStage():
            return _for(b, inner, value, at, place.enter(stage.name))
        case StructureStage():
            return _structure(b, inner, value, at, place, stage.name)
    return apply(b, inner, value, at, place.enter(stage.name))


def _held(b: Build, stage: NamedStage, value: Flowing, at: Span, place: Place) -> Flowing:
    """Apply the stage that a `let` or a parameter holds, unless it leads back to itself."""
    held = stage.stage
    if id(held) not in b.running:
        b.running.add(id(held))
        try:
            return apply(b, _at(held, stage.span), value, at, place)
        finally:
            b.running.discard(id(held))

    # Said already: where its name was read before it was bound, or once all names of a file have been read.
    at_file_level = getattr(held, "env", None) is not None and held.env.outer is None  # type: ignore[attr-defined]
    if b.has_error_at(stage.span) or (b.reading and at_file_level):
        raise Poisoned
    raise b.refuse("recursive-block", f"`{stage.name}` uses itself", stage.span, help=CIRCLE)


def _at(stage: Stage, span: Span) -> Stage:
    """Return a stage as used at a place: messages about it stand there, not where it was declared."""
    # The steps of a flow have places of their own.
    if isinstance(stage, FlowStage):
        return stage
    return replace(stage, span=span)


def _repeat_name(stage: Stage) -> str:
    match stage:
        case NamedStage() | LayerStage() | BlockStage() | OpStage() | TurnStage():
            return stage.name
        case StructureStage():
            return stage.structure.name
        case _:
            return "repeat"


def _repeat(b: Build, stage: RepeatStage, value: Flowing, at: Span, place: Place) -> Flowing:
    # Repeated zero times, a stage is still read for mistakes.
    if not stage.count:
        with b.survey():
            apply(b, stage.stage, POISON, at, Place())

    for i in range(stage.count):
        inner = place.at(str(i))
        value = _within(b, stage.stage, value, at, inner)
        at = stage.span
        if isinstance(value, Poison):  # the further turns would report the same
            break
    return value


def _within(b: Build, stage: Stage, value: Flowing, at: Span, place: Place) -> Flowing:
    """Apply a stage whose own name stands in `place` already."""
    match stage:
        case BlockStage():
            return _block(b, stage, value, at, place)
        case NamedStage():
            if stage.scope:
                return _held(b, stage, value, at, place)
            return _within(b, _at(stage.stage, stage.span), value, at, place)
        case TurnStage():
            return _turn(b, stage, value, at, place)
        case StructureStage() | OpStage():
            # These take their name from the scope outside, where nothing else of this turn stands.
            outer = replace(place, path=place.path[:-1], taken={})
            if isinstance(stage, OpStage):
                return operation(b, stage, value, at, outer, place.path[-1])
            return _structure(b, stage, value, at, outer, place.path[-1])
    return apply(b, stage, value, at, place)


def _turn(b: Build, stage: TurnStage, value: Flowing, at: Span, place: Place) -> Flowing:
    """Make one turn of a repeated stage that says `in`: a flow in it may start with `in`, and is a tensor then."""
    result = evaluate(b, stage.expr, stage.env.applied(value, place, at), STAGE)
    if isinstance(result, TensorValue | BundleValue):
        return result
    if isinstance(result, Stage):
        return _within(b, result, value, at, place)
    raise b.refuse("wrong-kind", f"a stage is wanted here, this is {describe(result)}", stage.span)


def _block(b: Build, stage: BlockStage, value: Flowing, at: Span, place: Place) -> Flowing:
    """Expand a block: its parameters in a scope of their own, its body on what flows in."""
    if isinstance(value, Poison) or b.surveying or id(stage.block) in b.circular:
        return POISON  # its body is read for mistakes by itself; a recursion is reported from the names

    # Without a recursion a chain of blocks is as long as the file allows; Python's stack is shorter.
    if len(b.active) >= b.limits.nesting:
        outermost = stage.span
        if place.frames:
            outermost = place.frames[0].span
        raise b.refuse("nesting-too-deep", f"blocks use blocks more than {b.limits.nesting} deep here", outermost)

    known: dict[str, object] = {}
    doc = stage.block.doc
    # It may stand first inside the braces.
    if doc is None and isinstance(stage.block.body, Body):
        doc = stage.block.body.doc
    place = place.framed(Frame(stage.name, stage.span, stage.shown, len(place.path), doc, known))
    b.active.append(stage.block)
    try:
        env = parameters(b, stage, stage.home.applied(value, place, at))
        # Filled in afterwards: a default may ask for the place, which holds the frame.
        known.update({name: v for name, v in env.names.items() if isinstance(v, bool | int | float | str | Size)})
        return body(b, stage.block.body, env)
    finally:
        b.active.pop()


def parameters(b: Build, stage: BlockStage, env: Env) -> Env:
    """The scope of a block's parameters: given values, else defaults, evaluated where the block is declared."""
    for parameter in stage.block.parameters:
        value = stage.given.get(parameter.name)
        if value is None and parameter.default is not None:
            value = known(b, parameter.default, env.closed())
        elif value is None:
            value = POISON  # that it is missing is reported where the block is called

        if isinstance(value, OwnTensor) and env.place is not None:
            value = made(b, value, env.place, env.entering)
        define(b, env, parameter.name, value, parameter, parameter.span)
    return env


def _if(b: Build, stage: IfStage, value: Flowing, at: Span, place: Place) -> Flowing:
    expr: If | Body | None = stage.expr
    taken: Body | None = None
    last_test: Span | None = None
    while isinstance(expr, If) and taken is None:
        truth = _truth(b, expr, known(b, expr.test, stage.env.static()), stage.env)
        if isinstance(truth, Poison):
            _survey_branches(b, expr, stage.env)
            return POISON

        # Each branch is read for mistakes, whichever a dial happens to choose.
        _survey(b, expr.then, stage.env)
        if truth:
            taken = expr.then
        last_test = expr.test.span
        expr = expr.otherwise

    _survey_branches(b, expr, stage.env)
    if taken is None and isinstance(expr, Body):
        taken = expr
    if taken is not None:
        return body(b, taken, stage.env.continued(value, place, at))

    # Nothing is taken: the tensor goes on unchanged, and remembers why, for messages about `add(in)` behind it.
    if isinstance(value, TensorValue):
        return replace(value, passed=last_test)
    return value


def _truth(b: Build, expr: If, test: object, env: Env) -> bool | Poison:
    if isinstance(test, Poison):
        return POISON
    try:
        return bool(guarded(b, expr.test.span, env, lambda: arithmetic.truth(test)))
    except Poisoned:
        return POISON


def _survey_branches(b: Build, expr: If | Body | None, env: Env) -> None:
    """Read the tests and branches from here on for mistakes."""
    while isinstance(expr, If):
        with b.survey():
            known(b, expr.test, env.static())
        _survey(b, expr.then, env)
        expr = expr.otherwise
    if isinstance(expr, Body):
        _survey(b, expr, env)


def _survey(b: Build, tree: Body, env: Env) -> None:
    """Read a branch for mistakes, taken or not, once."""
    if id(tree) in b.surveyed:
        return
    b.surveyed.add(id(tree))
    with b.survey():
        body(b, tree, env.unread())


def _for(b: Build, stage: ForStage, value: Flowing, at: Span, place: Place) -> Flowing:
    expr = stage.expr
    values = loops.items_of(b, expr, stage.env)
    # No turn can be made: the body is read once for mistakes, the loop's name standing for nothing known.
    if isinstance(values, Poison) or isinstance(value, Poison) or not values:
        env = stage.env.applied(POISON, Place())
        loops.define_turn(b, expr, POISON, env)
        with b.survey():
            body(b, expr.body, env)
        if isinstance(values, Poison):
            return POISON
        return value

    for i, item in enumerate(values):
        inner = replace(place.at(str(i)), loops=(*place.loops, *loops.shown_turn(expr, item)))
        env = stage.env.applied(value, inner, at)
        loops.define_turn(b, expr, item, env)
        value, at = body(b, expr.body, env), expr.body.span
        if isinstance(value, Poison):
            break
    return value


def _flow(b: Build, stage: FlowStage, value: Flowing, at: Span, place: Place) -> Flowing:
    return run(b, value, at, stage.steps, replace(stage.env, place=place))


def _structure(b: Build, stage: StructureStage, value: Flowing, at: Span, place: Place, name: str) -> Flowing:
    """Pass a value through a structural stage, whose modules live under `name`."""
    if isinstance(value, Poison):
        read_braces(b, stage)
        return POISON

    inner = place.enter(name)
    try:
        return b.rules.structures[stage.structure.name](b, stage, value, at, inner)
    except Fault as fault:  # of the sizes that a rule asks for: whatever they are is the file's affair
        raise b.fault(fault, stage.span, stage.given, inner) from None


def _repeated(b: Build, stage: RepeatStage, value: Flowing, at: Span, place: Place) -> Flowing:
    return _repeat(b, stage, value, at, place.enter(_repeat_name(stage.stage)))


RULES: dict[type, Callable[..., Flowing]] = {
    OpStage: lambda b, stage, value, at, place: operation(b, stage, value, at, place, stage.name),
    NamedStage: _named,
    LayerStage: through_layer,
    BlockStage: lambda b, stage, value, at, place: _block(b, stage, value, at, place.enter(stage.name)),
    FlowStage: _flow,
    RepeatStage: _repeated,
    TurnStage: _turn,
    IfStage: _if,
    ForStage: lambda b, stage, value, at, place: _for(b, stage, value, at, place.enter("loop")),
    StructureStage: lambda b, stage, value, at, place: _structure(b, stage, value, at, place, stage.structure.name),
}
"""The rule of each kind of stage, by itself: its modules are called as the stage is."""
