"""Draws for the images of a batch, one for each, on the CPU whatever the device."""

from __future__ import annotations

import torch


def chance(images: torch.Tensor, generator: torch.Generator, p: float) -> torch.Tensor:
    """True with probability `p` for each image, [batch, 1, 1, 1]."""
    return (torch.rand(len(images), 1, 1, 1, generator=generator) < p).to(images.device)


def between(images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """A number for each image, evenly from -1 to 1, [batch, 1, 1, 1]."""
    return torch.rand(len(images), 1, 1, 1, generator=generator) * 2 - 1
