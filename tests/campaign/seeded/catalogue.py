"""All seeds, by the room of the code that they stand in."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from tests.campaign.seeded.seed import Seed

ROOMS = tuple(sorted(path.stem for path in (Path(__file__).parent / "rooms").glob("*.py")))


def seeds_of(room: str) -> tuple[Seed, ...]:
    """Return the seeds of one room."""
    seeds: tuple[Seed, ...] = import_module(f"tests.campaign.seeded.rooms.{room}").SEEDS
    return seeds


def everything() -> dict[str, tuple[Seed, ...]]:
    """Return all seeds by room."""
    return {room: seeds_of(room) for room in ROOMS}
