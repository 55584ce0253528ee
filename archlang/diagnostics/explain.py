"""What `archlang explain NAME` prints: the page of a kind of mistake, kept as `pages/NAME.md`."""

from __future__ import annotations

from pathlib import Path

from archlang.diagnostics.kinds import KINDS
from archlang.diagnostics.model import ArchError, did_you_mean, error
from archlang.diagnostics.text import one_line

PAGES = Path(__file__).resolve().parent / "pages"


def explain(name: str) -> str:
    """The page of a kind: what it is, a failing and a mended example. Raises ArchError (unknown-name).

    >>> explain("unused-name").splitlines()[0]
    '# unused-name'
    """
    kind = KINDS.get(name.strip("[]"))
    if kind is None:
        near = did_you_mean(name, KINDS) or "`archlang explain` lists all kinds"
        raise ArchError(error("unknown-name", f"no mistake is called `{one_line(name, 80)}`", help=near))
    status = f"exit status {kind.status}" if kind.severity == "error" else "does not fail"
    head = f"# {kind.name}\n\nA{'n' if kind.severity == 'error' else ''} {kind.severity} ({status}): {kind.title}."
    page = PAGES / f"{kind.name}.md"
    return f"{head}\n\n{page.read_text(encoding='utf-8').strip()}" if page.is_file() else head


def kinds() -> str:
    """All kinds with their titles, one a line."""
    wide = max(map(len, KINDS))
    return "\n".join(f"{name:{wide}}  {kind.title}" for name, kind in KINDS.items())
