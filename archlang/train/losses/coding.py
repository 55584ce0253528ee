"""The coding loss over blocks of branches (Coded ResNeXt)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import torch

from archlang.layers import coding_loss
from archlang.train.losses.checks import in_range


def coding(reads: Sequence[torch.Tensor], args: Mapping[str, Any]) -> torch.Tensor:
    """The coding loss of every site, summed: the label, then energies [batch, branches] of each (Coded ResNeXt)."""
    label, *energies = reads
    words = [site.code.words for site in args["sites"]]
    tables = [table_of(w).to(e) for w, e in zip(words, energies, strict=True)]
    in_range(label, len(tables[0]))
    rows = [coding_loss(e, table[label], args["power"]) for e, table in zip(energies, tables, strict=True)]
    return torch.stack(rows).sum()


@lru_cache(maxsize=64)
def table_of(words: tuple[str, ...]) -> torch.Tensor:
    """Words as a table [classes, branches] of zeros and ones."""
    return torch.tensor([[int(sign) for sign in word] for word in words], dtype=torch.float64)


STRUCTURAL = {"coding_loss": coding}
