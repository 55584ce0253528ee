"""The precision in which sums, means and exponentials are computed."""

from __future__ import annotations

import torch
from torch import Tensor

HALF = (torch.float16, torch.bfloat16)
"""Types in which a sum of thousands of numbers stops growing, or overflows."""


def wide_dtype(dtype: torch.dtype) -> torch.dtype:
    """The type to accumulate in: float32 for half precision, else the type itself.

    >>> wide_dtype(torch.bfloat16), wide_dtype(torch.float64)
    (torch.float32, torch.float64)
    """
    if dtype in HALF:
        return torch.float32
    return dtype


def widened(x: Tensor) -> Tensor:
    """The tensor in float32 at least."""
    return x.to(wide_dtype(x.dtype))


def device_type(x: Tensor) -> str:
    """The device that `torch.autocast` is asked for; it knows none for tensors without numbers (`meta`)."""
    # Shapes are worked out on `meta` while a model is traced.
    if x.device.type == "meta":
        return "cpu"
    return x.device.type


def is_in_full(x: Tensor) -> bool:
    """True where products and sums are rounded to float32 or float64, so that their order hardly matters."""
    # Under autocast a convolution's numbers are narrower than those of a product.
    return x.dtype not in HALF and not torch.is_autocast_enabled(device_type(x))


def runs_by_itself(x: Tensor) -> bool:
    """True where each operation runs on a CPU when Python calls it: many small ones cost little more than one.

    A GPU starts them too slowly; a graph of torch.compile or of an export would hold each of them.
    """
    written = torch.compiler.is_compiling() or torch._C._get_tracing_state() is not None
    return x.device.type == "cpu" and not written and is_in_full(x)
