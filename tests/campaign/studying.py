"""Studies whose processes are killed at random moments: `python -m tests.campaign.studying --kills 50`.

A process works at a study and is killed (SIGKILL), again and again, until the study is done; its table must be that of
a study that nobody killed.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import tempfile
import time
from pathlib import Path

import torch

from archlang.comparison.design import StudyDesign, arm_of
from archlang.comparison.journal import Journal
from archlang.comparison.table import tabulate
from archlang.comparison.working import work
from archlang.comparison.written import as_csv, as_text
from archlang.elaborate.network import loads

TEXT = """archlang 1
network Small(width = 4) {
  input image: [1, 8, 8]
  logits = image -> conv(3x3, width) -> batch_norm -> relu -> flatten -> dropout(0.2) -> linear(10)
  output logits
}
train { loss = cross_entropy(logits, label); optimizer = sgd(lr = 0.1, momentum = 0.9); batch = 20
        phase all { epochs = 2 } }
"""


def design(seeds: int) -> StudyDesign:
    """Two widths of a small network, from so many seeds."""
    arms = tuple(arm_of(f"width {width}", loads(TEXT, {"width": str(width)})) for width in (4, 6))
    return StudyDesign(arms, "digits:train=60", tuple(range(seeds)))


def killed(journal: Journal, after: float) -> bool:
    """Work at a study in a process that is killed after some seconds; False where it was done before."""
    child = os.fork()
    if child == 0:
        work(journal)
        os._exit(0)

    until = time.monotonic() + after
    while time.monotonic() < until:
        if os.waitpid(child, os.WNOHANG) != (0, 0):
            return False
        time.sleep(0.002)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return True


def main() -> None:
    """Kill, compare and report; the status is 1 where a table differs or there were too few kills."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--longest", type=float, default=1.0, help="seconds that a process lives at most")
    chosen = parser.parse_args()
    torch.set_num_threads(1)

    draw, kills, studies, differing, left = random.Random(0), 0, 0, 0, 0
    with tempfile.TemporaryDirectory() as folder:
        undisturbed = Journal.joined(Path(folder, "undisturbed"), design(chosen.seeds))
        work(undisturbed)
        want = tabulate(undisturbed.design, undisturbed.standing())
        assert want.is_whole

        while kills < chosen.kills:
            place = Path(folder, "killed")
            studies += 1
            while True:
                journal = Journal.joined(place, design(chosen.seeds))
                left += len(journal.left(journal.standing()))
                if kills >= chosen.kills or not killed(journal, draw.uniform(0, chosen.longest)):
                    work(journal)
                    break
                kills += 1
            got = tabulate(journal.design, journal.standing())
            differing += (as_text(got), as_csv(got)) != (as_text(want), as_csv(want))
            shutil.rmtree(place)

    print(f"{kills} kills in {studies} studies, {left} times a training was left: {differing} tables differ")
    raise SystemExit(differing > 0 or not left)


if __name__ == "__main__":
    main()
