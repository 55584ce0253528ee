"""Whole numbers that a compiled model is fed with: their kind, and their range where it can be read cheaply."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch._C import _functorch

from archlang.diagnostics import Diagnostic, error
from archlang.shapes import Tensor, substitute
from archlang.source import Span


def whole_numbers_mismatch(name: str, type: Tensor, value: torch.Tensor, span: Span | None,
                           symbols: Mapping[str, int]) -> Diagnostic | None:
    """Return the diagnostic of an input that does not hold the whole numbers that it is declared to hold.

    Every kind of integers will do, and bools, which count as 0 and 1. None where it fits, or where its numbers cannot
    be read: while something else traces or captures the model. `symbols` are the sizes that are known.
    """
    if type.range is None:
        return None

    try:
        range = substitute(type.range, dict(symbols))
    except KeyError:  # a later input tells the symbol, and then they are compared
        return None
    wanted = f"whole numbers from 0 to {range - 1}"
    if value.is_floating_point() or value.is_complex():
        kind = str(value.dtype).removeprefix("torch.")
        help = "`tokens.long()` makes whole numbers of them"
        return error("input-shape", f"the input `{name}` holds {wanted}, these are of the kind {kind}", span,
                     "declared here", help=(help,))

    outside = first_outside(value, range)
    if outside is None:
        return None
    number, place = outside
    where = ", ".join(map(str, place))
    return error("input-shape", f"the input `{name}` holds {wanted}; at [{where}] stands {number}", span,
                 "declared here")


def first_outside(value: torch.Tensor, range: int) -> tuple[int, tuple[int, ...]] | None:
    """Return the first number outside 0 ... range - 1 with its place, batch first; None where there is none."""
    if not _readable(value) or value.dtype == torch.bool or not value.numel():
        return None

    # One look at both ends: on a GPU each of them waits for all that was begun before.
    low, high = torch.stack(torch.aminmax(value)).tolist()
    if low >= 0 and high < range:
        return None

    place = tuple(((value < 0) | (value >= range)).nonzero()[0].tolist())
    return int(value[place]), place


def _readable(value: torch.Tensor) -> bool:
    """Tell whether a tensor has numbers that may be looked at now."""
    # Subclasses stand for tensors without numbers, as under torch.export; those of vmap hold several samples in one.
    if type(value) is not torch.Tensor or value.is_meta or _functorch.is_functorch_wrapped_tensor(value):
        return False
    # While a CUDA graph is captured nothing may be waited for.
    return not (value.is_cuda and torch.cuda.is_current_stream_capturing())
