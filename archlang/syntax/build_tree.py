"""From the grammar's rules to the nodes of `tree`: one method for each rule, called bottom-up while the parser reads.

A method gets the parts of its rule in their order: tokens, nodes and the little parts that other methods made. It never
recurses, so no file is too deep for it. The span of each node runs from its first part to its last.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, cast, get_args

import archlang.syntax.tree as tree
from archlang.dataclass import dataclass
from archlang.source import Span
from archlang.syntax.lexing import Token, is_name
from archlang.syntax.tree import Expr, TreeNode

Part = Any
"""A token, a node or one of the two below: the parts of rules."""


@dataclass(slots=True)
class Bracketed:
    """The items between a pair of brackets, with the place of both."""

    items: tuple[Part, ...]
    span: Span


@dataclass(slots=True)
class Suffix:
    """`.name` or `[index]`, waiting for the value it belongs to; also the dotted name of an import."""

    part: str | Expr
    span: Span


_STATEMENTS = get_args(tree.Statement)


class TreeBuilder:
    """The methods, named as the rules of the grammar are."""

    # --- files and declarations ---

    def file(self, parts: list[Part]) -> tree.File:
        doc = None
        if len(parts) > 2 and _is(parts[2], "DOC"):
            doc = parts[2].value or None
        return tree.File(_nodes(parts), doc, parts[1].value, span=_span(parts))

    def documented(self, parts: list[Part]) -> TreeNode:
        doc, node = parts
        # Nodes are frozen. This one has just been made and nobody else holds it yet.
        object.__setattr__(node, "doc", doc.value or None)
        object.__setattr__(node, "span", doc.span.to(node.span))
        return cast(TreeNode, node)

    def path(self, parts: list[Part]) -> Suffix:
        return Suffix(".".join(part.text for part in parts if _is(part, "NAME")), _span(parts))

    def imported(self, parts: list[Part]) -> tree.Imported:
        return tree.Imported(parts[0].text, _text_at(parts, 2), span=_span(parts))

    def parameters(self, parts: list[Part]) -> Bracketed:
        return Bracketed(_nodes(parts), _span(parts))

    arguments = parameters

    def parameter(self, parts: list[Part]) -> tree.Parameter:
        default = None
        if len(parts) > 1:
            default = parts[2]
        return tree.Parameter(parts[0].text, default, span=_span(parts))

    def let(self, parts: list[Part]) -> tree.Let:
        return tree.Let(parts[1].text, parts[3], span=_span(parts), name_span=parts[1].span)

    def layer(self, parts: list[Part]) -> tree.Layer:
        return tree.Layer(parts[1].text, parts[3], span=_span(parts), name_span=parts[1].span)

    def code(self, parts: list[Part]) -> tree.CodeDeclaration:
        return tree.CodeDeclaration(parts[1].text, parts[3], span=_span(parts), name_span=parts[1].span)

    def block(self, parts: list[Part]) -> tree.Block:
        name = parts[1]
        parameters = _items_at(parts, 2) or ()
        return tree.Block(name.text, parameters, parts[-1], span=_span(parts), name_span=name.span)

    def network(self, parts: list[Part]) -> tree.NetworkDeclaration:
        name = parts[1]
        dials = _items_at(parts, 2) or ()
        return tree.NetworkDeclaration(name.text, dials, parts[-1], span=_span(parts), name_span=name.span)

    def train(self, parts: list[Part]) -> tree.Train:
        return tree.Train(parts[1], span=_span(parts))

    # --- bodies and statements ---

    def braces(self, parts: list[Part]) -> tree.Body:
        doc = None
        if _is(parts[1], "DOC"):
            doc = parts[1].value or None

        # A body that holds both is refused later, with the place of each.
        nodes = _nodes(parts)
        statements = tuple([node for node in nodes if isinstance(node, _STATEMENTS)])
        flows = nodes
        if statements:
            flows = tuple([node for node in nodes if not isinstance(node, _STATEMENTS)])
        return tree.Body(doc, statements, flows, span=_span(parts))

    home = head_braces = braces

    def bind(self, parts: list[Part]) -> tree.Bind:
        return tree.Bind(parts[0].text, parts[2], span=_span(parts), name_span=parts[0].span)

    def input(self, parts: list[Part]) -> tree.Input:
        name = parts[1]
        where = None
        if _is(parts[-2], "WHERE"):
            where = parts[-1]
        return tree.Input(name.text, parts[3], _items_at(parts, 4), where, span=_span(parts), name_span=name.span)

    def output(self, parts: list[Part]) -> tree.Output:
        if len(parts) == 2:
            return tree.Output(None, parts[1], span=_span(parts))
        return tree.Output(parts[1].text, parts[3], span=_span(parts), name_span=parts[1].span)

    def stretch(self, parts: list[Part]) -> tree.Stretch:
        word: Literal["phase", "step"] = parts[0].text
        return tree.Stretch(word, parts[1].text, parts[2], span=_span(parts), name_span=parts[1].span)

    # --- expressions ---

    def flow(self, parts: list[Part]) -> Expr:
        if len(parts) == 1:
            return cast(Expr, parts[0])
        return tree.Flow(_nodes(parts), span=_span(parts))

    def named(self, parts: list[Part]) -> tree.As:
        name = parts[2]
        called: str | Expr = name
        if _is(name, "NAME"):
            called = name.text
        elif _is(name, "STRING"):
            # `as "stem"` is the name. A text that is none is refused later, where it stands.
            called = name.value
            if not is_name(name.value):
                called = tree.Text(name.value, span=name.span)
        return tree.As(parts[0], called, span=_span(parts), name_span=name.span)

    def sum(self, parts: list[Part]) -> Expr:
        # The grammar's repetition is flat; the tree of `a - b - c` leans to the left, as subtraction is read.
        left: Expr = parts[0]
        for operator, right in zip(parts[1::2], parts[2::2], strict=True):
            left = tree.Binary(operator.text, left, right, span=left.span.to(right.span))
        return left

    disjunction = conjunction = comparison = product = power = placed = sum

    def signed(self, parts: list[Part]) -> tree.Unary:
        return tree.Unary(parts[0].text, parts[1], span=_span(parts))

    negation = signed

    def value(self, parts: list[Part]) -> Expr:
        value: Expr = parts[0]
        for part in parts[1:]:
            value = _extended(value, part, value.span.to(part.span))
        return value

    def name(self, parts: list[Part]) -> tree.Name:
        return tree.Name(parts[0].text, span=parts[0].span)

    def current(self, parts: list[Part]) -> tree.In:
        return tree.In(span=parts[0].span)

    def field(self, parts: list[Part]) -> Suffix:
        return Suffix(parts[1].text, _span(parts))

    def index(self, parts: list[Part]) -> Suffix:
        return Suffix(parts[1], _span(parts))

    def list(self, parts: list[Part]) -> tree.ListOf:
        return tree.ListOf(_nodes(parts), span=_span(parts))

    # From here on `list` is the method above, so the parts are called a sequence.

    def tuple(self, parts: Sequence[Part]) -> tree.TupleOf:
        return tree.TupleOf(_nodes(parts), span=_span(parts))

    def parens(self, parts: Sequence[Part]) -> tree.Parens:
        return tree.Parens(parts[1], span=_span(parts))

    def literal(self, parts: Sequence[Part]) -> Expr:
        token: Token = parts[0]
        value: Any = token.value  # the lexer has read it already
        if token.type == "NUMBER":
            return tree.Number(value, token.text, span=token.span)
        if token.type == "SIZE":
            return tree.SizeLiteral(value, span=token.span)
        if token.type == "STRING":
            return tree.Text(value, span=token.span)
        return tree.Truth(token.type == "TRUE", span=token.span)

    def loop_name(self, parts: Sequence[Part]) -> tree.LoopName:
        return tree.LoopName(parts[0].text, span=parts[0].span)

    def argument(self, parts: Sequence[Part]) -> tree.Argument:
        if len(parts) == 1:
            return tree.Argument(None, parts[0], span=_span(parts))
        return tree.Argument(parts[0].text, parts[2], span=_span(parts), name_span=parts[0].span)


# --- rules whose names are words of Python ---------------------------------------------------------------------------


def _if(self: TreeBuilder, parts: Sequence[Part]) -> tree.If:
    otherwise = None
    if len(parts) > 3:
        otherwise = parts[4]
    return tree.If(parts[1], parts[2], otherwise, span=_span(parts))


def _for(self: TreeBuilder, parts: Sequence[Part]) -> tree.For:
    names = tuple(part for part in parts if isinstance(part, tree.LoopName))
    return tree.For(names, parts[-2], parts[-1], span=_span(parts))


def _import(self: TreeBuilder, parts: Sequence[Part]) -> tree.Import:
    path = parts[1]
    if _is(path, "STRING"):
        return tree.Import(path.value, _nodes(parts), quoted=True, span=_span(parts), path_span=path.span)
    return tree.Import(path.part, _nodes(parts), quoted=False, span=_span(parts), path_span=path.span)


def _from(self: TreeBuilder, parts: Sequence[Part]) -> tree.From:
    return tree.From(parts[1].value, _items_at(parts, 2), span=_span(parts))


for _rule, _method in {"if": _if, "for": _for, "import": _import, "from": _from}.items():
    setattr(TreeBuilder, _rule, _method)


# --- parts of rules --------------------------------------------------------------------------------------------------


def _span(parts: Sequence[Part]) -> Span:
    """The place from the first part of a rule to its last."""
    first, last = parts[0], parts[-1]
    # A token makes a span when it is asked for one, which is not needed here.
    if not isinstance(first, Token):
        first = first.span
    if not isinstance(last, Token):
        last = last.span
    return Span(first.source, first.start, last.end)


def _nodes(parts: Sequence[Part]) -> tuple[Any, ...]:
    return tuple([part for part in parts if isinstance(part, TreeNode)])


def _is(part: Part, type: str) -> bool:
    return isinstance(part, Token) and part.type == type


def _text_at(parts: Sequence[Part], at: int) -> str | None:
    """The text of the token at a place of a rule, None if the rule ends before it."""
    if at < len(parts):
        return cast(str, parts[at].text)
    return None


def _items_at(parts: Sequence[Part], at: int) -> Any:
    """The items in the brackets at a place of a rule, None if something else stands there."""
    if at < len(parts) and isinstance(parts[at], Bracketed):
        return parts[at].items
    return None


def _extended(value: Expr, part: Part, span: Span) -> Expr:
    """A value with the arguments, the field, the index or the braces that stand behind it."""
    if isinstance(part, Bracketed):
        return tree.Call(value, part.items, span=span)

    if isinstance(part, Suffix):
        if isinstance(part.part, str):
            return tree.Field(value, part.part, span=span)
        return tree.Index(value, part.part, span=span)

    # Braces join the call before them: `each(2) { ... }` is one call.
    if isinstance(value, tree.Call) and value.body is None:
        return tree.Call(value.callee, value.arguments, part, span=span)
    return tree.Call(value, None, part, span=span)
