"""The rule of each kind of expression: it gives a static value, a tensor, a bundle or a stage.

`evaluate` either returns a value that is known or raises `Poisoned`, after everything wrong in the expression has been
reported. `expect` is the kind that the surroundings want: it gives bare words their meaning.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from archlang.diagnostics import Fix, Label, did_you_mean
from archlang.elaborate import arithmetic, choices, codes, functions, listing, repetition, rounding, tables
from archlang.elaborate.arguments import as_stage, block_stage
from archlang.elaborate.bodies import run
from archlang.elaborate.catalogued import catalogued
from archlang.elaborate.comparing import same_stage, same_word
from archlang.elaborate.context import Build
from archlang.elaborate.fields import fields_of, form_name, other_reading
from archlang.elaborate.interpret import STAGE, evaluate, guarded, known, settled
from archlang.elaborate.label import LabelValue
from archlang.elaborate.names import module_name
from archlang.elaborate.own import OwnTensor, made_in
from archlang.elaborate.scope import FUNCTIONS, find_node, lookup, name_span, takes_no_arguments, unknown
from archlang.elaborate.values import (
    POISON,
    BlockValue,
    BundleValue,
    Env,
    FlowStage,
    ForStage,
    GridValue,
    IfStage,
    LayerStage,
    NamedStage,
    OpenWord,
    Place,
    Poison,
    Poisoned,
    Stage,
    TensorValue,
)
from archlang.ops.kinds import Fault, Kind, StageKind, describe
from archlang.ops.values import Size
from archlang.source import Span
from archlang.syntax.tree import (
    As,
    Binary,
    Call,
    CodeDeclaration,
    Expr,
    Field,
    Flow,
    For,
    From,
    If,
    In,
    Index,
    ListOf,
    Name,
    Number,
    Parens,
    SizeLiteral,
    Text,
    Truth,
    TupleOf,
    Unary,
)

# --- one rule for each expression ------------------------------------------------------------------------------------


def _literal(b: Build, expr: Number | Truth | Text, env: Env, expect: Kind | None) -> object:
    return expr.value


def _size(b: Build, expr: SizeLiteral, env: Env, expect: Kind | None) -> object:
    return Size(expr.sizes)


def _list(b: Build, expr: ListOf, env: Env, expect: Kind | None) -> object:
    return listing.items_of(b, expr, env, getattr(expect, "item", expect))


def _parens(b: Build, expr: Parens, env: Env, expect: Kind | None) -> object:
    return evaluate(b, expr.inner, env, expect)


def _name(b: Build, expr: Name, env: Env, expect: Kind | None) -> object:
    value = lookup(b, env, expr.text, expr.span)
    # Settled before the next test: a word that lands as a stage is called by the name it is bound to, as stages are.
    if isinstance(value, OpenWord) and expect is not None:
        value = settled(b, value, expect, expr.span)
    # A layer has the name of its modules already, whatever a parameter or a `let` calls it.
    if isinstance(value, LayerStage):
        return replace(value, span=expr.span)
    if isinstance(value, Stage):
        return NamedStage(value, expr.text, scope=True, span=expr.span)
    if value is not None:
        return value
    return catalogued(b, expr.text, None, expr, env, expect)


def _in(b: Build, expr: In, env: Env, expect: Kind | None) -> object:
    if env.entering is not None:
        return env.entering
    if b.inputless and env.place is not None:
        raise Poisoned  # what is missing is the input, and that is reported

    help = "name a tensor instead: an input, or what one led to"
    if b.graph.inputs:
        help = f"name a tensor instead: the input `{b.graph.inputs[0].name}`, or what one led to"
    if env.flowing is not None:
        help = "an `if` is chosen while compiling and nothing enters it: give what stands before it a name"
    raise b.refuse("in-without-braces", "`in` is what enters a block or braces; nothing enters here", expr.span,
                   help=help)


def _tuple(b: Build, expr: TupleOf, env: Env, expect: Kind | None) -> object:
    values = [made_in(b, v, env) if isinstance(v, OwnTensor) else v for v in _all(b, expr.items, env, expect)]
    if any(isinstance(value, Poison) for value in values):
        raise Poisoned

    tensors = [value for value in values if isinstance(value, TensorValue | BundleValue)]
    if len(tensors) == len(values):
        return BundleValue(tuple(tensors))
    if tensors:
        raise b.refuse("wrong-kind", "a bundle holds tensors only", expr.span,
                       help="a list holds tensors beside other values, as in `for (level, c) in [[high, 64]] { ... }`")
    return tuple(values)


def _unary(b: Build, expr: Unary, env: Env, expect: Kind | None) -> object:
    value = evaluate(b, expr.operand, env, expect)
    return guarded(b, expr.span, env, lambda: arithmetic.unary(expr.operator, value))


def _binary(b: Build, expr: Binary, env: Env, expect: Kind | None) -> object:
    if expr.operator in ("and", "or"):
        return _logic(b, expr, env)

    # A stage that says `in` has no single value: it is kept, and read anew for each turn.
    if expr.operator == "*" and repetition.says_in(b, expr.right) and repetition.is_stage(b, expr.right, env):
        stage = repetition.turn(b, expr.right, env)
        return repetition.repeated(b, expr, known(b, expr.left, env), stage, env)

    # Where a stage is wanted, it stands on the right of `*`, and a number on its left.
    repeating = expr.operator == "*" and isinstance(expect, StageKind)
    left = known(b, expr.left, env, None if repeating else expect)
    right = known(b, expr.right, env, expect)
    if isinstance(left, Poison) or isinstance(right, Poison):
        raise Poisoned
    if expr.operator == "*" and isinstance(right, BlockValue | Stage):
        return repetition.repeated(b, expr, left, right, env)

    if isinstance(left, OpenWord) or isinstance(right, OpenWord):
        if expr.operator in ("==", "!="):
            return same_word(b, left, right) is (expr.operator == "==")
        if expect is None and expr.operator in "+-*":
            return _open(expr, env, left, right)

    if expr.operator in ("==", "!="):
        same = same_stage(left, right)
        if same is not None:
            return same is (expr.operator == "==")

    try:
        return b.counted(arithmetic.binary(expr.operator, left, right, b.limits), expr.span)
    except Fault as fault:
        at = expr.span
        if fault.input is not None:
            at = (expr.left, expr.right)[fault.input].span
        raise b.fault(fault, at, None, env.place) from None


def _open(expr: Binary, env: Env, *parts: object) -> OpenWord:
    """Keep a weighted sum or a repetition whose words mean several things: `0.1 * linear` is a curve or stages."""
    readings = [set(part.readings) for part in parts if isinstance(part, OpenWord)]
    common = set.intersection(*readings) - {"word"}
    return OpenWord(expr.span.text, tuple(sorted(common)), expr, env)


def _logic(b: Build, expr: Binary, env: Env) -> bool:
    left = known(b, expr.left, env)
    # The right side is read for mistakes even where the left one decides alone.
    with b.survey():
        right = known(b, expr.right, env)
    if isinstance(left, Poison):
        raise Poisoned

    deciding = expr.operator == "or"  # `true or ...` is true, `false and ...` is false
    if guarded(b, expr.left.span, env, lambda: arithmetic.truth(left)) is deciding:
        return deciding
    if isinstance(right, Poison):
        raise Poisoned
    return bool(guarded(b, expr.right.span, env, lambda: arithmetic.truth(right)))


def _call(b: Build, expr: Call, env: Env, expect: Kind | None) -> object:
    if not isinstance(expr.callee, Name):
        for argument in expr.arguments or ():
            known(b, argument.value, env)
        # `math.ceil(x)` of Python is `ceil(x)` here. What knows other languages is loaded for mistakes alone.
        from archlang.elaborate.habits.native import FUNCTION_NAMES

        here = FUNCTION_NAMES.get(expr.callee.span.text)
        help: tuple[str, ...] = ()
        fix = None
        if here is not None:
            help, fix = (f"it is called `{here}` here",), Fix(expr.callee.span, here)
        raise b.refuse("not-callable", "only a name takes arguments or braces", expr.callee.span, help=help, fix=fix)

    name = expr.callee.text
    if expr.arguments and name in FUNCTIONS and takes_no_arguments(find_node(env, name)):
        return _function(b, expr, name, env)

    # What the file defines comes before the catalogue: a block may have the name of a stage.
    value = lookup(b, env, name, expr.callee.span)
    if isinstance(value, BlockValue):
        if expr.body is not None:
            raise b.refuse("needless-body", f"the block `{name}` takes no braces", expr.body.span)
        return block_stage(b, value, expr.arguments or (), expr, env)
    if value is not None:
        message = f"`{name}` is {describe(value)} and takes no arguments"
        where = []
        node = find_node(env, name)
        if node is not None:
            where.append(Label(name_span(node), "bound here"))
        raise b.refuse("not-callable", message, expr.callee.span, secondary=where)

    # `floor(x)` is a number, `floor` and `floor()` are a stage.
    if name in FUNCTIONS and (expr.arguments or (expr.arguments is not None and b.catalogue.stage(name) is None)):
        return _function(b, expr, name, env)
    return catalogued(b, name, expr, expr.callee, env, expect)


def _field(b: Build, expr: Field, env: Env, expect: Kind | None) -> object:
    value = evaluate(b, expr.value, env)
    if isinstance(value, LabelValue) and value.part is None:
        return LabelValue(expr.name)  # the data alone knows which there are

    fields = fields_of(value, b.graph)
    if expr.name in fields:
        return fields[expr.name]

    what = describe(value)
    if isinstance(value, TensorValue | BundleValue):
        what = f"{form_name(value, b.graph) or what} {value.type}"
    help = [*did_you_mean(expr.name, fields)]
    same = other_reading(expr.name)
    if same in fields:
        help = [f"write `{expr.value.span.text[:40]}.{same}`: its sizes are {' and '.join(fields)}"]
    elif fields:
        help.append(f"it has: {', '.join(fields)}")
    # The name alone, behind the point; the tree has the place of both together.
    field = Span(expr.span.source, max(expr.span.end - len(expr.name), expr.span.start), expr.span.end)
    raise b.refuse("unknown-field", f"{what} has no `{expr.name[:64]}`", field, help=help)


def _index(b: Build, expr: Index, env: Env, expect: Kind | None) -> object:
    value, index = known(b, expr.value, env), known(b, expr.index, env)
    if isinstance(value, Poison) or isinstance(index, Poison):
        raise Poisoned

    items: object = value
    if isinstance(value, BundleValue) and not isinstance(value, GridValue):  # a grid has no members
        items = value.members
    if not isinstance(items, list | tuple):
        message = f"only a bundle, a list or a size has members, this is {describe(value)}"
        raise b.refuse("wrong-kind", message, expr.span)
    if isinstance(index, bool) or not isinstance(index, int):  # `true` is the number 1 to Python
        raise b.refuse("wrong-kind", f"an index is a whole number, this is {describe(index)}", expr.index.span,
                       **rounding.whole(expr.index, index).more())
    if not -len(items) <= index < len(items):
        message = f"there are {len(items)} members, counted from 0; {index} is past them"
        raise b.refuse("index-out-of-range", message, expr.index.span)
    return items[index]


def _flow(b: Build, expr: Flow, env: Env, expect: Kind | None) -> object:
    head = _head(b, expr, env, expect)
    if isinstance(head, OwnTensor):
        head = made_in(b, head, env)
    if isinstance(head, BlockValue | Stage):
        _survey_steps(b, expr, env)
        return FlowStage(expr.steps, env, span=expr.span)

    if not isinstance(head, TensorValue | BundleValue | Poison):
        message = f"a flow starts with a tensor or a stage, this is {describe(head)}"
        raise b.refuse("wrong-kind", message, expr.steps[0].span)
    # A tensor's flow makes nodes at once, and these would stand in the network wherever the value is used.
    if env.place is None and not isinstance(head, Poison):
        message = "no tensor flows here: a `let`, a `layer`, a test and an argument hold values and stages"
        raise b.refuse("misplaced-statement", message, expr.span,
                       help="give the flow a name in a line of its own: `name = tensor -> stage`")
    return run(b, head, expr.steps[0].span, expr.steps[1:], env)


def _head(b: Build, expr: Flow, env: Env, expect: Kind | None) -> object:
    """Return what a flow starts with: a tensor or a stage, poison after a mistake."""
    first = expr.steps[0]
    if isinstance(expect, StageKind) and not isinstance(first, In):
        return known(b, first, env, STAGE)
    if b.inputless and env.flowing is None and env.place is not None and _unbound(first, env):
        return POISON  # what is missing is the input, and that is reported

    wanted = None
    if _is_stage_name(b, first, env):
        wanted = STAGE
    head = known(b, first, env, wanted)
    if not isinstance(head, OpenWord):
        return head
    if head.readings == ("word",) and head.expr is first:
        raise unknown(b, env, head.text, first.span, None)  # a tensor's name that nothing has
    return known(b, first, env, STAGE)


def _survey_steps(b: Build, expr: Flow, env: Env) -> None:
    """Check the names in the later steps of a stage, once, even if the stage is never used."""
    if id(expr) in b.surveyed:
        return

    b.surveyed.add(id(expr))
    aside = replace(env, place=env.place and Place())  # reading for mistakes gives out no names of modules
    with b.survey():
        for step in expr.steps[1:]:
            known(b, step, aside, STAGE)


def _unbound(expr: Expr, env: Env) -> bool:
    return isinstance(expr, Name) and find_node(env, expr.text) is None


def _is_stage_name(b: Build, expr: Expr, env: Env) -> bool:
    """Tell whether an unknown name at the head of a flow is likelier a misspelt stage: it has arguments or braces."""
    return isinstance(expr, Call | As) or (isinstance(expr, Name) and b.catalogue.stage(expr.text) is not None)


def _as(b: Build, expr: As, env: Env, expect: Kind | None) -> object:
    if isinstance(expr.step, Name) and not isinstance(expect, StageKind):
        # A name may be bound to a word of several meanings: as a stage it is called so, as anything else it is itself.
        value = evaluate(b, expr.step, env, expect)
        if isinstance(value, OpenWord):
            return replace(value, expr=expr, env=env)
        if find_node(env, expr.step.text) is not None and not isinstance(value, Stage | BlockValue | TensorValue):
            return value
    value = evaluate(b, expr.step, env, STAGE)
    if isinstance(value, OwnTensor):
        return replace(value, name=module_name(b, expr, env))
    if isinstance(value, LayerStage):
        raise b.refuse("already-bound", f"the layer `{value.name}` has its name, for all of its uses", expr.name_span,
                       help="`as` gives a name to modules, and a layer has the same modules wherever it is used")
    return NamedStage(as_stage(b, value, expr.step, env), module_name(b, expr, env), span=expr.span)


def _if(b: Build, expr: If, env: Env, expect: Kind | None) -> object:
    if choices.is_value(b, expr, env, expect):
        return choices.chosen(b, expr, env, expect)
    return IfStage(expr, env, span=expr.span)


def _for(b: Build, expr: For, env: Env, expect: Kind | None) -> object:
    return ForStage(expr, env, span=expr.span)


def _from(b: Build, expr: From, env: Env, expect: Kind | None) -> object:
    if b.active and isinstance(b.active[-1], CodeDeclaration):
        return codes.from_table(b, expr, env)
    return tables.rows_of(b, expr, env)


RULES: dict[type, Callable[..., object]] = {
    Number: _literal, Truth: _literal, Text: _literal, SizeLiteral: _size, ListOf: _list, Parens: _parens, Name: _name,
    In: _in, TupleOf: _tuple, Unary: _unary, Binary: _binary, Call: _call, Field: _field, Index: _index, Flow: _flow,
    As: _as, If: _if, For: _for, From: _from,
}


def _function(b: Build, expr: Call, name: str, env: Env) -> object:
    if expr.body is not None:
        raise b.refuse("needless-body", f"`{name}` takes no braces", expr.body.span)
    if name == "words":
        return codes.written(b, expr, env)

    arguments = expr.arguments or ()
    for argument in arguments:
        if argument.name is not None:
            raise b.refuse("unknown-argument", f"`{name}` has no named arguments", argument.span)
    values = _all(b, tuple(argument.value for argument in arguments), env, None)
    return guarded(b, expr.span, env, lambda: functions.call(name, values, b.limits))


def _all(b: Build, items: tuple[Expr, ...], env: Env, expect: Kind | None) -> list[object]:
    # All of them, so that the mistakes of each are found.
    values = [known(b, item, env, expect) for item in items]
    if any(isinstance(value, Poison) for value in values):
        raise Poisoned
    return values
