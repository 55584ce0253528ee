"""Text that finds its own line breaks: a small relative of Wadler's prettier printer.

A document is text, line breaks that may stay spaces, and groups that stay on one line if they fit. Nothing here
recurses over a document, so its depth does not matter.

P. Wadler, "A prettier printer", in The Fun of Programming, 2003.
"""

from __future__ import annotations

from archlang.dataclass import dataclass, unguarded

WIDTH = 110
_DEEPEST = 60  # a column past which nothing is aligned


# --- documents -------------------------------------------------------------------------------------------------------
# Each knows whether a line break inside it is certain (`hard`), and how many columns it takes on one line if none is
# (`width`). Both are known when it is made, so that no walk is needed to find out if a group can fit on a line.


@unguarded
@dataclass(frozen=True, slots=True)
class Sequenced:
    """Parts one after the other."""

    parts: tuple[Doc, ...]
    width: int
    hard: bool


@unguarded
@dataclass(frozen=True, slots=True)
class LineBreak:
    """A line break; the text `flat` instead if its group stays on one line."""

    flat: str = " "
    hard: bool = False

    @property
    def width(self) -> int:
        """Columns of the text that stands for it."""
        return len(self.flat)


@unguarded
@dataclass(frozen=True, slots=True)
class SoftBreak:
    """A space and the part behind it; a line break instead of the space if that part does not fit on the line."""

    following: Doc
    width: int
    hard: bool


@unguarded
@dataclass(frozen=True, slots=True)
class LayoutGroup:
    """A part whose line breaks are all spaces if it fits on the line, else all breaks."""

    inner: Doc
    width: int
    hard: bool


@unguarded
@dataclass(frozen=True, slots=True)
class Nest:
    """A part whose lines begin `by` columns further right; with `align`, at the column at which it begins."""

    inner: Doc
    by: int
    align: bool
    width: int
    hard: bool


@unguarded
@dataclass(frozen=True, slots=True)
class TrailingComment:
    """A comment at the end of the line: the text behind it begins a new one."""

    text: str
    width: int = 0  # a comment may be as long as it likes
    hard: bool = True


Doc = str | Sequenced | LineBreak | SoftBreak | LayoutGroup | Nest | TrailingComment
HARD = LineBreak(hard=True)


def is_hard(doc: Doc) -> bool:
    """Return whether a document takes more than one line in any case."""
    return not isinstance(doc, str) and doc.hard


def _columns(doc: Doc) -> int:
    """Return how many columns a document takes on one line."""
    if isinstance(doc, str):
        return len(doc)
    return doc.width


def cat(*parts: Doc) -> Doc:
    """Put documents one after the other."""
    kept = [part for part in parts if part]  # most nodes have no comment, and an empty text is nothing
    if not kept:
        return ""
    if len(kept) == 1:
        return kept[0]

    width, hard = 0, False
    for part in kept:
        if isinstance(part, str):
            width += len(part)
        else:
            width += part.width
            hard = hard or part.hard
    return Sequenced(tuple(kept), width, hard)


def group(*parts: Doc) -> Doc:
    """Keep the parts on one line if they fit."""
    inner = cat(*parts)
    return LayoutGroup(inner, _columns(inner), is_hard(inner))


def soft(*parts: Doc) -> Doc:
    """Put the parts behind a space if they fit there, else on a new line."""
    following = cat(*parts)
    return SoftBreak(following, 1 + _columns(following), is_hard(following))


def nest(by: int, *parts: Doc) -> Doc:
    """Indent the lines of the parts by a number of columns."""
    inner = cat(*parts)
    return Nest(inner, by, False, _columns(inner), is_hard(inner))


def align(*parts: Doc) -> Doc:
    """Begin the lines of the parts at the column at which the first one begins."""
    inner = cat(*parts)
    return Nest(inner, 0, True, _columns(inner), is_hard(inner))


# --- the page --------------------------------------------------------------------------------------------------------


def render(doc: Doc, width: int = WIDTH) -> str:
    """Lay out a document as text, without spaces at the ends of lines.

    Args:
        doc: the document.
        width: columns of a line. A single word that is longer still stands.

    >>> render(group("f(", nest(2, LineBreak(""), "a,", LineBreak(), "b"), LineBreak(""), ")"), 80)
    'f(a, b)'
    >>> print(render(group("f(", nest(2, LineBreak(""), "a,", LineBreak(), "b"), LineBreak(""), ")"), 5))
    f(
      a,
      b
    )
    """
    return _Page(width).run(doc)


_Item = tuple[int, bool, Doc]
"""A document still to be laid out, with its indentation and whether its line breaks stay spaces (`flat`)."""


class _Page:
    """The text so far, the column reached, and the comment that waits for the end of the line."""

    def __init__(self, width: int) -> None:
        self.width = width
        self.out: list[str] = []
        self.column = 0
        self.waiting_comment = ""

    def run(self, doc: Doc) -> str:
        stack: list[_Item] = [(0, False, doc)]
        while stack:
            self._lay_out(stack.pop(), stack)
        self._newline(0)  # writes the last waiting comment

        lines = "".join(self.out).split("\n")
        return "\n".join(line.rstrip() for line in lines).rstrip("\n")

    def _lay_out(self, item: _Item, stack: list[_Item]) -> None:
        """Write one document, or put its parts onto the stack."""
        indent, flat, doc = item
        if isinstance(doc, str):
            self._text(doc, indent)
            return
        # A comment that waits ends the line before the first text, at the column of that text.
        if flat and not doc.hard and not self.waiting_comment:
            self._text(_on_one_line(doc), indent)
            return

        if isinstance(doc, Sequenced):
            stack.extend([(indent, flat, part) for part in reversed(doc.parts)])
        elif isinstance(doc, Nest):
            stack.append((self._start_column(doc, indent) + doc.by, flat, doc.inner))
        elif isinstance(doc, LayoutGroup):
            fits = not doc.hard and (flat or self._fits([(indent, True, doc.inner)], stack))
            stack.append((indent, fits, doc.inner))
        elif isinstance(doc, SoftBreak):
            if flat or self._follows_on_line(doc.following, indent, stack):
                self._text(" ", indent)
            else:
                self._newline(indent)
            stack.append((indent, flat, doc.following))
        elif isinstance(doc, TrailingComment):
            self.waiting_comment = doc.text
        elif flat and not doc.hard:
            self._text(doc.flat, indent)
        else:
            self._newline(indent)

    def _start_column(self, doc: Nest, indent: int) -> int:
        if not doc.align:
            return indent
        if self.column <= _DEEPEST:
            return self.column
        return indent + 4  # aligned there, deep code would get narrower with every level

    def _follows_on_line(self, following: Doc, indent: int, stack: list[_Item]) -> bool:
        # The space in front counts: the stack is read from its end.
        return not self.waiting_comment and self._fits([(indent, True, following), (indent, True, " ")], stack)

    def _text(self, text: str, indent: int) -> None:
        if self.waiting_comment and text:
            self._newline(indent)
        self.out.append(text)
        self.column += len(text)

    def _newline(self, indent: int) -> None:
        if self.waiting_comment:
            self.out.append("  " + self.waiting_comment)
            self.waiting_comment = ""
        self.out.append("\n" + " " * indent)
        self.column = indent

    def _fits(self, first: list[_Item], rest: list[_Item]) -> bool:
        """Return whether the line has room for some items and for the text behind them up to a possible line break.

        Args:
            first: the items, the next one last; the list is used up.
            rest: the stack of everything behind them; it is not changed.
        """
        room = self.width - self.column
        unread = len(rest)  # items of `rest` that have not been looked at
        stack = first
        while room >= 0:
            if not stack:
                if not unread:
                    return True
                unread -= 1
                stack.append(rest[unread])

            _, flat, doc = stack.pop()
            if isinstance(doc, str):
                room -= len(doc)
                continue
            # What has no line break on one line needs no walk: its columns are known.
            if flat and not doc.hard:
                room -= doc.width
                continue

            match doc:
                case Sequenced(parts=parts):
                    stack.extend([(0, flat, part) for part in reversed(parts)])
                case LayoutGroup(inner=inner) | Nest(inner=inner):
                    stack.append((0, flat, inner))
                case TrailingComment():
                    return True  # a comment may be as long as it likes
                case SoftBreak(following=following):
                    if not flat:
                        return True
                    room -= 1
                    stack.append((0, flat, following))
                case LineBreak(flat=text, hard=hard):
                    if hard or not flat:
                        return True
                    room -= len(text)
        return False


def _on_one_line(doc: Doc) -> str:
    """The text of a document without a certain line break, its others all as spaces."""
    words: list[str] = []
    stack: list[Doc] = [doc]
    while stack:
        match stack.pop():
            case str(word):
                words.append(word)
            case Sequenced(parts=parts):
                stack.extend(reversed(parts))
            case LayoutGroup(inner=inner) | Nest(inner=inner):
                stack.append(inner)
            case SoftBreak(following=following):
                words.append(" ")
                stack.append(following)
            case LineBreak(flat=text):
                words.append(text)
    return "".join(words)
