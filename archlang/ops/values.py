"""Static values that arguments hold once they are checked, beside Python's numbers, strings and tuples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field

from archlang.dataclass import dataclass
from archlang.shapes import Dim


class Size(tuple[int, ...]):
    """`3x3`: rows x columns, with depth first where there are three.

    >>> print(Size((3, 5)))
    3x5
    """

    __slots__ = ()

    def __str__(self) -> str:
        return "x".join(map(str, self))


class Extents(tuple[Dim, ...]):
    """A size of which at least one number is symbolic: `size(a.height, a.width)` of a map of any size.

    >>> from archlang.shapes import symbol
    >>> print(Extents((symbol("H") // 2, 7)))
    size(floor(H/2), 7)
    """

    __slots__ = ()
    described = "a symbolic size"

    def __str__(self) -> str:
        return f"size({', '.join(map(str, self))})"


def sized(sizes: Sequence[Dim]) -> Size | Extents:
    """Return a size of these numbers, which is a plain one where none of them is symbolic."""
    if all(isinstance(size, int) for size in sizes):
        return Size(sizes)  # type: ignore[arg-type]  # whole numbers, checked above
    return Extents(sizes)


@dataclass(frozen=True)
class Option:
    """A setting with its arguments: a router, an aggregator, an initialiser, a loss, an optimiser, a schedule ..."""

    name: str
    role: str
    args: Mapping[str, object] = field(default_factory=dict)
    origin: object = field(default=None, compare=False, repr=False)  # the tree that says it, where that is of use
    holder: object = field(default=None, compare=False, repr=False)  # the `layer` that holds its weights, if one does

    def __str__(self) -> str:
        # None means `auto`, which says no more than leaving the argument out.
        inner = ", ".join(f"{name} = {show(value)}" for name, value in self.args.items() if value is not None)
        if not inner:
            return self.name
        return f"{self.name}({inner})"

    def __hash__(self) -> int:
        # The arguments are a dict, which has no hash; their text stands for them.
        return hash((self.name, self.role, str(self)))


@dataclass(frozen=True)
class InputAt:
    """The place of a tensor that an argument took, such as `mask = m`, among the inputs of the operation.

    Only tensors that may be left out are told apart like this: all others stand in the order of their arguments.
    """

    index: int
    described = "a tensor"

    def __str__(self) -> str:
        return f"input {self.index}"


@dataclass(frozen=True)
class Weighted:
    """A weighted sum of options of one role, as in `cross_entropy(y, label) + 0.01 * collapse()` or `0.3 * cosine`."""

    terms: tuple[tuple[float, Option], ...]

    def __str__(self) -> str:
        texts = []
        for weight, option in self.terms:
            text = str(option)
            if weight != 1:
                text = f"{show(weight)} * {text}"
            texts.append(text)
        return " + ".join(texts)


@dataclass(frozen=True)
class Placed:
    """`3x1 at (1, 2)`: a size and a place, rows before columns."""

    size: Size
    place: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.size} at ({', '.join(map(str, self.place))})"


@dataclass(frozen=True)
class Written:
    """A value that is known by its text alone: a stage, a word, or a list with one of them."""

    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class CodeValue:
    """A branch code as networks use it: a word of 0 and 1 for each class.

    `names` are the classes' where a table has them, `name` is the declaration's. `shared`: classes may have one word,
    because the declaration says so.

    >>> CodeValue(("110", "011")).columns, str(CodeValue(("110", "011")))
    (('10', '11', '01'), 'words("110", "011")')
    """

    words: tuple[str, ...]
    names: tuple[str, ...] | None = field(default=None, compare=False)
    name: str = field(default="words", compare=False)
    shared: bool = field(default=False, compare=False)
    described = "a code"

    @property
    def columns(self) -> tuple[str, ...]:
        """For each branch, which classes it works for."""
        return tuple("".join(column) for column in zip(*self.words, strict=True))

    @property
    def classes(self) -> int:
        """The number of words."""
        return len(self.words)

    @property
    def branches(self) -> int:
        """The length of a word."""
        return len(self.words[0])

    def __str__(self) -> str:
        arguments = [show(word) for word in self.words]
        # Without it the words would be refused when they are read again.
        if self.shared:
            arguments.append("duplicates = true")
        return f"words({', '.join(arguments)})"


def show(value: object) -> str:
    """A static value as the language writes it.

    >>> show(True), show([32, 64]), show(1e-3), show("relu"), show(None)
    ('true', '[32, 64]', '0.001', '"relu"', 'auto')
    """
    match value:
        # Before numbers: in Python a bool is an int. The language writes `true`, Python `True`.
        case bool():
            return str(value).lower()
        case None:
            return "auto"
        case str():
            return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
        # Before lists: a size is a tuple, but is written 3x3.
        case Size() | Extents():
            return str(value)
        case list() | tuple():
            return "[" + ", ".join(map(show, value)) + "]"
        case _:
            return str(value)
