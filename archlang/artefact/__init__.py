"""Model files: one file that holds a network's text and its weights, and can run nothing.

A file is a safetensors file whose header carries the text of the network, its dials, the passes applied since, class
names and normalisation, and a digest over all of it. The digest is integrity, not authorship.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from archlang.artefact.described import is_model_file, network_of_file
    from archlang.artefact.loading import load_model
    from archlang.artefact.saving import save

__all__ = ["is_model_file", "load_model", "network_of_file", "save"]

_MODULES = {
    "load_model": "archlang.artefact.loading",
    "save": "archlang.artefact.saving",
    "is_model_file": "archlang.artefact.described",
    "network_of_file": "archlang.artefact.described",
}
"""Public names to modules that import torch, which takes a second: a file's text and digest need none of it."""


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module 'archlang.artefact' has no attribute {name!r}")

    return getattr(import_module(_MODULES[name]), name)
