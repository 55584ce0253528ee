"""Folders of trainings that were killed before their first checkpoint: nothing can be gone on with, all begins anew."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

from archlang.train.kept.lock import NAME
from archlang.train.kept.sharded import remove

CONFIG = "config.json"
TABLES = ("log", "attention", "gradients", "betas", "usage", "thresholds", "keys", "steps")
WRITTEN = (CONFIG, "network.arch", *(f"{name}.csv" for name in TABLES), ".*.next", ".*.part")
"""All that a training writes before its first checkpoint."""


def is_abandoned(folder: Path) -> bool:
    """Tell whether a folder is empty, or holds nothing but what a training wrote that has no checkpoint.

    Files are a training's where its lock and its configuration stand beside them. Raises OSError.
    """
    files = [path for path in folder.iterdir() if path.name != NAME]
    written = [path for path in files if any(path.match(pattern) for pattern in WRITTEN)]
    if not files:
        return True

    if len(written) < len(files) or not (folder / NAME).exists():
        return False
    return all(path.suffix == ".part" for path in files) or _is_configuration(folder / CONFIG)


def clear(folder: Path) -> None:
    """Remove what a training without a checkpoint wrote, and no other file that somebody put beside it."""
    for pattern in WRITTEN:
        for path in folder.glob(pattern):
            with suppress(OSError):
                remove(path)


def _is_configuration(path: Path) -> bool:
    """Tell whether a file is the configuration of a training."""
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(facts, dict) and {"format_version", "network", "seed", "versions"} <= facts.keys()
