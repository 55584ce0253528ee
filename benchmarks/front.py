"""`python -m benchmarks.front [--repetitions N] [--tree FOLDER]`: what the front half and compiling cost, beside goals.

A cold check is a process from start to end, and its figure a ratio to a process that does nothing but `import torch`,
both in turns. The rest are seconds of processor time, user and system, on one thread: compiling, fusing and checking
anew in a process that has done so before, `info` and `draw` with the start of their process. Networks are rows of
convolution, batch norm and ReLU. `--tree` measures the archlang of another checkout in the same turns, such as the
state before a change.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.timing import cpu, written

ROOT = Path(__file__).resolve().parents[1]
RESNET = ROOT / "specs" / "multipath" / "resnet50.arch"

INSIDE = """
import json, sys, time
import torch
import archlang
torch.set_num_threads(1)
small, large = sys.argv[1:]

def seconds(work, *args):
    start = time.process_time()
    made = work(*args)
    return time.process_time() - start, made

archlang.fuse(archlang.compile(archlang.load(small)).eval())
before = open(small).read()
archlang.loads(before)
checked, _ = seconds(archlang.loads, before.replace("linear(10)", "linear(11)"))
compiled, model = seconds(archlang.compile, archlang.load(large))
fused, _ = seconds(archlang.fuse, model.eval())
print(json.dumps([checked, compiled, fused]))
"""
"""What a process of its own measures: checking an edited text, compiling, fusing."""


@dataclass(frozen=True)
class Goal:
    """One line of the table: what is measured, in what, and the most that is wanted."""

    what: str
    most: float
    ratio: bool = False

    def shown(self, value: float) -> str:
        """A value as the table has it."""
        if self.ratio:
            return f"{value:.3f}"
        return written(value)


GOALS = (
    Goal("`archlang check resnet50.arch`, cold, to `import torch`", 0.15, ratio=True),
    Goal("check an edited file of 300 nodes, warm", 0.010),
    Goal("compile 3,000 nodes", 1.0),
    Goal("fuse them", 0.7),
    Goal("`archlang info`, 10,000 nodes", 3.0),
    Goal("`archlang draw --to svg`, 10,000 nodes", 3.0),
)


def row_of(nodes: int) -> str:
    """A network of about so many nodes: convolution, batch norm, ReLU, again and again."""
    lines = ["archlang 1", "", "network Row {", "  input x: [3, 32, 32]", "  y0 = x -> conv(3x3, 16)"]
    for i in range(nodes // 3):
        lines.append(f"  y{i + 1} = y{i} -> conv(3x3, 16) -> batch_norm -> relu")
    return "\n".join([*lines, f"  output y{nodes // 3} -> global_avg_pool -> linear(10)", "}", ""])


@dataclass(frozen=True)
class Tree:
    """A checkout to measure, and the folder with the networks."""

    root: Path
    texts: Path

    def turn(self) -> list[float]:
        """A value for each of `GOALS`."""
        torch = self.process("-c", "import torch")
        check = self.process("-m", "archlang", "check", str(RESNET))
        kept = self.output("-c", INSIDE, str(self.texts / "300.arch"), str(self.texts / "3000.arch"))

        many = ("--limit", "nodes=20000", str(self.texts / "10000.arch"))
        info = self.process("-m", "archlang", "info", *many)
        draw = self.process("-m", "archlang", "draw", "--to", "svg", "-o", str(self.texts / "out.svg"), *many)
        return [check / torch, *json.loads(kept), info, draw]

    def process(self, *words: str) -> float:
        """Seconds of processor time that `python WORDS` takes."""
        start = cpu()
        self.output(*words)
        return cpu() - start

    def output(self, *words: str) -> str:
        """What `python WORDS` prints."""
        # As installed: what is imported was compiled once, and is not compiled again for each process.
        kept = {**os.environ, "PYTHONPATH": str(self.root), "PYTHONPYCACHEPREFIX": str(self.texts / "compiled")}
        kept |= {"OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": ""}
        done = subprocess.run([sys.executable, *words], env=kept, cwd=self.texts, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"{words}: {done.stderr[-2000:]}")
        return done.stdout


def prepared(texts: Path, root: Path = ROOT) -> Tree:
    """A checkout, and the networks that it is measured on, which are written into a folder."""
    for nodes in (300, 3000, 10000):
        (texts / f"{nodes}.arch").write_text(row_of(nodes))
    return Tree(root, texts)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table; turns that are done are said on standard error."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.front", description=__doc__)
    parser.add_argument("--repetitions", type=int, default=9, help="turns, after one that warms up (default: 9)")
    parser.add_argument("--tree", type=Path, help="another checkout, measured in the same turns")
    given = parser.parse_args(arguments)

    with tempfile.TemporaryDirectory() as folder:
        trees = [prepared(Path(folder), root.resolve()) for root in (ROOT, given.tree) if root is not None]
        found: list[list[list[float]]] = [[] for _ in trees]
        for turn in range(1 + given.repetitions):
            for tree, values in zip(trees, found, strict=True):
                values.append(tree.turn())
                print(turn, tree.root.name, *(f"{value:.3f}" for value in values[-1]), file=sys.stderr, flush=True)

    print(*table([values[1:] for values in found]), sep="\n")


def table(found: Sequence[Sequence[Sequence[float]]]) -> list[str]:
    """The lines of the table: for each tree its turns, each with a value for each goal."""
    names = ["now", "before"][: len(found)]
    spread = [f"{name}: min, median, max" for name in names]
    lines = [["what", "goal", *spread, "met"], ["---"] * (3 + len(found))]

    for place, goal in enumerate(GOALS):
        cells = [goal.what, f"<= {goal.shown(goal.most)}"]
        for turns in found:
            values = [turn[place] for turn in turns]
            cells.append(", ".join(map(goal.shown, (min(values), median(values), max(values)))))
        is_met = median(turn[place] for turn in found[0]) <= goal.most
        lines.append([*cells, "yes" if is_met else "no"])
    return [f"| {' | '.join(cells)} |" for cells in lines]


if __name__ == "__main__":
    main()
