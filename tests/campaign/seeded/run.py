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
from collections.abc import Sequence
from pathlib import Path

from tests.campaign.seeded.catalogue import ROOMS, everything
from tests.campaign.seeded.planting import copied, judged, run
from tests.campaign.seeded.seed import Seed


def chosen(names: Sequence[str]) -> list[tuple[str, Seed]]:
    """Return the seeds that are asked for, a room or `room:number` each, with their names; all of them for none.

    Raises `ValueError` for a name that is none.
    """
    every = [(f"{room}:{number}", seed) for room, seeds in everything().items() for number, seed in enumerate(seeds, 1)]
    unknown = set(names) - set(ROOMS) - {name for name, _ in every}
    if unknown:
        raise ValueError(f"there is no seed {', '.join(sorted(unknown))}; rooms are {', '.join(ROOMS)}")
    return [(name, seed) for name, seed in every if not names or name in names or name.partition(":")[0] in names]


def main() -> int:
    """Run; the exit status is 1 where a seed was not noticed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="only these: a room, or one of its seeds as ROOM:NUMBER")
    parser.add_argument("--limit", type=float, default=300, help="seconds for the tests of one seed")
    parser.add_argument("--same", action="store_true", help="run those too of which it is said that nothing changes")
    parser.add_argument("--unchecked", action="store_true", help="do not run the tests without a bug first")
    given = parser.parse_args()

    asked = chosen(given.names)
    counts, begun = Counter[str](), time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        tree = copied(Path(folder))
        if not given.unchecked and not _passes(tree, [seed for _, seed in asked]):
            return 1

        for name, seed in asked:
            if seed.same and not given.same:
                counts["makes no difference"] += 1
                continue
            verdict = judged(tree, seed, given.limit)
            counts[verdict.what] += 1
            spent = f"{verdict.seconds:.0f} s"
            print(f"{verdict.what}: {name}, {seed.file}: {seed.wrong} ({spent}) {verdict.by}", flush=True)

    print(f"{sum(counts.values())} seeds in {time.monotonic() - begun:.0f} s: "
          + ", ".join(f"{count} {what}" for what, count in sorted(counts.items())))
    return int(counts["NOT noticed"] + counts["no end"] + counts["useless"] > 0)


def _passes(tree: Path, seeds: list[Seed]) -> bool:
    """Run all tests of the seeds without a bug: a test that fails anyway notices nothing."""
    tests = sorted({target for seed in seeds for target in seed.targets})
    status, output = run(tree, tests, 3600)
    if status != 0:
        print(f"these tests do not pass without a bug:\n{output[-3000:]}")
    return status == 0


if __name__ == "__main__":
    sys.exit(main())
