"""Early decoding: energies beside words, compared as the formula says."""

from __future__ import annotations

import torch

from archlang.studies.coded import nearest


def test_words_of_any_weight_are_compared_on_their_own_scale() -> None:
    """Energies with a mean of 1 over the branches sum to a word's number of ones once they have its share of ones."""
    words = ("1000", "1100", "0111", "1111", "0010")
    rows = 4 * torch.rand(400, 4, generator=torch.Generator().manual_seed(0)).double()
    rows /= rows.mean(1, keepdim=True)

    wanted = []
    for row in rows.tolist():
        distances = []
        for word in words:
            ones = word.count("1")
            distances.append(sum((ones * e / sum(row) - int(sign)) ** 2 for e, sign in zip(row, word, strict=True)))
        wanted.append(distances.index(min(distances)))

    assert set(wanted) == set(range(5))
    assert nearest(rows, words).tolist() == wanted
