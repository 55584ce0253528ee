"""Keys that embeddings are compared with: learned by gradient, or by an EMA update from the embeddings near them."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from archlang.layers.precision import widened
from archlang.layers.processes import all_reduce, broadcast

EPS = 1e-8
"""The least length by which something is divided to have length 1, and the least weight that moves a key."""
ROUNDS = 10
"""Rounds of k-means in which keys start."""


def unit(x: Tensor) -> Tensor:
    """Rows at unit length, in float32 at least; rows of zeros stay zero.

    >>> unit(torch.tensor([[3.0, 4.0], [0.0, 0.0]]))
    tensor([[0.6000, 0.8000],
            [0.0000, 0.0000]])
    """
    return functional.normalize(widened(x), dim=-1, eps=EPS)


class Keyed(nn.Module):
    """Holds `keys` [count, size], rows of unit length at the start.

    They are learned by gradient until `follow` is given a decay: then no gradient reaches them, and in training each
    batch pulls them along (`ema_update`).

    Args:
        count: the number of keys.
        size: that of an embedding.
        start: `random` directions, or `kmeans` on the first batch of a training.
    """

    started: Tensor

    def __init__(self, count: int, size: int, start: str = "random") -> None:
        super().__init__()
        self.decay: float | None = None
        self.keys = nn.Parameter(torch.empty(count, size))
        if start == "kmeans":
            self.register_buffer("started", torch.zeros((), dtype=torch.int64))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw directions uniformly over the sphere."""
        with torch.no_grad():
            self.keys.copy_(unit(nn.init.normal_(self.keys)))
            if "started" in self._buffers:
                self.started.zero_()

    def follow(self, decay: float | None) -> None:
        """Let keys follow a moving average with this decay, without gradients; None: they are learned by gradient."""
        self.decay = decay
        # An optimiser skips what has no gradient: otherwise its weight decay would pull at the keys, too.
        self.keys.requires_grad_(decay is None)

    @torch.no_grad()
    def start_amid(self, embeddings: Tensor) -> None:
        """Start the keys amid embeddings [rows, size], where that is asked for and has not been done."""
        if "started" not in self._buffers or bool(self.started):
            return
        self.keys.copy_(kmeans(embeddings, unit(self.keys)))
        self.started.fill_(1)

    @torch.no_grad()
    def ema_update(self, weights: Tensor, embeddings: Tensor) -> None:
        """Move keys that follow: `k_i = unit(decay k_i + (1 - decay) sum_j w_ij u_j / sum_j w_ij)`, u_j = e_j / |e_j|.

        PCE, eq. 13, on directions: the router compares cosines alone (eq. 2), and keys have unit length. Embeddings of
        another length would make another momentum of the decay: at a length of 3, 0.99 would be 0.97. A key without
        weight, or whose mean is not finite, stays as it is.

        Args:
            weights: those of each row for each key, [rows, count]; sums go over the rows of all processes.
            embeddings: [rows, size].
        """
        if self.decay is None:
            return

        keys = unit(self.keys)
        weights = weights.detach().to(keys.dtype)
        directions = unit(embeddings.detach()).to(keys.dtype)
        # Sums and weights side by side: one collective for both.
        sums = all_reduce(torch.cat((weights.t() @ directions, weights.sum(0)[:, None]), 1))
        mean = sums[:, :-1] / sums[:, -1:].clamp_min(EPS)

        after = unit(self.decay * keys + (1 - self.decay) * mean)
        is_pulled = (sums[:, -1:] > EPS) & after.isfinite().all(1, keepdim=True)
        self.keys.copy_(torch.where(is_pulled, after, self.keys.to(after.dtype)))


@torch.no_grad()
def largest_cosine(keys: Tensor) -> float:
    """The largest cosine of two different keys [count, size]; -1 where there is one alone.

    At 1 two keys are one: their experts get the same weight whatever comes in.

    >>> round(largest_cosine(torch.tensor([[1.0, 0.0], [0.0, 2.0], [0.0, -1.0], [3.0, 3.0]])), 4)
    0.7071
    """
    directions = unit(keys)
    cosines = directions @ directions.t()
    cosines.fill_diagonal_(-1.0)  # each key's cosine with itself
    return float(cosines.max())


@torch.no_grad()
def kmeans(embeddings: Tensor, fallback: Tensor, rounds: int = ROUNDS) -> Tensor:
    """Unit-length means of embeddings by cosine, one for each row of a fallback.

    They start far from one another: the first row, then each time the row that is farthest from those chosen. Where
    fewer different rows are there than means, the others are the fallback's. The same on every process: the first one's
    rows are chosen from, all rows count.

    Args:
        embeddings: [rows, size].
        fallback: [count, size].
        rounds: assignments of rows to their nearest mean, each followed by new means.

    >>> groups = torch.tensor([[2.0, 0.0], [3.0, 0.0], [0.0, 1.0]])
    >>> kmeans(groups, torch.zeros(2, 2))
    tensor([[1., 0.],
            [0., 1.]])
    """
    rows = unit(embeddings.detach())
    # A row that is no number would make every mean none.
    rows = torch.where(rows.isfinite().all(1, keepdim=True), rows, torch.zeros_like(rows))

    means = broadcast(_spread(rows, fallback.to(rows.dtype)))
    for _ in range(rounds):
        nearest = functional.one_hot((rows @ means.t()).argmax(1), len(means)).to(rows.dtype)
        sums = all_reduce(nearest.t() @ rows)
        means = torch.where(sums.norm(dim=1, keepdim=True) > EPS, unit(sums), means)
    return means


def _spread(rows: Tensor, fallback: Tensor) -> Tensor:
    """Rows far from one another, as many as the fallback has; a fallback row where all rows are near those chosen."""
    chosen = rows.new_empty(0, rows.shape[1])
    # Rows have unit length, or 0 where they were no numbers: those are never far from anything.
    is_row = rows.norm(dim=1) > 0.5

    for spare in fallback:
        nearest = rows.new_zeros(len(rows))
        if len(chosen):
            nearest = (rows @ chosen.t()).amax(1)

        pick = spare
        if len(rows):
            distance = torch.where(is_row, 1 - nearest, torch.zeros_like(nearest))
            best = distance.argmax()
            # At less than that the row is one of those chosen, up to rounding.
            if distance[best] > 1e-6:
                pick = rows[best]
        chosen = torch.cat((chosen, pick[None]))
    return chosen
