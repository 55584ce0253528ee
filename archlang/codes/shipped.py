"""Codes that come with archlang: tables that `design` found once, under `data/`, a file a size.

Each begins with a line `# how: ...` that says how its words were made.

>>> found = shipped(10, 15, 6)
>>> found is not None and found[0].distance
8
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from archlang.codes.code import Code
from archlang.codes.table import read, write

FOLDER = Path(__file__).parent / "data"
MARK = "# how: "


def sizes() -> list[tuple[int, int, int]]:
    """(classes, branches, active) of every table that is there."""
    return sorted(tuple(map(int, path.stem.split("_"))) for path in FOLDER.glob("*.csv"))  # type: ignore[misc]


@lru_cache(maxsize=8)
def shipped(classes: int, branches: int, active: int) -> tuple[Code, str] | None:
    """The code of these sizes and how it was made, None where none is shipped."""
    path = FOLDER / f"{classes}_{branches}_{active}.csv"
    if not path.is_file():
        return None
    data = path.read_bytes()
    first = data.split(b"\n", 1)[0].decode()
    return read(data, path.name), first.removeprefix(MARK)


def stored(code: Code, how: str) -> str:
    """A table as it is shipped."""
    return f"{MARK}{how}\n{write(code)}"
