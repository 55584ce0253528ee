"""Experts of the positions of a sequence, beside a plain layer that goes from token to token."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from archlang import ArchError, compile, fuse, loads
from archlang.train.losses.catalogue import STRUCTURAL

TEXT = """archlang 1
network Sparse {{
  input tokens: [T, 6] where T >= 2
  output tokens -> residual {{
    layer_norm -> experts(4, sparse_connection(hidden = 0, {how}), over = positions) {{
      linear(8) -> gelu -> linear(6)
    }}
  }}
}}
"""


def plain(model: nn.Module, x: Tensor, keep: int, capacity: float | None) -> Tensor:
    """The same, each token by itself: its gate, its experts, and what they still have room for."""
    state = model.state_dict()
    (gate,) = [value[0] for name, value in state.items() if name.endswith("gates.weight")]
    norm = nn.functional.layer_norm(x, (6,), *[state[name] for name in state if "layer_norm" in name])
    rows = norm.reshape(-1, 6)
    shares = (rows @ gate.T).softmax(1)
    order = shares.sort(dim=1, descending=True, stable=True).indices

    room = math.inf if capacity is None else math.ceil(capacity * keep * len(rows) / 4)
    asked, made = [0] * 4, torch.zeros_like(rows)
    for choice in range(keep):
        for row in range(len(rows)):
            expert = int(order[row, choice])
            asked[expert] += 1
            if asked[expert] > room:
                continue
            mine = [name for name in state if f"experts.{expert}." in name]
            up, down = ([state[name] for name in mine if f".{kind}." in name] for kind in ("linear", "linear_2"))
            weight = shares[row, expert] / shares[row, order[row, :keep]].sum().detach()
            hidden = nn.functional.gelu(nn.functional.linear(rows[row], *up))
            made[row] = made[row] + weight * nn.functional.linear(hidden, *down)
    return x + made.reshape(x.shape)


HOW = [("keep = 1", 1, None), ("keep = 2", 2, None), ("keep = 1, capacity = 1.0", 1, 1.0),
       ("keep = 2, capacity = 0.6", 2, 0.6)]


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(("how", "keep", "capacity"), HOW)
def test_each_token_goes_to_its_experts(how: str, keep: int, capacity: float | None, training: bool) -> None:
    torch.manual_seed(1)
    model = compile(loads(TEXT.format(how=how)), seed=3).double().train(training)
    for length in (5, 9):
        x = torch.randn(3, length, 6, dtype=torch.float64)
        torch.testing.assert_close(model(x), plain(model, x, keep, capacity), rtol=0, atol=1e-9)


def test_a_sequence_of_its_own_does_not_see_its_neighbours() -> None:
    model = compile(loads(TEXT.format(how="keep = 2"))).double().eval()
    x = torch.randn(4, 7, 6, dtype=torch.float64)
    torch.testing.assert_close(model(x)[1:2], model(x[1:2]))
    torch.testing.assert_close(fuse(model)(x), model(x))


@pytest.mark.parametrize(("stage", "size", "kind"), [
    ("experts(4, sparse_connection(keep = 5), over = positions) { linear(6) }", "[7, 6]", "out-of-range"),
    ("experts(4, sparse_connection(capacity = 0), over = positions) { linear(6) }", "[7, 6]", "out-of-range"),
    ("experts(4, sparse_connection, over = positions) { linear(6) }", "[6]", "wrong-rank"),
    ("experts(4, sparse_connection, over = positions) { linear(6) }", "[6, 8, 8]", "wrong-rank"),
    ("experts(4, sparse_connection, over = positions) { reshape([2, 3]) }", "[7, 6]", "wrong-rank"),
    ("experts(4, sparse_connection, over = positions) { attention(2) }", "[7, 6]", "wrong-rank"),
    ("patches(4x4) -> experts(4, sparse_connection, over = positions) { conv(3x3, 6) } -> unpatch", "[6, 8, 8]",
     "conflicting-arguments"),
])
def test_what_cannot_be_routed(stage: str, size: str, kind: str) -> None:
    with pytest.raises(ArchError) as caught:
        loads(f"archlang 1\nnetwork N {{\n input x: {size}\n output x -> {stage}\n}}\n")
    assert [problem.name for problem in caught.value.diagnostics] == [kind]


def test_load_balance_is_that_of_switch_transformers() -> None:
    weights = torch.randn(50, 4, dtype=torch.float64).softmax(1).requires_grad_()
    chosen = weights.argmax(1)
    expected = 4 * sum((chosen == i).double().mean() * weights[:, i].mean() for i in range(4))
    value = STRUCTURAL["load_balance"]([weights, weights], {})
    torch.testing.assert_close(value, expected)

    even = torch.eye(4, dtype=torch.float64)
    assert STRUCTURAL["load_balance"]([even], {}).item() == 1
    assert STRUCTURAL["load_balance"]([even[:1].expand(9, 4)], {}).item() == 4


def test_its_gradient_makes_experts_alike() -> None:
    scores = torch.randn(64, 4, dtype=torch.float64).add(torch.tensor([2.0, 0, 0, 0])).requires_grad_()
    for _ in range(200):
        (grad,) = torch.autograd.grad(STRUCTURAL["load_balance"]([scores.softmax(1)], {}), scores)
        scores = (scores - 5 * grad).detach().requires_grad_()
    assert torch.bincount(scores.argmax(1), minlength=4).max() <= 24
