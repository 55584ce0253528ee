"""A torch convolution with small kernels over its large one, or with the chains of a diverse branch block beside it."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor, fx, nn
from torch.nn import functional

from archlang.diagnostics import ArchError, error
from archlang.kernels import Extent, Padding, Window, branch_padding, padding_steps
from archlang.layers import channelwise, window_mean
from archlang.rewrite.fold import fuse
from archlang.rewrite.report import Obstacle
from archlang.rewrite.stored import plain_kind

Gamma = Literal["zero", "one"]
NONE: Padding = ((0, 0), (0, 0))


class BoostedConv(nn.Module):
    """A convolution and its batch norm with small kernels over the large one; their sum is what the convolution gave.

    `branches[0]` is the convolution with its norm; `branches[l]` the l-th small kernel with a norm of its own, where
    the convolution had one (PBConv, section 4.2, eq. 10). `chains` adds the two chains of a diverse branch block: 1x1
    before the large kernel, and 1x1 before its mean (Ding et al. 2021, figure 2). Over lines, rows are one.
    """

    def __init__(self, conv: nn.Conv1d | nn.Conv2d, norm: nn.Module | None, windows: Sequence[Window],
                 gamma: Gamma = "one", chains: bool = False) -> None:
        super().__init__()
        parts = _Branches(conv, norm, gamma)
        outer = outer_padding(conv)
        self.windows, self.mode, self.lines = tuple(windows), conv.padding_mode, isinstance(conv, nn.Conv1d)

        # A small kernel that lies inside the large one reads fewer cells around: some padding is cut off again.
        zeros = conv.padding_mode == "zeros"
        needed = (branch_padding(outer, plane(conv.dilation), plane(conv.kernel_size), w) for w in windows)
        self.steps = [padding_steps(net, outer, zeros) for net in needed]

        added = [parts.small(window) for window in windows]
        if chains:
            added += [parts.reduced(), parts.mean()]
            self.steps += [(outer, NONE)] * 2

        main = nn.Sequential(conv)
        if norm is not None:
            main.append(norm)
        self.branches = nn.ModuleList([main, *added])

    def forward(self, x: Tensor) -> Tensor:
        """[batch, C, H, W] to [batch, D, H', W'], or [batch, C, L] to [batch, D, L']."""
        total: Tensor = self.branches[0](x)
        for branch, (added, cut) in zip(list(self.branches)[1:], self.steps, strict=True):
            total = total + self._through(branch, x, added, cut)
        return total

    def _through(self, branch: Any, x: Tensor, added: Padding, cut: Padding) -> Tensor:
        """One branch of what comes in, padded and cropped."""
        # A graph is traced from the plain form, which passes know; forms of another kind gain in training alone.
        if not self.training or self.lines or isinstance(x, fx.Proxy) or not all(map(_plain, branch)):
            done: Tensor = branch(padded(x, added, cut, self.mode, self.lines))
            return done

        steps = list(branch)
        # A 1x1 kernel without bias gives 0 for 0, and reads fewer cells before the padding than behind it.
        if _pointwise(steps[0]):
            x = _quick(steps.pop(0), x)
        x = padded(x, added, cut, self.mode, self.lines)
        for step in steps:
            x = _quick(step, x)
        return x

    def get_equivalent_kernel_bias(self) -> tuple[Tensor, Tensor | None]:
        """The kernel and the bias of the one convolution that computes the same in evaluation mode.

        The name is RepVGG's, which tools ask for. Raises ArchError (pass-does-not-apply) as `switch_to_deploy` does.
        """
        merged = self._merged()
        return merged.weight, merged.bias

    def switch_to_deploy(self) -> None:
        """Become that one convolution, in place and for good; `timm.utils.reparameterize_model` calls this.

        Raises ArchError (pass-does-not-apply) where the branches are not one convolution: hooks, norms without
        statistics.
        """
        merged = self._merged()
        self.branches, self.windows, self.steps = nn.ModuleList([merged]), (), []

    def _merged(self) -> nn.Conv1d | nn.Conv2d:
        """The convolution of all branches, on their device and in their dtype."""
        main: Any = self.branches[0]
        # After `switch_to_deploy` the convolution stands alone.
        conv = main
        if not isinstance(main, nn.Conv1d | nn.Conv2d):
            conv = main[0]

        # An example says that what enters is a batch: a norm over lines could see another axis.
        size = [2 * d * k for d, k in zip(conv.dilation, conv.kernel_size, strict=True)]
        example = torch.ones(1, conv.in_channels, *size, device=conv.weight.device, dtype=conv.weight.dtype)

        fused = fuse(copy.deepcopy(self).eval(), (example,))
        # What was not fused stays as further nodes, and then the branches are no single convolution.
        inner = [node for node in fused.graph.nodes if node.op not in ("placeholder", "output")]
        merged = None
        if inner[0].op == "call_module":
            merged = fused.get_submodule(str(inner[0].target))
        if len(inner) != 1 or not isinstance(merged, nn.Conv1d | nn.Conv2d):
            raise ArchError(error("pass-does-not-apply", "the branches of this convolution are not one convolution",
                                  notes=[str(skip) for skip in fused.meta["report"].skipped]))
        return merged.train(self.training)

    def extra_repr(self) -> str:
        """Its small kernels."""
        return ", ".join(map(str, self.windows))


def _plain(step: nn.Module) -> bool:
    """True for a module of torch's own that nobody has changed: its weights may be read without calling it."""
    try:
        plain_kind(step, (nn.Conv2d, nn.AvgPool2d, nn.BatchNorm2d, nn.SyncBatchNorm))
    except Obstacle:
        return False
    return True


def _pointwise(step: nn.Module) -> bool:
    return isinstance(step, nn.Conv2d) and step.bias is None and step.kernel_size == step.stride == (1, 1)


def _quick(step: nn.Module, x: Tensor) -> Tensor:
    """A step of a branch in the form that runs fastest; a convolution here has no padding and no bias."""
    done: Tensor
    if isinstance(step, nn.AvgPool2d):
        # Both were given as pairs, those of the convolution beside it.
        return window_mean(x, tuple(step.kernel_size), tuple(step.stride))  # type: ignore[arg-type]
    if isinstance(step, nn.Conv2d) and step.groups > 1 and step.dilation == (1, 1):
        return channelwise(x, step.weight, step.stride, step.groups)
    done = step(x)
    return done


def padded(x: Tensor, added: Padding, cut: Padding, mode: str, lines: bool) -> Tensor:
    """Cells added, then cells cut off, each where there are any."""
    if any(cells for pair in added for cells in pair):
        how = "constant" if mode == "zeros" else mode
        x = functional.pad(x, _flat(added, lines), how)
    # A negative number cuts cells off, whatever the padding's mode.
    if any(cells for pair in cut for cells in pair):
        x = functional.pad(x, _flat(cut, lines))
    return x


def _flat(padding: Padding, lines: bool) -> list[int]:
    # torch names the last axis first.
    if lines:
        return [*padding[1]]
    return [*padding[1], *padding[0]]


def plane(sizes: Sequence[int]) -> Extent:
    """Rows and columns of a size; a line is one row.

    >>> plane((3, 5)), plane((7,))
    ((3, 5), (1, 7))
    """
    if len(sizes) == 2:
        return sizes[0], sizes[1]
    return 1, sizes[0]


def outer_padding(conv: nn.Conv1d | nn.Conv2d) -> Padding:
    """The cells that a convolution adds before and after rows and columns."""
    if conv.padding == "valid":
        return NONE
    if conv.padding == "same":
        # torch puts the odd cell of an even kernel behind.
        totals = [d * (k - 1) for d, k in zip(plane(conv.dilation), plane(conv.kernel_size), strict=True)]
        return (totals[0] // 2, totals[0] - totals[0] // 2), (totals[1] // 2, totals[1] - totals[1] // 2)

    given: Any = conv.padding
    rows, columns = (0, given[0]) if len(given) == 1 else given
    return (int(rows), int(rows)), (int(columns), int(columns))


class _Branches:
    """Makes the new branches of a convolution, on its device and in its dtype."""

    def __init__(self, conv: nn.Conv1d | nn.Conv2d, norm: nn.Module | None, gamma: Gamma) -> None:
        self.conv, self.norm, self.zero = conv, norm, gamma == "zero"
        self.one = (1,) * len(conv.kernel_size)
        self.channelwise = conv.groups == conv.in_channels == conv.out_channels

    def small(self, window: Window) -> nn.Sequential:
        """A small kernel; its padding is not its own."""
        # Of a line, whose one row is 1, the last size alone.
        size = (window.height, window.width)[-len(self.one):]
        conv = self.conv
        return self.ending(self.kernel(conv.in_channels, conv.out_channels, size, conv.stride, conv.dilation))

    def reduced(self) -> nn.Sequential:
        """1x1, then the large kernel."""
        conv = self.conv
        # The authors' code gives depthwise convolutions twice the channels inside.
        inner = conv.in_channels
        if conv.groups == conv.out_channels:
            inner *= 2
        first = self.kernel(conv.in_channels, inner, self.one, self.one, self.one)
        large = self.kernel(inner, conv.out_channels, conv.kernel_size, conv.stride, conv.dilation)
        return nn.Sequential(first, *self.normed(inner), *self.ending(large))

    def mean(self) -> nn.Sequential:
        """1x1, then the mean of each window; of a depthwise convolution the mean alone."""
        conv, kind = self.conv, nn.AvgPool1d if len(self.one) == 1 else nn.AvgPool2d
        pool: nn.Module = kind(conv.kernel_size, conv.stride)  # type: ignore[arg-type]  # as many sizes as it has
        # A 1x1 that keeps channels apart would only scale them, which the norm behind does.
        if self.channelwise:
            return self.ending(pool)

        point = self.kernel(conv.in_channels, conv.out_channels, self.one, self.one, self.one)
        if self.norm is None and self.zero:
            nn.init.zeros_(point.weight)
        return nn.Sequential(point, *self.normed(conv.out_channels), *self.ending(pool))

    def kernel(self, entering: int, leaving: int, size: tuple[int, ...], stride: tuple[int, ...],
               dilation: tuple[int, ...]) -> nn.Conv1d | nn.Conv2d:
        """A convolution without bias and padding."""
        weight = self.conv.weight
        kind: Any = nn.Conv1d if len(self.one) == 1 else nn.Conv2d
        made: nn.Conv1d | nn.Conv2d = kind(entering, leaving, size, stride, 0, dilation, self.conv.groups, bias=False,
                                           device=weight.device, dtype=weight.dtype)
        return made.train(self.conv.training)

    def ending(self, last: nn.Module) -> nn.Sequential:
        """A branch's last operation with a batch norm; what adds nothing at first if that is wanted."""
        norms = self.normed(self.conv.out_channels)
        # With gamma at 0 the norm gives its shift, 0 at first; without a norm the weights themselves are 0.
        if self.zero and norms:
            nn.init.zeros_(norms[0].weight)
        elif self.zero and isinstance(last, nn.Conv1d | nn.Conv2d):
            nn.init.zeros_(last.weight)
        return nn.Sequential(last, *norms)

    def normed(self, channels: int) -> list[Any]:
        """A fresh batch norm like the convolution's; none where that has none."""
        if self.norm is None:
            return []

        like: Any = self.norm
        kind: Any = nn.BatchNorm1d if len(self.one) == 1 else nn.BatchNorm2d
        # Beside a synchronised norm, one over a single device's samples would see other statistics.
        if isinstance(like, nn.SyncBatchNorm):
            kind = nn.SyncBatchNorm
        settings = {"device": like.running_mean.device, "dtype": like.running_mean.dtype}
        return [kind(channels, like.eps, like.momentum, **settings).train(like.training)]
