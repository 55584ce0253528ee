"""Codes that come with archlang: tables that `design` made once, under `data/`, a file for each size.

Each begins with a line `# how: ...`, the way its words were made.

>>> known = shipped(10, 15, 6)
>>> known is not None and known[0].distance
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
    """Classes, branches and active branches of every table in the folder."""
    numbers = [[int(part) for part in path.stem.split("_")] for path in FOLDER.glob("*.csv")]
    return sorted((classes, branches, active) for classes, branches, active in numbers)


@lru_cache(maxsize=8)
def shipped(classes: int, branches: int, active: int) -> tuple[Code, str] | None:
    """The code of these sizes and the way it was made; None where none is shipped."""
    path = FOLDER / f"{classes}_{branches}_{active}.csv"
    if not path.is_file():
        return None

    data = path.read_bytes()
    # Read as a remark by `read`, and as the way it was made here.
    first_line = data.split(b"\n", 1)[0].decode()
    return read(data, path.name), first_line.removeprefix(MARK)


def stored(code: Code, how: str) -> str:
    """The text of a table as it is shipped."""
    return f"{MARK}{how}\n{write(code)}"
