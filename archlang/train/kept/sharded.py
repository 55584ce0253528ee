"""Checkpoints of which each process writes what lies on it (torch.distributed.checkpoint), as safetensors files.

A folder `checkpoint-STEP.shards` holds a file of each process and `facts.json`, with the SHA-256 digest of every file.
It is written beside its place and renamed when all processes are done: whatever cuts a save, the checkpoint before it
is whole. Weights that lie in parts are read in other parts by other numbers of processes.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal, cast

import torch
from torch import Tensor
from torch.distributed.checkpoint.api import CheckpointException
from torch.distributed.checkpoint.hf_storage import HuggingFaceStorageReader, HuggingFaceStorageWriter
from torch.distributed.checkpoint.metadata import TensorStorageMetadata
from torch.distributed.checkpoint.state_dict_loader import load
from torch.distributed.checkpoint.state_dict_saver import save

from archlang.artefact.container import refuse
from archlang.artefact.saving import packed
from archlang.atomic import unwritable, write_whole
from archlang.diagnostics import ArchError, error
from archlang.train.processes.world import World

Checkpoints = Literal["whole", "shards"]
"""Who writes the checkpoints of a training: the first process all of them, or each process its part."""
FORMAT = 1
FACTS = "facts.json"
ENDING = ".shards"
AT_ONCE = 2**20
"""Bytes of a file that are digested at a time."""


def write_shards(folder: Path, step: int, tensors: Mapping[str, Tensor], facts: Mapping[str, Any],
                 world: World) -> Path:
    """Write a checkpoint into a run's folder, each process what lies on it; every process must call it.

    Arguments:
        tensors: those that this process has, whole or parts of divided ones.
        facts: whatever JSON can hold; those of the first process count.

    Returns the checkpoint's folder. Raises `ArchError`: unwritable-output, not-available where processes see different
    folders.
    """
    part, path = folder / f".checkpoint-{step:08}.part", folder / f"checkpoint-{step:08}{ENDING}"
    _together(world, part, lambda: _emptied(part) if world.is_first else None)

    writer = HuggingFaceStorageWriter(str(part), save_distributed=True)
    plain: dict[str, Any] = {name: value.detach() for name, value in tensors.items()}
    with _as_one():
        _together(world, part, lambda: save(plain, storage_writer=writer))
    mine = f"shard-{world.rank + 1:05}-"
    digests: dict[str, str] = {}
    for found in world.gathered({p.name: _digest(p) for p in part.iterdir() if p.name.startswith(mine)}):
        digests |= found
    _together(world, part, lambda: _finished(part, path, digests, facts) if world.is_first else None)
    return path


def _emptied(part: Path) -> None:
    remove(part)
    part.mkdir()


def _finished(part: Path, path: Path, digests: Mapping[str, str], facts: Mapping[str, Any]) -> None:
    """Write the facts and put the folder in its place."""
    if {file.name for file in part.iterdir()} != digests.keys():
        message = "the processes do not see one run folder, and each writes its part of a checkpoint there"
        raise ArchError(error("not-available", message, help="`--checkpoints whole` lets the first process write all"))

    description = {"format": FORMAT, "facts": facts, "files": dict(digests)}
    body = json.dumps(description, separators=(",", ":"), ensure_ascii=False)
    write_whole(part / FACTS, f"{hashlib.sha256(body.encode()).hexdigest()}\n{body}".encode())
    # A save of the same step, from before a training went on, gives way; killed here, `recover` goes on.
    remove(path)
    part.replace(path)
    with suppress(OSError):  # not every file system takes it
        handle = os.open(path.parent, os.O_RDONLY)
        os.fsync(handle)
        os.close(handle)


def recover(folder: Path) -> None:
    """Put a checkpoint in its place that was whole when its process was killed, and remove what others had begun."""
    for part in folder.glob(".*.part"):
        path = folder / f"{part.stem[1:]}{ENDING}"
        with suppress(OSError):
            # The facts are written last, of all processes' files.
            if (part / FACTS).exists() and not (path / FACTS).exists():
                remove(path)
                part.replace(path)
            else:
                remove(part)


def _together(world: World, part: Path, work: Callable[[], object]) -> None:
    """Do something on every process, and fail on all where it fails on one."""
    problem: BaseException | None = None
    try:
        work()
    # torch tells of its writers' errors by an exception that is none of Python's `Exception`.
    except (OSError, ArchError, CheckpointException) as caught:
        problem = caught
    if not world.any(problem is not None):
        return

    if isinstance(problem, ArchError):
        raise problem
    cause = problem if isinstance(problem, OSError) else OSError(str(problem) or "another process could not write")
    raise unwritable(part, cause) from None


def read_facts(path: Path) -> dict[str, Any]:
    """The facts of a checkpoint, once all its files are as they were written.

    Raises `ArchError`: unreadable-file, foreign-model (of another version), altered-model.
    """
    try:
        digest, _, body = (path / FACTS).read_text(encoding="utf-8").partition("\n")
        description = json.loads(body)
        files = {name: _digest(path / name) for name in description["files"]}
    except (OSError, ValueError, KeyError, TypeError):
        raise refuse("altered-model", "the checkpoint lacks a file, or its description is broken") from None

    if description.get("format") != FORMAT:
        message = f"the checkpoint is of another version of the format (this archlang reads version {FORMAT})"
        raise refuse("foreign-model", message, help="go on with the version of archlang that wrote it")
    if digest != hashlib.sha256(body.encode()).hexdigest() or files != description["files"]:
        raise refuse("altered-model", "the checkpoint is not as it was written: its digest differs")
    facts: dict[str, Any] = description["facts"]
    return facts


def shapes_of(path: Path) -> dict[str, Tensor]:
    """Every tensor of a checkpoint by name and shape (`meta`)."""
    found = HuggingFaceStorageReader(str(path)).read_metadata().state_dict_metadata
    return {name: torch.empty(size.size, dtype=size.properties.dtype, device="meta")
            for name, size in found.items() if isinstance(size, TensorStorageMetadata)}


def read_shards(path: Path, into: dict[str, Tensor]) -> None:
    """Fill tensors, of divided ones the parts that lie here; every process must call it."""
    with _as_one():
        load(cast("dict[str, Any]", into), storage_reader=HuggingFaceStorageReader(str(path)))


def model_bytes(path: Path) -> bytes:
    """The model file of a checkpoint, which is read whole. Raises `ArchError`, as `read_facts` does."""
    facts, shapes = read_facts(path), shapes_of(path)
    names = {name: f"model.{name}" for name in facts["model"]["names"]}
    # What was measured, and is kept, is the average where there is one.
    if facts["counters"]["averaged"]:
        names |= {name: f"average.{name}" for name in names if f"average.{name}" in shapes}

    whole: dict[str, Any] = {name: torch.empty_like(shapes[name], device="cpu") for name in names.values()}
    with _as_one():
        load(whole, storage_reader=HuggingFaceStorageReader(str(path)), no_dist=True)
    return packed({name: whole[kept] for name, kept in names.items()}, facts["model"]["text"])


@contextmanager
def _as_one() -> Iterator[None]:
    """Within this, torch does not warn that one process writes and reads alone, which it may well do."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "torch.distributed is disabled, unavailable or uninitialized")
        yield


def remove(path: Path) -> None:
    """Remove a checkpoint, or what a cut save left, in such an order that none that is half there looks whole."""
    if not path.is_dir():
        path.unlink(missing_ok=True)
        return
    (path / FACTS).unlink(missing_ok=True)
    shutil.rmtree(path)


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(AT_ONCE):
            digest.update(piece)
    return digest.hexdigest()
