"""Networks that draw, and networks whose kernels torch calculates: short modules of torch's layers."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import weight_norm


class VAE(nn.Module):
    """Kingma and Welling 2014, section 3 and appendix C: a Gaussian encoder, a Bernoulli decoder."""

    def __init__(self, hidden: int, latent: int) -> None:
        super().__init__()
        self.seen, self.mean = nn.Linear(784, hidden), nn.Linear(hidden, latent)
        self.variance = nn.Linear(hidden, latent)
        self.back, self.image = nn.Linear(latent, hidden), nn.Linear(hidden, 784)
        self.register_buffer("one", torch.full((latent,), -1.0))

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """[batch, 1, 28, 28] to the logits of its pixels, and how far the draws are from a standard normal."""
        seen = self.seen(x.flatten(1)).tanh()
        mean, variance = self.mean(seen), self.variance(seen)
        z = mean
        if self.training:
            z = torch.normal(torch.zeros_like(mean), torch.ones_like(mean)) * variance.exp().sqrt() + mean
        image = self.image(self.back(z).tanh()).unflatten(1, (1, 28, 28))
        divergence = -0.5 * (-self.one + variance - mean**2 - variance.exp()).sum(1, keepdim=True)
        return {"logits": image, "divergence": divergence}


class Level(nn.Module):
    """Bai et al. 2018, figure 1 b: two dilated causal convolutions with weight norm, and a 1x1 beside them."""

    def __init__(self, entering: int, leaving: int, k: int, reach: int) -> None:
        super().__init__()
        self.before = (k - 1) * reach
        self.convs = nn.ModuleList(
            weight_norm(nn.Conv1d(c, leaving, k, dilation=reach)) for c in (entering, leaving)
        )
        self.drops = nn.ModuleList(nn.Dropout(0.05) for _ in range(2))
        self.shortcut = nn.Conv1d(entering, leaving, 1) if entering != leaving else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """[batch, entering, T] to [batch, leaving, T]."""
        made = x
        for conv, drop in zip(self.convs, self.drops, strict=True):
            made = drop(conv(functional.pad(made, (self.before, 0))).relu())
        return (made + self.shortcut(x)).relu()


class TCN(nn.Module):
    """Bai et al. 2018, section 3: levels of doubled reach, and a dense layer at the last place."""

    def __init__(self, width: int, levels: int, classes: int, k: int) -> None:
        super().__init__()
        self.levels = nn.Sequential(*(Level(width if i else 1, width, k, 2**i) for i in range(levels)))
        self.head = nn.Linear(width, classes)

    def forward(self, x: Tensor) -> Tensor:
        """[batch, 1, T] to the classes."""
        scores: Tensor = self.head(self.levels(x)[:, :, -1])
        return scores
