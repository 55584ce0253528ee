"""`python -m tests.campaign.resume [--kills N] [--seed N]`: trainings killed at random moments, and gone on with.

Each training is a process of its own that gets SIGKILL after a random time, again and again, and is resumed each time
until it comes to its end. Its model files, its log and its weights must be those of a training that nobody killed.
"""

from __future__ import annotations

import argparse
import csv
import random
import signal
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.forking import Command

LONG = 3600.0
"""Seconds after which a training hangs."""

FILE = """archlang 1

network Small(classes = 10) {
  input image: [1, 8, 8]
  stem   = image -> conv(3x3, 8) -> batch_norm -> relu -> dropout(0.2)
  logits = stem -> conv(3x3, 8, stride = 2) -> batch_norm -> relu -> flatten -> linear(classes)
  output logits
}

train {
  loss      = cross_entropy(logits, label) + 0.1 * mse(logits, label)
  optimizer = adamw(lr = 0.003, groups = [group("logits", lr = 0.001)])
  batch     = 32
  clip      = 5
  average   = ema(0.99)
  augment   = [shift(1), erase(p = 0.2)]
  phase head { steps = 100; only = "logits" }
  phase all  { epochs = 12; lr = one_cycle }
  phase tail { epochs = 3; lr = 0.1 * cosine; freeze = "stem" }
}
"""


def command(folder: Path, name: str, *more: str) -> list[str]:
    """The words of a training in a folder."""
    words = ["train", str(folder / "small.arch"), "--data", "digits", "--device", "cpu", "--checkpoint-every", "7"]
    return [*words, "--run", str(folder / name), *more]


def prepared(folder: Path) -> float:
    """The training that nobody kills, in `whole`; the seconds that its steps take."""
    (folder / "small.arch").write_text(FILE)
    with Command(command(folder, "whole"), folder) as training:
        status, *said = training.ended(LONG)
        assert status == 0, said

    with (folder / "whole" / "log.csv").open() as file:
        return sum(float(row["seconds"]) for row in csv.DictReader(file))


def killed(folder: Path, name: str, moment: float) -> bool:
    """Run or go on with a training and kill it so long after its first word; whether it was still alive."""
    begun = any((folder / name).glob("checkpoint-*")) if (folder / name).exists() else False
    if not begun and (folder / name).exists():  # killed before its first checkpoint: there is nothing to go on from
        for path in (folder / name).iterdir():
            path.unlink()
    words = command(folder, name, *(["--resume"] if begun else []))
    with Command(words, folder) as training:
        training.wait_for_words(LONG)
        training.wait(moment)
        training.kill()
        status, *said = training.ended(LONG)
    alive = status == -signal.SIGKILL
    assert alive or status == 0, said
    return alive


def compared(folder: Path, name: str) -> list[str]:
    """What differs between a training and the one that nobody killed."""
    found = [file for file in ("last.safetensors", "best.safetensors", "network.arch")
             if (folder / name / file).read_bytes() != (folder / "whole" / file).read_bytes()]
    rows = []
    for run in (name, "whole"):
        with (folder / run / "log.csv").open() as file:
            rows.append([{k: v for k, v in row.items() if k != "seconds"} for row in csv.DictReader(file)])
    return found + ([] if rows[0] == rows[1] else ["log.csv"])


def campaign(kills: int, seed: int, folder: Path) -> tuple[int, int, list[str]]:
    """Kill so many times; trainings that came to their end, kills, and what differed in any of them."""
    chance, seconds = random.Random(seed), prepared(folder)
    done, trainings, different = 0, 0, []
    while done < kills:
        name = f"killed-{trainings}"
        while done < kills and killed(folder, name, chance.uniform(0, 0.6 * seconds)):
            done += 1
        if done == kills:
            while killed(folder, name, LONG):
                pass
        trainings += 1
        different += [f"{name}: {what}" for what in compared(folder, name)]
    return trainings, done, different


def main() -> None:
    """Run the campaign and say what came of it; leave with status 1 where anything differed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    with TemporaryDirectory() as name:
        trainings, done, different = campaign(given.kills, given.seed, Path(name))
    print(f"{done} kills in {trainings} trainings: {len(different)} files differ")
    print(*different, sep="\n")
    sys.exit(1 if different else 0)


if __name__ == "__main__":
    main()
