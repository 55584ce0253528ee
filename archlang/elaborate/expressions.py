"""The rule of each kind of expression: it gives a static value, a tensor, a bundle or a stage.

`evaluate` either returns a value that is known or raises `Poisoned`, after everything wrong in the expression has been
reported. `expect` is the kind that the surroundings want: it gives bare words their meaning.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from archlang.diagnostics import Label, did_you_mean
from archlang.elaborate import arithmetic, codes
from archlang.elaborate.arguments import block_stage, stage_of
from archlang.elaborate.bodies import run
from archlang.elaborate.catalogued import catalogued
from archlang.elaborate.context import Build
from archlang.elaborate.interpret import STAGE, evaluate, guarded, known, settled
from archlang.elaborate.scope import FUNCTIONS, find_node, lookup, name_span, unknown
from archlang.elaborate.values import (
    POISON,
    BlockValue,
    BundleValue,
    Env,
    FlowStage,
    ForStage,
    GridValue,
    IfStage,
    NamedStage,
    OpenWord,
    Place,
    Poison,
    Poisoned,
    RepeatStage,
    Stage,
    TensorValue,
    TurnStage,
    fields_of,
)
from archlang.ops.kinds import Fault, Kind, SettingKind, StageKind, describe
from archlang.ops.values import Option, Size, show
from archlang.source import Span
from archlang.syntax.tree import (
    As,
    Binary,
    Call,
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
from archlang.syntax.walk import walk

# --- one rule for each expression ------------------------------------------------------------------------------------


def _literal(b: Build, expr: Number | Truth | Text, env: Env, expect: Kind | None) -> object:
    return expr.value


def _size(b: Build, expr: SizeLiteral, env: Env, expect: Kind | None) -> object:
    return Size(expr.sizes)


def _list(b: Build, expr: ListOf, env: Env, expect: Kind | None) -> object:
    return _all(b, expr.items, env, getattr(expect, "item", expect))


def _parens(b: Build, expr: Parens, env: Env, expect: Kind | None) -> object:
    return evaluate(b, expr.inner, env, expect)


def _name(b: Build, expr: Name, env: Env, expect: Kind | None) -> object:
    found = lookup(b, env, expr.text, expr.span)
    if isinstance(found, OpenWord) and expect is not None:
        found = settled(b, found, expect, expr.span)
    if isinstance(found, Stage):
        return NamedStage(found, expr.text, scope=True, span=expr.span)
    if found is not None:
        return found
    return catalogued(b, expr.text, None, expr, env, expect)


def _in(b: Build, expr: In, env: Env, expect: Kind | None) -> object:
    if env.entering is None:
        if b.inputless and env.place is not None:
            raise Poisoned  # what is missing is the input, and that is reported
        help = "name a tensor instead: an input, or what one led to"
        if b.graph.inputs:
            help = f"name a tensor instead: the input `{b.graph.inputs[0].name}`, or what one led to"
        if env.flowing is not None:
            help = "an `if` is chosen while compiling and nothing enters it: give what stands before it a name"
        raise b.refuse("in-without-braces", "`in` is what enters a block or braces; nothing enters here", expr.span,
                       help=help)
    return env.entering


def _tuple(b: Build, expr: TupleOf, env: Env, expect: Kind | None) -> object:
    values = _all(b, expr.items, env, expect)
    if all(isinstance(v, TensorValue | BundleValue) for v in values):
        return BundleValue(tuple(values))  # type: ignore[arg-type]  # all are values
    if any(isinstance(v, TensorValue | BundleValue) for v in values):
        raise b.refuse("wrong-kind", "a bundle holds tensors only", expr.span)
    return tuple(values)


def _unary(b: Build, expr: Unary, env: Env, expect: Kind | None) -> object:
    value = evaluate(b, expr.operand, env, expect)
    return guarded(b, expr.span, env, lambda: arithmetic.unary(expr.operator, value))


def _binary(b: Build, expr: Binary, env: Env, expect: Kind | None) -> object:
    if expr.operator in ("and", "or"):
        return _logic(b, expr, env)

    if expr.operator == "*" and _says_in(expr.right) and _repeatable(b, expr.right, env):
        return _repeat(b, expr, known(b, expr.left, env), _turn(b, expr.right, env), env)

    repeating = expr.operator == "*" and isinstance(expect, StageKind)
    left = known(b, expr.left, env, None if repeating else expect)
    right = known(b, expr.right, env, expect)
    if isinstance(left, Poison) or isinstance(right, Poison):
        raise Poisoned
    if expr.operator == "*" and isinstance(right, BlockValue | Stage):
        return _repeat(b, expr, left, right, env)
    if isinstance(left, OpenWord) or isinstance(right, OpenWord):
        if expr.operator in ("==", "!="):
            return _same_word(b, left, right) is (expr.operator == "==")
        if expect is None and expr.operator in "+-*":
            return _open(expr, env, left, right)
    try:
        return arithmetic.binary(expr.operator, left, right, b.limits)
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


def _same_word(b: Build, left: object, right: object) -> bool:
    """Compare words, of which at least one is open: with another one by what is written, else by the other's role."""
    if not isinstance(left, OpenWord):
        left, right = right, left
    assert isinstance(left, OpenWord)

    if isinstance(right, OpenWord | str):
        return left.text == str(right)
    if isinstance(right, Option) and right.role in left.readings:
        return bool(evaluate(b, left.expr, left.env, SettingKind(right.role)) == right)
    return False


def _logic(b: Build, expr: Binary, env: Env) -> bool:
    left = known(b, expr.left, env)
    with b.survey():
        right = known(b, expr.right, env)
    if isinstance(left, Poison):
        raise Poisoned
    if guarded(b, expr.left.span, env, lambda: arithmetic.truth(left)) is (expr.operator == "or"):
        return expr.operator == "or"
    if isinstance(right, Poison):
        raise Poisoned
    return bool(guarded(b, expr.right.span, env, lambda: arithmetic.truth(right)))


def _repeat(b: Build, expr: Binary, count: object, stage: object, env: Env) -> Stage:
    if isinstance(stage, BlockValue):
        stage = block_stage(b, stage, (), expr.right, env)
    assert isinstance(stage, Stage)

    if isinstance(count, Poison):
        raise Poisoned
    if isinstance(count, bool) or not isinstance(count, int):
        raise b.refuse("wrong-kind", f"a stage is repeated a whole number of times, this is {describe(count)}",
                       expr.left.span)
    if not 0 <= count <= b.limits.nodes:
        raise b.refuse("out-of-range", f"a stage is repeated 0 to {b.limits.nodes} times, not {show(count)}",
                       expr.left.span)
    return RepeatStage(count, stage, span=expr.span)


def _says_in(expr: Expr) -> bool:
    return any(isinstance(node, In) for node in walk(expr))


def _repeatable(b: Build, expr: Expr, env: Env) -> bool:
    """Tell a stage from a number by its form: `3 * (conv(3x3, 8) -> add(in))`, but `3 * in.channels`."""
    match expr:
        case Parens():
            return _repeatable(b, expr.inner, env)
        case Binary(operator="*"):
            return _repeatable(b, expr.right, env)
        case Call(callee=Name(text=name)):
            return name not in FUNCTIONS or find_node(env, name) is not None
        case Flow() | As() | If() | For():
            return True
    return False


def _turn(b: Build, expr: Expr, env: Env) -> TurnStage:
    """Keep a repeated stage for its turns; read it once for mistakes, nothing known of what enters."""
    if id(expr) not in b.surveyed:
        b.surveyed.add(id(expr))
        with b.survey():
            known(b, expr, env.applied(POISON, Place()), STAGE)
    return TurnStage(expr, env, _name_of_turn(b, expr, env), span=expr.span)


def _name_of_turn(b: Build, expr: Expr, env: Env) -> str:
    """Return what the modules of a repeated stage are called: as those of the stage, if it has a name."""
    while isinstance(expr, Parens):
        expr = expr.inner

    match expr:
        case As():
            return expr.name
        case Call(callee=Name(text=text)):
            block = env.find(text)
            return block.block.name if isinstance(block, BlockValue) else text
    return "repeat"


def _call(b: Build, expr: Call, env: Env, expect: Kind | None) -> object:
    if not isinstance(expr.callee, Name):
        for argument in expr.arguments or ():
            known(b, argument.value, env)
        raise b.refuse("not-callable", "only a name takes arguments or braces", expr.callee.span)
    name = expr.callee.text
    found = lookup(b, env, name, expr.callee.span)
    if isinstance(found, BlockValue):
        if expr.body is not None:
            raise b.refuse("needless-body", f"the block `{name}` takes no braces", expr.body.span)
        return block_stage(b, found, expr.arguments or (), expr, env)
    if found is not None:
        message = f"`{name}` is {describe(found)} and takes no arguments"
        node = find_node(env, name)
        where = [Label(name_span(node), "bound here")] if node is not None else []
        raise b.refuse("not-callable", message, expr.callee.span, secondary=where)
    if name in FUNCTIONS and expr.arguments is not None:
        return _function(b, expr, name, env)
    return catalogued(b, name, expr, expr.callee, env, expect)


def _field(b: Build, expr: Field, env: Env, expect: Kind | None) -> object:
    value = evaluate(b, expr.value, env)
    fields = fields_of(value)
    if expr.name in fields:
        return fields[expr.name]
    kind = f"{describe(value)} {value.type}" if isinstance(value, TensorValue | BundleValue) else describe(value)
    help = (*did_you_mean(expr.name, fields), *((f"it has: {', '.join(fields)}",) if fields else ()))
    field = Span(expr.span.source, max(expr.span.end - len(expr.name), expr.span.start), expr.span.end)
    raise b.refuse("unknown-field", f"{kind} has no `{expr.name[:64]}`", field, help=help)


def _index(b: Build, expr: Index, env: Env, expect: Kind | None) -> object:
    value, index = known(b, expr.value, env), known(b, expr.index, env)
    if isinstance(value, Poison) or isinstance(index, Poison):
        raise Poisoned
    items = value.members if isinstance(value, BundleValue) and not isinstance(value, GridValue) else value
    if not isinstance(items, list | tuple):
        message = f"only a bundle, a list or a size has members, this is {describe(value)}"
        raise b.refuse("wrong-kind", message, expr.span)
    if isinstance(index, bool) or not isinstance(index, int):
        raise b.refuse("wrong-kind", f"an index is a whole number, this is {describe(index)}", expr.index.span)
    if not -len(items) <= index < len(items):
        message = f"there are {len(items)} members, counted from 0; {index} is past them"
        raise b.refuse("index-out-of-range", message, expr.index.span)
    return items[index]


def _flow(b: Build, expr: Flow, env: Env, expect: Kind | None) -> object:
    if isinstance(expect, StageKind) and not isinstance(expr.steps[0], In):
        head: object = known(b, expr.steps[0], env, STAGE)
    elif b.inputless and env.flowing is None and env.place is not None and _unbound(expr.steps[0], env):
        head = POISON  # what is missing is the input, and that is reported
    else:
        head = known(b, expr.steps[0], env, STAGE if _is_stage_name(b, expr.steps[0], env) else None)
    if isinstance(head, OpenWord) and head.readings == ("word",) and head.expr is expr.steps[0]:
        raise unknown(b, env, head.text, expr.steps[0].span, None)  # a tensor's name that nothing has
    if isinstance(head, OpenWord):
        head = known(b, expr.steps[0], env, STAGE)
    if isinstance(head, BlockValue | Stage):
        if id(expr) not in b.surveyed:  # names in the later steps are checked even if the stage is never used
            b.surveyed.add(id(expr))
            aside = replace(env, place=env.place and Place())  # reading for mistakes gives out no names of modules
            with b.survey():
                for step in expr.steps[1:]:
                    known(b, step, aside, STAGE)
        return FlowStage(expr.steps, env, span=expr.span)
    if not isinstance(head, TensorValue | BundleValue | Poison):
        message = f"a flow starts with a tensor or a stage, this is {describe(head)}"
        raise b.refuse("wrong-kind", message, expr.steps[0].span)
    if env.place is None and not isinstance(head, Poison):
        message = "no tensor flows here: a `let`, a test and an argument hold static values and stages"
        raise b.refuse("misplaced-statement", message, expr.span,
                       help="give the flow a name in a line of its own: `name = tensor -> stage`")
    return run(b, head, expr.steps[0].span, expr.steps[1:], env)


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
    return NamedStage(stage_of(b, expr.step, env), expr.name, span=expr.span)


def _if(b: Build, expr: If, env: Env, expect: Kind | None) -> object:
    return IfStage(expr, env, span=expr.span)


def _for(b: Build, expr: For, env: Env, expect: Kind | None) -> object:
    return ForStage(expr, env, span=expr.span)


def _from(b: Build, expr: From, env: Env, expect: Kind | None) -> object:
    return codes.from_table(b, expr, env)


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
    values = _all(b, tuple(a.value for a in arguments), env, None)
    return guarded(b, expr.span, env, lambda: arithmetic.call(name, values, b.limits))


def _all(b: Build, items: tuple[Expr, ...], env: Env, expect: Kind | None) -> list[object]:
    values = [known(b, item, env, expect) for item in items]
    if any(isinstance(v, Poison) for v in values):
        raise Poisoned
    return values
