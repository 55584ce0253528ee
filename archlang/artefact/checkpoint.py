"""The file of a training's state: tensors by name, facts as JSON, a digest over both. Read as model files are."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
import torch

from archlang.artefact import container
from archlang.artefact.container import KEY, SIZES, refuse
from archlang.artefact.manifest import BLANK, digest, seal
from archlang.artefact.table import KINDS
from archlang.atomic import write_whole
from archlang.diagnostics import ArchError, error
from archlang.diagnostics.text import one_line

FORMAT = 1


def write_checkpoint(path: str | os.PathLike[str], tensors: Mapping[str, torch.Tensor], facts: Mapping[str, Any]
                     ) -> None:
    """Write a state whole or not at all. Raises `ArchError` (unwritable-output).

    Whole numbers and truth values are written as 64-bit integers.
    """
    # The digest's place comes first, where the reader looks for it, whatever texts the facts hold.
    text = json.dumps({"digest": BLANK, "format": FORMAT, "facts": facts}, separators=(",", ":"), ensure_ascii=False)
    data = safetensors.torch.save({name: _plain(value) for name, value in tensors.items()}, {KEY: text})
    write_whole(path, seal(data, container.read_bytes(data)))


def read_checkpoint(path: str | os.PathLike[str]) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """The tensors, on the CPU, and the facts of a checkpoint.

    Raises `ArchError`: unreadable-file, and what a damaged file is: not-a-model, truncated-model, altered-model,
    foreign-model (of another version), unsafe-model.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as problem:
        said = (problem.strerror or "the system refuses it").lower()
        shown = one_line(os.fspath(path), 200)
        raise ArchError(error("unreadable-file", f"`{shown}` cannot be read: {said}")) from None
    head = container.read_bytes(data)
    try:
        found = json.loads(head.metadata)
        version, claimed, facts = found["format"], found["digest"], found["facts"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise refuse("altered-model", "this is no checkpoint of a training, or its description is broken") from None
    if version != FORMAT:
        raise refuse("foreign-model", f"the checkpoint is of another version (this archlang reads version {FORMAT})")
    if digest(head, [memoryview(data)[len(head.raw) :]]) != claimed or not isinstance(facts, dict):
        raise refuse("altered-model", "the checkpoint is not as it was written: its digest differs")
    return safetensors.torch.load(data), facts


def _plain(value: torch.Tensor) -> torch.Tensor:
    value = value.detach().to("cpu")
    if KINDS.get(value.dtype) not in SIZES:
        value = value.to(torch.int64)
    return value.contiguous()
