"""Golden files: a text is compared with a file; `ARCHLANG_UPDATE_GOLDEN=1` writes the file instead."""

from __future__ import annotations

import os
from pathlib import Path


def check_golden(path: Path, text: str) -> None:
    """Assert that `text` is what the file at `path` holds (a last line end apart)."""
    if os.environ.get("ARCHLANG_UPDATE_GOLDEN") == "1":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.rstrip("\n") + "\n", encoding="utf-8")
    assert path.exists(), f"{path} is missing: run once with ARCHLANG_UPDATE_GOLDEN=1"
    assert text.rstrip("\n") + "\n" == path.read_text(encoding="utf-8")
