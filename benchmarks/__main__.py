"""`python -m benchmarks [--threads N] [--repetitions N] [--clock wall|cpu]`: the table of ratios."""

from __future__ import annotations

import argparse
import platform
import sys

from benchmarks.measure import paths, resnet, starting
from benchmarks.timing import CLOCKS, Row, Watch, table


def main() -> None:
    """Measure everything; rows that are ready are said on standard error."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--threads", type=int, default=1, help="of torch (default: 1)")
    parser.add_argument("--repetitions", type=int, default=9, help="turns, after those that warm up (default: 9)")
    parser.add_argument("--clock", choices=CLOCKS, default="wall", help="what is measured (default: wall)")
    given = parser.parse_args()
    import torch

    rows: list[Row] = []
    watch = Watch(given.repetitions, CLOCKS[given.clock])
    torch.set_num_threads(given.threads)
    for part in (starting, resnet, paths):
        for row in part(watch):
            rows.append(row)
            print(*row.cells(), sep="  ", file=sys.stderr, flush=True)
    threads = f"{given.threads} thread{'s' * (given.threads > 1)}"
    versions = f"Python {platform.python_version()}, torch {torch.__version__.partition('+')[0]}"
    print(f"{versions}, {threads}, {given.clock} time; a ratio below 1 means that archlang is faster.\n")
    print(table(rows))


if __name__ == "__main__":
    main()
