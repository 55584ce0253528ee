"""Everything that archlang reads, spoiled: `python -m tests.campaign.attack --mutants 2000`.

Texts, model files, checkpoints, archives and images are made, spoiled by seed, and read in processes apart, each of
which reads many. A mutant ends with a result or with exit 1, within 2 seconds of processor time and 300 MB beyond what
the process had; never by a signal, and never with exit 70. Modules `tests/campaign/attack_*.py` hold the attacks, each
in a tuple `ATTACKS`; a new module takes part by being there. What fails is told with its attack and seed, and run again
by `--only NAME --seed N --mutants 1`; with `--keep FOLDER` its files are kept.
"""

from __future__ import annotations

import argparse
import importlib
import shutil
import sys
import tempfile
from collections import Counter
from functools import partial
from pathlib import Path

from tests.campaign.attempts import Attack, Attempt, attempt
from tests.campaign.workers import attempts

TOLD = 5000
"""Mutants between two lines that say how far a campaign is."""


def attacks() -> list[Attack]:
    """All attacks of the modules beside this one that have any; the others are commands of their own."""
    names = sorted(path.stem for path in Path(__file__).parent.glob("attack_*.py"))
    modules = [importlib.import_module(f"tests.campaign.{name}") for name in names]
    return [one for module in modules for one in getattr(module, "ATTACKS", ())]


class Campaign:
    """Counts of how mutants ended, and the faults."""

    def __init__(self, keep: Path | None) -> None:
        self.keep = keep
        self.ends: Counter[tuple[str, int]] = Counter()
        self.faults: list[str] = []
        self.slowest: dict[str, Attempt] = {}
        self.largest = 0.0

    def run(self, attack: Attack, seeds: range) -> None:
        """Strike once for each seed."""
        with tempfile.TemporaryDirectory() as folder:
            ground = Path(folder) / "ground"
            ground.mkdir()
            attack.prepare(ground)
            place = Path(folder) / "mutant"
            for seed, done in attempts(partial(_strike, attack, ground, place), seeds):
                self._note(attack.name, seed, done)
                if (seed + 1) % TOLD == 0:
                    print(f"{attack.name}: seed {seed}, {len(self.faults)} faults", flush=True)
                if done.fault and self.keep is not None:
                    kept = self.keep / f"{attack.name}-{seed}"
                    kept.mkdir(parents=True, exist_ok=True)
                    attempt(partial(attack.strike, seed, ground, kept))

    def _note(self, name: str, seed: int, done: Attempt) -> None:
        self.ends[name, done.status] += 1
        self.largest = max(self.largest, done.megabytes)
        if name not in self.slowest or done.seconds > self.slowest[name].seconds:
            self.slowest[name] = done
        if done.fault:
            self.faults.append(f"{name} seed {seed}: {done.fault}")
            print(f"FAULT {self.faults[-1]}", flush=True)

    def lines(self) -> list[str]:
        """The summary."""
        rows = []
        for name, slowest in self.slowest.items():
            ends = ", ".join(f"exit {status}: {count}" for (of, status), count in sorted(self.ends.items())
                             if of == name)
            rows.append(f"{name:28} {ends}; slowest {slowest.seconds:.2f} s")
        return [*rows, f"{self.ends.total()} mutants, {len(self.faults)} faults, {self.largest:.0f} MB at the most"]


def _strike(attack: Attack, ground: Path, place: Path, seed: int) -> int:
    """Strike in an empty folder, whatever the mutant before has left there."""
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    return attack.strike(seed, ground, place)


def main(arguments: list[str] | None = None) -> int:
    """Run the attacks in turn, each with its share of the mutants; the exit status is 1 if anything was a fault."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mutants", type=int, default=2000, help="in all")
    parser.add_argument("--seed", type=int, default=0, help="the first seed")
    parser.add_argument("--only", default="", help="only the attack of this name, or those whose names begin so")
    parser.add_argument("--keep", type=Path, help="a folder for what failed")
    options = parser.parse_args(arguments)

    chosen = [one for one in attacks() if one.name.startswith(options.only)]
    if not chosen:
        parser.error(f"there is no attack {options.only!r}: {', '.join(one.name for one in attacks())}")

    campaign = Campaign(options.keep)
    for number, attack in enumerate(chosen):
        share = options.mutants // len(chosen) + (number < options.mutants % len(chosen))
        campaign.run(attack, range(options.seed, options.seed + share))
    print("\n".join(campaign.lines()))
    return int(bool(campaign.faults))


if __name__ == "__main__":
    sys.exit(main())
