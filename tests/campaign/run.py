"""A long run of generated programs and mutants: `python -m tests.campaign.run --programs 20000 --mutants 20000`.

Every program is checked, its types compared with its generator's, printed and parsed again; one in `--compile-every` is
compiled and compared with the reference. One in eight more has a known mistake put in, which must be the one reported.
Mutants may only lead to diagnostics. Whatever fails is printed with its seed and, with `--keep`, written to a folder.
Ctrl-C ends early, with a summary.
"""

from __future__ import annotations

import argparse
import resource
import signal
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import torch

from archlang.elaborate import load
from tests.generate.broken import broken
from tests.generate.judge import Judged, caught, survived, valid
from tests.generate.mutants import examples, mutant
from tests.generate.programs import Program, program
from tests.reference.compare import Pair, reference_of


class _Stopped:
    """Whether a first Ctrl-C asked to end early, with a summary of what was done."""

    asked = False

    @classmethod
    def ask(cls, *_: object) -> None:
        """Ends after the seed at hand; asked again, at once."""
        if cls.asked:
            raise KeyboardInterrupt
        cls.asked = True


NETWORKS = sorted((Path(__file__).parents[2] / "specs").rglob("*.arch"))


@dataclass
class Tally:
    """What one kind of run came to."""

    what: str
    done: int = 0
    slowest: float = 0.0
    counts: Counter[str] = field(default_factory=Counter)
    failures: list[tuple[int, str]] = field(default_factory=list)

    def lines(self) -> list[str]:
        """The summary."""
        head = f"{self.what}: {self.done}, failures {len(self.failures)}, slowest {self.slowest:.2f} s"
        return [head, *(f"  {name}: {count}" for name, count in self.counts.most_common(12)),
                *(f"  FAILED seed {seed}: {text}" for seed, text in self.failures[:20])]


def compared(made: Program) -> None:
    """Compiled, and compared with the reference in both modes."""
    net = valid(made)
    pair = Pair(net, reference_of(net), ("loop", "grouped", "auto")[made.seed % 3], made.sizes)
    pair.compare()
    pair.compare(training=True, gradients=False)


def _program(seed: int, every: int) -> Judged:
    begun, made = time.process_time(), program(seed)
    if every and seed % every == 0:
        compared(made)
        return Judged(0.0, ("compiled and compared",))
    valid(made)
    return Judged(time.process_time() - begun, ("checked",))


def _network(number: int) -> Judged:
    net = load(NETWORKS[number])
    large = not isinstance(net.flops, int) or net.flops > 1e9
    pair = Pair(net, reference_of(net, folder=NETWORKS[number].parent))
    pair.compare(batch=1 if large else 2, gradients=not large)
    return Judged(0.0, ("compiled and compared",))


def run(what: str, seeds: range, judge: Callable[[int], Judged], keep: Callable[[int], None]) -> Tally:
    """Judge every seed, telling how far it is on a terminal."""
    tally, begun = Tally(what), time.monotonic()
    for seed in seeds:
        if _Stopped.asked:
            break
        try:
            judged = judge(seed)
            tally.slowest = max(tally.slowest, judged.seconds)
            tally.counts[judged.errors[0] if judged.errors else "accepted"] += 1
        except Exception as problem:
            lines = str(problem).splitlines()
            tally.failures.append((seed, f"{type(problem).__name__}: {lines[0][:200] if lines else ''}"))
            print(f"FAILED {what} seed {seed}: {tally.failures[-1][1]}", flush=True)
            keep(seed)
        tally.done += 1
        if tally.done % 500 == 0:
            print(f"{what}: {tally.done}/{len(seeds)}, {time.monotonic() - begun:.0f} s", file=sys.stderr, flush=True)
    return tally


def _keeper(folder: Path | None, text: Callable[[int], bytes]) -> Callable[[int], None]:
    def keep(seed: int) -> None:
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{seed}.arch").write_bytes(text(seed))

    return keep


def main(arguments: list[str] | None = None) -> int:
    """Run the campaign; the exit status is 1 if anything failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--programs", type=int, default=20_000)
    parser.add_argument("--mutants", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0, help="the first seed")
    parser.add_argument("--compile-every", type=int, default=20, help="0: compile none")
    parser.add_argument("--networks", action="store_true", help="compare the project's own networks too, of any size")
    parser.add_argument("--keep", type=Path, help="a folder for what failed")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    begun, files = time.monotonic(), examples()
    first, keep = options.seed, options.keep
    tallies = [
        run("programs", range(first, first + options.programs), lambda s: _program(s, options.compile_every),
            _keeper(keep, lambda s: program(s).text.encode())),
        run("broken programs", range(first, first + options.programs // 8), lambda s: caught(broken(s)),
            _keeper(keep, lambda s: broken(s).text.encode())),
        run("mutants", range(first, first + options.mutants), lambda s: survived(mutant(s, files)),
            _keeper(keep, lambda s: mutant(s, files))),
    ]
    if options.networks:
        tallies.append(run("networks", range(len(NETWORKS)), _network, lambda seed: None))
    print("\n".join(line for tally in tallies for line in tally.lines()))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{time.monotonic() - begun:.0f} s in all, {peak:.0f} MB at the most (torch included)")
    return int(any(tally.failures for tally in tallies))


if __name__ == "__main__":
    signal.signal(signal.SIGINT, _Stopped.ask)
    sys.exit(main())
