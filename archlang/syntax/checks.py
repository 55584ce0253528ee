"""Rules of form that the grammar leaves open: what a body may hold, the order of arguments, length and depth."""

from __future__ import annotations

from collections.abc import Iterator

from archlang.diagnostics import Diagnostic, Label, error
from archlang.limits import DEFAULT, Limits
from archlang.source import Span
from archlang.syntax import tree
from archlang.syntax.walk import children

_HOLDS: dict[str, tuple[tuple[type, ...], str]] = {
    "network": ((tree.Let, tree.Bind, tree.Input, tree.Output), "`input`, `let`, `name = flow` and `output`"),
    "block": ((tree.Let, tree.Bind, tree.Output), "`let`, `name = flow` and `output`, or flows"),
    "stage": ((tree.Let, tree.Bind, tree.Output), "`let`, `name = flow` and `output`, or flows"),
    "train": ((tree.Let, tree.Bind, tree.Stretch), "`name = value`, `let`, `phase` and `step`"),
    "phase": ((tree.Let, tree.Bind), "`name = value` and `let`"),
    "step": ((tree.Let, tree.Bind), "`name = value` and `let`"),
}
"""What may stand in the braces of each owner, and how to say so."""

_AROUND = 8  # what may stand around the longest sum: a call, a flow, braces
_CAPITALS = {"True": "true", "False": "false"}
_WITHOUT_FLOWS = {"network", "train", "phase", "step"}


def check_tree(file: tree.File, limits: Limits = DEFAULT) -> list[Diagnostic]:
    """Every breach of form in a tree, in the order of the text; a tree that is too deep is not looked at further."""
    found: list[Diagnostic] = []
    stack: list[tuple[tree.TreeNode, str, int, bool]] = [(file, "stage", 0, False)]
    while stack:
        node, owner, depth, chained = stack.pop()
        if isinstance(node, tree.Binary) and not chained and (late := _term(node, limits.terms)) is not None:
            return [_too_long(late, limits)]
        if depth > limits.terms + _AROUND or _signs(node, limits):
            return [_too_deep(node.span)]
        if isinstance(node, tree.Body):
            found.extend(_body(node, owner))
        elif isinstance(node, tree.Call | tree.From | tree.Input):
            found.extend(_order(node.arguments or ()))
        elif isinstance(node, tree.Name) and node.text in _CAPITALS:
            found.append(_capital(node))
        elif isinstance(node, tree.Binary) and isinstance(node.left, tree.If | tree.For):
            found.append(_brace_in_head(node.left))
        owner = _owner(node)
        deeper = depth + isinstance(node, tree.Expr)
        for child in children(node):
            stack.append((child, owner, deeper, isinstance(node, tree.Binary) and child is node.left))
    return sorted(found, key=lambda d: d.primary.span.start if d.primary else 0)


def _owner(node: tree.TreeNode) -> str:
    if isinstance(node, tree.Stretch):
        return node.word
    return {tree.NetworkDeclaration: "network", tree.Block: "block", tree.Train: "train"}.get(type(node), "stage")


def _body(body: tree.Body, owner: str) -> Iterator[Diagnostic]:
    if not body.statements and not body.flows:
        yield error("empty-body", "these braces hold nothing", body.span, "empty", help=f"add {_HOLDS[owner][1]}")
        return
    if body.flows and owner in _WITHOUT_FLOWS:
        yield _misplaced(body.flows[0], "a flow", owner)
    elif body.flows and body.statements:
        yield _mixed(body)
    for statement in body.statements:
        if not isinstance(statement, _HOLDS[owner][0]):
            yield _misplaced(statement, f"`{statement.span.text.split()[0]}`", owner)


def _mixed(body: tree.Body) -> Diagnostic:
    flow = body.flows[0].span
    labels = [Label(_head(flow), "this is a flow"), Label(_head(body.statements[0].span), "this is a statement")]
    early, late = sorted(labels, key=lambda label: label.span.start)
    help = f"write `output {_short(flow)}`, or give the flow a name: `name = ...`"
    message = "a body holds flows or statements, not both"
    return error("mixed-body", message, late.span, late.text, secondary=(early,), help=help)


def _misplaced(node: tree.TreeNode, what: str, owner: str) -> Diagnostic:
    where = "braces behind a stage" if owner == "stage" else f"a `{owner}`"
    help = f"{where} hold {_HOLDS[owner][1]}" if owner == "stage" else f"{where} holds {_HOLDS[owner][1]}"
    return error("misplaced-statement", f"{what} does not belong here", _head(node.span), f"in {where}", help=help)


def _order(arguments: tuple[tree.Argument, ...]) -> Iterator[Diagnostic]:
    named: tree.Argument | None = None
    for argument in arguments:
        if argument.name is not None:
            named = argument
        elif named is not None:
            yield error(
                "positional-after-keyword",
                "an argument without a name follows one with a name",
                argument.span,
                "without a name",
                secondary=(Label(named.span, "with a name"),),
                help="put it before the named ones, or give it its name",
            )
            return


def _capital(node: tree.Name) -> Diagnostic:
    right = _CAPITALS[node.text]
    return error("unexpected-token", f"`{node.text}` is written `{right}`", node.span, help=f"write `{right}`")


def _brace_in_head(node: tree.If | tree.For) -> Diagnostic:
    word, body = ("if", node.then) if isinstance(node, tree.If) else ("for", node.body)
    return error(
        "brace-in-head",
        f"the first braces behind `{word}` end its head, and something follows them that belongs to a head",
        _head(body.span),
        "these end the head",
        secondary=(Label(Span(node.span.source, node.span.start, node.span.start + len(word)), "of this"),),
        help="put what needs braces into parentheses: `if (stage { ... }) == x { ... }`",
    )


def _signs(node: tree.TreeNode, limits: Limits) -> bool:
    """Whether more than `limits.nesting` signs, or `else`s, follow one another from this node on."""
    count = int(isinstance(node, tree.Unary))
    while isinstance(node, tree.Unary | tree.If):
        follower = node.operand if isinstance(node, tree.Unary) else node.otherwise
        if type(follower) is not type(node):
            return False
        node, count = follower, count + 1
        if count > limits.nesting:
            return True
    return False


def _term(node: tree.Expr, number: int) -> Span | None:
    """The place of a term, counted from 0, of a chain of operators; None where it has fewer."""
    spans = []
    while isinstance(node, tree.Binary):
        spans.append(node.right.span)
        node = node.left
    return spans[-number] if len(spans) >= number else None


def _too_long(span: Span, limits: Limits) -> Diagnostic:
    message = f"this expression has more than {limits.terms} terms"
    return error("expression-too-long", message, span, "one too many", help="name parts of it with `let`")


def _too_deep(span: Span) -> Diagnostic:
    help = "give inner parts a name, or make blocks of them"
    return error("nesting-too-deep", "this is nested too deep", _head(span), "too deep", help=help)


def _head(span: Span) -> Span:
    """The span's first line, so that an underline stays short."""
    first = span.text.split("\n", 1)[0].rstrip()
    return Span(span.source, span.start, span.start + len(first))


def _short(span: Span) -> str:
    text = " ".join(span.text.split())
    return text if len(text) <= 40 else text[:40] + " ..."
