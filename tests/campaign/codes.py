"""`python -m tests.campaign.codes [--store]`: sizes of the source, of published tables and harder ones, designed anew.

Prints the table of docs/codes.md. `--store` writes the sizes that are shipped to archlang/codes/data.
"""

from __future__ import annotations

import sys
import time

from archlang.codes.designing import Design, design
from archlang.codes.shipped import FOLDER, stored

SHIPPED = (
    (10, 10, 5), (10, 10, 3), (100, 20, 8), (100, 20, 4), (1000, 32, 16), (1000, 32, 8), (10, 15, 6), (26, 16, 6),
)  # fmt: skip
PUBLISHED = (
    (7, 7, 3), (13, 13, 4), (14, 8, 4), (16, 16, 6), (16, 20, 5), (22, 12, 6), (30, 10, 4), (30, 16, 8), (66, 11, 5),
    (77, 22, 6), (132, 12, 6), (253, 23, 7), (759, 24, 8),
)  # fmt: skip
HARDER = ((51, 12, 4), (91, 14, 4), (40, 40, 10), (600, 40, 9), (200, 80, 8), (1000, 40, 10), (1000, 48, 12))
HEAD = "| classes | branches | active | distance | bound | columns | processor seconds | how |"


def line(found: Design, seconds: float) -> str:
    """A row of the table."""
    code = found.code
    low, high = min(code.columns), max(code.columns)
    columns = f"{low}" if low == high else f"{low} to {high}"
    sizes = f"| {code.classes} | {code.branches} | {code.active} | {code.distance} | {code.bounds[0].distance}"
    return f"{sizes} | {columns} | {seconds:.1f} | {found.how} |"


def main(arguments: list[str]) -> None:
    """Design all sizes and print their rows."""
    print(HEAD)
    print("|--:|--:|--:|--:|--:|--:|--:|---|")
    for sizes in SHIPPED + PUBLISHED + HARDER:
        start = time.process_time()
        found = design(*sizes, fresh=True)
        print(line(found, time.process_time() - start), flush=True)
        if "--store" in arguments and sizes in SHIPPED:
            name = "_".join(map(str, sizes)) + ".csv"
            (FOLDER / name).write_text(stored(found.code, found.how), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main(sys.argv[1:])
