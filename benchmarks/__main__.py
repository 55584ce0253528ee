"""`python -m benchmarks [--threads N] [--repetitions N] [--clock wall|cpu]`: the table of ratios.

With `--device cuda` (or `cpu`) the ratios of `benchmarks.devices`, which need torch and this repository alone.
"""

from __future__ import annotations

import argparse
import platform
import sys
from pathlib import Path
from typing import Any

from benchmarks.measure import paths, resnet, starting
from benchmarks.timing import CLOCKS, Row, Watch, table


def main() -> None:
    """Measure everything; rows that are ready are said on standard error."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--threads", type=int, default=1, help="of torch (default: 1)")
    parser.add_argument("--repetitions", type=int, default=9, help="turns, after those that warm up (default: 9)")
    parser.add_argument("--clock", choices=CLOCKS, default="wall", help="what is measured (default: wall)")
    parser.add_argument("--device", help="measure everything on this device instead: cuda, cpu")
    parser.add_argument("--batches", type=int, nargs="*", default=(1, 32, 256), help="with --device")
    parser.add_argument("--minutes", type=float, default=7.5, help="with --device: begin no row after these")
    parser.add_argument("--json", type=Path, help="with --device: where to write the rows")
    given = parser.parse_args()
    import torch

    torch.set_num_threads(given.threads)
    if given.device is not None:
        on_device(torch.device(given.device), given)
        return

    rows: list[Row] = []
    watch = Watch(given.repetitions, CLOCKS[given.clock])
    for part in (starting, resnet, paths):
        for row in part(watch):
            rows.append(row)
            print(*row.cells(), sep="  ", file=sys.stderr, flush=True)
    threads = f"{given.threads} thread{'s' * (given.threads > 1)}"
    versions = f"Python {platform.python_version()}, torch {torch.__version__.partition('+')[0]}"
    print(f"{versions}, {threads}, {given.clock} time; a ratio below 1 means that archlang is faster.\n")
    print(table(rows))


def on_device(device: Any, given: argparse.Namespace) -> None:
    """Measure all rows on a device; each is said on standard error when it is ready."""
    from benchmarks.devices import measure, written

    rows = []
    for row in measure(device, tuple(given.batches), given.repetitions, given.minutes):
        rows.append(row)
        print(*row.values(), sep="  ", file=sys.stderr, flush=True)
    written(rows, device, given.json)


if __name__ == "__main__":
    main()
