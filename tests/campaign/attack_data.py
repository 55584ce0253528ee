"""Attacks by data files: pickles, tar archives, MNIST's and STL-10's files, images, spoiled as `archives` does."""

from __future__ import annotations

import sys
from pathlib import Path

import torch

from tests.campaign.archives import Ground
from tests.campaign.attempts import Attack

_GROUNDS: dict[Path, Ground] = {}


def _prepare(ground: Path) -> None:
    torch.set_num_threads(1)
    _GROUNDS[ground] = Ground(ground)


def _archives(seed: int, ground: Path, place: Path) -> int:
    """The mutant is written over a good file and read; the good file is put back, in this process or the next."""
    return _status(_GROUNDS[ground].read(seed))


def _images(seed: int, ground: Path, place: Path) -> int:
    """The same with images alone."""
    return _status(_GROUNDS[ground].read_image(seed))


def _status(outcome: str) -> int:
    if outcome in ("read", "refused"):
        return int(outcome == "refused")

    sys.stderr.write(outcome)
    return 70


ATTACKS = (Attack("archives", _prepare, _archives), Attack("images", _prepare, _images))
