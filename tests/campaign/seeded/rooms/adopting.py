"""Bugs where weights are taken from elsewhere."""

from __future__ import annotations

from tests.campaign.seeded.seed import Seed

SEEDS = (
    Seed(
        "adopting/adopted.py",
        "elif tensors[other].shape != value.shape:",
        "elif tensors[other].numel() != value.numel():",
        "a tensor of another form with as many numbers is said to fit",
        ("adopting/test_adopt.py",),
    ),
    Seed(
        "adopting/adopted.py",
        "if isinstance(record, Record) and not record.passes:",
        "if isinstance(record, Record):",
        "weights of a fused model are matched by the network that it was",
        ("adopting/test_adopt.py",),
    ),
    Seed(
        "adopting/adopted.py",
        "last = set(ours[-2:])",
        "last = set(ours)",
        "guessed by order, any tensor may have another size",
        ("adopting/test_adopt.py",),
    ),
)
