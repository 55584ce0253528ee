"""Hypothesis strategies for trees as a parser could have made them: parentheses stand where precedence needs them."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from archlang.syntax import tree
from archlang.syntax.lexing import WORDS
from archlang.syntax.precedence import (
    AND,
    AT,
    BASE,
    COMPARE,
    NAMED,
    NOT,
    OPERAND,
    OR,
    PRODUCT,
    SIGN,
    SUM,
    level,
    shows_braces,
)
from archlang.syntax.tree import Expr

names = st.sampled_from(["x", "relu", "conv", "body", "layer1", "H", "in_", "True_", "_", "shortcut_connection"])
texts = st.text(st.sampled_from('ab "\\\n\t#→\u202e{}'), max_size=8)
docs = st.none() | st.sampled_from(
    ["One.", 'He said "so"', "One.\n\nTwo.\n  Three.", "One\n    two\n    three", "# no"]
)
numbers = st.integers(0, 10**6) | st.floats(0, 1e9, allow_nan=False)
_OPERATORS = {
    "or": (OR, AND), "and": (AND, NOT), "==": (SUM, SUM), ">=": (SUM, SUM), "+": (SUM, PRODUCT), "-": (SUM, PRODUCT),
    "*": (PRODUCT, SIGN), "//": (PRODUCT, SIGN), "%": (PRODUCT, SIGN), "at": (OPERAND, OPERAND),
    "**": (AT, SIGN),
}  # fmt: skip
assert COMPARE < SUM


def at_least(node: Expr, least: int) -> Expr:
    return tree.Parens(node) if level(node) < least else node


def head(node: Expr) -> Expr:
    return tree.Parens(node) if shows_braces(node) else node


def left_of(node: Expr, least: int) -> Expr:
    node = at_least(node, least)
    return tree.Parens(node) if isinstance(node, tree.If | tree.For) else node


def _flow(steps: list[Expr]) -> Expr:
    return tree.Flow(tuple(at_least(step, NAMED) for step in steps))


def _binary(operator: str, left: Expr, right: Expr) -> Expr:
    wants = _OPERATORS[operator]
    return tree.Binary(operator, left_of(left, wants[0]), at_least(right, wants[1]))


def _call(callee: Expr, arguments: tuple[tree.Argument, ...] | None, body: tree.Body | None) -> Expr:
    callee = at_least(callee, BASE)
    if arguments is None and body is None:
        return callee
    if arguments is None and isinstance(callee, tree.Call) and callee.body is None:
        callee = tree.Parens(callee)
    return tree.Call(callee, arguments, body)


def _arguments(positional: list[Expr], named: list[tuple[str, Expr]]) -> tuple[tree.Argument, ...]:
    return (*(tree.Argument(None, one) for one in positional), *(tree.Argument(name, one) for name, one in named))


def _extend(inner: SearchStrategy[Expr]) -> SearchStrategy[Expr]:
    some = st.lists(inner, max_size=3)
    arguments = st.builds(_arguments, some, st.lists(st.tuples(names, inner), max_size=2))
    inside = bodies(inner)
    ifs = st.builds(lambda test, *rest: tree.If(head(test), *rest), inner, inside, st.none() | inside)
    return st.one_of(
        st.builds(_flow, st.lists(inner, min_size=2, max_size=5)),
        st.builds(lambda step, name: tree.As(at_least(step, OR), name), inner, names | inner.map(tree.Parens)),
        st.builds(_binary, st.sampled_from(sorted(_OPERATORS)), inner, inner),
        st.builds(lambda operand: tree.Unary("not", at_least(operand, NOT)), inner),
        st.builds(lambda sign, operand: tree.Unary(sign, at_least(operand, SIGN)), st.sampled_from("+-"), inner),
        st.builds(_call, inner, st.none() | arguments, st.none() | inside),
        st.builds(lambda value, name: tree.Field(at_least(value, BASE), name), inner, names),
        st.builds(lambda value, index: tree.Index(at_least(value, BASE), index), inner, inner),
        st.builds(tree.Parens, inner),
        st.builds(lambda items: tree.ListOf(tuple(items)), some),
        st.builds(lambda items: tree.TupleOf(tuple(items)), st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda test, then, other: tree.If(head(test), then, other), inner, inside, ifs),
        ifs,
        st.builds(lambda some, values, body: tree.For(tuple(map(tree.LoopName, some)), head(values), body),
                  st.lists(names, min_size=1, max_size=3), inner, inside),
    )


def statements(inner: SearchStrategy[Expr]) -> SearchStrategy[tuple[tree.Statement, ...]]:
    one = st.one_of(
        st.builds(tree.Let, names, inner),
        st.builds(tree.Layer, names, inner),
        st.builds(tree.Bind, names, inner),
        st.builds(tree.Output, st.none() | names, inner),
    )
    return st.lists(one, min_size=1, max_size=4).map(tuple)


def bodies(inner: SearchStrategy[Expr]) -> SearchStrategy[tree.Body]:
    flows = st.builds(lambda flows: tree.Body(flows=tuple(flows)), st.lists(inner, min_size=1, max_size=3))
    return flows | st.builds(lambda some: tree.Body(statements=some), statements(inner))


atoms: SearchStrategy[Expr] = st.one_of(
    st.builds(tree.Name, names), st.just(tree.In()), st.builds(tree.Number, numbers), st.builds(tree.Text, texts),
    st.builds(tree.Truth, st.booleans()),
    st.builds(lambda sizes: tree.SizeLiteral(tuple(sizes)), st.lists(st.integers(0, 99), min_size=2, max_size=3)),
)  # fmt: skip
expressions = st.recursive(atoms, _extend, max_leaves=12)

_parameters = st.lists(st.builds(tree.Parameter, names, st.none() | expressions), max_size=3).map(tuple)
_sizes = st.builds(lambda items: tree.ListOf(tuple(items)), st.lists(expressions, max_size=3))
_given = st.none() | st.builds(lambda some: _arguments([], some), st.lists(st.tuples(names, expressions), max_size=2))
_inputs = st.builds(tree.Input, names, _sizes, _given, st.none() | expressions)
_home = st.builds(tree.Body, docs, statements(expressions))
_settings = st.lists(st.builds(tree.Bind, names, expressions), min_size=1, max_size=3).map(tuple)
_set = st.builds(lambda some: tree.Body(statements=some), _settings)
_stretch = st.builds(tree.Stretch, st.sampled_from(["phase", "step"]), names, _set)
_network = st.builds(
    lambda doc, inputs, rest: tree.Body(doc, (*inputs, *rest)),
    docs, st.lists(_inputs, max_size=2), statements(expressions),
)  # fmt: skip
_train = st.builds(lambda some, more: tree.Body(None, (*some, *more)), _settings, st.lists(_stretch, max_size=3))
_imports = st.builds(
    lambda quoted, names: tree.Import("./a.arch" if quoted else "std.resnet", tuple(names), quoted),
    st.booleans(), st.lists(st.builds(tree.Imported, names, st.none() | names), min_size=1, max_size=3),
)  # fmt: skip
declarations = st.one_of(
    _imports,
    st.builds(tree.Let, names, expressions, docs),
    st.builds(tree.Block, names, _parameters, expressions | _home, docs),
    st.builds(tree.CodeDeclaration, names, expressions | st.builds(tree.From, texts, _given), docs),
    st.builds(tree.NetworkDeclaration, names, _parameters, _network, docs),
    st.builds(tree.Train, _train, docs),
)
files = st.builds(tree.File, st.lists(declarations, max_size=4).map(tuple), docs)
assert not set(WORDS) & {"x", "relu", "conv", "body"}
