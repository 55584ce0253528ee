"""A row of the tables: a name of another framework, the arguments it takes there, and the stage that does the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from archlang.dataclass import dataclass
from archlang.syntax.printer import print_flat
from archlang.syntax.tree import Argument, Expr, ListOf, Name, Number, Parens, SizeLiteral, Text, Truth, TupleOf, Unary

PYTHON_NAMES = {"True": "true", "False": "false", "None": "auto"}
"""Python's values that are names here."""

TRUTH_WORDS = {**PYTHON_NAMES, "null": "auto", "yes": "true", "no": "false", "on": "true", "off": "false"}
"""The same with the words of other languages."""


@dataclass(frozen=True)
class Habit:
    """A name of another framework.

    Args:
        origin: the framework, as messages call it.
        names: the last part of the dotted name, in all its spellings.
        parameters: the parameters there, in order, without the tensor that flows in.
        write: makes the stage from the arguments; None if they have no counterpart here.
        form: the stage in general, shown if `write` gives None; or a sentence, if there is no such stage.
        examples: calls there, and the text here. Tests run both and compare their results.
        on: the type of the tensor that flows into the examples.
        note: a fact that a reader from there does not expect.
        gathers: the first argument is a list of tensors, a bundle here.
        by_type: the text depends on the type of the tensor, so that it is a guess where that is not known.
        flows: the place of the tensor that flows in, among the arguments of a function.
    """

    origin: str
    names: tuple[str, ...]
    parameters: tuple[str, ...]
    write: Callable[[CallReading], str | None]
    form: str
    examples: tuple[tuple[str, str], ...] = ()
    on: str = "[3, 32, 32]"
    note: str = ""
    gathers: bool = False
    by_type: bool = False
    flows: int = 0

    @property
    def here(self) -> str:
        """The name of the stage here; empty if there is none."""
        # A sentence may begin with a stage in backquotes: `pad(1, mode = reflect)` pads a map.
        name = self.form.split("(")[0]
        if not name.isidentifier():
            return ""
        return name


class CallReading:
    """The arguments of a call, read with the parameters of the function that was meant."""

    def __init__(
        self, parameters: Sequence[str], arguments: Sequence[Argument], rank: int | None = None,
        text_of: Callable[[Expr], str] | None = None, source: str = "",
    ) -> None:
        self.arguments = tuple(arguments)
        self.rank = rank  # axes of the tensor that flows in, without the batch; None if that is not known
        self.text_of = text_of or value_text
        self.source = source  # the text of that tensor, empty if it has none
        self.values: dict[str, Expr] = {}
        self.fits = True  # every argument has found its parameter

        # Python's rule: arguments without a name take the parameters in order, the others theirs by name.
        position = 0
        for argument in arguments:
            name = argument.name
            if name is None and position < len(parameters):
                name = parameters[position]
                position += 1
            if name is None or name not in parameters or name in self.values:
                self.fits = False
            else:
                self.values[name] = argument.value

    def gives(self, name: str) -> bool:
        """Return whether the call gives an argument; `None` counts as not given."""
        value = self.values.get(name)
        return value is not None and not (isinstance(value, Name) and value.text == "None")

    def text(self, name: str) -> str | None:
        """The value of an argument as this language writes it; None if it is not given."""
        if not self.gives(name):
            return None
        return self.text_of(self.values[name])

    def word(self, name: str) -> str | None:
        """The text of a string argument; None if it is another value or not given."""
        value = self.values.get(name)
        if isinstance(value, Text):
            return value.value
        return None

    def truth(self, name: str, default: bool) -> bool | None:
        """The truth value of an argument; None if it is not written out."""
        if not self.gives(name):
            return default
        value = self.values[name]
        if isinstance(value, Truth):
            return value.value
        if isinstance(value, Name) and value.text in ("True", "False"):
            return value.text == "True"
        return None

    def numbers(self, name: str, rank: int, default: int | None = None) -> tuple[int, ...] | None:
        """`rank` whole numbers of an argument, one for all or one for each axis; None if they are not written out."""
        if not self.gives(name):
            if default is None:
                return None
            return (default,) * rank
        return _numbers(self.values[name], rank)


def value_text(expr: Expr) -> str:
    """A value as this language writes it: words without quotes, `true` for `True`."""
    if isinstance(expr, Name):
        return PYTHON_NAMES.get(expr.text, expr.text)
    if isinstance(expr, Text) and expr.value.isidentifier():
        return expr.value
    if isinstance(expr, TupleOf):  # a tuple of sizes is read by `numbers`; any other is a list here
        return f"[{', '.join(value_text(item) for item in expr.items)}]"
    return print_flat(expr)


def size_text(numbers: Sequence[int]) -> str:
    """A size such as `3x3`, written out.

    >>> size_text((3, 3)), size_text((5,))
    ('3x3', '5')
    """
    return "x".join(str(number) for number in numbers)


def short_size(numbers: Sequence[int]) -> str:
    """A size that is one number if all axes have the same.

    >>> short_size((2, 2)), short_size((2, 1))
    ('2', '2x1')
    """
    if len(set(numbers)) == 1:
        return str(numbers[0])
    return size_text(numbers)


def whole_number(expr: Expr) -> int | None:
    """The value of an integer that is written out, with its sign."""
    # The parser leaves the sign and the parentheses around the number.
    if isinstance(expr, Parens):
        return whole_number(expr.inner)
    if isinstance(expr, Unary) and expr.operator == "-":
        inner = whole_number(expr.operand)
        if inner is None:
            return None
        return -inner

    if isinstance(expr, Number) and isinstance(expr.value, int):
        return expr.value
    return None


def items_of(expr: Expr) -> tuple[Expr, ...]:
    """The members of a list or tuple, else the value alone."""
    if isinstance(expr, ListOf | TupleOf):
        return expr.items
    if isinstance(expr, Parens):
        return (expr.inner,)
    return (expr,)


def _numbers(expr: Expr, rank: int) -> tuple[int, ...] | None:
    if isinstance(expr, SizeLiteral):
        numbers: list[int | None] = list(expr.sizes)
    else:
        numbers = [whole_number(item) for item in items_of(expr)]

    # A name among them is known only to elaboration, and no edit is made from a guess.
    known = [number for number in numbers if number is not None]
    if len(known) != len(numbers):
        return None
    if len(known) == 1:
        return (known[0],) * rank
    if len(known) == rank:
        return tuple(known)
    return None
