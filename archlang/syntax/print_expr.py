"""Expressions as documents: parentheses where precedence needs them, flows with their arrows in a column."""

from __future__ import annotations

from collections.abc import Sequence

from archlang.syntax import tree
from archlang.syntax.layout import HARD, Behind, Doc, Line, align, cat, group, nest, soft
from archlang.syntax.spelling import HIDDEN
from archlang.syntax.tree import Expr

FLOW, NAMED, OR, AND, NOT, COMPARE, SUM, PRODUCT, SIGN, AT, OPERAND, BASE = range(12)
"""How tight an expression holds together, from loose to tight, as the rules of the grammar stand."""

_BINARY: dict[str, tuple[int, int, int]] = {
    "or": (OR, OR, AND), "and": (AND, AND, NOT), "at": (AT, OPERAND, OPERAND),
    **dict.fromkeys(("==", "!=", "<", "<=", ">", ">="), (COMPARE, SUM, SUM)),
    **dict.fromkeys(("+", "-"), (SUM, SUM, PRODUCT)),
    **dict.fromkeys(("*", "/", "//", "%"), (PRODUCT, PRODUCT, SIGN)),
}  # fmt: skip
"""Each operator: how tight it is, and what it asks of its left and of its right side."""


def level(node: Expr) -> int:
    """How tight an expression is."""
    match node:
        case tree.Flow(steps=steps):
            return FLOW if len(steps) > 1 else level(steps[0])
        case tree.As():
            return NAMED
        case tree.Binary(operator=operator):
            return _BINARY[operator][0]
        case tree.Unary(operator=operator):
            return NOT if operator == "not" else SIGN
        case tree.Number(value=value):
            return SIGN if value < 0 else OPERAND
        case tree.Text() | tree.Truth() | tree.SizeLiteral() | tree.If() | tree.For():
            return OPERAND
    return BASE


def expr(node: Expr, least: int = FLOW, source: int = 0) -> Doc:
    """The document of an expression, in parentheses where it is looser than `least`; a flow's source `source` wide."""
    if isinstance(node, tree.Flow) and source:
        return _flow(node, source)
    if level(node) < least:
        return cat("(", align(_plain(node)), ")")
    return _plain(node)


def _plain(node: Expr) -> Doc:
    match node:
        case tree.Flow():
            return _flow(node)
        case tree.Binary():
            return _chain(node)
        case tree.Call():
            return _call(node)
        case tree.If():
            return _if(node)
        case tree.For(name=name, values=values, body=inner):
            return align(f"for {name} in ", _head(values), " ", body(inner))
        case tree.Parens(inner=inside):
            return cat("(", align(expr(inside)), ")")
        case tree.ListOf(items=items):
            return row("[", items, [expr(item) for item in items], "]")
        case tree.TupleOf(items=items):
            return row("(", items, [expr(item) for item in items], ",)" if len(items) == 1 else ")")
        case tree.As(step=step, name=name):
            return cat(expr(step, OR), f" as {name}")
        case tree.Unary(operator=operator, operand=operand):
            return cat("not " if operator == "not" else operator, expr(operand, level(node)))
        case tree.Field(value=value, name=name):
            return cat(expr(value, BASE), f".{name}")
        case tree.Index(value=value, index=index):
            return cat(expr(value, BASE), "[", align(expr(index)), "]")
        case tree.From(path=path, arguments=arguments):
            return cat(f"from {quote(path)}", "" if arguments is None else cat(" ", arguments_of(arguments)))
    return _atom(node)


def _atom(node: Expr) -> str:
    match node:
        case tree.Name(text=text):
            return text
        case tree.Number():
            return _number(node)
        case tree.Text(value=value):
            return quote(value)
        case tree.SizeLiteral(sizes=sizes):
            return "x".join(str(size) for size in sizes)
        case tree.Truth(value=value):
            return "true" if value else "false"
    return "in"


def _number(node: tree.Number) -> str:
    try:
        if node.written and type(node.value)(node.written) == node.value:
            return node.written
    except ValueError:
        pass
    return repr(node.value)


def quote(text: str) -> str:
    """A string as a file writes it."""
    plain = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    escaped = HIDDEN.sub(lambda match: "".join(f"\\u{{{ord(char):x}}}" for char in match[0]), plain)
    return f'"{escaped}"'


# --- comments and rows -----------------------------------------------------------------------------------------------


def above(node: tree.TreeNode) -> Doc:
    """The comments before a node, each on its line."""
    return cat(*(part for comment in node.before for part in (comment.text, HARD)), "")


def lead(node: tree.TreeNode, at: int, wide: bool = False) -> Doc:
    """Comments and empty lines before item `at` of some that have a line each; `wide`: one empty line at least."""
    wide = wide and not node.blank and not any(comment.blank for comment in node.before)
    parts: list[Doc] = []
    for number, comment in enumerate(node.before):
        empty = (comment.blank and (at or number)) or (wide and not number)
        parts.extend((HARD if empty else "", comment.text, HARD))
    apart = (node.blank and (at or node.before)) or (wide and not node.before)
    return cat(*parts, HARD if apart else "")


def behind(node: tree.TreeNode) -> Doc:
    """The comment behind a node, at the end of its line."""
    return Behind(node.behind.text) if node.behind else ""


def row(opening: str, nodes: Sequence[tree.TreeNode], docs: Sequence[Doc], closing: str) -> Doc:
    """Members between brackets: as many on a line as fit, aligned with the first."""
    parts: list[Doc] = []
    for at, (node, doc) in enumerate(zip(nodes, docs, strict=True)):
        last = at + 1 == len(docs)
        end = cat(behind(node), HARD if node.behind else "", closing) if last else cat(",", behind(node))
        member = cat(above(node), doc, end)
        apart = at and (nodes[at - 1].behind or node.before)
        parts.append(cat(HARD, member) if apart else soft(member) if at else member)
    return cat(opening, align(*parts)) if parts else opening + closing


def arguments_of(arguments: tuple[tree.Argument, ...]) -> Doc:
    """`(a, name = b)`."""
    docs = [cat(f"{one.name} = " if one.name else "", expr(one.value)) for one in arguments]
    return row("(", arguments, docs, ")")


# --- calls, heads and braces -----------------------------------------------------------------------------------------


def _call(node: tree.Call) -> Doc:
    callee = expr(node.callee, BASE)
    inner = node.callee
    if isinstance(inner, tree.Call) and node.arguments is None and inner.body is None:
        callee = cat("(", callee, ")")  # or these braces would join that call
    parts = [callee]
    if node.arguments is not None:
        parts.append(arguments_of(node.arguments))
    if node.body is not None:
        parts.extend((" ", body(node.body)))
    return align(*parts) if node.body is not None else cat(*parts)


def _if(node: tree.If) -> Doc:
    parts: list[Doc] = []
    one: tree.If | tree.Body | None = node
    while isinstance(one, tree.If):
        parts.extend(("if ", _head(one.test), " ", _open_body(one.then)))
        one = one.otherwise
        if one is not None:
            parts.append(" else ")
    if one is not None:
        parts.append(_open_body(one))
    return align(group(*parts))


def _head(node: Expr) -> Doc:
    return cat("(", align(expr(node)), ")") if shows_braces(node) else expr(node)


def shows_braces(node: Expr) -> bool:
    """Whether braces stand in an expression outside all other brackets, so that it cannot be a head."""
    stack: list[Expr] = [node]
    while stack:
        match stack.pop():
            case tree.Call(body=tree.Body()) | tree.If() | tree.For():
                return True
            case tree.Flow(steps=steps):
                stack.extend(steps)
            case tree.Binary(left=left, right=right):
                stack.extend((left, right))
            case tree.Call(callee=inner) | tree.Unary(operand=inner) | tree.As(step=inner):
                stack.append(inner)
            case tree.Field(value=inner) | tree.Index(value=inner):
                stack.append(inner)
    return False


def body(node: tree.Body) -> Doc:
    """Braces behind a stage: on one line where they hold flows that fit."""
    return group(_open_body(node))


def _open_body(node: tree.Body) -> Doc:
    from archlang.syntax.printer import braces  # statements print expressions and these print braces

    if node.statements or node.doc:
        return braces(node)
    parts: list[Doc] = []
    for at, flow in enumerate(node.flows):
        last = at + 1 == len(node.flows)
        parts.extend((lead(flow, at), expr(flow), "" if last else ";", behind(flow), "" if last else Line()))
    opening: list[Doc] = [Behind(node.before[0].text), HARD] if node.before else [Line()]
    opening.extend(part for comment in node.before[1:] for part in (comment.text, HARD))
    closing = [part for comment in node.after for part in (HARD, comment.text)]
    return cat("{", nest(2, *opening, *parts, *closing), HARD if closing else Line(), "}")


# --- chains ----------------------------------------------------------------------------------------------------------


def _chain(node: tree.Binary) -> Doc:
    own = level(node)
    pairs: list[tuple[str, Doc]] = []
    one: Expr = node
    while isinstance(one, tree.Binary):
        _, left, right = _BINARY[one.operator]
        pairs.append((one.operator, expr(one.right, right)))
        one = one.left
        if level(one) != own or own in (COMPARE, AT):
            break
    parts: list[Doc] = [expr(one, left)]
    for operator, doc in reversed(pairs):
        term = cat(f"{operator} ", doc)
        parts.append(soft(term) if own in (OR, AND, SUM) else cat(" ", term))
    return align(*parts)


def _flow(node: tree.Flow, width: int = 0) -> Doc:
    if len(node.steps) == 1:
        return expr(node.steps[0])
    first, *rest = node.steps
    heads = _heads(rest) if _is_source(first) else {at - 1 for at in _heads(node.steps)}
    parts: list[Doc] = []
    for at, step in enumerate(rest):
        doc = cat(above(step), "-> ", expr(step, NAMED), behind(step))
        if node.steps[at].behind or step.before:
            parts.append(cat(HARD, doc))
        elif at in heads:
            parts.append(cat(Line(), doc))
        else:
            parts.append(doc if at == 0 and _is_source(first) else soft(doc))
    source = cat(above(first), expr(first, NAMED))
    if _is_source(first):
        known = len(first.text) if isinstance(first, tree.Name) else 2
        gap = "" if rest[0].before or first.behind else " " * max(1, width - known + 1)
        return group(cat(source, behind(first), gap), align(*parts))
    return group(align(source, behind(first), *parts))


def _is_source(step: Expr) -> bool:
    return isinstance(step, tree.Name | tree.In | tree.Field | tree.Index)


def _heads(steps: Sequence[Expr]) -> set[int]:
    """The steps before which a long flow breaks: those with braces, or else the later calls of its first stage."""
    cores = [_core(step) for step in steps]
    braced = {at for at, core in enumerate(cores) if _has_braces(core)}
    if braced:
        return braced - {0}
    names = [_called(core) for core in cores]
    called = next((name for name in names if name), None)
    return {at for at, name in enumerate(names) if at and name and name == called}


def _core(step: Expr) -> Expr:
    while isinstance(step, tree.As | tree.Binary):
        step = step.step if isinstance(step, tree.As) else step.right
    return step


def _called(step: Expr) -> str:
    return step.callee.text if isinstance(step, tree.Call) and isinstance(step.callee, tree.Name) else ""


def _has_braces(step: Expr) -> bool:
    return isinstance(step, tree.If | tree.For) or (isinstance(step, tree.Call) and step.body is not None)

