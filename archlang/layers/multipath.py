"""Routers between parallel paths: gates, weighted sums, learned mixtures (Tissera 2023, chapter 3)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


def pooled(x: Tensor) -> Tensor:
    """What a gate sees of its input: the mean of each channel of a map or feature of a sequence, a vector as it is.

    [batch, C, ...] to [batch, C], [batch, positions, F] to [batch, F] (Tissera 2023, eq. 3.3), in float32 at least.
    """
    wide = torch.float32 if x.dtype in (torch.float16, torch.bfloat16) else x.dtype
    if x.dim() == 2:
        return x.to(wide)
    return x.mean(1 if x.dim() == 3 else tuple(range(2, x.dim())), dtype=wide)


class Gates(nn.Module):
    """One gate for each of m inputs: how much of it goes to each of n outputs.

    m tensors of one shape to [batch, m, n], rows summing to 1: `G_i = softmax(W2_i relu(W1_i z_i))` (Tissera 2023, eq.
    3.4-3.5), with `hidden = 0` `softmax(W_i z_i)` (eq. 3.9). Scores and softmax are computed in float32 (or float64),
    under autocast too, and handed out in the inputs' type.

    >>> gates = Gates(inputs=2, outputs=3, features=8, hidden=4)
    >>> gates(torch.ones(5, 8, 6, 6), torch.ones(5, 8, 6, 6)).shape
    torch.Size([5, 2, 3])
    """

    def __init__(self, inputs: int, outputs: int, features: int, hidden: int = 16) -> None:
        super().__init__()
        self.inputs, self.outputs, self.features, self.hidden = inputs, outputs, features, hidden
        if hidden:
            self.squeeze = nn.Parameter(torch.empty(inputs, hidden, features))
            self.excite = nn.Parameter(torch.empty(inputs, outputs, hidden))
        else:
            self.weight = nn.Parameter(torch.empty(inputs, outputs, features))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Each dense map as torch starts a `Linear`: evenly within `1 / sqrt(what enters)`."""
        for weight in self.parameters():
            bound = 1 / math.sqrt(weight.shape[2])
            nn.init.uniform_(weight, -bound, bound)

    def scores(self, *inputs: Tensor) -> Tensor:
        """The gates before the softmax, [batch, m, n]."""
        kind = inputs[0].device.type
        with torch.autocast("cpu" if kind == "meta" else kind, enabled=False):  # torch knows no autocast for meta
            z = torch.stack([pooled(x) for x in inputs])
            if not self.hidden:
                return _dense(z, self.weight).transpose(0, 1)
            return _dense(_dense(z, self.squeeze).relu(), self.excite).transpose(0, 1)

    def forward(self, *inputs: Tensor) -> Tensor:
        """[batch, C, ...] each, to [batch, m, n]."""
        return self.scores(*inputs).softmax(2).to(inputs[0].dtype)

    def extra_repr(self) -> str:
        """Its sizes."""
        return f"inputs={self.inputs}, outputs={self.outputs}, features={self.features}, hidden={self.hidden}"


def _dense(z: Tensor, weight: Tensor) -> Tensor:
    """For each input its own map: [m, batch, C] and [m, k, C] to [m, batch, k]."""
    return torch.bmm(z, weight.to(z.dtype).transpose(1, 2))


def combine(gates: Tensor, *inputs: Tensor, column: int | None = None) -> Tensor | tuple[Tensor, ...]:
    """Sums of all inputs, weighted by their gates: `Y_j = sum_i g_ij X_i` (Tissera 2023, eq. 3.7).

    gates [batch, m, n], inputs m times [batch, ...]; n tensors [batch, ...], or a single one if n is 1 or `column`
    picks it. One batched product: faster than sums of scaled tensors from two inputs on, most of all backwards.

    >>> a, b = torch.tensor([[1.0, 2.0]]), torch.tensor([[10.0, 20.0]])
    >>> combine(torch.tensor([[[0.5, 1.0], [0.5, 0.0]]]), a, b)
    (tensor([[ 5.5000, 11.0000]]), tensor([[1., 2.]]))
    """
    if column is not None:
        gates = gates[:, :, column : column + 1]
    return _weighted(gates.transpose(1, 2), inputs)


def _weighted(weights: Tensor, inputs: tuple[Tensor, ...]) -> Tensor | tuple[Tensor, ...]:
    """[batch, n, m] times m tensors; the members stay in the memory format that they came in."""
    first = inputs[0]
    last = first.dim() == 4 and not first.is_contiguous() and first.is_contiguous(memory_format=torch.channels_last)
    members = [x.permute(0, 2, 3, 1) for x in inputs] if last else list(inputs)
    shape = members[0].shape[1:]
    stacked = torch.stack(members, 1).flatten(2)
    made = torch.matmul(weights.to(first.dtype), stacked)
    made = made.reshape(*made.shape[:2], *shape)
    outputs = tuple(y.permute(0, 3, 1, 2) if last else y for y in made.unbind(1))
    return outputs[0] if len(outputs) == 1 else outputs


class Stitch(nn.Module):
    """Cross-stitch: `Y_j = sum_i w_ij X_i` with weights that are learned and do not depend on the inputs.

    m tensors [batch, ...] to n of them (Misra et al. 2016, eq. 1). It starts near passing each input on: 0.9 on the
    diagonal of a square matrix, the rest shared; 1/m everywhere otherwise.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(inputs, outputs))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Its fixed start; each output's weights sum to 1."""
        inputs, outputs = self.weight.shape
        with torch.no_grad():
            if inputs != outputs or inputs == 1:
                self.weight.fill_(1 / inputs)
            else:
                self.weight.fill_(0.1 / (inputs - 1)).fill_diagonal_(0.9)

    def forward(self, *inputs: Tensor) -> Tensor | tuple[Tensor, ...]:
        """m tensors of one shape, to n of it (a single one as it is)."""
        return _weighted(self.weight.t().expand(inputs[0].shape[0], -1, -1), inputs)

    def extra_repr(self) -> str:
        """Its sizes."""
        return f"inputs={self.weight.shape[0]}, outputs={self.weight.shape[1]}"


class Mix(nn.Module):
    """`beta f(x) + (1 - beta) x`, beta learned through a sigmoid (starting at a half) or fixed.

    >>> Mix(0.25)(torch.zeros(1), torch.ones(1))
    tensor([0.2500])
    """

    def __init__(self, beta: float | None = None) -> None:
        super().__init__()
        self.beta = beta
        if beta is None:
            self.logit = nn.Parameter(torch.empty(()))
            self.reset_parameters()

    def reset_parameters(self) -> None:
        """Beta at a half."""
        if self.beta is None:
            nn.init.zeros_(self.logit)

    def forward(self, x: Tensor, made: Tensor) -> Tensor:
        """x and f(x), [batch, ...] both."""
        beta = torch.sigmoid(self.logit).to(x.dtype) if self.beta is None else self.beta
        return x + beta * (made - x)

    def extra_repr(self) -> str:
        """Where beta comes from."""
        return "learned" if self.beta is None else f"beta={self.beta}"
