"""The blocks of `std` that read sequences and windows, and their peers."""

from __future__ import annotations

from torch import Tensor, nn

from tests.peers.libraries import timm
from tests.peers.of_std import SEQUENCE, block
from tests.peers.papers import language


class ChannelsLast(nn.Module):
    """A module of maps [batch, H, W, C], fed with [batch, C, H, W]."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor) -> Tensor:
        """[batch, C, H, W] to the same of other sizes."""
        made: Tensor = self.inner(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        return made


def swin(channels: int, size: int, heads: int, window: int, shift: int) -> nn.Module:
    """timm's layer of a Swin transformer."""
    module = timm().models.swin_transformer
    inner = module.SwinTransformerBlock(channels, (size, size), heads, window_size=window, shift_size=shift)
    return ChannelsLast(inner)


def merged(channels: int) -> nn.Module:
    """timm's merging of four neighbouring places."""
    return ChannelsLast(timm().models.swin_transformer.PatchMerging(channels))


PAIRS = [
    block("attention", "decoder(4, 64)", "GPT-2's block", lambda: language.Block(16, 4), SEQUENCE),
    block("attention", "gated_mlp(12)", "Shazeer 2020, eq. 6", lambda: language.Gated(16, 12), SEQUENCE),
    block("swin", "swin(2, 4x4)", "timm's SwinTransformerBlock", lambda: swin(8, 12, 2, 4, 0)),
    block("swin", "swin(2, 6x6, shift = 3)", "timm's SwinTransformerBlock", lambda: swin(8, 12, 2, 6, 3)),
    block("swin", "merged", "timm's PatchMerging", lambda: merged(8)),
]
