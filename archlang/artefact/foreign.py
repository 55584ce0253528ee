"""Files of tensors that others wrote: names and numbers, and no text of a network."""

from __future__ import annotations

from pathlib import Path

import safetensors
import safetensors.torch
import torch
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


def misfit(value: Tensor, like: Tensor) -> str | None:
    """Say why a tensor of others has no numbers for one of ours, whatever its sizes; None where it has.

    Torch would copy all of these without a word, or fail with a word of its own.

    >>> misfit(torch.ones(2, dtype=torch.int8), torch.ones(2)), misfit(torch.ones(2).half(), torch.ones(2))
    ('int8 in the source, float32 here', None)
    """
    if value.is_meta:
        return "the source has its sizes alone"
    if value.layout != torch.strided or value.is_quantized:
        return "sparse or quantized in the source"

    # What is stored in so few bits stands for numbers that a scale beside it gives; flags and counts are no weights.
    is_fraction = value.is_floating_point() and value.element_size() > 1
    if is_fraction is not like.is_floating_point() or value.is_complex():
        return f"{_kind(value)} in the source, {_kind(like)} here"
    return None


def fits_in(value: Tensor, like: Tensor) -> bool:
    """Tell whether all numbers of a tensor without a `misfit` are numbers in our kind of floats, too.

    >>> big = torch.tensor([1e300], dtype=torch.float64)
    >>> fits_in(big, big), fits_in(big, torch.ones(1))
    (True, False)
    """
    return bool(value.to(like.dtype).isfinite().all())


def _kind(value: Tensor) -> str:
    return str(value.dtype).removeprefix("torch.")
