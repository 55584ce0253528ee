"""Passing a value through stages: operations become nodes, blocks and loops are expanded where they are used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from archlang.diagnostics import Label
from archlang.elaborate import arithmetic
from archlang.elaborate.arguments import shown
from archlang.elaborate.context import Build, chain
from archlang.elaborate.expressions import STAGE, guarded, known, stage_of
from archlang.elaborate.scope import define
from archlang.elaborate.values import (
    POISON,
    BlockStage,
    BundleValue,
    Env,
    FlowStage,
    ForStage,
    GridValue,
    IfStage,
    NamedStage,
    OpStage,
    Place,
    Poison,
    Poisoned,
    RepeatStage,
    Stage,
    StructureStage,
    TensorValue,
    Thunk,
    Value,
)
from archlang.graph.ir import Frame
from archlang.ops.kinds import Fault, TensorKind
from archlang.shapes import Bundle
from archlang.source import Span
from archlang.syntax.tree import As, Bind, Body, Call, Expr, If, Input, Let, Name, Output

Flowing = Value | Poison


def run(b: Build, value: Flowing, at: Span, steps: Sequence[Expr], env: Env) -> Flowing:
    """Pass a value through steps. `at` is where it stands in the text; after a mistake the rest is read only."""
    for step in steps:
        try:
            stage = stage_of(b, step, env)
            value = apply(b, stage, value, at, _place(env))
        except Poisoned:
            value = POISON
        at = step.span
    return value


def apply(b: Build, stage: Stage, value: Flowing, at: Span, place: Place) -> Flowing:
    """Pass a value through one stage; its nodes get names in `place`. Raises `Poisoned` or returns poison."""
    b.tick(stage.span, place)
    match stage:
        case OpStage():
            return _op(b, stage, value, at, place, place_name=stage.name)
        case NamedStage():
            return _named(b, stage, value, at, place)
        case BlockStage():
            return _block(b, stage, value, at, place.enter(stage.name))
        case FlowStage():
            return run(b, value, at, stage.steps, replace(stage.env, place=place))
        case RepeatStage():
            return _repeat(b, stage, value, at, place.enter(_repeat_name(stage.stage)))
        case IfStage():
            return _if(b, stage, value, at, place)
        case ForStage():
            return _for(b, stage, value, at, place.enter("loop"))
        case StructureStage():
            from archlang.elaborate.structures.catalogue import (
                structure,  # structural stages apply the flows in their braces
            )

            return structure(b, stage, value, at, place, stage.structure.name)
    raise AssertionError(stage)


def _place(env: Env) -> Place:
    return env.place if env.place is not None else Place()


# --- operations ------------------------------------------------------------------------------------------------------


def _op(b: Build, stage: OpStage, value: Flowing, at: Span, place: Place, place_name: str) -> Flowing:
    name = place.unique(place_name)
    if isinstance(value, Poison):
        return POISON
    extra = [a.name for a in stage.op.args if isinstance(a.kind, TensorKind)]
    further: list[TensorValue] = []
    spans: list[Span] = []
    for argument in extra:
        given = stage.given[argument]
        tensors = given if isinstance(given, tuple) else (given,)
        further.extend(tensors)
        spans.extend(stage.given.places.get(argument, (stage.span,) * len(tensors)))
    inputs = (*entering(b, stage, value, at, place, bool(further)), *further)
    args = {k: v for k, v in stage.given.values.items() if k not in extra}
    try:
        outputs = b.emit(stage.op, args, inputs, (*place.path, name), place, stage.span)
    except Fault as fault:
        raise _misused(b, fault, stage, inputs, [at, *spans], place) from None
    return outputs[0] if len(outputs) == 1 else BundleValue(outputs)


def entering(b: Build, stage: Stage, value: Value, at: Span, place: Place,
             joined: bool = False) -> tuple[TensorValue, ...]:
    """The tensors that enter an operation: the one of the flow, or all members of a bundle where it takes one."""
    takes = stage.op.takes if isinstance(stage, OpStage) else "bundle"
    name = stage.name if isinstance(stage, OpStage) else "this stage"
    if isinstance(value, TensorValue):
        if takes == "bundle" and not joined:
            raise b.refuse("expected-bundle", f"`{name}` brings the members of a bundle together, this is one tensor",
                           stage.span, secondary=(Label(at, f"this is {value.type}"),), notes=chain(place))
        return (value,)
    if isinstance(value, GridValue):
        raise no_grid(b, stage, name, value, at, place)
    if takes == "tensor" or joined:
        raise b.refuse("expected-tensor", f"`{name}` takes one tensor, a bundle flows in", stage.span,
                       secondary=(Label(at, f"this is {value.type}"),), notes=chain(place),
                       help=f"`each {{ {name} }}` gives each its own weights, `shared {{ {name} }}` all the same")
    for member in value.members:
        if not isinstance(member, TensorValue):
            raise b.refuse("expected-tensor", f"`{name}` takes a bundle of tensors, this one holds bundles", stage.span,
                           secondary=(Label(at, f"this is {value.type}"),), notes=chain(place))
    return value.members  # type: ignore[return-value]  # all are tensors, checked above


def no_grid(b: Build, stage: Stage, name: str, value: GridValue, at: Span, place: Place) -> Poisoned:
    """Report a grid where a tensor or a bundle is wanted, and return what to raise after it."""
    message = f"`{name}` cannot take a grid of patches"
    does = f"`shared {{ {name} ... }}`" if isinstance(stage, OpStage) and stage.op.takes == "tensor" else "`shared`"
    help = (f"{does} does the same to every patch, `experts(n, router) {{ ... }}` chooses for each",
            "`unpatch` makes one map of them again")
    return b.refuse("expected-tensor", message, stage.span, secondary=(Label(at, f"this is {value.type}"),),
                    notes=chain(place), help=help)


def _misused(b: Build, fault: Fault, stage: OpStage, inputs: Sequence[TensorValue], spans: Sequence[Span],
             place: Place) -> Poisoned:
    """The fault as a mistake: what flowed in is labelled, and so is the further tensor that differs from it."""
    further = len(spans) - 1
    entered = inputs[: len(inputs) - further]
    joined = entered[0].type if len(entered) == 1 else Bundle(tuple(v.type for v in entered))
    at, where = spans[0], stage.span
    if further and fault.input:
        which = fault.input - len(entered)
        fault.label = f"this is {inputs[fault.input].type}"
        where = spans[1 + which] if further > 1 else where
        fault.help = (*fault.help, *_passes(inputs[fault.input], spans[1 + which]), *_passes(inputs[0], at))
    elif fault.input and not further:
        fault.label = f"member {fault.input} is {inputs[fault.input].type}"
    elif fault.input == 0 and not _covers(at, where):
        fault.label = ""  # the place where it comes from says so
    elif _covers(at, where) and not fault.label:
        fault.label = f"{joined} flows in"
    secondary = [] if _covers(at, where) else [Label(at, f"this is {joined}")]
    return b.fault(fault, where, stage.given, place, secondary)


def _covers(outer: Span, inner: Span) -> bool:
    """Whether a place in the text holds another, so that one label for both has to do."""
    return outer.source is inner.source and outer.start <= inner.start and inner.end <= outer.end


def _passes(value: TensorValue, span: Span) -> tuple[str, ...]:
    if value.passed is None:
        return ()
    test = value.passed.text[:60]
    return (f"`{span.text[:40]}` passes its input through: the test `{test}` is false here",)


# --- names, blocks, loops --------------------------------------------------------------------------------------------


def _named(b: Build, stage: NamedStage, value: Flowing, at: Span, place: Place) -> Flowing:
    inner = stage.stage
    if stage.scope:
        return apply(b, _at(inner, stage.span), value, at, place.enter(stage.name))
    match inner:
        case NamedStage():
            return apply(b, inner.stage, value, at, place.enter(stage.name))
        case OpStage():
            return _op(b, inner, value, at, place, stage.name)
        case BlockStage():
            return _block(b, inner, value, at, place.enter(stage.name))
        case RepeatStage():
            return _repeat(b, inner, value, at, place.enter(stage.name))
        case ForStage():
            return _for(b, inner, value, at, place.enter(stage.name))
        case StructureStage():
            from archlang.elaborate.structures.catalogue import structure

            return structure(b, inner, value, at, place, stage.name)
    return apply(b, inner, value, at, place.enter(stage.name))


def _at(stage: Stage, span: Span) -> Stage:
    return stage if isinstance(stage, FlowStage) else replace(stage, span=span)


def _repeat_name(stage: Stage) -> str:
    match stage:
        case NamedStage() | BlockStage() | OpStage():
            return stage.name
        case StructureStage():
            return stage.structure.name
        case _:
            return "repeat"


def _repeat(b: Build, stage: RepeatStage, value: Flowing, at: Span, place: Place) -> Flowing:
    if not stage.count:
        with b.survey():
            apply(b, stage.stage, POISON, at, Place())
    for i in range(stage.count):
        inner = place.at(str(i))
        value = _within(b, stage.stage, value, at, inner)
        at = stage.span
        if isinstance(value, Poison):
            break
    return value


def _within(b: Build, stage: Stage, value: Flowing, at: Span, place: Place) -> Flowing:
    """Apply a stage whose own name stands in `place` already."""
    match stage:
        case BlockStage():
            return _block(b, stage, value, at, place)
        case NamedStage():
            again = apply if stage.scope else _within
            return again(b, _at(stage.stage, stage.span), value, at, place)
        case StructureStage() | OpStage():
            outer = replace(place, path=place.path[:-1], taken={})
            if isinstance(stage, OpStage):
                return _op(b, stage, value, at, outer, place.path[-1])
            from archlang.elaborate.structures.catalogue import structure

            return structure(b, stage, value, at, outer, place.path[-1])
    return apply(b, stage, value, at, place)


def _block(b: Build, stage: BlockStage, value: Flowing, at: Span, place: Place) -> Flowing:
    """Expand a block: its parameters in a scope of their own, its body on what flows in."""
    if isinstance(value, Poison) or b.surveying or id(stage.block) in b.circular:
        return POISON  # its body is read for mistakes by itself; a recursion is reported from the names
    if len(b.active) >= b.limits.nesting:
        raise b.refuse("nesting-too-deep", f"blocks use blocks more than {b.limits.nesting} deep here",
                       (place.frames[0] if place.frames else stage).span)
    frame = Frame(stage.name, stage.span, stage.shown)
    place = place.framed(frame)
    b.active.append(stage.block)
    try:
        env = parameters(b, stage, Env(stage.home, {}, value, place, at=at))
        return body(b, stage.block.body, env)
    finally:
        b.active.pop()


def parameters(b: Build, stage: BlockStage, env: Env) -> Env:
    """The scope of a block's parameters: given values, else defaults, evaluated where the block is declared."""
    for parameter in stage.block.parameters:
        value = stage.given.get(parameter.name)
        if value is None:
            inner = replace(env, entering=None)
            value = known(b, parameter.default, inner) if parameter.default is not None else POISON
        define(b, env, parameter.name, value, parameter, parameter.span)
    return env


def body(b: Build, tree: Body | Expr, env: Env) -> Flowing:
    """What a body hands out: the result of its flow, or of its `output` once all its statements are done."""
    if not b.surveying:
        b.tick(tree.span, _place(env))
    if not isinstance(tree, Body):
        return tensor_of(b, tree, env)
    if tree.flows:
        return tensor_of(b, tree.flows[0], env)
    place = _place(env)
    for statement in tree.statements:
        if isinstance(statement, Bind):
            place.reserve(statement.name)
    inner = env.inner()
    inner.later = bound_names(tree)
    _one_output(b, tree)
    result: Flowing = POISON
    for statement in tree.statements:
        match statement:
            case Let():
                declare(b, inner, statement)
            case Bind():
                bind(b, inner, statement)
            case Output():
                result = tensor_of(b, statement.value, inner)
    return result


def bound_names(tree: Body) -> dict[str, Span]:
    """The names that a body's statements bind, and where."""
    return {s.name: s.name_span for s in tree.statements if isinstance(s, Let | Bind | Input)}


def _one_output(b: Build, tree: Body) -> None:
    """A body with statements has exactly one `output`, without a name: only a network has several."""
    first, *more = [*(s for s in tree.statements if isinstance(s, Output)), None]
    if first is None:
        brace = Span(tree.span.source, max(tree.span.end - 1, tree.span.start), tree.span.end)
        b.refuse("missing-output", "this body hands nothing out", brace, help="end it with `output name`")
    for other in more[:-1]:
        assert first is not None and other is not None
        b.refuse("several-outputs", "a block has one output", other.span,
                 secondary=(Label(first.span, "the first one"),))
    if first is not None and first.name is not None:
        b.refuse("misplaced-statement", "an output with a name belongs in a network", first.name_span,
                 help="write `output` and the flow alone")


def declare(b: Build, env: Env, statement: Let) -> None:
    """`let name = value`: evaluated here, so that its mistakes are reported even if nothing uses it."""
    value = known(b, statement.value, replace(env, place=None))
    if isinstance(value, TensorValue | BundleValue):
        b.refuse("wrong-kind", "`let` binds static values and stages; a tensor is bound without `let`", statement.span)
        value = POISON
    define(b, env, statement.name, value, statement, statement.name_span)


def bind(b: Build, env: Env, statement: Bind) -> Flowing:
    """`name = flow`: the tensors that come out, in a scope of modules called by the name."""
    place = _place(env).at(statement.name)
    value = tensor_of(b, statement.value, replace(env, place=place))
    define(b, env, statement.name, value, statement, statement.name_span)
    return value


def tensor_of(b: Build, expr: Expr, env: Env) -> Flowing:
    """The tensors that an expression stands for in a body: a stage means `in -> stage`."""
    try:
        value = known(b, expr, env, STAGE if env.entering is not None and _likely_stage(expr, env) else None)
        if isinstance(value, TensorValue | BundleValue | Poison):
            return value
        if env.entering is None:
            message = "a flow of a network starts with a tensor: an input, or what one led to"
            start = b.graph.inputs[0].name if b.graph.inputs else "input"
            raise b.refuse("stage-is-no-tensor", message, expr.span, help=f"such as `{start} -> ...`")
        stage = stage_of(b, expr, env) if not isinstance(value, Stage) else value
        return apply(b, stage, env.entering, env.at or expr.span, _place(env))
    except Poisoned:
        return POISON


def _likely_stage(expr: Expr, env: Env) -> bool:
    """Whether an unknown name here would rather be a misspelt stage than a misspelt tensor."""
    return isinstance(expr, Call | As) or (isinstance(expr, Name) and expr.text not in set(env.all_names()))


def _if(b: Build, stage: IfStage, value: Flowing, at: Span, place: Place) -> Flowing:
    expr: If | Body | None = stage.expr
    taken: Body | None = None
    last: Span | None = None
    while isinstance(expr, If) and taken is None:
        test = known(b, expr.test, replace(stage.env, place=None))
        truth = POISON if isinstance(test, Poison) else _truth(b, expr, test, stage.env)
        if isinstance(truth, Poison):
            _survey_branches(b, expr, stage.env)
            return POISON
        _survey(b, expr.then, stage.env)
        taken, last = (expr.then if truth else None), expr.test.span
        expr = expr.otherwise
    _survey_branches(b, expr, stage.env)
    if taken is None and isinstance(expr, Body):
        taken = expr
    if taken is None:
        return replace(value, passed=last) if isinstance(value, TensorValue) else value
    return body(b, taken, Env(stage.env, {}, value, place, at=at))


def _truth(b: Build, expr: If, test: object, env: Env) -> bool | Poison:
    try:
        return bool(guarded(b, expr.test.span, env, lambda: arithmetic.truth(test)))
    except Poisoned:
        return POISON


def _survey_branches(b: Build, expr: If | Body | None, env: Env) -> None:
    while isinstance(expr, If):
        with b.survey():
            known(b, expr.test, replace(env, place=None))
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
        body(b, tree, Env(env, {}, POISON, Place()))


def _for(b: Build, stage: ForStage, value: Flowing, at: Span, place: Place) -> Flowing:
    expr = stage.expr
    values = known(b, expr.values, replace(stage.env, place=None))
    if not isinstance(values, Poison) and not isinstance(values, list | tuple):
        b.refuse("wrong-kind", "`for` goes through a list, such as [32, 64] or range(3)", expr.values.span)
        values = POISON
    if isinstance(values, Poison) or isinstance(value, Poison) or not values:
        env = Env(stage.env, {}, POISON, Place())
        define(b, env, expr.name, POISON, expr, expr.name_span)
        with b.survey():
            body(b, expr.body, env)
        return POISON if isinstance(values, Poison) else value
    for i, item in enumerate(values):
        inner = replace(place.at(str(i)), loops=(*place.loops, (expr.name, shown(item))))
        env = Env(stage.env, {}, value, inner, at=at)
        define(b, env, expr.name, item, expr, expr.name_span)
        value, at = body(b, expr.body, env), expr.body.span
        if isinstance(value, Poison):
            break
    return value


__all__ = ["Flowing", "Thunk", "apply", "bind", "body", "declare", "entering", "no_grid", "run", "tensor_of"]
