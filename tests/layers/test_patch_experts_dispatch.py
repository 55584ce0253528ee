"""Rows to experts: which of them a cut leaves in, at its edges too, and the sum of what they make."""

from __future__ import annotations

import pytest
import torch

from archlang.layers.patch_experts.dispatch import Dispatch, chosen, join_experts, kept

WEIGHTS = torch.tensor([[0.5, 0.25, 0.25, 0.0], [0.125, 0.5, 0.125, 0.25], [0.25, 0.25, 0.25, 0.25]])


@pytest.mark.parametrize(("cut", "wanted"), [
    (0.0, [[1, 1, 1, 0], [1, 1, 1, 1], [1, 1, 1, 1]]),
    (0.25, [[1, 1, 1, 0], [1, 1, 1, 1], [1, 1, 1, 1]]),
    (0.5, [[1, 1, 1, 0], [0, 1, 0, 1], [1, 1, 1, 1]]),
    (0.75, [[1, 0, 0, 0], [0, 1, 0, 0], [1, 1, 1, 1]]),
    (1.0, [[1, 0, 0, 0], [0, 1, 0, 0], [1, 1, 1, 1]]),
])
def test_a_weight_of_exactly_the_cut_is_kept(cut: float, wanted: list[list[int]]) -> None:
    """At least `cut` times the largest: equal is enough, and the largest itself is always there; 0 never is."""
    assert chosen(WEIGHTS, cut).int().tolist() == wanted
    left = WEIGHTS * torch.tensor(wanted)
    torch.testing.assert_close(kept(WEIGHTS, cut), left / left.sum(1, keepdim=True))


@pytest.mark.parametrize("cut", [0.0, 0.5, 1.0])
def test_each_expert_gets_the_rows_that_chose_it_in_their_order(cut: float) -> None:
    x = torch.arange(3.0)[:, None] * 10
    dispatch = Dispatch(4, cut).eval()
    weights, *rows = dispatch(WEIGHTS, x)
    inside = chosen(WEIGHTS, cut)
    assert [part.flatten().tolist() for part in rows] == [x[inside[:, i]].flatten().tolist() for i in range(4)]
    assert dispatch.executed.pairs == int(inside.sum()) and dispatch.executed.rows == 3

    made = [part + i for i, part in enumerate(rows)]
    by_hand = torch.stack([sum((weights[r, i] * (x[r] + i) for i in range(4)), torch.zeros(1)) for r in range(3)])
    torch.testing.assert_close(join_experts(weights, *made), by_hand)


def test_a_row_that_no_expert_had_room_for_stays_without() -> None:
    left = kept(torch.tensor([[0.0, 0.0], [0.6, 0.2]]), 0.5)
    assert left.tolist() == [[0.0, 0.0], [1.0, 0.0]]
