"""Each block of `std` equals its namesake, or a plain module written from its paper."""

from __future__ import annotations

import pytest

from tests.peers import of_blocks, of_std, of_transformers
from tests.peers.comparing import Pair, equal


@pytest.mark.parametrize("pair", [*of_std.PAIRS, *of_blocks.PAIRS, *of_transformers.PAIRS], ids=str)
def test_equal(pair: Pair) -> None:
    equal(pair)
