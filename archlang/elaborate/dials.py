"""A network's dials and fixed sizes: their values, as given or by default, of the kind that the default has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from archlang.diagnostics import did_you_mean
from archlang.elaborate.context import Build
from archlang.elaborate.interpret import evaluate, known
from archlang.elaborate.own import OwnTensor
from archlang.elaborate.scope import define
from archlang.elaborate.values import (
    POISON,
    BlockValue,
    BundleValue,
    Env,
    OpenWord,
    Poison,
    Poisoned,
    Stage,
    TensorValue,
)
from archlang.ops.kinds import Kind, SettingKind, describe
from archlang.ops.values import Option, Size, Written, show
from archlang.source import Span
from archlang.syntax.tree import Call, Expr, Input, Name, NetworkDeclaration, Parameter
from archlang.syntax.walk import walk


def dial_values(b: Build, network: NetworkDeclaration, env: Env, home: Env,
                given: Mapping[str, Expr]) -> dict[str, object]:
    """Define the dials in `env` and return their values by name; what is given from outside is read in `home`.

    A symbolic size of an input can be given too: it is a number then.
    """
    names = [dial.name for dial in network.dials]
    sizes = _symbols(network)
    for name, expr in given.items():
        if name in sizes and name not in names:
            _fix(b, name, expr, home)
        elif name not in names:
            listed = f"`{network.name}` has no dials"
            if names:
                listed = f"`{network.name}` has: {', '.join(names)}"
            b.refuse("unknown-dial", f"there is no dial `{name[:64]}`", _place(expr, network.name_span),
                     help=(*did_you_mean(name, (*names, *sizes)), listed))

    # In the order of the file: a default may be calculated from the dials before it.
    values: dict[str, object] = {}
    for dial in network.dials:
        value = _value(b, dial, env, home, given.get(dial.name))
        define(b, env, dial.name, value, dial, dial.span)
        if not isinstance(value, Poison):
            values[dial.name] = _told(value, given.get(dial.name) or dial.default)
    return values


def _told(value: object, written: Expr | None) -> object:
    """Return a dial's value as a graph keeps it: a stage and a word by their text, and a list that holds one too."""
    if written is not None and _holds_words(value):
        from archlang.syntax.printer import print_flat  # few networks need it

        return Written(print_flat(written))
    return value


def _holds_words(value: object) -> bool:
    if isinstance(value, list | tuple):
        return any(_holds_words(item) for item in value)
    return isinstance(value, Stage | BlockValue | OpenWord)


def _symbols(network: NetworkDeclaration) -> set[str]:
    """The names that an input's sizes are written with."""
    inputs = (s for s in network.body.statements if isinstance(s, Input))
    return {node.text for s in inputs for item in s.sizes.items for node in walk(item) if isinstance(node, Name)}


def _fix(b: Build, name: str, expr: Expr, home: Env) -> None:
    """Give a symbolic size of an input a number, as if the file bounded it so."""
    value = known(b, expr, home)
    # Python counts `true` as a number, and a file does not.
    if isinstance(value, int) and not isinstance(value, bool):
        b.fixed[name] = value, _place(expr, expr.span)
    elif not isinstance(value, Poison):
        b.refuse("bad-dial", f"the size `{name[:64]}` is a whole number, this is {describe(value)}", expr.span)


def _value(b: Build, dial: Parameter, env: Env, home: Env, expr: Expr | None) -> object:
    default: object = None
    if dial.default is not None:
        default = known(b, dial.default, env)
    if isinstance(default, TensorValue | BundleValue | OwnTensor):
        b.refuse("bad-dial", "a dial is a static value", dial.span)
        return POISON

    if expr is None:
        if default is None:
            b.refuse("bad-dial", f"the dial `{dial.name}` has no default and is not given", dial.span,
                     help=f"give it, `-p {dial.name}=...`, or write a default: `{dial.name} = 10`")
            return POISON
        return default

    # A name of the catalogue is left open, as in the default; for another one the role of the default tells what is
    # near it.
    wanted = None
    if not _is_known(b, expr):
        wanted = _wanted(default)
    mistakes_before = len(b.mistakes)
    try:
        value = evaluate(b, expr, home, wanted)
    except Poisoned:
        _say_kind(b, dial, default, mistakes_before)
        return POISON

    if isinstance(default, Poison) or default is None or _fits(value, default):
        return value
    b.refuse("bad-dial", f"the dial `{dial.name}` is {_kind(default)}, this is {describe(value)}",
             _place(expr, dial.span))
    return POISON


def _is_known(b: Build, expr: Expr) -> bool:
    """Tell an expression that begins with a name of the catalogue: what it means is settled where it lands."""
    name = expr
    if isinstance(expr, Call):
        name = expr.callee
    return isinstance(name, Name) and bool(b.catalogue.readings(name.text, bare=name is expr))


def _say_kind(b: Build, dial: Parameter, default: object, before: int) -> None:
    """Add to the mistakes in a dial's value, those after the first `before`, what kind of value it takes."""
    # The settings of a role are listed in the mistake already.
    if default is None or isinstance(default, Poison | Option):
        return
    for key, mistake in list(b.mistakes.items())[before:]:
        help = (*mistake.help, f"the dial `{dial.name}` takes {_kind(default)}, such as its default {show(default)}")
        b.mistakes[key] = replace(mistake, help=help)


def _wanted(default: object) -> Kind | None:
    """Return the role of a default, for the message about a name that nothing has."""
    if isinstance(default, Option):
        return SettingKind(default.role)
    return None


def _fits(value: object, default: object) -> bool:
    """Tell whether a value can stand for a dial with this default; words are judged where they land."""
    readings, before = set(_readings(value)), set(_readings(default))
    if "word" in readings or readings & before:
        return True
    if "word" in before and "stage" not in before:
        return True  # a padding is `same` or a size, groups are `channels` or a number

    match default:
        case bool(): return isinstance(value, bool)
        case int(): return isinstance(value, int) and not isinstance(value, bool)
        case float(): return isinstance(value, int | float) and not isinstance(value, bool)
        case Size(): return isinstance(value, Size) or (isinstance(value, int) and not isinstance(value, bool))
        case OpenWord() | Option(): return False
        case _: return type(value) is type(default)


def _readings(value: object) -> tuple[str, ...]:
    """Return what a value can be taken for, as words are: a stage, a setting of a role, a word."""
    match value:
        case OpenWord(): return value.readings
        case Option(): return (value.role,)
        case Stage() | BlockValue(): return ("stage",)
        case _: return ()


def _kind(default: object) -> str:
    match default:
        case OpenWord(): return " or ".join(SettingKind(reading).text for reading in default.readings)
        case bool(): return "true or false"
        case int(): return "a whole number"
        case float(): return "a number"
        case Size(): return "a size"
        case str(): return "a text"
        case Option(): return SettingKind(default.role).text
        case list(): return "a list"
        case _: return "a stage"


def _place(expr: Expr, otherwise: Span) -> Span:
    # A value that was given as a Python object stands in no text.
    if expr.span.end:
        return expr.span
    return otherwise
