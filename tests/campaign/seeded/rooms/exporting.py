"""Bugs on the way from a network to the source of others."""

from __future__ import annotations

from tests.campaign.seeded.seed import Seed

SEEDS = (
    Seed(
        "exporting/starts.py",
        "mean - 2 * std, mean + 2 * std",
        "mean - std, mean + std",
        "a truncated normal start is cut at one deviation in the written source",
        ("exporting/test_python.py::test_a_written_start_is_drawn_as_ours_is",),
    ),
    Seed(
        "exporting/starts.py",
        '"xavier_normal": ("gain",)',
        '"xavier_normal": ()',
        "the gain of an initialiser is forgotten in the written source",
        ("exporting/test_python.py::test_a_written_start_is_drawn_as_ours_is",),
    ),
)
