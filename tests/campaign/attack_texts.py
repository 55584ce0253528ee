"""Attacks by texts: files changed at random, and one construct repeated up to the limits."""

from __future__ import annotations

import random
from pathlib import Path

from archlang.cli.main import run
from tests.campaign.attempts import Attack
from tests.campaign.limits import COMMANDS, warm_up
from tests.generate.mutants import examples, mutant
from tests.limits.texts import ROWS

_FILES = examples()


def _prepare(_: Path) -> None:
    warm_up()


def _mutant(seed: int, _: Path, place: Path) -> int:
    """A changed file, read by one command."""
    return _read(seed, mutant(seed, _FILES), place)


def _long(seed: int, _: Path, place: Path) -> int:
    """Two constructs, repeated: the second behind the first, which may be cut off anywhere."""
    r = random.Random(seed)
    first, second = r.choice(ROWS).longest(), r.choice(ROWS).make(r.choice((1, 10, 100)))
    if r.random() < 0.5:
        first = first[: r.randrange(len(first))]
    text = first
    if r.random() < 0.5:
        text += second
    return _read(seed, text.encode("utf-8", "surrogatepass"), place)


def _read(seed: int, data: bytes, place: Path) -> int:
    file = place / "mutant.arch"
    file.write_bytes(data)
    words = random.Random(f"command {seed}").choice(list(COMMANDS.values()))
    return run([*words, str(file)])


ATTACKS = (Attack("texts: mutants", _prepare, _mutant), Attack("texts: long", _prepare, _long))
