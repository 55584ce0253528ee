"""Model files: one file that holds a network's text and its weights, and can run nothing.

A file is a safetensors file whose header carries the text of the network, its dials, the passes applied since, class
names and normalisation, and a digest over all of it. The digest is integrity, not authorship.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from archlang.artefact.loading import load_model
    from archlang.artefact.saving import save

__all__ = ["load_model", "save"]

_MODULES = {"load_model": "archlang.artefact.loading", "save": "archlang.artefact.saving"}
"""Public names to modules that import torch, which takes a second: the digest of a file needs none of it."""


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module 'archlang.artefact' has no attribute {name!r}")

    return getattr(import_module(_MODULES[name]), name)
