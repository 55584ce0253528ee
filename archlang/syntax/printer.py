"""Tree to text: the one canonical form of a file, which depends on the tree alone and keeps every comment.

>>> from archlang.source import Source
>>> from archlang.syntax.parser import parse
>>> print(print_file(parse(Source("demo.arch", "archlang 1\\nblock unit(c)=conv(3x3,c)->relu"))), end="")
archlang 1
block unit(c) = conv(3x3, c) -> relu
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from archlang.syntax import tree
from archlang.syntax.layout import HARD, Behind, Doc, Line, cat, group, is_hard, nest, render
from archlang.syntax.print_expr import arguments_of, behind, expr, lead, quote, row
from archlang.syntax.table import aligned_rows, paddings


def print_file(file: tree.File) -> str:
    """A whole file in canonical form, with a line end at its end."""
    parts: list[Doc] = [f"archlang {file.version}", HARD]
    first = file.declarations[0] if file.declarations else None
    if file.doc:
        parts.extend((_doc(file.doc), HARD))
    elif first is not None and getattr(first, "doc", None):
        parts.extend(('""""""', HARD))  # or the first declaration's doc string would be the file's
    parts.append(_lines(file.declarations, _declaration, set_apart=True))
    after = tuple(_after(file.after))
    parts.extend(after if file.declarations or not file.after else _first(file.after[0], after))
    return render(cat(*parts)) + "\n"


def print_expr(node: tree.Expr) -> str:
    """An expression in canonical form; on several lines where it is long or holds comments."""
    return render(expr(node))


def print_flat(node: tree.Expr) -> str:
    """An expression on a single line, however long, unless it holds statements or comments."""
    return render(expr(node), width=1 << 30)


def braces(body: tree.Body) -> Doc:
    """Braces with a statement on each line."""
    parts: list[Doc] = [Behind(body.before[0].text)] if body.before else []
    parts.extend(part for comment in body.before[1:] for part in (HARD, comment.text))
    if body.doc:
        parts.extend((HARD, _doc(body.doc)))
    if body.statements:
        parts.extend((HARD, _lines(body.statements, _statement)))
    if body.flows:
        parts.extend((HARD, _flows(body.flows)))
    parts.extend(_after(body.after))
    return cat("{", nest(2, *parts, ""), HARD, "}")


def _after(comments: Sequence[tree.Comment]) -> Iterator[Doc]:
    for comment in comments:
        yield cat(HARD, HARD) if comment.blank else HARD
        yield comment.text


def _first(comment: tree.Comment, after: Sequence[Doc]) -> Iterator[Doc]:
    """The comments of a file without declarations: the line before the first of them has ended already."""
    yield HARD if comment.blank else ""
    yield from after[1:]


def _lines(nodes: Sequence[Any], one: Any, set_apart: bool = False) -> Doc:
    """Declarations or statements, each on its line; an empty line stays where the file has one."""
    parts: list[Doc] = []
    pads = paddings(nodes)
    rows = aligned_rows(nodes)
    for at, node in enumerate(nodes):
        if at:
            parts.append(HARD)
        tall = set_apart and at > 0 and (_is_tall(node) or _is_tall(nodes[at - 1]))
        parts.extend((lead(node, at, tall), rows[at] if at in rows else one(node, pads.get(at, (0, 0))), behind(node)))
    return cat(*parts, "")


def _is_tall(node: tree.TreeNode) -> bool:
    return isinstance(getattr(node, "body", None), tree.Body)


def _flows(flows: Sequence[tree.Expr]) -> Doc:
    parts: list[Doc] = []
    for at, flow in enumerate(flows):
        last = at + 1 == len(flows)
        parts.extend((lead(flow, at), expr(flow), "" if last else ";", behind(flow), "" if last else HARD))
    return cat(*parts)


def _declaration(node: tree.Declaration, pad: tuple[int, int]) -> Doc:
    doc = getattr(node, "doc", None)
    before: Doc = cat(_doc(doc), HARD) if doc else ""
    match node:
        case tree.Import(path=path, names=names, quoted=quoted):
            docs: list[Doc] = [f"{one.name} as {one.alias}" if one.alias else one.name for one in names]
            return cat(f"import {quote(path) if quoted else path} ", row("(", names, docs, ")"))
        case tree.Let(name=name, value=value):
            return cat(before, f"let {name:<{pad[0]}} = ", expr(value))
        case tree.CodeDeclaration(name=name, value=value):
            return cat(before, f"code {name:<{pad[0]}} = ", expr(value))
        case tree.Block(name=name, parameters=parameters, body=tree.Body() as inner):
            return cat(before, f"block {name}", _parameters(parameters), " ", braces(inner))
        case tree.Block(name=name, parameters=parameters, body=flow):
            return cat(before, f"block {name}", _parameters(parameters), " = ", expr(flow))  # type: ignore[arg-type]
        case tree.NetworkDeclaration(name=name, dials=dials, body=inner):
            return cat(before, f"network {name}", _parameters(dials), " ", braces(inner))
    assert isinstance(node, tree.Train)
    return cat(before, "train ", braces(node.body))


def _parameters(parameters: Sequence[tree.Parameter]) -> Doc:
    docs = [cat(one.name, "" if one.default is None else cat(" = ", expr(one.default))) for one in parameters]
    return row("(", parameters, docs, ")") if parameters else ""


def _statement(node: tree.Statement, pad: tuple[int, int]) -> Doc:
    match node:
        case tree.Let(name=name, value=value):
            return cat(f"let {name:<{pad[0]}} = ", expr(value))
        case tree.Bind(name=name, value=value):
            return cat(f"{name:<{pad[0]}} = ", expr(value, source=pad[1]))
        case tree.Input(name=name, sizes=sizes, arguments=arguments, where=where):
            given: Doc = "" if arguments is None else cat(" ", arguments_of(arguments))
            return cat(f"input {name}: ", expr(sizes), given, "" if where is None else cat(" where ", expr(where)))
        case tree.Output(name=name, value=value):
            return cat("output ", f"{name} = " if name else "", expr(value))
    return cat(f"{node.word} {node.name} ", _stretch(node.body))


def _stretch(body: tree.Body) -> Doc:
    plain = not body.doc and not body.flows and not body.after and not body.before
    if not plain or any(one.before or one.behind or one.blank for one in body.statements):
        return braces(body)
    parts: list[Doc] = []
    for at, one in enumerate(body.statements):
        parts.extend((Line("; ") if at else Line(), _statement(one, (0, 0))))
    short = group("{", nest(2, *parts, ""), Line(), "}")
    return braces(body) if is_hard(short) else short


def _doc(text: str) -> Doc:
    lines = [line.rstrip() for line in text.replace('"""', "'''").expandtabs(4).strip().split("\n")]
    if len(lines) == 1:
        return f'"""{lines[0]}"""'
    indented = all(line.startswith(" ") for line in lines[1:] if line)
    first: list[Doc] = ['"""', HARD, lines[0]] if indented else [f'"""{lines[0]}']
    return cat(*first, *(part for line in lines[1:] for part in (HARD, line)), HARD, '"""')
