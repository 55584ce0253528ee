"""Arguments to their places, and what each of them stands for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from archlang.diagnostics import Label
from archlang.elaborate.context import Build
from archlang.elaborate.interpret import STAGE, evaluate, known
from archlang.elaborate.placing import Signature, place, signature_of_block
from archlang.elaborate.scope import find_node, lookup, name_span
from archlang.elaborate.values import (
    POISON,
    BlockStage,
    BlockValue,
    BundleValue,
    Env,
    Given,
    GridValue,
    LabelValue,
    NamedStage,
    OpenWord,
    OpStage,
    Poison,
    Poisoned,
    Stage,
    TensorValue,
)
from archlang.ops.kinds import Fault, Kind, ListKind, OneOf, StageKind, TensorKind, describe
from archlang.ops.model import AUTO, REQUIRED, Arg
from archlang.ops.values import show
from archlang.source import Span
from archlang.syntax.tree import Argument, Block, Expr, Name
from archlang.syntax.tree import ListOf as ListTree


def given_for(b: Build, takes: Signature, arguments: Sequence[Argument], span: Span, env: Env) -> Given:
    """Return the checked arguments of an operation, a structure or a setting. Raises `Poisoned` when one is wrong."""
    before = len(b.mistakes)
    placed = place(b, takes, arguments)
    values: dict[str, Any] = {}
    spans: dict[str, Span] = {}
    bad = len(b.mistakes) > before or sum(map(len, placed.values())) < len(arguments)
    for arg in takes.args:
        if bad and arg.name not in placed and arg.default is REQUIRED:
            continue  # it may be what the wrong argument was meant to be
        try:
            values[arg.name] = _argument(b, takes.what, arg, placed.get(arg.name, []), span, env)
        except Poisoned:
            bad = True
        if arg.name in placed:
            first, last = placed[arg.name][0], placed[arg.name][-1]
            spans[arg.name] = first.value.span.to(last.value.span)
    if bad:
        raise Poisoned
    return Given(values, spans, {name: tuple(_single(given)) for name, given in placed.items()})


def _single(given: Sequence[Argument]) -> Iterator[Span]:
    """The place of each value, those of a list that is written out too."""
    for argument in given:
        items = argument.value.items if isinstance(argument.value, ListTree) else (argument.value,)
        yield from (item.span for item in items)


def _argument(b: Build, what: str, arg: Arg, given: list[Argument], span: Span, env: Env) -> Any:
    if not given:
        return _default(b, what, arg, span)
    if arg.many or getattr(arg.kind, "many", False):
        values = tuple(_spread(b, a.value, arg.kind, env) for a in given)
        return tuple(v for part in values for v in part)
    return given_value(b, arg, given[0].value, env)


def given_value(b: Build, arg: Arg, expr: Expr, env: Env) -> Any:
    """Return the value of one argument; `auto` where its default is so called. Raises `Poisoned`."""
    if arg.default is None and _is_auto(b, expr, env):
        return None
    return value_of(b, expr, arg.kind, env)


def _is_auto(b: Build, expr: Expr, env: Env) -> bool:
    """Tell the bare word `auto`, written here or bound to a name."""
    if not isinstance(expr, Name):
        return False
    bound = lookup(b, env, expr.text, expr.span)
    if bound is None:
        return expr.text == AUTO
    return isinstance(bound, OpenWord) and bound.text == AUTO


def _default(b: Build, what: str, arg: Arg, span: Span) -> Any:
    many = arg.many or getattr(arg.kind, "many", False)
    if arg.default is not REQUIRED:
        return () if many and arg.default is None else arg.default
    if many and getattr(arg.kind, "low", 1) == 0:
        return ()
    help = [f"{arg.name}: {arg.doc}"] if arg.doc else []
    if arg.kind.role:
        help.append(f"it can be {', '.join(f'`{name}`' for name in b.catalogue.of_role(arg.kind.role))}")
    raise b.refuse("missing-argument", f"`{what}` needs its argument `{arg.name}`: {arg.kind.text}", span, help=help)


def _spread(b: Build, expr: Expr, kind: Kind, env: Env) -> tuple[Any, ...]:
    """One of several values; a list written where they stand gives all of its items."""
    if isinstance(expr, ListTree) and not isinstance(kind, ListKind | OneOf):
        return tuple(value_of(b, item, kind, env) for item in expr.items)
    return (value_of(b, expr, kind, env),)


def value_of(b: Build, expr: Expr, kind: Kind, env: Env) -> Any:
    """Return what an expression stands for where `kind` is wanted. Raises `Poisoned`."""
    if isinstance(kind, StageKind):
        return stage_of(b, expr, env)
    value = evaluate(b, expr, env, kind)
    if isinstance(kind, TensorKind):
        return _tensor(b, value, expr)
    if isinstance(value, TensorValue | BundleValue):
        message = f"{kind.text} is wanted here, this is {value.described} {value.type}"
        raise b.refuse("wrong-kind", message, expr.span)
    if isinstance(value, BlockValue):
        value = stage_of(b, expr, env)
    try:
        return kind.accept(value)
    except Fault as fault:
        raise b.fault(fault, expr.span, None, env.place) from None


def _tensor(b: Build, value: object, expr: Expr) -> object:
    if isinstance(value, TensorValue | LabelValue):
        return value
    if isinstance(value, BundleValue):
        of_grid = isinstance(value, GridValue)
        help = _PUT_BACK if of_grid else "bring its members together first (sum, mean, concat) or pick one: `name[0]`"
        message = f"a tensor is wanted here, this is {value.described if of_grid else 'a bundle'}"
        raise b.refuse("expected-tensor", message, expr.span, f"this is {value.type}", help=help)
    if isinstance(value, Stage | BlockValue):
        raise b.refuse("stage-is-no-tensor", "a tensor is wanted here, this is a stage", expr.span,
                       help="let a tensor flow through it: `tensor -> stage`")
    raise b.refuse("wrong-kind", f"a tensor is wanted here, this is {describe(value)}", expr.span)


_PUT_BACK = "put the patches back first: `unpatch`"


def parameters_for(b: Build, block: Block, arguments: Sequence[Argument], span: Span, env: Env,
                   home: Env) -> tuple[Mapping[str, object], tuple[tuple[str, str], ...]]:
    """A block's parameters: the values given, each evaluated where the block was called, and how messages show them."""
    before = len(b.mistakes)
    placed = place(b, signature_of_block(block), arguments)
    values: dict[str, object] = {
        name: _as_value(b, known(b, given[0].value, env), given[0].value, env) for name, given in placed.items()
    }
    bad = len(b.mistakes) > before or len(placed) < len(arguments)
    for parameter in block.parameters:
        if parameter.name not in placed and parameter.default is None and len(placed) == len(arguments):
            b.refuse("missing-argument", f"the block `{block.name}` needs its argument `{parameter.name}`", span,
                     secondary=(Label(parameter.span, "declared here"),))
            bad = True
    if bad and not b.surveying:
        raise Poisoned
    return values, tuple((name, shown(value)) for name, value in values.items() if not isinstance(value, Poison))


def _as_value(b: Build, value: object, expr: Expr, env: Env) -> object:
    if not isinstance(value, BlockValue):
        return value
    try:
        return stage_of(b, expr, env)
    except Poisoned:
        return POISON


def stage_of(b: Build, expr: Expr, env: Env) -> Stage:
    """A stage where one is wanted. Raises `Poisoned`."""
    value = evaluate(b, expr, env, STAGE)
    if isinstance(value, BlockValue):
        value = block_stage(b, value, (), expr, env)
    if isinstance(value, Stage):
        return value
    if isinstance(value, TensorValue | BundleValue):
        node = find_node(env, expr.text) if isinstance(expr, Name) else None
        notes = [Label(name_span(node), "bound here")] if node is not None else []
        raise b.refuse("tensor-is-no-stage", "a stage is wanted here, this is a tensor", expr.span, secondary=notes,
                       help="a tensor starts a flow; further tensors go into an argument: `-> add(other)`")
    raise b.refuse("wrong-kind", f"a stage is wanted here, this is {describe(value)}", expr.span)


def block_stage(b: Build, value: BlockValue, arguments: tuple[object, ...], at: Expr, env: Env) -> Stage:
    """Return a block with values for its parameters. Raises `Poisoned`."""
    values, shown = parameters_for(b, value.block, arguments, at.span, env, value.home)  # type: ignore[arg-type]
    return BlockStage(value.block, value.block.name, values, value.home, shown, span=at.span)


def shown(value: object) -> str:
    """A value as messages show it: a static one as written, a tensor by its type, a stage by its name."""
    match value:
        case TensorValue() | BundleValue():
            return str(value.type)
        case NamedStage():
            return value.name
        case OpStage():
            return value.name
        case BlockStage():
            return value.name
        case Stage():
            return "a flow"
        case _:
            return show(value)[:64]
