"""The coding loss over blocks of branches (Coded ResNeXt)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import torch

from archlang.layers import coding_loss
from archlang.train.losses.targets import class_numbers


def coding(reads: Sequence[torch.Tensor], args: Mapping[str, Any]) -> torch.Tensor:
    """The coding loss of every site, summed (Coded ResNeXt).

    It reads class numbers [batch], then the energies [batch, branches] of each site. Raises `ArchError` (bad-data).
    """
    label, *energies = reads
    words = [site.code.words for site in args["sites"]]  # all codes of a network are for the same classes
    tables = [table_of(w).to(e) for w, e in zip(words, energies, strict=True)]
    label = class_numbers("coding_loss", label, energies[0].shape[:1], len(tables[0]))

    pairs = zip(energies, tables, strict=True)
    return torch.stack([coding_loss(e, table[label], args["power"]) for e, table in pairs]).sum()


@lru_cache(maxsize=64)
def table_of(words: tuple[str, ...]) -> torch.Tensor:
    """Words as a table [classes, branches] of zeros and ones."""
    return torch.tensor([[int(sign) for sign in word] for word in words], dtype=torch.float64)


STRUCTURAL = {"coding_loss": coding}
