"""Bugs on the way from a torch model to a text."""

from __future__ import annotations

from tests.campaign.seeded.seed import Seed

SEEDS = (
    Seed(
        "importing/folding.py",
        "if len(leaving) != 1 or not entering:",
        "if not leaving or not entering:",
        "a module that hands on several values becomes a block of one",
        ("importing/test_import.py::test_equal_modules_with_two_results_or_a_layer_in_common_keep_both",),
    ),
    Seed(
        "importing/folding.py",
        "if any(step.output in self.traced.shared or \"table\" in step.args for step in steps):",
        "if False:",
        "a layer that is used several times is written into a block, where each use has weights of its own",
        ("importing/test_import.py::test_equal_modules_with_two_results_or_a_layer_in_common_keep_both",),
    ),
)
