"""The diagnostic, the one exception that leaves archlang, and the search for near matches."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches

from archlang.diagnostics.kinds import KINDS, Kind
from archlang.source import Span


@dataclass(frozen=True)
class Label:
    """A stretch of a file and what to say of it; the text may be empty."""

    span: Span
    text: str = ""


@dataclass(frozen=True)
class Diagnostic:
    """One mistake. `name` is a key of `KINDS`; `primary` is None where no file has a place for it."""

    name: str
    message: str
    primary: Label | None = None
    secondary: tuple[Label, ...] = ()
    help: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    kind: Kind = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "kind", KINDS[self.name])

    @property
    def severity(self) -> str:
        """`error` or `warning`."""
        return self.kind.severity


class ArchError(Exception):
    """Everything that archlang refuses, as the diagnostics that say why. Its text is their human form."""

    def __init__(self, diagnostics: Diagnostic | Iterable[Diagnostic]) -> None:
        self.diagnostics: tuple[Diagnostic, ...] = (
            (diagnostics,) if isinstance(diagnostics, Diagnostic) else tuple(diagnostics)
        )
        super().__init__(self.diagnostics)

    @property
    def status(self) -> int:
        """The exit status of a command that ends with this: the smallest among its errors (1 before 3 before 4)."""
        return min((d.kind.status for d in self.diagnostics if d.severity == "error"), default=1)

    def __str__(self) -> str:
        from archlang.diagnostics.render import human

        return human(self.diagnostics)


def error(
    name: str,
    message: str,
    span: Span | None = None,
    label: str = "",
    *,
    secondary: Sequence[Label] = (),
    help: str | Sequence[str] = (),
    notes: Sequence[str] = (),
) -> Diagnostic:
    """A diagnostic of the kind `name`; whether it is an error or a warning is the kind's to say.

    >>> error("undefined-name", "nothing is called `stm` here", help="did you mean `stem`?").severity
    'error'
    """
    return Diagnostic(
        name,
        message,
        None if span is None else Label(span, label),
        tuple(secondary),
        (help,) if isinstance(help, str) else tuple(help),
        tuple(notes),
    )


warning = error
"""The same function, for the reader of a call that makes a kind of warning."""


def suggestions(wrong: str, known: Iterable[str]) -> tuple[str, ...]:
    """At most three names of `known` that `wrong` may have meant, nearest first.

    >>> suggestions("batchnorm", ["batch_norm", "relu", "conv"])
    ('batch_norm',)
    """
    names = sorted(set(known))
    folded = {name.lower(): name for name in names}
    near = get_close_matches(wrong.lower(), folded, n=3, cutoff=0.6)
    return tuple(folded[name] for name in near)


def did_you_mean(wrong: str, known: Iterable[str]) -> tuple[str, ...]:
    """A help line with the near matches, or none.

    >>> did_you_mean("rleu", ["relu", "gelu", "conv"])
    ('did you mean `relu`?',)
    """
    near = suggestions(wrong, known)
    return (f"did you mean {', '.join(f'`{name}`' for name in near)}?",) if near else ()
