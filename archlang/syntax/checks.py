"""Rules of form that the grammar leaves open: the content of bodies, the order of arguments, length and depth."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

import archlang.syntax.tree as tree
from archlang.diagnostics import Diagnostic, Label, error
from archlang.limits import DEFAULT, Limits
from archlang.source import Span
from archlang.syntax.walk import children

_HOLDS: dict[str, tuple[tuple[type, ...], str]] = {
    "network": ((tree.Let, tree.Layer, tree.Bind, tree.Input, tree.Output),
                "`input`, `let`, `layer`, `name = flow` and `output`"),
    "block": ((tree.Let, tree.Layer, tree.Bind, tree.Output), "`let`, `layer`, `name = flow` and `output`, or flows"),
    "stage": ((tree.Let, tree.Layer, tree.Bind, tree.Output), "`let`, `layer`, `name = flow` and `output`, or flows"),
    "train": ((tree.Let, tree.Bind, tree.Stretch), "`name = value`, `let`, `phase` and `step`"),
    "phase": ((tree.Let, tree.Bind), "`name = value` and `let`"),
    "step": ((tree.Let, tree.Bind), "`name = value` and `let`"),
}
"""The statements that may stand in the braces of each owner, and the words for them."""

_IN_ROWS = (tree.Unary, tree.If)
"""Nodes that may follow one another without a bracket between them."""

_MISTAKABLE = (tree.Body, tree.Call, tree.From, tree.Input, tree.Binary)
"""Nodes whose form the grammar leaves open; most of a file is others."""

_LEAVES = {tree.Name, tree.In, tree.Number, tree.Truth, tree.Text, tree.SizeLiteral, tree.LoopName}
_EXPRESSIONS = set(get_args(tree.Expr))

_AROUND = 8  # levels that may stand around the longest sum: a call, a flow, braces
_LONGEST_SHOWN = 100  # characters of a flow that a message repeats
_WITHOUT_FLOWS = {"network", "train", "phase", "step"}


def check_tree(file: tree.File, limits: Limits = DEFAULT) -> list[Diagnostic]:
    """Find every breach of form in a tree, in the order of the text.

    A tree that is too deep is not looked at further: that one mistake is all that is reported. Later passes recurse, so
    nothing deep may reach them; this one walks with a stack of its own.
    """
    mistakes: list[Diagnostic] = []

    # Of each node still to be seen: the owner of the braces it stands in, its depth, and whether it is the left side of
    # another operator. `a + b + c` is a tree that leans to the left, and only its topmost node stands for the chain.
    stack: list[tuple[tree.TreeNode, str, int, bool]] = [(file, "stage", 0, False)]
    while stack:
        node, owner, depth, chained = stack.pop()

        if isinstance(node, tree.Binary) and not chained:
            late_term = _term(node, limits.terms)
            if late_term is not None:
                return [_too_long(late_term, limits)]
        repeats = isinstance(node, _IN_ROWS) and _repeats_too_often(node, limits)
        if depth > limits.terms + _AROUND or repeats:
            return [_too_deep(node.span)]

        if isinstance(node, _MISTAKABLE):
            mistakes.extend(_own_mistakes(node, owner))

        inner = children(node)
        if not inner:
            continue
        first = None
        if isinstance(node, tree.Binary):
            first = node.left
        owner = _owner(node)
        deeper = depth + (type(node) in _EXPRESSIONS)
        for child in inner:
            # Half of all nodes hold no others: nothing but their depth can be wrong with them.
            if deeper > limits.terms + _AROUND or type(child) not in _LEAVES:
                stack.append((child, owner, deeper, child is first))

    return sorted(mistakes, key=lambda d: d.primary.span.start if d.primary else 0)


def _own_mistakes(node: tree.TreeNode, owner: str) -> Iterator[Diagnostic]:
    """Find the mistakes of a node itself, without those of its parts."""
    if isinstance(node, tree.Body):
        yield from _body_mistakes(node, owner)
    elif isinstance(node, tree.Call | tree.From | tree.Input):
        yield from _order_mistakes(node.arguments or ())
    elif isinstance(node, tree.Binary) and isinstance(node.left, tree.If | tree.For) and not _has_else(node.left):
        yield _brace_in_head(node.left)


_OWNERS: dict[type[tree.TreeNode], str] = {
    tree.NetworkDeclaration: "network", tree.Block: "block", tree.Train: "train",
}  # fmt: skip


def _owner(node: tree.TreeNode) -> str:
    """The key of `_HOLDS` for braces that are a direct part of a node."""
    if isinstance(node, tree.Stretch):
        return node.word
    return _OWNERS.get(type(node), "stage")


# --- bodies ----------------------------------------------------------------------------------------------------------


def _body_mistakes(body: tree.Body, owner: str) -> Iterator[Diagnostic]:
    allowed, words = _HOLDS[owner]
    if not body.statements and not body.flows:
        yield error("empty-body", "these braces hold nothing", body.span, "empty", help=f"add {words}")
        return

    if body.flows and owner in _WITHOUT_FLOWS:
        yield _misplaced(body.flows[0], "a flow", owner)
    elif body.flows and body.statements:
        yield _mixed(body)

    for statement in body.statements:
        if not isinstance(statement, allowed):
            first_word = statement.span.text.split()[0]
            yield _misplaced(statement, f"`{first_word}`", owner)


def _mixed(body: tree.Body) -> Diagnostic:
    flow = body.flows[0].span
    labels = [
        Label(_first_line(flow), "this is a flow"),
        Label(_first_line(body.statements[0].span), "this is a statement"),
    ]
    # The later one is the odd one: the first tells what the body holds.
    early, late = sorted(labels, key=lambda label: label.span.start)

    return error(
        "mixed-body",
        "a body holds flows or statements, not both",
        late.span,
        late.text,
        secondary=(early,),
        help=f"write `output {_short(flow)}`, or give the flow a name: `name = ...`",
    )


def _misplaced(node: tree.TreeNode, subject: str, owner: str) -> Diagnostic:
    words = _HOLDS[owner][1]
    if owner == "stage":
        where, help = "braces behind a stage", f"braces behind a stage hold {words}"
    else:
        where, help = f"a `{owner}`", f"a `{owner}` holds {words}"

    if isinstance(node, tree.Input) and owner in ("block", "stage"):
        help = "the tensor that flows in is called `in`; further ones are parameters, as in `block b(c, guide) { ... }`"

    place = _first_line(node.span)
    return error("misplaced-statement", f"{subject} does not belong here", place, f"in {where}", help=help)


# --- expressions -----------------------------------------------------------------------------------------------------


def _order_mistakes(arguments: tuple[tree.Argument, ...]) -> Iterator[Diagnostic]:
    named: tree.Argument | None = None

    for argument in arguments:
        if argument.name is not None:
            named = argument
        elif named is not None:
            help = "put it before the named ones, or give it its name"
            if isinstance(named.value, tree.Number) and isinstance(argument.value, tree.Number):
                decimal = f"{named.value.value}.{argument.value.value}"
                help = f"{help}; a decimal number has a point: `{named.name} = {decimal}`"
            yield error(
                "positional-after-keyword",
                "an argument without a name follows one with a name",
                argument.span,
                "without a name",
                secondary=(Label(named.span, "with a name"),),
                help=help,
            )
            return  # the same mend helps the others


def _has_else(node: tree.If | tree.For) -> bool:
    """Return whether an `if` ends in `else`: then it is a value, and may stand on the left of an operator."""
    branch: tree.TreeNode | None = node
    while isinstance(branch, tree.If):
        branch = branch.otherwise
    return isinstance(branch, tree.Body)


def _brace_in_head(node: tree.If | tree.For) -> Diagnostic:
    if isinstance(node, tree.If):
        word, body = "if", node.then
    else:
        word, body = "for", node.body

    keyword = Span(node.span.source, node.span.start, node.span.start + len(word))
    return error(
        "brace-in-head",
        f"the first braces behind `{word}` end its head, and something follows them that belongs to a head",
        _first_line(body.span),
        "these end the head",
        secondary=(Label(keyword, "of this"),),
        help="put what needs braces into parentheses: `if (stage { ... }) == x { ... }`",
    )


# --- length and depth ------------------------------------------------------------------------------------------------


def _repeats_too_often(node: tree.TreeNode, limits: Limits) -> bool:
    """Return whether more than `limits.nesting` signs, or `else if`s, follow one another from this node on."""
    count = int(isinstance(node, tree.Unary))
    while True:
        match node:
            case tree.Unary(operand=tree.Unary() as follower):
                node = follower
            case tree.If(otherwise=tree.If() as other):
                node = other
            case _:
                return False

        count += 1
        if count > limits.nesting:
            return True


def _term(node: tree.Expr, number: int) -> Span | None:
    """The place of term `number`, counted from 0, of a chain of operators; None if it has fewer."""
    places = []  # from the last term to the second
    while isinstance(node, tree.Binary):
        places.append(node.right.span)
        node = node.left

    if len(places) < number:
        return None
    return places[-number]


def _too_long(span: Span, limits: Limits) -> Diagnostic:
    message = f"this expression has more than {limits.terms} terms"
    return error("expression-too-long", message, span, "one too many", help="name parts of it with `let`")


def _too_deep(span: Span) -> Diagnostic:
    help = "give inner parts a name, or make blocks of them"
    return error("nesting-too-deep", "this is nested too deep", _first_line(span), "too deep", help=help)


def _first_line(span: Span) -> Span:
    """The first line of a span, so that the underline stays short."""
    first = span.text.split("\n", 1)[0].rstrip()
    return Span(span.source, span.start, span.start + len(first))


def _short(span: Span) -> str:
    # A text that is cut cannot be written: only what no line would hold is.
    text = " ".join(span.text.split())
    if len(text) <= _LONGEST_SHOWN:
        return text
    return text[:_LONGEST_SHOWN] + " ..."
