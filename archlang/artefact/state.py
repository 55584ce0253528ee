"""A model's weights alone, in a safetensors file that any program can read."""

from __future__ import annotations

import os

import safetensors.torch
import torch
from torch import nn

from archlang.artefact.container import KEY, refuse
from archlang.artefact.foreign import fits_in, misfit
from archlang.artefact.loading import load_model
from archlang.artefact.reading import opened
from archlang.diagnostics import ArchError, error


def state_bytes(model: nn.Module) -> bytes:
    """The bytes of a `state_dict` as safetensors, with the names that the model has for them.

    Raises ArchError (non-finite-model) for NaN and infinity.
    """
    state = {}
    for name, value in model.state_dict().items():
        if value.is_floating_point() and not bool(value.isfinite().all()):
            raise ArchError(error("non-finite-model", f"`{name}` holds NaN or infinity; nothing was written"))
        # Views of one storage are refused by the format.
        state[name] = value.detach().to("cpu").contiguous().clone()
    return safetensors.torch.save(state, {"format": "pt"})


def state_of(data: bytes) -> dict[str, torch.Tensor]:
    """Read the weights that `state_bytes` wrote."""
    return safetensors.torch.load(data)


def load_weights(model: nn.Module, path: str | os.PathLike[str]) -> None:
    """Load the weights of a model file, or of a safetensors file of weights alone, into a model.

    Names and shapes must be the model's. Raises ArchError: unreadable-file, unsafe-model, not-a-model, foreign-model,
    non-finite-model, and what `load_model` raises for a model file.
    """
    state = _read(path)
    wanted = model.state_dict()
    for name in (*wanted, *state):
        here, there = wanted.get(name), state.get(name)
        shown = name[:80]
        if there is None or here is None:
            word = "lacks" if there is None else "has, and the model lacks,"
            raise refuse("foreign-model", f"the weights are of another network: the file {word} `{shown}`")
        if here.shape != there.shape:
            sizes = f"{list(there.shape)}, not {list(here.shape)}"
            raise refuse("foreign-model", f"the weights are of another network: `{shown}` is {sizes}",
                         help="dials such as `classes` must be those that it was trained with")
        reason = misfit(there, here)
        if reason is not None:
            raise refuse("foreign-model", f"the weights are of another kind: `{shown}` is {reason}")
        if not fits_in(there, here):
            raise refuse("non-finite-model", f"`{shown}` holds NaN or infinity, or numbers past those of our floats")
    model.load_state_dict(state, strict=True)


def _read(path: str | os.PathLike[str]) -> dict[str, torch.Tensor]:
    """The weights of a file. Raises ArchError."""
    with opened(path) as file:
        data = file.read()
    # What pickles begin with, by themselves or in an archive.
    if data[:1] == b"\x80" or data[:2] == b"PK":
        raise refuse("unsafe-model", "this is a pickle, which can run anything while it is read; it was not opened",
                     help="`safetensors.torch.save_file(state_dict, path)` writes weights alone")
    if f'"{KEY}"'.encode() in data[:256]:
        return dict(load_model(path).state_dict())
    try:
        return safetensors.torch.load(data)
    except Exception:
        raise refuse("not-a-model", "this is no safetensors file of weights") from None
