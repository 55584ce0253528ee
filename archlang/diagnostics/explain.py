"""The text of `archlang explain NAME`: the page of a kind of mistake, kept as `pages/NAME.md`."""

from __future__ import annotations

from pathlib import Path

from archlang.diagnostics.exception import ArchError
from archlang.diagnostics.kinds import KINDS
from archlang.diagnostics.model import error
from archlang.diagnostics.suggest import did_you_mean
from archlang.diagnostics.text import one_line

PAGES = Path(__file__).resolve().parent / "pages"


def explain(name: str) -> str:
    """The page of a kind: its title, a failing and a mended example. Raises ArchError (unknown-name).

    Args:
        name: the kind, with or without the brackets in which messages show it.

    >>> explain("unused-name").splitlines()[0]
    '# unused-name'
    """
    # Messages show `error[unused-name]`, which people copy with its brackets.
    kind = KINDS.get(name.strip("[]"))
    if kind is None:
        near = did_you_mean(name, KINDS) or "`archlang explain` lists all kinds"
        raise ArchError(error("unknown-name", f"no mistake is called `{one_line(name, 80)}`", help=near))

    if kind.severity == "error":
        severity = f"An error (exit status {kind.status})"
    else:
        severity = f"A {kind.severity} (does not fail)"
    head = f"# {kind.name}\n\n{severity}: {kind.title}."

    # A test makes sure that every kind has its page.
    page = PAGES / f"{kind.name}.md"
    return f"{head}\n\n{page.read_text(encoding='utf-8').strip()}"


def kinds() -> str:
    """List all kinds with their titles, one a line."""
    width = max(map(len, KINDS))
    return "\n".join(f"{name:{width}}  {kind.title}" for name, kind in KINDS.items())
