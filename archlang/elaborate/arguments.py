"""Arguments to their places, and what each of them stands for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from archlang.diagnostics import Label
from archlang.elaborate import rounding
from archlang.elaborate.context import Build
from archlang.elaborate.interpret import STAGE, evaluate, known
from archlang.elaborate.label import LabelValue
from archlang.elaborate.own import OwnTensor
from archlang.elaborate.placing import Signature, place, signature_of_block, takes_several
from archlang.elaborate.scope import find_node, lookup, name_span
from archlang.elaborate.values import (
    POISON,
    BlockStage,
    BlockValue,
    BundleValue,
    Env,
    Given,
    GridValue,
    LayerStage,
    NamedStage,
    OpenWord,
    OpStage,
    Poison,
    Poisoned,
    Stage,
    TensorValue,
)
from archlang.ops.kinds import Fault, Kind, ListKind, OneOf, StageKind, TensorKind, describe
from archlang.ops.model import AUTO, Arg, OpCall
from archlang.ops.tables import Table, TableKind
from archlang.ops.tokens import EMBEDDING
from archlang.ops.values import Option, show
from archlang.source import Span
from archlang.syntax.tree import Argument, Block, Expr, Name
from archlang.syntax.tree import ListOf as ListTree


def given_for(b: Build, takes: Signature, arguments: Sequence[Argument], span: Span, env: Env) -> Given:
    """Return the checked arguments of an operation, a structure or a setting. Raises `Poisoned` when one is wrong."""
    if not arguments and not takes.required:
        return Given(dict(takes.defaults))

    mistakes_before = len(b.mistakes)
    placed = place(b, takes, arguments)
    # A mistake that another copy of the block has reported already is not counted again; arguments left over tell it.
    bad = len(b.mistakes) > mistakes_before or sum(map(len, placed.values())) < len(arguments)

    # Most arguments of most calls are left to their defaults.
    values: dict[str, Any] = dict(takes.defaults)
    spans: dict[str, Span] = {}
    for arg in takes.args:
        if arg.name not in placed and arg.name not in takes.required:
            continue

        here = placed.get(arg.name)
        # The argument in the wrong place may be this one, misspelt: "missing" would report one mistake twice.
        if here is None and bad:
            continue

        # One wrong value does not hide the mistakes in the others.
        try:
            values[arg.name] = _argument(b, takes.what, arg, here or [], span, env)
        except Poisoned:
            bad = True
        if here is not None:
            spans[arg.name] = _extent(here)

    if bad:
        raise Poisoned
    return Given(values, spans, {name: tuple(_single(given)) for name, given in placed.items()})


def _extent(given: Sequence[Argument]) -> Span:
    """The place from the first value to the last."""
    first, last = given[0], given[-1]
    if first is last:
        return first.value.span
    return first.value.span.to(last.value.span)


def _single(given: Sequence[Argument]) -> Iterator[Span]:
    """The place of each value, those of a list that is written out too."""
    for argument in given:
        if isinstance(argument.value, ListTree):
            yield from (item.span for item in argument.value.items)
        else:
            yield argument.value.span


def _argument(b: Build, what: str, arg: Arg, given: list[Argument], span: Span, env: Env) -> Any:
    if not given:
        raise _missing(b, what, arg, span)
    if not takes_several(arg):
        return given_value(b, arg, given[0].value, env)

    values: list[Any] = []
    for argument in given:
        values.extend(_spread(b, argument.value, arg.kind, env))
    return tuple(values)


def given_value(b: Build, arg: Arg, expr: Expr, env: Env) -> Any:
    """Return the value of one argument; None for `auto`. Raises `Poisoned`."""
    # A default of None is written `auto`, which no kind accepts as a value.
    if arg.default is None and _is_auto(b, expr, env):
        return None
    return value_of(b, expr, arg.kind, env)


def _is_auto(b: Build, expr: Expr, env: Env) -> bool:
    """Tell the bare word `auto`, written here or bound to a name."""
    if not isinstance(expr, Name):
        return False

    # A `let` or a parameter called `auto` hides the word.
    bound = lookup(b, env, expr.text, expr.span)
    if bound is None:
        return expr.text == AUTO
    return isinstance(bound, OpenWord) and bound.text == AUTO


def _missing(b: Build, what: str, arg: Arg, span: Span) -> Poisoned:
    """Report an argument that must be given and is not."""
    help = []
    if arg.doc:
        help.append(f"{arg.name}: {arg.doc}")
    if arg.kind.role:
        help.append(f"it can be {', '.join(f'`{name}`' for name in b.catalogue.of_role(arg.kind.role))}")
    return b.refuse("missing-argument", f"`{what}` needs its argument `{arg.name}`: {arg.kind.text}", span, help=help)


def _spread(b: Build, expr: Expr, kind: Kind, env: Env) -> tuple[Any, ...]:
    """One of several values; a list written where they stand gives all of its items."""
    # Where each value is a list itself, such as the sizes of one tensor of several, the list is one value.
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
    if isinstance(kind, TableKind) and isinstance(value, LayerStage):
        value = _table(b, value, expr)
    # `Kind.accept` knows static values alone.
    if isinstance(value, TensorValue | BundleValue):
        message = f"{kind.text} is wanted here, this is {value.described} {value.type}"
        raise b.refuse("wrong-kind", message, expr.span)
    # A block's bare name is the stage that it makes with its defaults.
    if isinstance(value, BlockValue):
        value = stage_of(b, expr, env)

    try:
        return kind.accept(value)
    except Fault as fault:
        advice = rounding.NO_ROUNDING
        if fault.name == "wrong-kind":
            advice = rounding.whole(expr, value, kind.accept)
        if fault.name == "wrong-kind" and isinstance(kind, ListKind):
            advice = rounding.whole_items(expr, value, kind.item.accept)
        fault.help = (*fault.help, *advice.help)
        raise b.fault(fault, expr.span, None, env.place, fix=advice.fix) from None


def _table(b: Build, layer: LayerStage, expr: Expr) -> Table:
    """The table of the embedding that a layer is, at its uses so far. Raises `Poisoned` where it is none."""
    uses = b.layers.get(layer.path)
    # How many vectors it holds is told by the range of the tokens, and so by its first use.
    if uses is None or uses.modules is None:
        raise b.refuse("unknown-size", f"no tokens have flowed through `{layer.name}` before this use", expr.span,
                       help=f"`tokens -> {layer.name}` stands before it and says how many vectors there are")

    held = [(path, form) for path, form in uses.modules.items() if form.weights]
    if len(held) != 1 or held[0][1].kind != EMBEDDING.torch.dotted(OpCall((), {})):
        raise b.refuse("wrong-kind", f"the layer `{layer.name}` is no embedding", expr.span,
                       secondary=(Label(uses.first, "its first use"),),
                       help=f"`layer {layer.name} = embedding(features)` is one")
    (path, form), = held
    weight, = form.weights
    rows, features = weight.shape
    assert isinstance(rows, int) and isinstance(features, int)
    return Table(layer.name, path, rows, features, weight.init)


def _tensor(b: Build, value: object, expr: Expr) -> object:
    if isinstance(value, TensorValue | LabelValue | OwnTensor):
        return value

    # A grid is a bundle by its class, but has no members that could be brought together.
    if isinstance(value, GridValue):
        message = f"a tensor is wanted here, this is {value.described}"
        raise b.refuse("expected-tensor", message, expr.span, f"this is {value.type}",
                       help="put the patches back first: `unpatch`")
    if isinstance(value, BundleValue):
        name = "name"
        if isinstance(expr, Name):
            name = expr.text[:40]
        raise b.refuse("expected-tensor", "a tensor is wanted here, this is a bundle", expr.span,
                       f"this is {value.type}",
                       help=f"bring its members together first (sum, mean, concat) or pick one: `{name}[0]`")
    if isinstance(value, Stage | BlockValue):
        raise b.refuse("stage-is-no-tensor", "a tensor is wanted here, this is a stage", expr.span,
                       help="let a tensor flow through it: `tensor -> stage`")
    help = ""
    if isinstance(value, int | float) and not isinstance(value, bool):
        help = f"a number multiplies by `scale({show(value)})` and is added by `shift({show(value)})`"
    raise b.refuse("wrong-kind", f"a tensor is wanted here, this is {describe(value)}", expr.span, help=help)


def parameters_for(b: Build, block: Block, arguments: Sequence[Argument], span: Span, env: Env,
                   home: Env) -> tuple[Mapping[str, object], tuple[tuple[str, str], ...]]:
    """A block's parameters: the values given, each evaluated where the block was called, and how messages show them."""
    mistakes_before = len(b.mistakes)
    placed = place(b, signature_of_block(block), arguments)
    values: dict[str, object] = {}
    for name, given in placed.items():
        expr = given[0].value
        values[name] = _as_value(b, known(b, expr, env), expr, env)

    all_placed = len(placed) == len(arguments)
    bad = len(b.mistakes) > mistakes_before or not all_placed
    for parameter in block.parameters:
        # An argument without a place may be this one, misspelt: that is reported already.
        if parameter.name not in placed and parameter.default is None and all_placed:
            b.refuse("missing-argument", f"the block `{block.name}` needs its argument `{parameter.name}`", span,
                     secondary=(Label(parameter.span, "declared here"),))
            bad = True
    # While surveying nothing is built, and the stage is wanted to look for mistakes behind it.
    if bad and not b.surveying:
        raise Poisoned

    texts = tuple((name, shown(value)) for name, value in values.items() if not isinstance(value, Poison))
    return values, texts


def _as_value(b: Build, value: object, expr: Expr, env: Env) -> object:
    """Return the value of a block's argument: a stage where another block's bare name is given."""
    if not isinstance(value, BlockValue):
        return value
    try:
        return stage_of(b, expr, env)
    except Poisoned:
        return POISON


def stage_of(b: Build, expr: Expr, env: Env) -> Stage:
    """A stage where one is wanted. Raises `Poisoned`."""
    return as_stage(b, evaluate(b, expr, env, STAGE), expr, env)


def as_stage(b: Build, value: object, expr: Expr, env: Env) -> Stage:
    """A value, which `expr` stands for, as a stage. Raises `Poisoned`."""
    if isinstance(value, BlockValue):
        value = block_stage(b, value, (), expr, env)
    if isinstance(value, Stage):
        return value

    if isinstance(value, TensorValue | BundleValue | OwnTensor):
        # A step that names a tensor is common, `x -> y`: the place where it is bound shows what it is.
        notes = []
        node = None
        if isinstance(expr, Name):
            node = find_node(env, expr.text)
        if node is not None:
            notes.append(Label(name_span(node), "bound here"))
        raise b.refuse("tensor-is-no-stage", "a stage is wanted here, this is a tensor", expr.span, secondary=notes,
                       help="a tensor starts a flow; further tensors go into an argument: `-> add(other)`")
    help = ""
    if isinstance(value, Option) and value.role == "router":
        name = value.name
        if isinstance(expr, Name):
            name = expr.text
        help = f"a stage asks it: `experts(n, {name}) {{ ... }}`, `route({name})`, `fork(n, {name})`"
    raise b.refuse("wrong-kind", f"a stage is wanted here, this is {describe(value)}", expr.span, help=help or ())


def block_stage(b: Build, value: BlockValue, arguments: tuple[object, ...], at: Expr, env: Env) -> Stage:
    """Return a block with values for its parameters. Raises `Poisoned`."""
    values, shown = parameters_for(b, value.block, arguments, at.span, env, value.home)  # type: ignore[arg-type]
    return BlockStage(value.block, value.block.name, values, value.home, shown, span=at.span)


def shown(value: object) -> str:
    """A value as messages show it: a static one as written, a tensor by its type, a stage by its name."""
    match value:
        case TensorValue() | BundleValue():
            return str(value.type)
        case OwnTensor():
            return value.name
        case NamedStage() | LayerStage():
            return value.name
        case OpStage():
            return value.name
        case BlockStage():
            return value.name
        case Stage():
            return "a flow"
        case _:
            return show(value)[:64]  # a list may be long, and each copy of a block is shown with its values
