"""The tensors that weights are taken from, by name: a file's, a model's, a table's."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from archlang.artefact import load_model
from archlang.artefact.foreign import bare_tensors
from archlang.diagnostics import ArchError, error
from archlang.diagnostics.text import one_line

PICKLES = (".pt", ".pth", ".bin", ".ckpt")
"""Endings of what `torch.save` writes, which is opened for tensors alone."""

INNER = ("state_dict", "model", "model_state", "state_dict_ema", "module")
"""Names under which checkpoints of training programs keep the weights, beside what else they keep."""


def opened(source: object) -> tuple[Mapping[str, Tensor], nn.Module | None]:
    """The tensors of a source, and the module itself where it is one.

    Raises `ArchError`: unreadable-file, unsafe-model (a pickle of anything but tensors), not-a-model, usage.
    """
    if isinstance(source, nn.Module):
        return source.state_dict(), source
    if isinstance(source, Mapping):
        return _tensors(source, "the table"), None
    if isinstance(source, str | Path):
        return _file(Path(source))
    message = f"weights come from a file, a module or a table of tensors, and this is a {type(source).__name__}"
    raise ArchError(error("usage", message))


def _file(path: Path) -> tuple[Mapping[str, Tensor], nn.Module | None]:
    shown = one_line(str(path), 200)
    if not path.is_file():
        raise ArchError(error("unreadable-file", f"there is no file `{shown}`"))
    if path.suffix in PICKLES:
        return _tensors(_pickled(path, shown), f"`{shown}`"), None

    try:
        model = load_model(path)
    except ArchError as problem:
        # Tensors of others, without a text: their names are all there is.
        if problem.diagnostics[0].name != "foreign-model":
            raise
        return bare_tensors(path), None
    return model.state_dict(), model


def _pickled(path: Path, shown: str) -> Any:
    """The tables that `torch.save` wrote, opened so that no code of it runs."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch warns of kinds of pickles that it then refuses
            return torch.load(path, map_location="cpu", weights_only=True)
    except MemoryError:
        raise  # a table that is too large is no spoiled one
    except Exception as problem:
        # torch's reader of opcodes fails in as many ways as there are spoiled bytes.
        said = one_line(f"{type(problem).__name__}: {problem}".split("\n")[0], 200)
        message = f"`{shown}` is no table of tensors, and was not opened as anything else: {said}"
        help = "where you trust it, load it yourself and save its `state_dict()`"
        raise ArchError(error("unsafe-model", message, help=help)) from None


def _tensors(found: Any, shown: str) -> Mapping[str, Tensor]:
    """The tensors of a table, or of a table in it, as checkpoints keep them."""
    for name in INNER:
        if isinstance(found, Mapping) and isinstance(found.get(name), Mapping):
            found = found[name]

    tensors = {}
    if isinstance(found, Mapping):
        tensors = {name: value for name, value in found.items() if isinstance(name, str) and isinstance(value, Tensor)}
    if not tensors:
        raise ArchError(error("not-a-model", f"{shown} holds no tensors by name"))

    # What DataParallel and its kin put before every name.
    if all(name.startswith("module.") for name in tensors):
        tensors = {name.removeprefix("module."): value for name, value in tensors.items()}
    return tensors
