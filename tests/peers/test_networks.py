"""Each network of `examples/networks/` equals that of timm or torchvision, or a plain module written from its paper."""

from __future__ import annotations

import pytest

from tests.peers.comparing import Pair, equal
from tests.peers.of_networks import PAIRS


@pytest.mark.parametrize("pair", PAIRS, ids=str)
def test_equal(pair: Pair) -> None:
    equal(pair)
