"""Work in eight threads gives what one thread gives; weights come from their seed, whatever else draws numbers."""

from __future__ import annotations

import hashlib

import pytest
import torch
from torch import nn

from archlang.compiler import compile
from archlang.elaborate import loads
from archlang.layers.chance import drawing_from, kept_generators
from tests.campaign import attack_threads

MIXED = """archlang 1
network Mixed {
  input image: [3, 9, 9]
  map    = image -> conv(3x3, 4) -> conv(3x3, 4, init = orthogonal(gain = 2)) -> batch_norm
  vector = map -> global_avg_pool -> linear(6, init = xavier_uniform) -> linear(5, init = truncated_normal(std = 0.1))
  output vector
}
"""


@pytest.mark.parametrize("name", attack_threads.WORK)
def test_eight_threads_do_what_one_does(name: str) -> None:
    assert attack_threads.differing(name, 8, 8) == []


def seeded(seed: int, ordinal: int) -> None:
    """Set torch's global generator to the seed of the n-th module."""
    torch.manual_seed(int.from_bytes(hashlib.sha256(f"{seed}:{ordinal}".encode()).digest()[:4], "big"))


@pytest.mark.parametrize("seed", [0, 1, 12345])
def test_weights_are_those_that_torch_draws_from_its_own_generator(seed: int) -> None:
    expected: dict[str, torch.Tensor] = {}
    with torch.random.fork_rng(devices=[]):
        seeded(seed, 0)
        expected["map.conv.weight"] = nn.Conv2d(3, 4, 3, bias=False).weight

        seeded(seed, 1)
        nn.Conv2d(4, 4, 3, bias=False)
        expected["map.conv_2.weight"] = nn.init.orthogonal_(torch.empty(4, 4, 3, 3), 2)

        seeded(seed, 3)
        bias = nn.Linear(4, 6).bias
        expected["vector.linear.bias"] = bias
        expected["vector.linear.weight"] = nn.init.xavier_uniform_(torch.empty(6, 4))

        seeded(seed, 4)
        nn.Linear(6, 5)
        expected["vector.linear_2.weight"] = nn.init.trunc_normal_(torch.empty(5, 6), 0.0, 0.1, -0.2, 0.2)

    found = compile(loads(MIXED), seed=seed).state_dict()
    assert expected.keys() <= found.keys(), list(found)
    for name, value in expected.items():
        assert torch.equal(found[name], value), name


def test_torchs_generator_and_its_seed_have_no_part_in_weights() -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state()
    one = compile(loads(MIXED)).state_dict()
    assert torch.equal(torch.get_rng_state(), before)

    torch.manual_seed(6)
    assert all(torch.equal(one[name], value) for name, value in compile(loads(MIXED)).state_dict().items())


@pytest.mark.parametrize("draw", [
    lambda: torch.rand(3), lambda: torch.randn(2, 2), lambda: torch.randint(9, (4,)), lambda: torch.randint(2, 9, (4,)),
    lambda: torch.randperm(7), lambda: torch.rand_like(torch.ones(3)), lambda: torch.randn_like(torch.ones(3)),
    lambda: torch.randint_like(torch.ones(3), 8), lambda: torch.normal(torch.zeros(3), 1.0),
    lambda: torch.normal(0.0, 1.0, (3,)), lambda: torch.bernoulli(torch.full((9,), 0.5)),
    lambda: torch.ones(4).multinomial(2), lambda: torch.empty(3).exponential_(), lambda: torch.poisson(torch.ones(5)),
    lambda: torch.empty(3).cauchy_(), lambda: torch.empty(5).random_(), lambda: torch.empty(3).log_normal_(),
])
def test_whatever_draws_draws_from_the_given_generator(draw) -> None:
    with kept_generators():
        torch.manual_seed(3)
        wanted = draw()
        state = torch.get_rng_state()
        with drawing_from(torch.Generator().manual_seed(3)):
            assert torch.equal(draw(), wanted)
        assert torch.equal(torch.get_rng_state(), state)


def test_what_has_no_generator_is_refused() -> None:
    with drawing_from(torch.Generator()), pytest.raises(NotImplementedError, match="takes no generator"):
        torch.native_dropout(torch.ones(3), 0.5, True)
