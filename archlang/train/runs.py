"""The folder of one training: what was asked for, a line of CSV for every epoch, the last and the best model."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from archlang.artefact.atomic import unwritable, write_whole
from archlang.diagnostics import ArchError, error
from archlang.diagnostics.text import one_line


@dataclass(frozen=True)
class Run:
    """A run folder: `config.json`, `log.csv`, `last.safetensors`, `best.safetensors`."""

    folder: Path

    @property
    def config(self) -> Path:
        """What was asked for: the file's text, its dials, the data, seed, epochs and versions."""
        return self.folder / "config.json"

    @property
    def log(self) -> Path:
        """A row for every epoch."""
        return self.folder / "log.csv"

    @property
    def last(self) -> Path:
        """The model after the last finished epoch."""
        return self.folder / "last.safetensors"

    @property
    def best(self) -> Path:
        """The model after the best epoch."""
        return self.folder / "best.safetensors"

    def write_config(self, facts: Mapping[str, Any]) -> None:
        """Write `config.json`, keys sorted."""
        text = json.dumps({"format_version": 1, **facts}, indent=2, sort_keys=True, ensure_ascii=False)
        write_whole(self.config, (text + "\n").encode())

    def append(self, row: Mapping[str, Any]) -> None:
        """Add a row to `log.csv` in one write; the first one brings the head. None becomes an empty field."""
        text = io.StringIO()
        writer = csv.DictWriter(text, row.keys(), lineterminator="\n")
        if not self.log.exists():
            writer.writeheader()
        writer.writerow(row)
        try:
            with self.log.open("a", encoding="utf-8", newline="") as file:
                file.write(text.getvalue())
        except OSError as problem:
            raise unwritable(self.log, problem) from None


def open_run(folder: str | os.PathLike[str]) -> Run:
    """A run in this folder, made where it is missing. Raises `ArchError`: run-exists, unwritable-output."""
    path = Path(folder)
    try:
        path.mkdir(parents=True, exist_ok=True)
        taken = any(path.iterdir())
    except OSError as problem:
        raise unwritable(path, problem) from None
    if taken:
        shown = one_line(os.fspath(path), 200)
        raise ArchError(error("run-exists", f"the folder `{shown}` is not empty", help="name another with --run"))
    return Run(path)


def next_folder(name: str, under: str | os.PathLike[str] = "runs") -> Path:
    """The first of `runs/NAME-1`, `runs/NAME-2`, ... that is not there yet."""
    return next(path for n in count(1) if not (path := Path(under) / f"{name}-{n}").exists())
