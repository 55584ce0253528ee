"""Expressions as documents: parentheses where precedence needs them, flows with their arrows in a column."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import archlang.syntax.tree as tree
from archlang.dataclass import dataclass
from archlang.syntax.layout import HARD, Doc, LineBreak, TrailingComment, align, cat, group, nest, soft
from archlang.syntax.precedence import AND, AT, BASE, BINARY, COMPARE, FLOW, NAMED, OR, SUM, level, shows_braces
from archlang.syntax.print_parts import above, behind, lead, number, quote, row
from archlang.syntax.tree import Expr


@dataclass(frozen=True)
class ExpressionPrinter:
    """Prints expressions.

    Expressions hold braces, braces hold statements, and statements hold expressions. `statement_braces` prints braces
    that hold statements; the printer of files hands it in.
    """

    statement_braces: Callable[[tree.Body], Doc]

    def expr(self, node: Expr, least: int = FLOW) -> Doc:
        """The document of an expression, in parentheses if it is looser than the level `least`."""
        if level(node) < least:
            return cat("(", align(self._bare(node)), ")")
        return self._bare(node)

    def _bare(self, node: Expr) -> Doc:
        """The document of an expression without parentheses around it."""
        if isinstance(node, _ATOMS):  # most are
            return _atom(node)

        match node:
            case tree.Flow():
                return self.flow(node)
            case tree.Binary():
                return self._chain(node)
            case tree.Call():
                return self._call(node)
            case tree.If():
                return self._if(node)
            case tree.For(names=names, values=values, body=body):
                return align("for ", _loop_names(names), " in ", self._head(values), " ", self.body(body))
            case tree.Parens(inner=inner):
                return cat("(", align(self.expr(inner)), ")")
            case tree.ListOf(items=items):
                return row("[", items, [self.expr(item) for item in items], "]")
            case tree.TupleOf(items=(item,)):
                return row("(", (item,), [self.expr(item)], ",)")  # without its comma it would be a parenthesis
            case tree.TupleOf(items=items):
                return row("(", items, [self.expr(item) for item in items], ")")
            case tree.As(step=step, name=str(name)):
                return cat(self.expr(step, OR), f" as {name}")
            case tree.As(step=step, name=tree.Text() as name):
                return cat(self.expr(step, OR), " as ", self.expr(name))
            case tree.As(step=step, name=tree.Parens(inner=name)):
                return cat(self.expr(step, OR), " as (", align(self.expr(name)), ")")
            case tree.As(step=step, name=tree.TreeNode() as name):
                return cat(self.expr(step, OR), " as (", align(self.expr(name)), ")")
            case tree.Unary(operator="not", operand=operand):
                return cat("not ", self.expr(operand, level(node)))
            case tree.Unary(operator=operator, operand=operand):
                return cat(operator, self.expr(operand, level(node)))
            case tree.Field(value=value, name=name):
                return cat(self.expr(value, BASE), f".{name}")
            case tree.Index(value=value, index=index):
                return cat(self.expr(value, BASE), "[", align(self.expr(index)), "]")

        assert isinstance(node, tree.From)
        if node.arguments is None:
            return f"from {quote(node.path)}"
        return cat(f"from {quote(node.path)} ", self.arguments(node.arguments))

    def arguments(self, arguments: tuple[tree.Argument, ...]) -> Doc:
        """The document of `(a, name = b)`."""
        docs: list[Doc] = []
        for argument in arguments:
            if argument.name:
                docs.append(cat(f"{argument.name} = ", self.expr(argument.value)))
            else:
                docs.append(self.expr(argument.value))
        return row("(", arguments, docs, ")")

    # --- calls, heads and braces ---

    def _call(self, node: tree.Call) -> Doc:
        callee = self.expr(node.callee, BASE)
        if isinstance(node.callee, tree.Call) and node.arguments is None and node.callee.body is None:
            callee = cat("(", callee, ")")  # or these braces would join that call

        parts = [callee]
        if node.arguments is not None:
            parts.append(self.arguments(node.arguments))
        if node.body is None:
            return cat(*parts)
        return align(*parts, " ", self.body(node.body))

    def _if(self, node: tree.If) -> Doc:
        """A chain of `if`, `else if` and `else`: all its braces open, or all of them stand on one line."""
        parts: list[Doc] = []
        branch: tree.If | tree.Body | None = node

        while isinstance(branch, tree.If):
            parts.extend(("if ", self._head(branch.test), " ", self._open_body(branch.then)))
            branch = branch.otherwise
            if branch is not None:
                parts.append(" else ")

        if branch is not None:  # the last `else`
            parts.append(self._open_body(branch))
        return align(group(*parts))

    def _head(self, node: Expr) -> Doc:
        if shows_braces(node):  # the first braces would end the head
            return cat("(", align(self.expr(node)), ")")
        return self.expr(node)

    def body(self, node: tree.Body) -> Doc:
        """Braces behind a stage: on one line if they hold flows that fit."""
        return group(self._open_body(node))

    def _open_body(self, node: tree.Body) -> Doc:
        if node.statements or node.doc:
            return self.statement_braces(node)

        opening: list[Doc] = [LineBreak()]
        if node.before:  # comments behind the opening brace: the first stays on its line
            opening = [TrailingComment(node.before[0].text), HARD]
            for comment in node.before[1:]:
                opening.extend((comment.text, HARD))

        closing: list[Doc] = []
        for comment in node.after:
            closing.extend((HARD, comment.text))
        end = LineBreak()
        if closing:
            end = HARD
        return cat("{", nest(2, *opening, self.flows(node.flows, LineBreak()), *closing), end, "}")

    def flows(self, flows: Sequence[Expr], line_break: LineBreak) -> Doc:
        """The flows in braces, with `;` and a line break between two."""
        parts: list[Doc] = []
        last = len(flows) - 1
        for at, flow in enumerate(flows):
            parts.extend((lead(flow, at), self.expr(flow)))
            if at < last:
                parts.extend((";", behind(flow), line_break))
            else:
                parts.append(behind(flow))
        return cat(*parts, "")

    # --- operators ---

    def _chain(self, node: tree.Binary) -> Doc:
        """A chain of operators of one level, such as `a + b - c`, which breaks before an operator if it is long."""
        own_level = level(node)
        pairs: list[tuple[str, Doc]] = []  # from the last term to the second
        first: Expr = node
        while isinstance(first, tree.Binary):
            _, left_level, right_level = BINARY[first.operator]
            pairs.append((first.operator, self.expr(first.right, right_level)))
            first = first.left
            if level(first) != own_level or own_level in (COMPARE, AT):  # `a == b == c` needs parentheses
                break

        parts: list[Doc] = [self.expr(first, left_level)]
        for operator, doc in reversed(pairs):
            term = cat(f"{operator} ", doc)
            if own_level in (OR, AND, SUM):
                parts.append(soft(term))
            else:
                parts.append(cat(" ", term))
        return align(*parts)

    # --- flows ---

    def flow(self, node: tree.Flow, source_width: int = 0) -> Doc:
        """A flow; its source takes `source_width` columns at least, so that arrows of neighbours stand in a column."""
        if len(node.steps) == 1:
            return self.expr(node.steps[0])

        first, *rest = node.steps
        source = cat(above(first), self.expr(first, NAMED), behind(first))
        if not _is_source(first):
            # A stage alone: its arrows stand under its first letter, when it breaks.
            heads = {at - 1 for at in _break_points(node.steps)}
            return group(align(source, *self._steps(node, heads, keep_first=False)))

        gap = ""
        if not rest[0].before and not first.behind:
            gap = " " * max(1, source_width - _source_length(first) + 1)
        steps = self._steps(node, _break_points(rest), keep_first=True)
        return group(cat(source, gap), align(*steps))

    def _steps(self, node: tree.Flow, heads: set[int], keep_first: bool) -> list[Doc]:
        """The steps behind the first, each with its arrow.

        Args:
            node: the flow.
            heads: steps, counted without the first, before which the flow breaks if it is long.
            keep_first: never break before the first arrow, which stands behind the flow's source.
        """
        parts: list[Doc] = []
        for at, step in enumerate(node.steps[1:]):
            doc = cat(above(step), "-> ", self.expr(step, NAMED), behind(step))

            if node.steps[at].behind or step.before:
                parts.append(cat(HARD, doc))
            elif at in heads:
                parts.append(cat(LineBreak(), doc))
            elif at == 0 and keep_first:
                parts.append(doc)
            else:
                parts.append(soft(doc))
        return parts


_ATOMS = (tree.Name, tree.In, tree.Number, tree.Truth, tree.Text, tree.SizeLiteral)
"""Expressions that hold no others."""


def _atom(node: Expr) -> str:
    match node:
        case tree.Name(text=text):
            return text
        case tree.Number():
            return number(node)
        case tree.Text(value=value):
            return quote(value)
        case tree.SizeLiteral(sizes=sizes):
            return "x".join(str(size) for size in sizes)
        case tree.Truth(value=True):
            return "true"
        case tree.Truth():
            return "false"

    return "in"


def _loop_names(names: Sequence[tree.LoopName]) -> Doc:
    if len(names) == 1:
        return names[0].name
    return row("(", names, [name.name for name in names], ")")


def _is_source(step: Expr) -> bool:
    return isinstance(step, tree.Name | tree.In | tree.Field | tree.Index)


def _source_length(step: Expr) -> int:
    if isinstance(step, tree.Name):
        return len(step.text)
    return len("in")  # the only other source that tables align


def _break_points(steps: Sequence[Expr]) -> set[int]:
    """The steps before which a long flow breaks: those with braces, or else the later calls of its first stage.

    `conv -> batch_norm -> relu -> conv -> batch_norm -> relu` reads best as two lines that begin with `conv`.
    """
    cores = [_core(step) for step in steps]
    braced = {at for at, core in enumerate(cores) if _has_braces(core)}
    if braced:
        return braced - {0}

    names = [_called(core) for core in cores]
    first_called = next((name for name in names if name), None)
    return {at for at, name in enumerate(names) if at and name and name == first_called}


def _core(step: Expr) -> Expr:
    """The stage itself, without the name it gets and the number of its repetitions."""
    while True:
        match step:
            case tree.As(step=inner) | tree.Binary(right=inner):
                step = inner
            case _:
                return step


def _called(step: Expr) -> str:
    if isinstance(step, tree.Call) and isinstance(step.callee, tree.Name):
        return step.callee.text
    return ""


def _has_braces(step: Expr) -> bool:
    return isinstance(step, tree.If | tree.For) or (isinstance(step, tree.Call) and step.body is not None)
