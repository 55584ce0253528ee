"""Whatever takes arguments, as a writer sees it: an entry of the catalogue, a block, a function; and its arguments."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from archlang.ops.kinds import Kind
from archlang.ops.model import AUTO, REQUIRED, Arg, Entry, Op, Setting, Structure, by_place
from archlang.ops.values import show
from archlang.syntax import print_expr
from archlang.syntax.tree import Block, Body, NetworkDeclaration

_BRACES = {"none": "", "flow": " { flow }", "flows": " { flow; flow }"}


@dataclass(frozen=True)
class FormArgument:
    """One argument: its name, its default as written (None: it must be given), what it takes and what it is for."""

    name: str
    default: str | None
    takes: str = ""
    doc: str = ""
    kind: Kind | None = None
    many: bool = False

    @property
    def label(self) -> str:
        """The argument as a signature shows it: `stride = 1`."""
        name = self.name
        if self.many:
            name += "..."
        if self.default is None:
            return name
        return f"{name} = {self.default}"


@dataclass(frozen=True)
class Form:
    """Something that is called: its name, what it is in a word or two, its meaning, its arguments.

    places  the names of arguments that may be given by place, in order
    braces  what follows the parentheses
    example a use of it as it stands in a file
    """

    name: str
    what: str
    doc: str
    arguments: tuple[FormArgument, ...]
    places: tuple[str, ...]
    braces: str = ""
    example: str = ""

    @property
    def label(self) -> str:
        """The whole signature: `conv(kernel, channels, stride = 1)`."""
        if not self.arguments:
            return self.name + self.braces
        return f"{self.name}({', '.join(one.label for one in self.arguments)}){self.braces}"

    def argument(self, name: str) -> FormArgument | None:
        """The argument of a name."""
        return next((one for one in self.arguments if one.name == name), None)

    def at(self, named: str | None, position: int) -> FormArgument | None:
        """The argument that stands at a place: the one that is named there, or the next by place."""
        if named is not None:
            return self.argument(named)
        if position < len(self.places):
            return self.argument(self.places[position])

        # What takes several takes all that follow.
        for name in self.places[-1:]:
            last = self.argument(name)
            if last is not None and last.many:
                return last
        return None


def of_entry(entry: Entry) -> Form:
    """The form of an entry of the catalogue."""
    match entry:
        case Op():
            what, braces = f"{entry.family} operation", ""
        case Structure():
            what, braces = "structure", _BRACES[entry.body]
        case Setting():
            what, braces = entry.role, ""
    return Form(entry.name, what, entry.doc, tuple(map(_argument, entry.args)), by_place(entry.args), braces,
                entry.example)


def _argument(arg: Arg) -> FormArgument:
    many = arg.many or getattr(arg.kind, "many", False)
    return FormArgument(arg.name, _default(arg), arg.kind.text, arg.doc, arg.kind, many)


def _default(arg: Arg) -> str | None:
    if arg.default is REQUIRED:
        return None
    if arg.default is None:
        return AUTO
    # A bare word, as files write it, not a text in quotes.
    if isinstance(arg.default, str) and arg.default in arg.kind.words:
        return arg.default
    return show(arg.default)


def of_block(block: Block | NetworkDeclaration) -> Form:
    """The form of a block, or of a network with its dials."""
    what, parameters = "block", getattr(block, "parameters", ())
    if isinstance(block, NetworkDeclaration):
        what, parameters = "network", block.dials

    arguments = []
    for parameter in parameters:
        default = None
        if parameter.default is not None:
            default = print_expr(parameter.default)
        arguments.append(FormArgument(parameter.name, default))
    return Form(block.name, what, doc_of(block), tuple(arguments), tuple(one.name for one in arguments))


def doc_of(block: Block | NetworkDeclaration) -> str:
    """The doc string of a declaration, before it or first in its braces."""
    if block.doc:
        return block.doc.strip()
    if isinstance(block.body, Body) and block.body.doc:
        return block.body.doc.strip()
    return ""


FUNCTIONS = {
    "range": "the whole numbers from 0 below n, or from a below b",
    "len": "how many items a list has", "min": "the least of some numbers", "max": "the largest of some numbers",
    "size": "a size of these numbers", "words": "the code of these words, one a class",
    "round": "the nearest whole number", "floor": "the next whole number below", "ceil": "the next whole number above",
    "round_to": "a number rounded to a multiple",
}
"""The functions of numbers and lists, each with what it gives."""


def kinds_in(kind: Kind | None) -> Iterator[Kind]:
    """A kind and all that it is made of: the kinds of a choice, of a list's items, of a sum's terms."""
    if kind is None:
        return
    yield kind
    for part in getattr(kind, "kinds", ()):
        yield from kinds_in(part)
    yield from kinds_in(getattr(kind, "item", None))
