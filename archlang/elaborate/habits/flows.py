"""Expressions as Python programmers write them, read as flows: `F.relu(conv1(x))` is `x -> conv1 -> relu`.

Names decide, not types: an expression is read before its values are known, or although they never will be.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from archlang.elaborate.habits.axes import axis_word
from archlang.elaborate.habits.catalogue import METHOD_ROWS, NO_EFFECT
from archlang.elaborate.habits.dropping import Entering, WrittenCall, written
from archlang.elaborate.habits.elsewhere import STAGES_ELSEWHERE
from archlang.elaborate.habits.habit import Habit, items_of, value_text, whole_number
from archlang.elaborate.habits.joining import REPEATED, in_parentheses, joined, repetition
from archlang.elaborate.habits.names import (
    PREFIXES,
    KnownNames,
    function_row,
    layer_rows,
    method_row,
    origin_of,
    path_of,
)
from archlang.elaborate.habits.native import FUNCTION_NAMES
from archlang.elaborate.habits.ranks import rank_of_flow
from archlang.elaborate.habits.signs import MERGING, compared, joined_by_sign
from archlang.elaborate.habits.translation import Translation
from archlang.syntax.printer import print_flat
from archlang.syntax.tree import (
    Argument,
    Binary,
    Call,
    Expr,
    Field,
    Flow,
    In,
    Index,
    Name,
    Number,
    Parens,
    SizeLiteral,
    Unary,
)

_SIDE_BY_SIDE = ("parallel", "layers")
"""Stages whose braces hold several flows."""

_SAID_ELSEWHERE = frozenset((name,) for name in (*FUNCTION_NAMES, *STAGES_ELSEWHERE))
"""Bare words of other languages for which other tables have the better sentence."""

IN_BRACES = "{ }"
"""`Translation.shown` for flows in parentheses."""


class FlowReader:
    """Reads expressions with the names of one place.

    Results are kept by the id of the tree's node, beside the node itself, which holds the id: an outer expression asks
    for an inner one more than once, and without the memory the work would double with every level.
    """

    def __init__(self, names: KnownNames) -> None:
        self.names = names
        self._stages: dict[int, tuple[Expr, Translation | None]] = {}
        self._flows: dict[int, tuple[Expr, Translation | None]] = {}

    # --- stages ---

    def stage(self, expr: Expr, before: str = "") -> Translation | None:
        """Read an expression as a step of a flow; None if it is none of another framework.

        Args:
            expr: the step.
            before: the flow that enters it, as far as it is known.
        """
        if id(expr) not in self._stages:
            self._stages[id(expr)] = (expr, self._read_stage(expr, before))
        return self._stages[id(expr)][1]

    def _read_stage(self, expr: Expr, before: str) -> Translation | None:
        if (again := repetition(expr)) is not None and not self.names.defines("repeat"):
            return again
        match expr:
            case Call(body=None):
                return self._stage_call(expr, before)
            case Name() | Field():
                return self._stage_name(expr)
            case Parens(inner=inner):
                return self.stage(inner, before)
            case Binary(operator="*", left=Call(callee=callee) as repeated, right=Number() as count):
                if self.names.knows(path_of(callee)):
                    return Translation("Python", REPEATED, f"{print_flat(count)} * {print_flat(repeated)}")
            case Binary(operator="-" | ">", left=left, right=right) if self._is_step(left) and self._is_step(right):
                return Translation("Python", expr.operator, f"{print_flat(left)} -> {print_flat(right)}")
            case Binary(operator=sign, left=left, right=right) if sign in MERGING and self._is_step(left):
                # `x -> conv(3x3, 16) + x`: the sum is of what the whole flow made.
                if (other := self.source(right)) is not None:
                    return Translation("Python", sign, f"{print_flat(left)} -> {MERGING[sign]}({other})")

        return None

    def _stage_name(self, expr: Expr) -> Translation | None:
        """Read a stage without its parentheses: `ReLU`, `F.relu`, `self.conv1`."""
        path = path_of(expr)
        if path[:1] == ("self",) and len(path) == 2:
            return Translation("Python", "self", path[1])
        if self.names.knows(path):
            return None

        # A bare word in small letters may be any word of the file; a call says more.
        if len(path) == 1 and path[0].islower():
            return None
        rows = layer_rows(path)
        if not rows:
            return self._unknown_member(path)
        return self._layer(path, rows, ())

    def _stage_call(self, call: Call, before: str) -> Translation | None:
        path, arguments = path_of(call.callee), call.arguments or ()
        if path[:1] == ("self",) and len(path) == 2:
            return Translation("Python", "self", f"{path[1]}{in_parentheses(arguments)}")
        if path[-1:] == ("Sequential",):
            return self._sequential(path, arguments)
        if len(path) == 1 and self.names.takes_braces(path[0]) and path[0] not in self.names.others:
            return self._in_braces(path[0], arguments)
        if not path or self.names.knows(path):
            return None

        # `conv2d(3x3, 16)` has this language's order, and the name alone is another one.
        if len(path) == 1 and path[0].islower() and any(isinstance(one.value, SizeLiteral) for one in arguments):
            return None
        if path in _SAID_ELSEWHERE or path[0] == "math":  # numbers of Python, for which other tables speak
            return None
        rows = layer_rows(path)
        if not rows and (method := method_row(path[-1])) is not None:  # `-> view(-1)`: a method taken for a stage
            rows = (method,)
        if not rows:
            return self._unknown_member(path)
        return self._layer(path, rows, arguments, before)

    def _layer(
        self, path: tuple[str, ...], rows: Sequence[Habit], arguments: Sequence[Argument], before: str = ""
    ) -> Translation:
        """Read a layer by the first of its rows that has words for all arguments, else for some of them."""
        rank = rank_of_flow(before, self.names.ranks)
        read = [(row, self._written(row, arguments, rank, before)) for row in rows]
        whole = [one for one in read if one[1].text is not None and not one[1].dropped]
        partly = [one for one in read if one[1].text is not None]
        row, stage = (*whole, *partly, *read)[0]
        exact = (rank is not None or not row.by_type) and not stage.dropped
        return Translation(
            origin_of(path, row), ".".join(path), stage.text, row, exact=exact, dropped=stage.dropped
        )

    def _sequential(self, path: tuple[str, ...], arguments: Sequence[Argument]) -> Translation:
        """Stages one behind the other are a flow; Keras and some of PyTorch's users give them as a list."""
        steps = [step for argument in arguments for step in items_of(argument.value)]
        texts = [self._step_text(step) for step in steps]
        return Translation("PyTorch", ".".join(path), " -> ".join(texts) or "identity", exact=self._all_known(steps))

    def _all_known(self, steps: Sequence[Expr]) -> bool:
        """Return whether every step is a stage here, or has been translated as a whole."""
        translations = [self.stage(step) for step in steps]
        return all(one is None or (one.exact and one.text is not None) for one in translations)

    def _in_braces(self, name: str, arguments: Sequence[Argument]) -> Translation | None:
        """Read flows that were given in parentheses: `residual(conv -> relu)`, `parallel([a, b])`."""
        flows: list[Expr] = []
        for argument in arguments:
            if argument.name is not None:
                return None
            flows.extend(items_of(argument.value))

        if not flows or not all(isinstance(flow, Flow | Call | Name) for flow in flows):
            return None
        between = " -> "  # one behind the other, as in PyTorch's Sequential
        if name in _SIDE_BY_SIDE:
            between = "; "
        texts = [self._step_text(flow) for flow in flows]
        return Translation("Python", IN_BRACES, f"{name} {{ {between.join(texts)} }}")

    def _step_text(self, expr: Expr) -> str:
        translation = self.stage(expr)
        if translation is None:
            return print_flat(expr)
        return translation.text or translation.shown

    def _unknown_member(self, path: tuple[str, ...]) -> Translation | None:
        """Read a name of a framework's module that no table has: at least its origin is known."""
        if len(path) < 2 or path[0] not in PREFIXES or self.names.defines(path[0]):
            return None
        return Translation(PREFIXES[path[0]], ".".join(path), None)

    def _written(self, row: Habit, arguments: Sequence[Argument], rank: int | None, source: str = "") -> WrittenCall:
        """The stage that a row makes of arguments, without those that have no counterpart."""
        return written(row, arguments, Entering(rank, source, self._argument_text))

    def _argument_text(self, expr: Expr) -> str:
        """The text of an argument, with flows of another framework in it translated."""
        return self.source(expr) or value_text(expr)

    # --- flows ---

    def flow(self, expr: Expr) -> Translation | None:
        """Read an expression that stands for a tensor; None if it is none of another framework."""
        if id(expr) not in self._flows:
            self._flows[id(expr)] = (expr, self._read_flow(expr))
        return self._flows[id(expr)][1]

    def _read_flow(self, expr: Expr) -> Translation | None:
        match expr:
            case Parens(inner=inner):
                return self.flow(inner)
            case Call(body=None):
                return self._flow_call(expr)
            case Binary(operator=">" | "<", left=left, right=right):
                return compared(expr.operator, self.source(left), right, self._is_step)
            case Binary():
                return joined_by_sign(expr, self.source, self._is_step, self._rank)
            case Unary(operator="-", operand=operand):
                if (source := self.source(operand)) is not None:
                    return Translation("Python", "-", f"{source} -> scale(-1)", is_flow=True)
            case Field(value=value, name="T" | "mT" | "H" | "mH"):
                if (source := self.source(value)) is not None:
                    return self._transposed(value, source, expr.name)

        return None

    def _transposed(self, value: Expr, source: str, shown: str) -> Translation:
        text: str | None = None
        if self._rank(value) == 2:
            text = f"{source} -> permute([features, positions])"
        return Translation("PyTorch", f".{shown}", text, METHOD_ROWS["transpose"], is_flow=True)

    def _flow_call(self, call: Call) -> Translation | None:
        path, arguments = path_of(call.callee), call.arguments or ()

        if isinstance(call.callee, Call):  # `nn.Conv2d(3, 8, 3)(x)`, `Add()([a, b])`
            return self._applied(call.callee, arguments)
        if isinstance(call.callee, Field) and (source := self.source(call.callee.value)) is not None:
            return self._method(call.callee, source, arguments)
        if not arguments:
            return None
        if path[:1] == ("self",) and len(path) == 2:
            return self._called("self", path[1], arguments, gathers=False)

        if len(path) > 1 and path[0] in PREFIXES and path[-1] in NO_EFFECT and len(arguments) == 1:
            source = self.source(arguments[0].value)
            if source is not None:
                return Translation("PyTorch", ".".join(path), source, is_flow=True)
        row = function_row(path)
        if row is not None and not self.names.knows(path):
            return self._function(path, row, arguments)
        if len(path) == 1 and self.names.knows(path) and path[0] not in self.names.tensors:
            return self._called(f"{path[0]}(", path[0], arguments, self.names.is_merge(path[0]))
        return None

    def unwritten(self, expr: Expr) -> tuple[Expr, Translation] | None:
        """The innermost part of a chain of methods for which there is no text, and so none for the whole."""
        found: tuple[Expr, Translation] | None = None
        while isinstance(expr, Call) and isinstance(expr.callee, Field):
            translation = self.flow(expr)
            if translation is not None and translation.text is None:
                found = expr, translation
            expr = expr.callee.value
        return found

    def _applied(self, inner: Call, arguments: Sequence[Argument]) -> Translation | None:
        """Read a layer made and called at once, on one tensor or a list of them."""
        if len(arguments) != 1:
            return None
        source = self._flowing(arguments[0].value, gathers=True)

        path = path_of(inner.callee)
        if self.names.knows(path):  # `conv(3x3, 8)(x)`: a stage of this language
            return Translation("Python", f"{path[0]}(", joined(source, print_flat(inner)), is_flow=True)

        stage = self.stage(inner)
        if stage is None:
            return None
        text = joined(source, stage.text)
        return replace(stage, text=text, is_flow=True)

    def _function(self, path: tuple[str, ...], row: Habit, arguments: Sequence[Argument]) -> Translation | None:
        """Read a function one of whose arguments flows in, mostly the first; without a tensor there it is a stage."""
        if len(arguments) <= row.flows:
            return None
        flowing = arguments[row.flows].value
        source = self._flowing(flowing, row.gathers)
        if source is None:
            return None

        others = (*arguments[: row.flows], *arguments[row.flows + 1 :])
        return self._through(source, self._rank(flowing), row, others, origin_of(path, row), ".".join(path))

    def _through(self, source: str, rank: int | None, row: Habit, arguments: Sequence[Argument], origin: str,
                 shown: str) -> Translation:
        """A tensor through the stage that a row makes."""
        stage = self._written(row, arguments, rank, source)
        exact = (rank is not None or not row.by_type) and not stage.dropped
        text = joined(source, stage.text)
        return Translation(origin, shown, text, row, is_flow=True, exact=exact, dropped=stage.dropped)

    def _called(self, shown: str, name: str, arguments: Sequence[Argument], gathers: bool) -> Translation | None:
        """Read a stage of this language, or of `self`, called like a function: `relu(x)`, `concat(a, b)`."""
        if arguments[0].name is not None:
            return None
        value = arguments[0].value
        items = items_of(value)
        if not gathers and len(items) > 1 and len(arguments) == 1 and self.names.is_stage(name):
            # `add([x, y])`: the first flows in, the others are arguments.
            sources = [source for item in items if (source := self.source(item)) is not None]
            if len(sources) != len(items):
                return None
            text = f"{sources[0]} -> {name}({', '.join(sources[1:])})"
            return Translation("Python", shown, text, is_flow=True)

        source = self._flowing(value, gathers)
        if source is None:
            return None
        return Translation("Python", shown, f"{source} -> {name}{in_parentheses(arguments[1:])}", is_flow=True)

    def _method(self, callee: Field, source: str, arguments: Sequence[Argument]) -> Translation | None:
        """Read a method of a tensor: `x.view(-1)`, `x.relu()`, `x.conv(3x3, 8)`."""
        name, shown = callee.name, f".{callee.name}"
        if name in NO_EFFECT:
            return Translation("PyTorch", shown, source, is_flow=True)
        if name == "size":
            index = None
            if len(arguments) == 1:
                index = arguments[0].value
            return Translation("PyTorch", shown, self.size(callee.value, index))

        row = method_row(name)
        if row is not None:
            return self._through(source, self._rank(callee.value), row, arguments, row.origin, shown)
        if self.names.is_stage(name):
            return Translation("Python", shown, f"{source} -> {name}{in_parentheses(arguments)}", is_flow=True)
        return None

    def size(self, tensor: Expr, index: Expr | None) -> str | None:
        """The static value of `x.size(1)` or `x.shape[1]`: `x.channels`. Without a known rank it is taken for a map."""
        source = self.source(tensor)
        if source is None or index is None:
            return None
        word = axis_word(whole_number(index), self._rank(tensor) or 3)
        if word is None:
            return None
        return f"{source}.{word}"

    # --- tensors ---

    def _is_step(self, expr: Expr) -> bool:
        """Return whether an expression is a stage of this language, and no tensor."""
        if isinstance(expr, Call):
            expr = expr.callee
        return isinstance(expr, Name) and self.names.is_stage(expr.text) and expr.text not in self.names.tensors

    def source(self, expr: Expr) -> str | None:
        """The text of an expression that is a tensor for certain, here or there; None for others."""
        match expr:
            case In():
                return "in"
            case Name(text=text) if text in self.names.tensors:
                return text
            case Index(value=first) | Flow(steps=(first, *_)):
                if self.source(first) is not None:
                    return print_flat(expr)
            case Parens(inner=inner):
                return self.source(inner)

        translation = self.flow(expr)
        if translation is None or not translation.is_flow:
            return None
        return translation.text

    def _flowing(self, expr: Expr, gathers: bool) -> str | None:
        """The text of what flows in: a tensor, or the bundle of a list of them."""
        items = items_of(expr)
        if not gathers or items == (expr,):
            return self.source(expr)

        sources = [source for item in items if (source := self.source(item)) is not None]
        if len(sources) != len(items):
            return None
        return f"({', '.join(sources)})"

    def _rank(self, expr: Expr) -> int | None:
        """The number of axes of a tensor, or of the first of a list of them."""
        first = next(iter(items_of(expr)), expr)
        source = self.source(first)
        if source is None:
            return None
        return rank_of_flow(source, self.names.ranks)
