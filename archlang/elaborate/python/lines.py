"""A refused line as a statement of this language: its name, and the flow that its Python means."""

from __future__ import annotations

import re
from collections.abc import Sequence

from archlang.dataclass import dataclass
from archlang.diagnostics import ArchError
from archlang.elaborate.habits.flows import FlowReader
from archlang.elaborate.habits.habit import value_text
from archlang.elaborate.habits.translation import Translation
from archlang.elaborate.habits.wording import is_static
from archlang.elaborate.python.lists import written_out
from archlang.elaborate.python.reading import LONGEST, python_value
from archlang.syntax.parser import parse_expr
from archlang.syntax.printer import print_flat
from archlang.syntax.tree import Argument, Call, Expr, If, Index, Name, Parens, Text

_STATEMENT = re.compile(
    r"(?P<head>(?:output|let|layer|return)\b\s*)?(?:(?P<target>(?:self\.)?[A-Za-z_]\w*)\s*(?P<sign>[-+*/@]?=|:=)(?![=>])\s*)?"
    r"(?P<value>.+)", re.DOTALL,
)
_SEVERAL = re.compile(r"(?P<names>[\w\s,()*]+?)\s*=(?![=>])\s*(?P<value>.+)", re.DOTALL)
_PARTS = ("split", "parallel", "layers", "fork", "each")
_AS = re.compile(r"(?P<step>.+)\s+as\s+(?P<name>f?[\"'].+)", re.DOTALL)
_LAMBDA = re.compile(r"lambda\s*(?P<names>[\w\s,=.]*):\s*(?P<flow>.+)", re.DOTALL)

_CHANGES = {"+=": "add", "-=": "sub", "*=": "mul", "/=": "div", "@=": "matmul"}
"""Signs that change a name in Python, and the operations that they mean."""


@dataclass(frozen=True)
class MendedLine:
    """The text in place of a line; `translation` is the form of another framework in it, if it holds one.

    `renamed` are names of the line, each with the text that stands for it behind the line.
    """

    text: str
    translation: Translation | None
    exact: bool
    renamed: tuple[tuple[str, str], ...] = ()


def mended_line(line: str, reader: FlowReader) -> MendedLine | None:
    """Write a statement anew; None if it is no Python, or means nothing that a table knows.

    Args:
        line: the statement, without what stands around it.
        reader: reads flows with the names of the place.
    """
    if len(line) > LONGEST:
        return None
    if (several := _SEVERAL.fullmatch(line.strip())) is not None and "," in several["names"]:
        return _unpacked(re.findall(r"\w+", several["names"]), several["value"], reader)
    found = _STATEMENT.fullmatch(line.strip())
    if found is None:
        return None
    head, target, sign = (found["head"] or "").strip(), found["target"] or "", found["sign"] or ""

    value = _value(found["value"], reader)
    if value is None:
        return None
    if sign in _CHANGES:
        return _changed(target, sign, value, reader)
    return _bound(head, target, value, reader)


@dataclass(frozen=True)
class _Value:
    """A value in this language: a flow that starts with a tensor, a stage, or a static value."""

    text: str
    kind: str
    translation: Translation | None = None
    exact: bool = True


def _bound(head: str, target: str, value: _Value, reader: FlowReader) -> MendedLine:
    name = target.removeprefix("self.")
    if head == "return":
        head = "output"
    if value.kind == "block":  # a `lambda` with its parameters
        return MendedLine(f"block {name or 'name'}{value.text}", None, exact=bool(name))

    # A stage or a number has its name from `let`, a tensor from `=`. A setting of `train` is no name: a `let` would
    # leave it unset.
    if not head and value.kind in ("stage", "static") and name and name not in reader.names.of_train:
        head = "let"
    start = f"{head} " if head else ""
    middle = f"{name} = " if name else ""
    return MendedLine(f"{start}{middle}{value.text}", value.translation, value.exact)


def _changed(target: str, sign: str, value: _Value, reader: FlowReader) -> MendedLine | None:
    """`x += y` binds a name of its own, since none changes."""
    if value.kind not in ("flow", "static"):
        return None
    name = f"{target}2"
    while reader.names.defines(name):
        name += "_"
    flow = f"{target} -> {_CHANGES[sign]}({value.text})"
    if value.kind == "static":
        if sign not in ("*=", "/="):
            return None
        flow = f"{target} -> scale({value.text if sign == '*=' else f'1.0 / {value.text}'})"
    return MendedLine(f"{name} = {flow}", value.translation, value.exact, renamed=((target, name),))


def _unpacked(names: Sequence[str], text: str, reader: FlowReader) -> MendedLine | None:
    """`a, b = x.chunk(2)`: a bundle keeps one name, and its members are read by their places."""
    value = _value(text, reader)
    if value is None or value.kind != "flow" or not names:
        return None

    last = re.split(r"\W", split_at_arrows(value.text)[-1])[0]
    if last not in _PARTS:  # a layer of torch gives more than its result: states, weights of attention
        return MendedLine(f"{names[0]} = {value.text}", value.translation, value.exact)
    name = "parts"
    while reader.names.defines(name):
        name += "_"
    members = tuple((one, f"{name}[{at}]") for at, one in enumerate(names))
    return MendedLine(f"{name} = {value.text}", value.translation, value.exact, members)


# --- values ----------------------------------------------------------------------------------------------------------


def _value(text: str, reader: FlowReader) -> _Value | None:
    if found := _LAMBDA.fullmatch(text):
        return _block(found["names"], found["flow"], reader)

    steps = split_at_arrows(text)
    if len(steps) == 1:
        return _single(text, reader)
    return _chain(steps, reader)


def _block(names: str, flow: str, reader: FlowReader) -> _Value | None:
    """A `lambda` as a block with the same parameters."""
    parameters = [name.strip().replace("=", " = ") for name in names.split(",") if name.strip()]
    value = _value(flow, reader)
    inner = flow.strip()
    if value is not None:
        inner = value.text
    head = f"({', '.join(parameters)})" if parameters else ""
    return _Value(f"{head} = {inner}", "block")


def _single(text: str, reader: FlowReader) -> _Value | None:
    if (numbers := written_out(text)) is not None:
        return _Value(numbers, "static")
    expr = python_value(text)
    if expr is None:
        return None
    return _of_tree(expr, reader)


def _of_tree(expr: Expr, reader: FlowReader) -> _Value | None:
    if isinstance(expr, If):
        return _choice(expr, reader)

    translation = reader.flow(expr)
    if translation is not None and translation.text is not None and translation.is_flow:
        return _Value(translation.text, "flow", translation, translation.exact)
    if (source := reader.source(expr)) is not None:
        return _Value(source, "flow")
    if translation is None:
        translation = reader.stage(expr)
    if translation is not None:
        if translation.text is None:
            return None
        return _Value(translation.text, "stage", translation, translation.exact)

    if isinstance(expr, Call) and isinstance(expr.callee, Name) and reader.names.knows((expr.callee.text,)):
        return _Value(print_flat(words_for_texts(expr)), "stage")
    if isinstance(expr, Name) and reader.names.is_stage(expr.text) and not reader.names.defines(expr.text):
        return _Value(expr.text, "stage")
    if is_static(expr):
        return _Value(value_text(expr), "static")
    if isinstance(expr, Parens | Index | Name):
        return _Value(print_flat(expr), "flow", exact=False)
    return None


def _choice(expr: If, reader: FlowReader) -> _Value | None:
    """`a if test else b`, whose two sides stand in braces here."""
    then, otherwise = expr.then, expr.otherwise
    if otherwise is None or isinstance(otherwise, If):
        return None
    sides = [_of_tree(body.flows[0], reader) for body in (then, otherwise)]
    first, second = sides
    if first is None or second is None:
        return None

    kinds = {first.kind, second.kind}
    kind = "flow" if "flow" in kinds else sorted(kinds)[-1]
    text = f"if {print_flat(expr.test)} {{ {first.text} }} else {{ {second.text} }}"
    return _Value(text, kind, None, first.exact and second.exact)


def words_for_texts(call: Call) -> Call:
    """A call with words for its texts: `padding = same`, where Python writes a string."""
    arguments = []
    for argument in call.arguments or ():
        value = argument.value
        if isinstance(value, Text) and value.value.isidentifier():
            value = Name(value.value)
        arguments.append(Argument(argument.name, value))
    return Call(call.callee, tuple(arguments))


# --- flows that hold a step of Python --------------------------------------------------------------------------------


def split_at_arrows(text: str) -> list[str]:
    """The steps of a flow, cut at the arrows that stand in no brackets and no string."""
    steps, start, depth, quote, at = [], 0, 0, "", 0
    while at < len(text):
        char = text[at]
        if quote:
            if char == quote:
                quote = ""
        elif char in "\"'":
            quote = char
        elif text.startswith("->", at) and not depth:
            steps.append(text[start:at].strip())
            start = at = at + 2
            continue
        else:
            depth += (char in "([{") - (char in ")]}")
        at += 1
    return [*steps, text[start:].strip()]


def _chain(steps: Sequence[str], reader: FlowReader) -> _Value | None:
    """A flow of this language with steps of Python in it."""
    first = _first(steps[0], reader)
    if first is None:
        return None

    texts, found, exact = [first.text], first.translation, first.exact
    for step in steps[1:]:
        one = _step(step, reader, " -> ".join(texts))
        if one is None:
            return None
        texts.append(one.text)
        found, exact = found or one.translation, exact and one.exact
    return _Value(" -> ".join(texts), first.kind, found, exact)


def _first(text: str, reader: FlowReader) -> _Value | None:
    """The beginning of a flow: a tensor, or a stage where the flow is a stage itself."""
    own = _own(text)
    if own is None:
        value = _single(text, reader)
        if value is None or value.kind == "static":
            return None
        return value

    translation = reader.flow(own) or reader.stage(own)
    if translation is not None and translation.text is not None:
        kind = "flow" if translation.is_flow else "stage"
        return _Value(translation.text, kind, translation, translation.exact)
    kind = "flow"
    if reader.source(own) is None and not (isinstance(own, Name) and not reader.names.knows((own.text,))):
        kind = "stage"
    return _Value(text, kind)


def _step(text: str, reader: FlowReader, before: str) -> _Value | None:
    if found := _AS.fullmatch(text):
        step, name = _step(found["step"], reader, before), python_value(found["name"])
        if step is None or name is None:
            return None
        return _Value(f"{step.text} as {print_flat(name)}", "stage", step.translation, step.exact)

    own = _own(text)
    expr = own if own is not None else python_value(text)
    if expr is None:
        return None
    translation = reader.stage(expr, before)
    if translation is not None:
        if translation.text is None:
            return None
        return _Value(translation.text, "stage", translation, translation.exact)
    if own is not None:
        return _Value(text, "stage")
    if isinstance(expr, If):
        return _choice(expr, reader)
    if isinstance(expr, Call):
        return _Value(print_flat(words_for_texts(expr)), "stage")
    return None


def _own(text: str) -> Expr | None:
    """The tree of a step that this language reads by itself."""
    try:
        return parse_expr(text)
    except (ArchError, RecursionError):
        return None
