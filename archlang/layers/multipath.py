"""Routers between parallel paths: gates, weighted sums, learned mixtures (Tissera 2023, chapter 3)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from archlang.layers.precision import device_type, wide_dtype


def pooled(x: Tensor) -> Tensor:
    """The gate's view of its input: the mean of each channel of a map or feature of a sequence, a vector as it is.

    [batch, C, ...] to [batch, C], [batch, positions, F] to [batch, F] (Tissera 2023, eq. 3.3), in float32 at least.
    """
    wide = wide_dtype(x.dtype)
    if x.dim() == 2:
        return x.to(wide)
    # A sequence has its features last, a map its channels first.
    if x.dim() == 3:
        return x.mean(1, dtype=wide)
    return x.mean(tuple(range(2, x.dim())), dtype=wide)


class Gates(nn.Module):
    """One gate for each of m inputs: the share of it that goes to each of n outputs.

    `G_i = softmax(W2_i relu(W1_i z_i))` (Tissera 2023, eq. 3.4-3.5), with `hidden = 0` `softmax(W_i z_i)` (eq. 3.9).
    Scores and softmax are computed in float32 (or float64), under autocast too, and handed out in the inputs' type.

    Args:
        inputs, outputs: m and n.
        features: the channels (or features) of an input.
        hidden: the width between both linear layers.

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
        """Start each map as torch starts a `Linear`: uniform within `1 / sqrt(features in)`."""
        for weight in self.parameters():
            bound = 1 / math.sqrt(weight.shape[2])
            nn.init.uniform_(weight, -bound, bound)

    @property
    def last(self) -> nn.Parameter:
        """The map that gives the scores. At 0 all gates are equal, and the map still has a gradient."""
        if self.hidden:
            return self.excite
        return self.weight

    def scores(self, *inputs: Tensor) -> Tensor:
        """The gates before the softmax, [batch, m, n]."""
        # Autocast would compute the products in half precision, where close scores become equal.
        with torch.autocast(device_type(inputs[0]), enabled=False):
            z = torch.stack([pooled(x) for x in inputs])
            if not self.hidden:
                return _by_input(z, self.weight).transpose(0, 1)
            return _by_input(_by_input(z, self.squeeze).relu(), self.excite).transpose(0, 1)

    def forward(self, *inputs: Tensor) -> Tensor:
        """m tensors [batch, C, ...] to [batch, m, n], rows summing to 1."""
        return self.scores(*inputs).softmax(2).to(inputs[0].dtype)

    def extra_repr(self) -> str:
        """The sizes."""
        return f"inputs={self.inputs}, outputs={self.outputs}, features={self.features}, hidden={self.hidden}"


def _by_input(z: Tensor, weight: Tensor) -> Tensor:
    """A linear map of its own for each input: [m, batch, C] and [m, k, C] to [m, batch, k]."""
    return torch.bmm(z, weight.to(z.dtype).transpose(1, 2))


def combine(gates: Tensor, *inputs: Tensor, column: int | None = None) -> Tensor | tuple[Tensor, ...]:
    """Sums of all inputs, weighted by their gates: `Y_j = sum_i g_ij X_i` (Tissera 2023, eq. 3.7).

    One batched product: faster than sums of scaled tensors from two inputs on, most of all backwards.

    Args:
        gates: [batch, m, n].
        inputs: m times [batch, ...].
        column: the one output that is wanted; all of them if None.

    Returns n tensors [batch, ...], or a single one if n is 1 or `column` picks it.

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
    # Members in channels_last would be copied twice if they were flattened as they are.
    last = first.dim() == 4 and not first.is_contiguous() and first.is_contiguous(memory_format=torch.channels_last)
    members = list(inputs)
    if last:
        members = [x.permute(0, 2, 3, 1) for x in inputs]

    shape = members[0].shape[1:]
    stacked = torch.stack(members, 1).flatten(2)
    sums = torch.matmul(weights.to(first.dtype), stacked)
    outputs = sums.reshape(*sums.shape[:2], *shape).unbind(1)

    if last:
        outputs = tuple(y.permute(0, 3, 1, 2) for y in outputs)
    if len(outputs) == 1:
        return outputs[0]
    return tuple(outputs)


class Stitch(nn.Module):
    """Cross-stitch: `Y_j = sum_i w_ij X_i` with weights that are learned and do not depend on the inputs.

    Misra et al. 2016, eq. 1. It starts near passing each input on: 0.9 on the diagonal of a square matrix, the rest
    shared; 1/m everywhere otherwise.

    Args:
        inputs, outputs: m and n.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(inputs, outputs))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set the fixed start; the weights of each output sum to 1."""
        inputs, outputs = self.weight.shape
        with torch.no_grad():
            # No diagonal to favour, or, with a single input, no others that share the rest.
            if inputs != outputs or inputs == 1:
                self.weight.fill_(1 / inputs)
            else:
                self.weight.fill_(0.1 / (inputs - 1)).fill_diagonal_(0.9)

    def forward(self, *inputs: Tensor) -> Tensor | tuple[Tensor, ...]:
        """m tensors of one shape [batch, ...] to n of it (a single one as it is)."""
        return _weighted(self.weight.t().expand(inputs[0].shape[0], -1, -1), inputs)

    def extra_repr(self) -> str:
        """The sizes."""
        return f"inputs={self.weight.shape[0]}, outputs={self.weight.shape[1]}"


class Mix(nn.Module):
    """`beta f(x) + (1 - beta) x` (Bird 2022, eq. 1).

    Args:
        beta: fixed; if None it is learned through a sigmoid, starting at a half.

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
        """Start with beta at a half."""
        if self.beta is None:
            nn.init.zeros_(self.logit)

    def forward(self, x: Tensor, changed: Tensor) -> Tensor:
        """Mix x and f(x), [batch, ...] both."""
        beta: Tensor | float
        if self.beta is None:
            beta = torch.sigmoid(self.logit).to(x.dtype)
        else:
            beta = self.beta
        # In this form the result is x to the last bit where both agree.
        return x + beta * (changed - x)

    def extra_repr(self) -> str:
        """The source of beta."""
        if self.beta is None:
            return "learned"
        return f"beta={self.beta}"
