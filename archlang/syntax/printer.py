"""Tree to text: the one canonical form of a file, which depends on the tree alone and keeps every comment.

>>> from archlang.source import Source
>>> from archlang.syntax.parser import parse
>>> print(print_file(parse(Source("demo.arch", "archlang 1\\nblock unit(c)=conv(3x3,c)->relu"))), end="")
archlang 1
block unit(c) = conv(3x3, c) -> relu
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import archlang.syntax.tree as tree
from archlang.syntax.expression_printer import ExpressionPrinter
from archlang.syntax.layout import HARD, Doc, LineBreak, TrailingComment, cat, group, is_hard, nest, render
from archlang.syntax.print_parts import behind, lead, quote, row
from archlang.syntax.table import NO_PADDING, Padding, aligned_rows, needs_a_line, paddings
from archlang.syntax.tree import Expr

_ONE_LINE = 1 << 30  # columns: more than any line has


def print_file(file: tree.File) -> str:
    """A whole file in canonical form, with a line end at its end."""
    parts: list[Doc] = [f"archlang {file.version}", HARD]
    if file.doc:
        parts.extend((_doc(file.doc), HARD))
    elif file.declarations and getattr(file.declarations[0], "doc", None):
        parts.extend(('""""""', HARD))  # or the first declaration's doc string would be the file's

    parts.append(_lines(file.declarations, _declaration, set_apart=True))
    last_comments = _closing_comments(file.after)
    if last_comments and not file.declarations:  # the line before the first of them has ended already
        last_comments = last_comments[1:]
        if file.after[0].blank:
            parts.append(HARD)
    return render(cat(*parts, *last_comments)) + "\n"


def print_expr(node: Expr) -> str:
    """An expression in canonical form; on several lines if it is long or holds comments."""
    return render(_EXPRESSIONS.expr(node))


def print_flat(node: Expr) -> str:
    """An expression on a single line, however long, unless it holds statements or comments."""
    return render(_EXPRESSIONS.expr(node), width=_ONE_LINE)


# --- lines -----------------------------------------------------------------------------------------------------------


def _lines(
    nodes: Sequence[tree.TreeNode], print_one: Callable[[tree.TreeNode, Padding], Doc], set_apart: bool = False
) -> Doc:
    """Declarations or statements, each on its line. An empty line stays if the file has one.

    Args:
        nodes: the lines.
        print_one: prints one of them with a padding.
        set_apart: put an empty line around those with braces.
    """
    parts: list[Doc] = []
    # Lines look at their neighbours: columns are aligned over runs of lines of one sort.
    pads = paddings(nodes)
    rows = aligned_rows(nodes, print_flat)
    for at, node in enumerate(nodes):
        if at > 0:
            parts.append(HARD)
        tall = set_apart and at > 0 and (_has_braces(node) or _has_braces(nodes[at - 1]))

        line = rows.get(at) or print_one(node, pads.get(at, NO_PADDING))
        parts.extend((lead(node, at, tall), line, behind(node)))
    return cat(*parts, "")


def _has_braces(node: tree.TreeNode) -> bool:
    return isinstance(getattr(node, "body", None), tree.Body)


def _closing_comments(comments: Sequence[tree.Comment]) -> list[Doc]:
    """The comments at the end of a file or of braces: line break and text in turn."""
    parts: list[Doc] = []
    for comment in comments:
        line_break: Doc = HARD
        if comment.blank:
            line_break = cat(HARD, HARD)
        parts.extend((line_break, comment.text))
    return parts


def _doc(text: str) -> Doc:
    """A doc string. Its quotes stand alone on their lines if its own indentation would be lost otherwise."""
    text = text.replace('"""', "'''").expandtabs(4).strip()  # only a program can put its own quotes into it
    first, *rest = [line.rstrip() for line in text.split("\n")]
    if not rest:
        return f'"""{first}"""'

    parts: list[Doc] = [f'"""{first}']
    if all(line.startswith(" ") for line in rest if line):
        parts = ['"""', HARD, first]
    for line in rest:
        parts.extend((HARD, line))
    return cat(*parts, HARD, '"""')


# --- declarations ----------------------------------------------------------------------------------------------------


def _declaration(node: tree.TreeNode, pad: Padding) -> Doc:
    before: Doc = ""
    if doc := getattr(node, "doc", None):
        before = cat(_doc(doc), HARD)

    match node:
        case tree.Import():
            return _import(node)
        case tree.Let(name=name, value=value):
            return cat(before, f"let {name:<{pad[0]}} = ", _EXPRESSIONS.expr(value))
        case tree.CodeDeclaration(name=name, value=value):
            return cat(before, f"code {name:<{pad[0]}} = ", _EXPRESSIONS.expr(value))
        case tree.Block():
            return cat(before, _block(node))
        case tree.NetworkDeclaration(name=name, dials=dials, body=body):
            return cat(before, f"network {name}", _parameters(dials), " ", _braces(body))

    assert isinstance(node, tree.Train)
    return cat(before, "train ", _braces(node.body))


def _import(node: tree.Import) -> Doc:
    path = node.path
    if node.quoted:
        path = quote(path)

    names: list[Doc] = []
    for one in node.names:
        if one.alias:
            names.append(f"{one.name} as {one.alias}")
        else:
            names.append(one.name)
    return cat(f"import {path} ", row("(", node.names, names, ")"))


def _block(node: tree.Block) -> Doc:
    head = cat(f"block {node.name}", _parameters(node.parameters))
    if isinstance(node.body, tree.Body):
        return cat(head, " ", _braces(node.body))
    return cat(head, " = ", _EXPRESSIONS.expr(node.body))


def _parameters(parameters: Sequence[tree.Parameter]) -> Doc:
    if not parameters:
        return ""

    docs: list[Doc] = []
    for one in parameters:
        if one.default is None:
            docs.append(one.name)
        else:
            docs.append(cat(f"{one.name} = ", _EXPRESSIONS.expr(one.default)))
    return row("(", parameters, docs, ")")


# --- statements ------------------------------------------------------------------------------------------------------


def _statement(node: tree.TreeNode, pad: Padding) -> Doc:
    match node:
        case tree.Let(name=name, value=value):
            return cat(f"let {name:<{pad[0]}} = ", _EXPRESSIONS.expr(value))
        case tree.Layer(name=name, value=value):
            return cat(f"layer {name:<{pad[0]}} = ", _EXPRESSIONS.expr(value))
        case tree.Bind(name=name, value=tree.Flow() as flow):
            return cat(f"{name:<{pad[0]}} = ", _EXPRESSIONS.flow(flow, source_width=pad[1]))
        case tree.Bind(name=name, value=value):
            return cat(f"{name:<{pad[0]}} = ", _EXPRESSIONS.expr(value))
        case tree.Input():
            return _input(node)
        case tree.Output(name=None, value=value):
            return cat("output ", _EXPRESSIONS.expr(value))
        case tree.Output(name=name, value=value):
            return cat(f"output {name} = ", _EXPRESSIONS.expr(value))

    assert isinstance(node, tree.Stretch)
    return cat(f"{node.word} {node.name} ", _stretch_body(node.body))


def _input(node: tree.Input) -> Doc:
    parts: list[Doc] = [f"input {node.name}: ", _EXPRESSIONS.expr(node.sizes)]
    if node.arguments is not None:
        parts.extend((" ", _EXPRESSIONS.arguments(node.arguments)))
    if node.where is not None:
        parts.extend((" where ", _EXPRESSIONS.expr(node.where)))
    return cat(*parts)


def _stretch_body(body: tree.Body) -> Doc:
    """The settings of a phase or step: on one line if they fit there, without comments or empty lines."""
    plain = not body.doc and not body.flows and not body.after and not body.before
    if not plain or any(needs_a_line(one, at) for at, one in enumerate(body.statements)):
        return _braces(body)

    parts: list[Doc] = []
    for at, one in enumerate(body.statements):
        if at == 0:
            parts.append(LineBreak())
        else:
            parts.append(LineBreak("; "))
        parts.append(_statement(one, NO_PADDING))

    # A value with statements in braces cannot stand on one line.
    short = group("{", nest(2, *parts, ""), LineBreak(), "}")
    if is_hard(short):
        return _braces(body)
    return short


def _braces(body: tree.Body) -> Doc:
    """Braces with a statement, or a flow, on each line."""
    parts: list[Doc] = []
    if body.before:  # comments behind the opening brace: the first stays on its line
        parts.append(TrailingComment(body.before[0].text))
        for comment in body.before[1:]:
            parts.extend((HARD, comment.text))

    if body.doc:
        parts.extend((HARD, _doc(body.doc)))
    if body.statements:
        parts.extend((HARD, _lines(body.statements, _statement)))
    if body.flows:
        parts.extend((HARD, _EXPRESSIONS.flows(body.flows, HARD)))
    parts.extend(_closing_comments(body.after))
    return cat("{", nest(2, *parts, ""), HARD, "}")


_EXPRESSIONS = ExpressionPrinter(statement_braces=_braces)
