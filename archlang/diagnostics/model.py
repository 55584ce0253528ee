"""The diagnostic: one mistake with its place, labels, help and notes, before anything is decided about its looks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import field
from html import escape
from typing import ClassVar

from archlang.dataclass import dataclass
from archlang.diagnostics.kinds import KINDS, DiagnosticKind
from archlang.source import Span


@dataclass(frozen=True)
class Label:
    """A stretch of a file and the words to show beside it, which may be empty."""

    span: Span
    text: str = ""


@dataclass(frozen=True)
class Fix:
    """An edit that mends a mistake: `text` takes the place of `span`. An empty span inserts, an empty text deletes.

    A program may apply it without asking, so a diagnostic has one only if it keeps the meaning that was wanted.
    """

    span: Span
    text: str


@dataclass(frozen=True)
class Alternative:
    """A mend that may take the place of the one that is told: its help line and its edit.

    `is_certain` is False for a guess, whose edit nobody may apply without asking: only its help is told.
    """

    help: str
    fix: Fix
    is_certain: bool = True


@dataclass(frozen=True)
class Diagnostic:
    """One mistake. `name` is a key of `KINDS`; `primary` is None if no file has a place for it.

    `help` lines say what to write instead; `notes` add facts, such as the blocks that led here. `fix` is the edit of
    the first help line. `alternatives` are mends that may have been meant, likeliest first, those of help lines too:
    whoever can check the edited text keeps those that hold.
    """

    name: str
    message: str
    primary: Label | None = None
    secondary: tuple[Label, ...] = ()
    help: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    fix: Fix | None = None
    alternatives: tuple[Alternative, ...] = field(default=(), repr=False, compare=False)
    kind: DiagnosticKind = field(init=False, repr=False, compare=False)

    rendered: ClassVar[Callable[[Diagnostic], str] | None] = None
    """The function that makes text of one; the renderer, which knows diagnostics, puts it here."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "kind", KINDS[self.name])  # the one way into a frozen dataclass

    @property
    def severity(self) -> str:
        """`error` or `warning`."""
        return self.kind.severity

    def _repr_html_(self) -> str:
        """The diagnostic with its place in the file, for a notebook."""
        if Diagnostic.rendered is None:
            return f"<pre>{escape(repr(self))}</pre>"
        return f"<pre>{escape(Diagnostic.rendered(self))}</pre>"


def error(
    name: str,
    message: str,
    span: Span | None = None,
    label: str = "",
    *,
    secondary: Sequence[Label] = (),
    help: str | Sequence[str] = (),
    notes: Sequence[str] = (),
    fix: Fix | None = None,
    alternatives: Sequence[Alternative] = (),
) -> Diagnostic:
    """Make a diagnostic of the kind `name`. The kind decides if it is an error or a warning.

    Args:
        name: a key of `KINDS`; anything else raises KeyError.
        message: one sentence without its full stop.
        span: the primary place, underlined with `^`.
        label: words beside the primary place.
        secondary: further places, underlined with `-`.
        help: one line or several; each tells the reader what to write.
        notes: further facts.
        fix: an edit that a program may apply.
        alternatives: other mends that may have been meant, likeliest first.

    >>> error("undefined-name", "nothing is called `stm` here", help="did you mean `stem`?").severity
    'error'
    """
    primary = None
    if span is not None:
        primary = Label(span, label)
    # A string is a sequence too: its letters would become lines of their own.
    if isinstance(help, str):
        help = (help,)

    return Diagnostic(name, message, primary, tuple(secondary), tuple(help), tuple(notes), fix,
                      tuple(alternatives))


warning = error
"""The same function under a second name, for the reader of a call that makes a kind of warning."""
