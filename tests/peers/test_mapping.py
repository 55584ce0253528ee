"""Every tensor of both sides is mapped exactly once, or the comparison fails."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from torch import nn

from tests.peers.mapping import Unmapped, by_pattern, copied, in_order, in_order_of_use


def net(*sizes: int, bias: bool = True) -> nn.Sequential:
    """Linear layers one after the other."""
    return nn.Sequential(*(nn.Linear(a, b, bias) for a, b in pairwise(sizes)))


class Backwards(nn.Module):
    """Runs its layers in another order than it registers them."""

    def __init__(self) -> None:
        super().__init__()
        self.last, self.first = nn.Linear(4, 2), nn.Linear(3, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(self.first(x))


def test_in_order_copies_all() -> None:
    ours, peer = net(3, 4, 2), net(3, 4, 2)
    assert len(copied(ours, peer, in_order())) == 4
    assert all(torch.equal(a, b) for a, b in zip(ours.parameters(), peer.parameters(), strict=True))


def test_a_tensor_too_many_on_either_side() -> None:
    with pytest.raises(Unmapped, match="6 tensors here, 4 there"):
        copied(net(3, 4, 4, 2), net(3, 4, 2), in_order())
    with pytest.raises(Unmapped, match="4 tensors here, 2 there"):
        copied(net(3, 4, 2), net(3, 4, 2, bias=False), in_order())


def test_another_shape() -> None:
    with pytest.raises(Unmapped, match=r"\(5, 3\) is not \(4, 3\)"):
        copied(net(3, 5), net(3, 4), in_order())


def test_a_transposed_weight_is_another_shape() -> None:
    with pytest.raises(Unmapped):
        copied(nn.Conv2d(3, 4, 1), nn.ConvTranspose2d(3, 4, 1), in_order())


def test_sizes_of_one_may_differ() -> None:
    ours, peer = nn.Linear(3, 4), nn.Conv2d(3, 4, 1)
    copied(ours, peer, in_order())
    assert torch.equal(peer.weight[:, :, 0, 0], ours.weight)


def test_in_order_of_use() -> None:
    ours, peer = net(3, 4, 2), Backwards()
    with pytest.raises(Unmapped):
        copied(ours, peer, in_order())
    assert copied(ours, peer, in_order_of_use((1, 3)))[0] == ("0.weight", "first.weight")


def test_a_module_that_never_runs_is_left_over() -> None:
    peer = Backwards()
    peer.add_module("unused", nn.Linear(1, 1))
    with pytest.raises(Unmapped, match="unused"):
        copied(net(3, 4, 2), peer, in_order_of_use((1, 3)))


def test_by_pattern() -> None:
    rules = (r"first\.(.*)", r"0.\1"), (r"last\.(.*)", r"1.\1")
    assert len(copied(net(3, 4, 2), Backwards(), by_pattern(*rules))) == 4
    with pytest.raises(Unmapped, match="no rule"):
        copied(net(3, 4, 2), Backwards(), by_pattern(rules[0]))
    with pytest.raises(Unmapped, match="stand twice here"):
        copied(net(3, 4, 2), Backwards(), by_pattern((r"\w+\.(.*)", r"0.\1")))


def test_named_tensors_go_first_and_once() -> None:
    ours, peer = net(3, 4, 2), Backwards()
    named = {"0.weight": "first.weight", "0.bias": "first.bias"}
    assert copied(ours, peer, in_order(named=named))[-1] == ("1.bias", "last.bias")
    with pytest.raises(Unmapped, match="twice"):
        copied(ours, peer, by_pattern((r".*\.(\w+)", r"0.\1")))


def test_later_moves_a_part_of_a_prefix() -> None:
    peer = nn.ModuleDict({"a": nn.ModuleDict({"extra": nn.Linear(2, 5), "main": nn.Linear(3, 4)})})
    ours = nn.ModuleDict({"main": nn.Linear(3, 4), "extra": nn.Linear(2, 5)})
    with pytest.raises(Unmapped):
        copied(ours, peer, in_order())
    assert len(copied(ours, peer, in_order(later=r"(a\.)extra\..*"))) == 4
