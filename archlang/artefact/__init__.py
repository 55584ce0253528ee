"""Model files: one file that holds a network's text and its weights, and can run nothing.

A file is a safetensors file whose header carries the text of the network, its dials, the passes applied since, class
names and normalisation, and a digest over all of it. The digest is integrity, not authorship.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from archlang.limits import DEFAULT, Limits

if TYPE_CHECKING:
    from torch import fx

    from archlang.ops.model import Catalogue
    from archlang.passes.catalogue import PassCatalogue

__all__ = ["load_model", "save"]


def save(model: fx.GraphModule, path: str | os.PathLike[str], *, passes: PassCatalogue | None = None) -> None:
    """Write a compiled model to a file; see `saving.save`."""
    from archlang.artefact.saving import save as write
    from archlang.passes.catalogue import PASSES

    write(model, path, passes=passes or PASSES)


def load_model(
    path: str | os.PathLike[str], *, limits: Limits = DEFAULT, catalogue: Catalogue | None = None,
    passes: PassCatalogue | None = None,
) -> fx.GraphModule:
    """The model of a file, in evaluation mode; see `loading.load_model`."""
    from archlang.artefact.loading import load_model as read
    from archlang.ops import CATALOGUE
    from archlang.passes.catalogue import PASSES

    return read(path, limits=limits, catalogue=catalogue or CATALOGUE, passes=passes or PASSES)
