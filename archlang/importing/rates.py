"""Probabilities as a person would write them."""

from __future__ import annotations

import torch


def rate(p: float) -> float:
    """A probability as a person would write it: rates are often read off a row of float32 numbers.

    >>> rate(0.019999999552965164), rate(0.1), rate(1 / 30)
    (0.02, 0.1, 0.03333333333333333)
    """
    written = torch.tensor(p, dtype=torch.float32)
    if float(written) != p:
        return p
    short = (float(f"{p:.{digits}g}") for digits in range(1, 10))
    return next((one for one in short if torch.tensor(one, dtype=torch.float32) == written), p)
