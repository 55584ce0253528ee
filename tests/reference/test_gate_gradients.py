"""The gradients of a cross-connection with `hidden = 0` are those of Tissera 2023, eq. 3.10 to 3.15, term by term."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from archlang.elaborate import loads
from archlang.emit import emit

NETWORK = """archlang 1
network Connected(inputs = 2, outputs = 3) {
  input x1: [5]
  input x2: [5]
  y = (x1, x2) -> route(cross_connection(hidden = 0), to = outputs)
  output y -> stack
}
"""


def by_hand(x: Tensor, weight: Tensor, upstream: Tensor) -> tuple[Tensor, Tensor]:
    """dL/dX_i and dL/dW^i of one sample and one input i.

    x [k], weight W^i [n, k], upstream dL/dY_j as [n, k].
    """
    n = weight.shape[0]
    scores = torch.stack([(weight[j] * x).sum() for j in range(n)])                     # eq. 3.9
    raised = torch.exp(scores - scores.max())
    g = raised / raised.sum()                                                           # eq. 3.5
    by_gate = torch.stack([(upstream[j] * x).sum() for j in range(n)])                  # eq. 3.10, 3.11
    jacobian = torch.stack([
        torch.stack([g[a] * ((1.0 if a == b else 0.0) - g[b]) for b in range(n)]) for a in range(n)
    ])                                                                                  # eq. 3.13
    by_scores = (jacobian.T * by_gate).sum(1)                                           # eq. 3.12
    by_weight = by_scores[:, None] * x[None, :]                                         # eq. 3.14
    direct = sum((g[j] * upstream[j] for j in range(n)), torch.zeros_like(x))
    through_gate = (weight * by_scores[:, None]).sum(0)
    return direct + through_gate, by_weight                                             # eq. 3.15


@pytest.mark.parametrize("outputs", [1, 2, 3, 4])
def test_gradients_follow_the_equations(outputs: int) -> None:
    model = emit(loads(NETWORK, {"outputs": outputs}).graph).double()
    draw = torch.Generator().manual_seed(outputs)
    xs = [torch.randn(4, 5, generator=draw, dtype=torch.float64, requires_grad=True) for _ in range(2)]
    upstream = torch.randn(4, outputs, 5, generator=draw, dtype=torch.float64)
    (weight,) = model.parameters()
    (model(*xs) * upstream).sum().backward()
    assert weight.grad is not None
    for i, x in enumerate(xs):
        made = [by_hand(x[b].detach(), weight[i].detach(), upstream[b]) for b in range(4)]
        assert x.grad is not None
        torch.testing.assert_close(x.grad, torch.stack([dx for dx, _ in made]), atol=1e-10, rtol=0)
        torch.testing.assert_close(weight.grad[i], torch.stack([dw for _, dw in made]).sum(0), atol=1e-10, rtol=0)


def test_the_gate_itself_gets_a_gradient() -> None:
    """Without eq. 3.15's second term the input's gradient would be another one: the test above is able to fail."""
    x, weight, upstream = torch.randn(5).double(), torch.randn(3, 5).double(), torch.randn(3, 5).double()
    whole, _ = by_hand(x, weight, upstream)
    g = torch.softmax(weight @ x, 0)
    assert not torch.allclose(whole, (g[:, None] * upstream).sum(0), atol=1e-4)
