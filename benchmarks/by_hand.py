"""BaseCNN-X-CC as one would write it by hand: plain modules and loops over the paths (Tissera 2023, table 3.1)."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class CrossConnection(nn.Module):
    """m inputs to n outputs: Y_j = sum_i G_ij X_i, G_i = softmax(W2 relu(W1 z_i)), z_i the channel means of X_i."""

    def __init__(self, features: int, inputs: int, outputs: int, hidden: int) -> None:
        super().__init__()
        self.squeeze = nn.ModuleList(nn.Linear(features, hidden, bias=False) for _ in range(inputs))
        self.excite = nn.ModuleList(nn.Linear(hidden, outputs, bias=False) for _ in range(inputs))
        self.outputs = outputs

    def forward(self, xs: list[Tensor]) -> list[Tensor]:
        """Inputs [batch, ...] each, outputs alike."""
        gates = []
        for x, squeeze, excite in zip(xs, self.squeeze, self.excite, strict=True):
            z = x.mean(dim=(2, 3)) if x.dim() == 4 else x
            gates.append(torch.softmax(excite(torch.relu(squeeze(z))), dim=1))
        results = []
        for j in range(self.outputs):
            total: Tensor | None = None
            for x, gate in zip(xs, gates, strict=True):
                part = gate[:, j].reshape(-1, *(1,) * (x.dim() - 1)) * x
                total = part if total is None else total + part
            assert total is not None
            results.append(total)
        return results


def unit(entering: int, leaving: int) -> list[nn.Module]:
    """Convolution, batch norm, activation."""
    return [nn.Conv2d(entering, leaving, 3, padding=1, bias=False), nn.BatchNorm2d(leaving), nn.ReLU()]


def stage(entering: int, leaving: int) -> nn.Sequential:
    """Two units and a pool."""
    return nn.Sequential(*unit(entering, leaving), *unit(leaving, leaving), nn.MaxPool2d(2))


class BaseCNNCC(nn.Module):
    """Image [batch, 3, 32, 32] -> logits [batch, classes]."""

    def __init__(self, paths: int = 2, classes: int = 10, hidden: int = 16) -> None:
        super().__init__()

        def each(*make: nn.Module) -> nn.Sequential:
            return nn.Sequential(*make)

        self.fork = CrossConnection(3, 1, paths, hidden)
        self.stages = nn.ModuleList([
            nn.ModuleList(stage(3, 32) for _ in range(paths)),
            nn.ModuleList(stage(32, 64) for _ in range(paths)),
            nn.ModuleList(each(*unit(64, 128), *unit(128, 128)) for _ in range(paths)),
            nn.ModuleList(each(nn.Flatten(), nn.Linear(128 * 8 * 8, 32), nn.ReLU()) for _ in range(paths)),
        ])
        self.routes = nn.ModuleList(CrossConnection(c, paths, paths, hidden) for c in (32, 64, 128, 32))
        self.heads = nn.ModuleList(
            each(nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, classes)) for _ in range(paths)
        )

    def forward(self, image: Tensor) -> Tensor:
        """The mean of all paths' logits."""
        xs: list[Tensor] = self.fork([image])
        for members, route in zip(self.stages, self.routes, strict=True):
            xs = route([member(x) for member, x in zip(members, xs, strict=True)])  # type: ignore[arg-type]
        heads = [head(x) for head, x in zip(self.heads, xs, strict=True)]
        return torch.stack(heads).mean(dim=0)
