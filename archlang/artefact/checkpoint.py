"""The file of a training's state: tensors by name, facts as JSON, a digest over both. Read as model files are."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

import safetensors.torch
import torch

from archlang.artefact.container import KEY, SIZES, Container, read_bytes, refuse
from archlang.artefact.manifest import BLANK, digest, seal
from archlang.artefact.reading import opened
from archlang.artefact.table import KINDS
from archlang.atomic import write_whole

FORMAT = 1


def write_checkpoint(
    path: str | os.PathLike[str], tensors: Mapping[str, torch.Tensor], facts: Mapping[str, Any]
) -> None:
    """Write a training's state, all of it or nothing.

    Args:
        path: the file.
        tensors: tensors by name; integers and truth values are written as 64-bit integers.
        facts: whatever JSON can hold.

    Raises `ArchError` (unwritable-output).
    """
    # The digest's place comes first, where the reader looks for it, whatever texts the facts hold.
    description = {"digest": BLANK, "format": FORMAT, "facts": facts}
    text = json.dumps(description, separators=(",", ":"), ensure_ascii=False)

    data = safetensors.torch.save({name: _plain(value) for name, value in tensors.items()}, {KEY: text})
    write_whole(path, seal(data, read_bytes(data)))


def read_checkpoint(path: str | os.PathLike[str]) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Read the tensors, onto the CPU, and the facts of a checkpoint.

    Raises `ArchError`: unreadable-file, foreign-model (of another version), and what a damaged file is: not-a-model,
    truncated-model, altered-model, unsafe-model.
    """
    with opened(path) as file:
        data = file.read()
    facts = _facts(read_bytes(data), data)
    return safetensors.torch.load(data), facts


def check_checkpoint(path: str | os.PathLike[str]) -> None:
    """Raise the `ArchError` that `read_checkpoint` would raise for a file."""
    with opened(path) as file:
        data = file.read()
    _facts(read_bytes(data), data)


def _facts(head: Container, data: bytes) -> dict[str, Any]:
    """The facts of a checkpoint's bytes, once they are as they were written."""
    try:
        description = json.loads(head.metadata)
        version, claimed, facts = description["format"], description["digest"], description["facts"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise refuse("altered-model", "this is no checkpoint of a training, or its description is broken") from None

    # The version before the digest: another version may compute the digest otherwise.
    if version != FORMAT:
        message = f"the checkpoint is of another version of the format (this archlang reads version {FORMAT})"
        raise refuse("foreign-model", message, help="go on with the version of archlang that wrote it")
    if digest(head, [memoryview(data)[len(head.raw) :]]) != claimed or not isinstance(facts, dict):
        raise refuse("altered-model", "the checkpoint is not as it was written: its digest differs")
    return facts


def _plain(value: torch.Tensor) -> torch.Tensor:
    """A tensor as a file can hold it."""
    value = value.detach().to("cpu")
    # Truth values and small integers have no kind of their own in the file; optimisers and generators keep such.
    if KINDS.get(value.dtype) not in SIZES:
        value = value.to(torch.int64)
    return value.contiguous()
