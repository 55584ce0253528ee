"""A long run of extreme arguments: `python -m tests.campaign.extremes --each 400`.

Every operation, structure and setting is used with values at, just inside and just outside of each bound of its
arguments, and far away. What `check` accepts must compile and run, with the predicted shape and numbers of weights.
"""

from __future__ import annotations

import argparse
import signal
import time
from collections import Counter
from itertools import islice

import torch

from tests.generate.extremes import entries, trials
from tests.generate.judging_extremes import judged

HANGS = 30
"""Seconds of processor time after which a use counts as never coming to an end."""


def stop(*_: object) -> None:
    """Raise where a use takes too long."""
    raise TimeoutError(f"no end after {HANGS} s")


def main() -> None:
    """Run, and print what failed and a summary."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--each", type=int, default=400, help="uses of each entry of the catalogue")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", help="the entries whose names contain this")
    given = parser.parse_args()

    torch.set_num_threads(1)
    signal.signal(signal.SIGVTALRM, stop)
    begun, counts, failures = time.time(), Counter[str](), Counter[str]()

    for entry in entries():
        if given.only and given.only not in entry.name:
            continue
        for trial in islice(trials(entry, given.seed), given.each):
            signal.setitimer(signal.ITIMER_VIRTUAL, HANGS)
            verdict = judged(trial)
            counts[verdict.what] += 1
            if verdict.what == "failed":
                key = f"{entry.name}: {verdict.why[:100]}"
                failures[key] += 1
                if failures[key] == 1:
                    print(f"{key}\n  {trial.type} -> {trial.stages}  {trial.declared}", flush=True)

    print(dict(counts), f"{time.time() - begun:.0f} s")
    for key, count in failures.most_common():
        print(count, key)


if __name__ == "__main__":
    main()
