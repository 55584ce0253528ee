"""Plant small bugs, one at a time, and see whether the tests notice: `python -m tests.campaign.seeded.run`.

Each seed is planted in a temporary copy of the tree, and the tests named beside it run until the first failure. Before
that they run without a bug, and must pass.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.campaign.seeded.catalogue import ROOMS, everything
from tests.campaign.seeded.planting import copied, judged, run
from tests.campaign.seeded.seed import Seed


def chosen(rooms: list[str], containing: str) -> list[tuple[str, int, Seed]]:
    """Return the seeds that are asked for, with their room and their number in it."""
    return [(room, number, seed) for room, seeds in everything().items() if not rooms or room in rooms
            for number, seed in enumerate(seeds, 1) if containing in f"{room} {number} {seed.file} {seed.wrong}"]


def main() -> int:
    """Run; the exit status is 1 where a seed was not noticed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--room", action="append", choices=ROOMS, default=[], help="only these rooms")
    parser.add_argument("--only", default="", help="only seeds whose room, number, file and words contain this")
    parser.add_argument("--limit", type=float, default=300, help="seconds for the tests of one seed")
    parser.add_argument("--same", action="store_true", help="run those too of which it is said that nothing changes")
    parser.add_argument("--unchecked", action="store_true", help="do not run the tests without a bug first")
    given = parser.parse_args()

    asked = chosen(given.room, given.only)
    counts, begun = Counter[str](), time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        tree = copied(Path(folder))
        if not given.unchecked and not _passes(tree, [seed for _, _, seed in asked]):
            return 1

        for room, number, seed in asked:
            if seed.same and not given.same:
                counts["makes no difference"] += 1
                continue
            verdict = judged(tree, seed, given.limit)
            counts[verdict.what] += 1
            print(f"{verdict.what}: {room} {number}, {seed.file}: {seed.wrong} ({verdict.seconds:.0f} s) {verdict.by}",
                  flush=True)

    print(f"{sum(counts.values())} seeds in {time.monotonic() - begun:.0f} s: "
          + ", ".join(f"{count} {what}" for what, count in sorted(counts.items())))
    return int(counts["NOT noticed"] + counts["useless"] > 0)


def _passes(tree: Path, seeds: list[Seed]) -> bool:
    """Run all tests of the seeds without a bug: a test that fails anyway notices nothing."""
    tests = sorted({target for seed in seeds for target in seed.targets})
    status, output = run(tree, tests, 3600)
    if status != 0:
        print(f"these tests do not pass without a bug:\n{output[-3000:]}")
    return status == 0


if __name__ == "__main__":
    sys.exit(main())
