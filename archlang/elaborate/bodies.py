"""Bodies and flows: what a pair of braces makes of what enters, statement by statement and step by step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from archlang.diagnostics import Fix, Label
from archlang.elaborate.arguments import stage_of
from archlang.elaborate.context import Build
from archlang.elaborate.interpret import STAGE, apply, known
from archlang.elaborate.layers import declare_layer
from archlang.elaborate.own import OwnTensor, made_in
from archlang.elaborate.scope import define
from archlang.elaborate.values import (
    POISON,
    BundleValue,
    Env,
    Flowing,
    Place,
    Poison,
    Poisoned,
    Stage,
    StructureStage,
    TensorValue,
)
from archlang.source import Span
from archlang.syntax.tree import As, Bind, Body, Call, Expr, Input, Layer, Let, Name, Output


def run(b: Build, value: Flowing, at: Span, steps: Sequence[Expr], env: Env) -> Flowing:
    """Pass a value through steps. `at` is where it stands in the text; after a mistake the rest is read only."""
    for step in steps:
        try:
            stage = stage_of(b, step, env)
            value = apply(b, stage, value, at, place_in(env))
        except Poisoned:
            value = POISON
        at = step.span
    return value


def place_in(env: Env) -> Place:
    """Return the scope of modules that flows in `env` put their nodes in."""
    return env.place if env.place is not None else Place()


def body(b: Build, tree: Body | Expr, env: Env) -> Flowing:
    """Return what a body hands out: the result of its flow, or of its `output` once all its statements are done."""
    # The budget is for what a network expands to; a survey reads each body once.
    if not b.surveying:
        b.tick(tree.span, place_in(env))
    if not isinstance(tree, Body):
        return tensor_of(b, tree, env)
    if len(tree.flows) > 1:
        _several_flows(b, tree)
        return POISON
    if tree.flows:
        return tensor_of(b, tree.flows[0], env)

    place = place_in(env)
    called = module_names(tree, place)
    inner = env.inner()
    inner.later = bound_names(tree)
    _one_output(b, tree)

    # Statements behind the `output` are read as well: what they use is used, and their mistakes are mistakes.
    result: Flowing = POISON
    for statement in tree.statements:
        match statement:
            case Let():
                declare(b, inner, statement)
            case Layer():
                declare_layer(b, inner, statement, (*place.path, called[id(statement)]))
            case Bind():
                bind(b, inner, statement, called[id(statement)])
            case Output():
                result = tensor_of(b, statement.value, inner)
    return result


def _several_flows(b: Build, tree: Body) -> None:
    """Report a second flow in braces that take one: nothing would ever pass through it."""
    first, second = tree.flows[:2]
    between = Span(second.span.source, first.span.end, second.span.start)
    fix = None
    # A comment between the two would be lost with what stands there.
    if not between.text.replace(";", "").strip():
        fix = Fix(between, " -> ")
    b.refuse(
        "wrong-count", "these braces take one flow, and this is a second one", second.span,
        secondary=(Label(first.span, "the first"),), fix=fix,
        help=("write `->` in front of it if it is the next step",
              "branches that are separated by `;` stand in `parallel { }` and `layers { }`"),
    )


def bound_names(tree: Body) -> dict[str, Span]:
    """The names that a body's statements bind, and where."""
    return {s.name: s.name_span for s in tree.statements if isinstance(s, Let | Layer | Bind | Input)}


def module_names(tree: Body, place: Place) -> dict[int, str]:
    """Name the modules of each statement of a body, by the statement's id().

    Bound names come first: `conv = x -> conv(3x3, 8)` keeps its name, and a stage before it becomes `conv_2`.
    """
    # The braces of an `if` share the scope of the flow around them, where others may have bound the same name: two
    # statements of one module name would share their weights, which nobody asked for.
    return {id(s): place.unique(s.name) for s in tree.statements if isinstance(s, Layer | Bind | Input)}


def _one_output(b: Build, tree: Body) -> None:
    """A body with statements has exactly one `output`, without a name: only a network has several."""
    outputs = [statement for statement in tree.statements if isinstance(statement, Output)]
    if not outputs:
        # What is missing would stand before the closing brace.
        brace = Span(tree.span.source, max(tree.span.end - 1, tree.span.start), tree.span.end)
        b.refuse("missing-output", "this body hands nothing out", brace, help="end it with `output name`")
        return

    first, *others = outputs
    for other in others:
        b.refuse("several-outputs", "a block has one output", other.span,
                 secondary=(Label(first.span, "the first one"),),
                 help="hand out one bundle, `output (a, b)`, or make two blocks of it")
    if first.name is not None:
        b.refuse("misplaced-statement", "an output with a name belongs in a network", first.name_span,
                 help="write `output` and the flow alone")


def declare(b: Build, env: Env, statement: Let) -> None:
    """`let name = value`: evaluated here, so that its mistakes are reported even if nothing uses it."""
    value = no_tensor(b, known(b, statement.value, env.static()), statement.span)
    define(b, env, statement.name, value, statement, statement.name_span)


def no_tensor(b: Build, value: object, span: Span) -> object:
    """The value of a `let`; poison for a tensor, which is reported."""
    if not isinstance(value, TensorValue | BundleValue | OwnTensor):
        return value
    b.refuse("wrong-kind", "`let` binds static values and stages; a tensor is bound without `let`", span)
    return POISON


def bind(b: Build, env: Env, statement: Bind, called: str) -> Flowing:
    """`name = flow`: the tensors that come out, in a scope of modules that is `called` so."""
    place = place_in(env).at(called)
    value = tensor_of(b, statement.value, replace(env, place=place))
    define(b, env, statement.name, value, statement, statement.name_span)
    return value


def tensor_of(b: Build, expr: Expr, env: Env) -> Flowing:
    """The tensors that an expression stands for in a body: a stage means `in -> stage`."""
    # A name that nothing has is called a misspelt stage or a misspelt tensor, whichever would make sense.
    expect = None
    if env.flowing is not None and _likely_stage(expr, env):
        expect = STAGE

    try:
        value = known(b, expr, env, expect)
        if isinstance(value, OwnTensor):
            return made_in(b, value, replace(env, place=place_in(env)))
        if isinstance(value, TensorValue | BundleValue | Poison):
            return value
        if env.flowing is None:
            message = "a flow of a network starts with a tensor: an input, or what one led to"
            start = "input"
            if b.graph.inputs:
                start = b.graph.inputs[0].name
            raise b.refuse("stage-is-no-tensor", message, expr.span, help=f"such as `{start} -> ...`")

        # Not evaluated a second time where it is a stage: arguments may hold flows, whose nodes would stand twice.
        stage = value
        if not isinstance(stage, Stage):
            stage = stage_of(b, expr, env)
        return apply(b, stage, env.flowing, env.at or expr.span, place_in(env))
    except Poisoned:
        return POISON


def _likely_stage(expr: Expr, env: Env) -> bool:
    """Tell whether an unknown name here would rather be a misspelt stage than a misspelt tensor."""
    return isinstance(expr, Call | As) or (isinstance(expr, Name) and not env.has(expr.text))


def read_braces(b: Build, stage: StructureStage) -> None:
    """Read the flows in the braces for mistakes, once."""
    if stage.body is None or id(stage.body) in b.surveyed:
        return
    b.surveyed.add(id(stage.body))
    read_flows(b, stage.body, stage.env)


def read_flows(b: Build, tree: Body, env: Env) -> None:
    """Read the flows of a body for mistakes."""
    with b.survey():
        for flow in flows(tree):
            body(b, flow, env.applied(POISON, Place()))  # a fresh place: reading takes no names of modules


def flows(tree: Body) -> list[Body]:
    """A body as one body a flow."""
    # A single one stays the same object: what is read is remembered by the id of its tree.
    if len(tree.flows) <= 1:
        return [tree]
    return [replace(tree, flows=(flow,)) for flow in tree.flows]
