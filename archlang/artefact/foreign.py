"""Files of tensors that others wrote: names and numbers, and no text of a network."""

from __future__ import annotations

from pathlib import Path

import safetensors
import safetensors.torch
from torch import Tensor

from archlang.artefact.container import refuse
from archlang.diagnostics.text import one_line


def bare_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file of any program. Raises `ArchError` (not-a-model)."""
    try:
        return safetensors.torch.load_file(path)
    except (safetensors.SafetensorError, OSError, ValueError) as problem:
        said = one_line(str(problem), 200)
        raise refuse("not-a-model", f"`{one_line(str(path), 200)}` is no file of tensors: {said}") from None
