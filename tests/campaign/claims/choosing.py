"""Data to choose settings by: a campaign's training images and others of the same archive, none of its test part.

`archlang study specs/claims/paths.arch --data tests.campaign.claims.choosing:styles --set optimizer.lr=0.002,0.005`
says at which rate a training ends well; the test images have no part in it.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from archlang.train.data.sources import find
from archlang.train.data.splits import Data, Split

JUDGED = 1000
"""Images that settings are judged on."""


@dataclass(frozen=True)
class Rows:
    """Some rows of a split, by number."""

    split: Split
    rows: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.rows)

    def batch(self, indices: list[int]) -> tuple[torch.Tensor, torch.Tensor]:
        """Samples and labels by their number here."""
        return self.split.batch([self.rows[index] for index in indices])


def styles() -> Data:
    """Digits in two styles."""
    return apart("mnist5k:styles", 500)


def apart(name: str, count: int) -> Data:
    """So many of a data set's training images to train on, and others of its training part to judge by."""
    known = find(name)
    drawn = torch.randperm(len(known.train), generator=torch.Generator().manual_seed(0)).tolist()
    learned, judged = drawn[:count], drawn[count:count + JUDGED]
    return Data(f"{name}, to choose by", Rows(known.train, tuple(learned)), Rows(known.train, tuple(judged)),
                known.classes)
