"""Text that finds its own line breaks: a small relative of Wadler's prettier printer.

A document is text, line breaks that may stay spaces, and groups that stay on one line where they fit. Nothing here
recurses over a document, so its depth does not matter.
"""

from __future__ import annotations

from dataclasses import dataclass

WIDTH = 110
_DEEPEST = 60  # a column past which nothing is aligned


@dataclass(frozen=True, slots=True)
class Cat:
    """One after the other. `hard`: a line break inside is certain."""

    parts: tuple[Doc, ...]
    hard: bool


@dataclass(frozen=True, slots=True)
class Line:
    """A line break; the text `flat` where its group stays on one line."""

    flat: str = " "
    hard: bool = False


@dataclass(frozen=True, slots=True)
class Soft:
    """A space and what follows it, with a line break for the space where that does not fit on the line."""

    following: Doc
    hard: bool


@dataclass(frozen=True, slots=True)
class Group:
    """Its lines are all spaces if it fits on the line, else all breaks."""

    inner: Doc
    hard: bool


@dataclass(frozen=True, slots=True)
class Nest:
    """Lines inside begin `by` columns further right; with `align`, at the column where this begins."""

    inner: Doc
    by: int
    align: bool
    hard: bool


@dataclass(frozen=True, slots=True)
class Behind:
    """A comment at the end of the line: whatever follows it begins a new one."""

    text: str
    hard: bool = True


Doc = str | Cat | Line | Soft | Group | Nest | Behind
HARD = Line(hard=True)


def is_hard(doc: Doc) -> bool:
    """Whether a document takes more than one line in any case."""
    return not isinstance(doc, str) and doc.hard


def cat(*parts: Doc) -> Doc:
    """One document after the other."""
    return parts[0] if len(parts) == 1 else Cat(parts, any(is_hard(part) for part in parts))


def group(*parts: Doc) -> Doc:
    """All on one line if it fits."""
    inner = cat(*parts)
    return Group(inner, is_hard(inner))


def soft(*parts: Doc) -> Doc:
    """On the same line if it fits there."""
    following = cat(*parts)
    return Soft(following, is_hard(following))


def nest(by: int, *parts: Doc) -> Doc:
    """Lines further right by a number of columns."""
    inner = cat(*parts)
    return Nest(inner, by, False, is_hard(inner))


def align(*parts: Doc) -> Doc:
    """Lines that begin where this begins."""
    inner = cat(*parts)
    return Nest(inner, 0, True, is_hard(inner))


def render(doc: Doc, width: int = WIDTH) -> str:
    """The text of a document, without spaces at the ends of lines.

    >>> render(group("f(", nest(2, Line(""), "a,", Line(), "b"), Line(""), ")"), 80)
    'f(a, b)'
    >>> print(render(group("f(", nest(2, Line(""), "a,", Line(), "b"), Line(""), ")"), 5))
    f(
      a,
      b
    )
    """
    return _Page(width).run(doc)


_Item = tuple[int, bool, Doc]  # indentation, whether flat, what


class _Page:
    """The text so far, the column reached, and the comment that waits for the end of the line."""

    def __init__(self, width: int) -> None:
        self.width, self.out, self.column, self.waiting = width, [""], 0, ""

    def run(self, doc: Doc) -> str:
        stack: list[_Item] = [(0, False, doc)]
        while stack:
            indent, flat, one = stack.pop()
            if isinstance(one, str):
                self.text(one, indent)
            elif isinstance(one, Cat):
                stack.extend((indent, flat, part) for part in reversed(one.parts))
            elif isinstance(one, Behind):
                self.waiting = one.text
            elif isinstance(one, Nest):
                column = min(self.column, _DEEPEST) if self.column <= _DEEPEST else indent + 4
                stack.append(((column if one.align else indent) + one.by, flat, one.inner))
            elif isinstance(one, Group):
                fits = not one.hard and (flat or self.fits([(indent, True, one.inner)], stack))
                stack.append((indent, fits, one.inner))
            elif isinstance(one, Soft):
                self.soft(one, indent, flat, stack)
            elif flat and not one.hard:
                self.text(one.flat, indent)
            else:
                self.newline(indent)
        self.newline(0)
        return "\n".join(line.rstrip() for line in "".join(self.out).split("\n")).rstrip("\n")

    def soft(self, one: Soft, indent: int, flat: bool, stack: list[_Item]) -> None:
        if flat or (not self.waiting and self.fits([(indent, True, one.following), (indent, True, " ")], stack)):
            self.text(" ", indent)
        else:
            self.newline(indent)
        stack.append((indent, flat, one.following))

    def text(self, text: str, indent: int) -> None:
        if self.waiting and text:
            self.newline(indent)
        self.out.append(text)
        self.column += len(text)

    def newline(self, indent: int) -> None:
        if self.waiting:
            self.out.append("  " + self.waiting)
            self.waiting = ""
        self.out.append("\n" + " " * indent)
        self.column = indent

    def fits(self, first: list[_Item], rest: list[_Item]) -> bool:
        """Whether the line has room for the first and for what stands behind it up to a possible line break."""
        room, below, stack = self.width - self.column, len(rest), first
        while room >= 0:
            if not stack:
                if not below:
                    return True
                below -= 1
                stack.append(rest[below])
            _, flat, one = stack.pop()
            if isinstance(one, str):
                room -= len(one)
            elif isinstance(one, Cat):
                stack.extend((0, flat, part) for part in reversed(one.parts))
            elif isinstance(one, Group | Nest):
                stack.append((0, flat, one.inner))
            elif isinstance(one, Behind):
                return True
            elif isinstance(one, Soft):
                if not flat:
                    return True
                room -= 1
                stack.append((0, flat, one.following))
            else:
                if one.hard or not flat:
                    return True
                room -= len(one.flat)
        return False
