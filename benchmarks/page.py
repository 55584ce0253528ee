"""`python -m benchmarks.page [--minutes N]`: every row of `docs/benchmarks.md`, measured and written into its tables.

Rows are pairs in turns after a turn that warms up, wall time, with one thread and with two. Each is written into
`benchmarks/page.json` when it is ready, so that a run that was stopped goes on where it was; `--anew` begins from the
start. At the end, and with `--tables` alone, the tables of the page are written from that file; the prose around them
stays as it is.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import platform
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from archlang.tuning.timing import _processor as processor
from benchmarks.timing import CLOCKS, written

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "benchmarks.md"
FOUND = Path(__file__).with_name("page.json")
THREADS = (1, 2)
PAIRS = 9
FRONT = "front"

Rows = dict[str, dict[str, Any]]
"""Rows by their key: group, number of threads, name, peer."""


def names() -> tuple[str, ...]:
    """The groups of rows, those with goals first."""
    from benchmarks.goals import GROUPS

    return (FRONT, *GROUPS)


def once(threads: int, group: str) -> bool:
    """Tell whether a group is not measured with so many threads, which would change nothing for it."""
    from benchmarks.goals import ONE_THREAD

    return threads > 1 and group in ONE_THREAD


def key(group: str, threads: int, what: str, peer: str) -> str:
    """The name of a row in the file."""
    return " | ".join((group, str(threads), what, peer))


def pairs_of(ours: Callable[[], object], theirs: Callable[[], object], clock: Callable[[], float],
             pairs: int) -> list[tuple[float, float]]:
    """Seconds of both, turn by turn, each first every other time, after a turn that warms up."""
    def seconds(work: Callable[[], object]) -> float:
        start = clock()
        work()
        return max(clock() - start, 1e-9)

    found = []
    for turn in range(1 + pairs):
        if turn % 2:
            mine, other = seconds(ours), seconds(theirs)
        else:
            other, mine = seconds(theirs), seconds(ours)
        if turn:
            found.append((mine, other))
    return found


def measured(group: str, threads: int, known: Rows, clock: str, pairs: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """The rows of a group that are not known yet. What cannot be measured is a row that says why."""
    from benchmarks.goals import GROUPS, front_half

    if group == FRONT:
        for row in front_half(pairs):
            yield key(group, threads, row.goal.what, ""), {"values": row.values}
        return

    for line in GROUPS[group]():
        name = key(group, threads, line.what, line.peer)
        if name in known:
            continue
        row: dict[str, Any] = {"what": line.what, "peer": line.peer, "most": line.most}
        try:
            both = pairs_of(line.ours, line.theirs, CLOCKS[clock], pairs)
        # A compiler that is not there, memory that does not last: the other rows are measured all the same.
        except Exception as problem:
            yield name, {**row, "missing": f"{type(problem).__name__}: {str(problem)[:80]}"}
            continue
        ours, theirs = zip(*both, strict=True)
        yield name, {**row, "ours": [round(s, 6) for s in ours], "theirs": [round(s, 6) for s in theirs]}


def inside(group: str, threads: int, clock: str, pairs: int) -> None:
    """Measure one group in this process, and print a line of JSON for each row."""
    import torch

    torch.set_num_threads(threads)
    torch.manual_seed(0)
    logging.disable(logging.WARNING)  # torch's exporter tells what it does
    warnings.simplefilter("ignore")
    for name, row in measured(group, threads, read()["rows"], clock, pairs):
        print(json.dumps([name, row]), flush=True)


def read() -> dict[str, Any]:
    """What was measured so far."""
    if not FOUND.exists():
        return {"rows": {}}
    found: dict[str, Any] = json.loads(FOUND.read_text())
    return found


def write(found: dict[str, Any]) -> None:
    """Keep what was measured, in one step: a run that is stopped leaves a whole file."""
    beside = FOUND.with_suffix(".part")
    beside.write_text(json.dumps(found, indent=1) + "\n")
    beside.replace(FOUND)


def run(minutes: float, threads: tuple[int, ...], clock: str, pairs: int, only: list[str]) -> None:
    """Measure every group in a process of its own, until the minutes are over."""
    end = time.monotonic() + 60 * minutes
    for count in threads:
        for group in names():
            if (only and group not in only) or once(count, group):
                continue
            left = end - time.monotonic()
            if left <= 0:
                print(f"{group}, {count} threads: the minutes were over", file=sys.stderr)
                continue
            one(group, count, clock, pairs, left)


def one(group: str, threads: int, clock: str, pairs: int, seconds: float) -> None:
    """Run one group's process, and keep each row that it prints."""
    found = read()
    if group == FRONT and any(name.startswith(FRONT) for name in found["rows"]):
        return

    words = ["-m", "benchmarks.page", "--one", group, "--threads", str(threads), "--pairs", str(pairs)]
    kept = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    begun = time.monotonic()
    with subprocess.Popen([sys.executable, *words, "--clock", clock], cwd=ROOT, env=kept, stdout=subprocess.PIPE,
                          text=True) as process:
        for line in process.stdout or ():
            if not line.startswith("["):
                continue
            name, row = json.loads(line)
            found["rows"][name] = row
            found["machine"] = machine(clock)
            write(found)
            print(name, said(row), file=sys.stderr, flush=True)
            if time.monotonic() - begun > seconds:
                process.terminate()
    print(f"{group}, {threads} threads: {time.monotonic() - begun:.0f} s", file=sys.stderr, flush=True)


def machine(clock: str) -> dict[str, Any]:
    """What the numbers belong to, and when they were taken."""
    import torch

    return {"processor": processor().split(" fpu ")[0], "cores": os.cpu_count(), "python": platform.python_version(),
            "torch": torch.__version__.partition("+")[0], "date": datetime.now(UTC).date().isoformat(),
            "load": round(os.getloadavg()[0], 1), "clock": clock}


def ratios(row: dict[str, Any]) -> list[float]:
    """The ratios of a row's pairs, the least first."""
    return sorted(a / b for a, b in zip(row["ours"], row["theirs"], strict=True))


def said(row: dict[str, Any] | None) -> str:
    """The spread of a row's ratios: least, median, most."""
    if row is None:
        return "not measured"
    if "missing" in row:
        return str(row["missing"])
    if "values" in row:
        return f"{median(row['values']):.3f}"
    found = ratios(row)
    return ", ".join(f"{value:.2f}" for value in (found[0], median(found), found[-1]))


def met(rows: list[dict[str, Any]], most: float | None) -> str:
    """Whether the medians keep to a goal."""
    if most is None:
        return ""
    good = [median(ratios(row)) <= most for row in rows if "ours" in row]
    if not good:
        return "not measured"
    if all(good):
        return "yes"
    if any(good):
        return f"with {1 + good.index(True)} thread{'s' * good.index(True)}"
    return "no"


def table(group: str, rows: Rows) -> list[str]:
    """The lines of a group's table."""
    if group == FRONT:
        return front_table(rows)

    counts = [count for count in THREADS if not once(count, group)]
    spread = [f"{count} thread{'s' * (count > 1)}: min, median, max" for count in counts]
    lines = [["what", "peer", "archlang", "peer's", *spread, "goal", "met"], ["---"] * (6 + len(counts))]
    mine = [name.split(" | ") for name in rows if name.startswith(f"{group} | ")]
    for what, peer in dict.fromkeys((name[2], name[3]) for name in mine):
        found = [rows.get(key(group, count, what, peer)) for count in counts]
        there = [row for row in found if row is not None]
        most = there[0].get("most")
        times = [written(median(there[0][side])) if side in there[0] else "" for side in ("ours", "theirs")]
        goal = "" if most is None else f"{most:g}"
        lines.append([what, peer, *times, *map(said, found), goal, met(there, most)])
    return [f"| {' | '.join(cells)} |" for cells in lines]


def front_table(rows: Rows) -> list[str]:
    """The table of seconds, as `benchmarks.front` writes it."""
    from benchmarks import front

    known = [rows.get(key(FRONT, 1, goal.what, "")) for goal in front.GOALS]
    if any(row is None for row in known):
        return ["Not measured."]
    turns = zip(*(row["values"] for row in known if row is not None), strict=True)
    return front.table([list(map(list, turns))])


def tables(text: str, found: dict[str, Any]) -> str:
    """A page with the tables between `<!-- table: NAME -->` and `<!-- end -->` written anew."""
    about = found["machine"]
    for group in (*names(), "machine"):
        lines = [f"{about['date']}, {about['processor']}, {about['cores']} cores, load {about['load']}, Python "
                 f"{about['python']}, torch {about['torch']}, {about['clock']} time, {PAIRS} pairs."]
        if group != "machine":
            lines = table(group, found["rows"])
        mark, end = f"<!-- table: {group} -->\n", "<!-- end -->"
        before, there, rest = text.partition(mark)
        if there:
            text = before + mark + "\n".join(["", *lines, ""]) + "\n" + end + rest.partition(end)[2]
    return text


def main() -> None:
    """Measure what is missing, then write the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=20, help="begin no row after these (default: 20)")
    parser.add_argument("--threads", type=int, nargs="*", default=THREADS)
    parser.add_argument("--pairs", type=int, default=PAIRS)
    parser.add_argument("--clock", choices=CLOCKS, default="wall", help="`cpu` where a machine does more, one thread")
    parser.add_argument("--only", nargs="*", default=[], help="groups of rows")
    parser.add_argument("--anew", action="store_true", help="forget what was measured")
    parser.add_argument("--tables", action="store_true", help="measure nothing, write the tables")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one is not None:
        inside(given.one, given.threads[0], given.clock, given.pairs)
        return

    if given.anew:
        FOUND.unlink(missing_ok=True)
    if not given.tables:
        run(given.minutes, tuple(given.threads), given.clock, given.pairs, given.only)
    PAGE.write_text(tables(PAGE.read_text(), read()))


if __name__ == "__main__":
    main()
