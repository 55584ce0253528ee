"""Multi-path networks (Tissera 2023, chapter 3), input by input and output by output as algorithms 1 and 2 say.

A layer of parallel tensors is a list; every module here takes and gives such a list.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

from tests.peers.papers.residual import basic_stack, bottleneck_stack, classifier, dense, stem_imagenet, unit

Tensors = list[Tensor]
Make = Callable[[], nn.Module]


def gates(x: Tensor, first: Tensor, second: Tensor) -> Tensor:
    """G_i of one input (eq. 3.3 to 3.5): [batch, C, H, W] or [batch, C] to [batch, n], each row summing to 1."""
    z = x.mean((2, 3)) if x.dim() == 4 else x
    hidden = torch.relu(z @ first.T)
    return torch.softmax(hidden @ second.T, 1)


class CrossConnection(nn.Module):
    """`Y_j = sum_i g_ij X_i` (eq. 3.7, algorithm 2); with one input the one-to-many connector."""

    def __init__(self, inputs: int, outputs: int, channels: int, hidden: int = 16) -> None:
        super().__init__()
        self.first = nn.Parameter(torch.randn(inputs, hidden, channels))
        self.second = nn.Parameter(torch.randn(inputs, outputs, hidden))

    def forward(self, xs: Tensors) -> Tensors:
        """m tensors of one shape to n of it."""
        g = [gates(x, w1, w2) for x, w1, w2 in zip(xs, self.first, self.second, strict=True)]

        outputs = []
        for j in range(self.second.shape[1]):
            terms = [g[i][:, j].reshape(-1, *[1] * (x.dim() - 1)) * x for i, x in enumerate(xs)]
            outputs.append(torch.stack(terms).sum(0))
        return outputs


class CrossPrediction(nn.Module):
    """`Y_j = ReLU(sum_i g_ij U_ij)`, U_ij by weights of its own (eq. 3.1 and 3.6, algorithm 1)."""

    def __init__(self, inputs: int, outputs: int, channels: int, hidden: int, predict: Make) -> None:
        super().__init__()
        self.first = nn.Parameter(torch.randn(inputs, hidden, channels))
        self.second = nn.Parameter(torch.randn(inputs, outputs, hidden))
        self.predictions = nn.ModuleList(
            nn.ModuleList(predict() for _ in range(outputs)) for _ in range(inputs)
        )

    def forward(self, xs: Tensors) -> Tensors:
        """m tensors to n."""
        g = [gates(x, w1, w2) for x, w1, w2 in zip(xs, self.first, self.second, strict=True)]
        predicted = [[stage(x) for stage in row] for x, row in zip(xs, self.predictions, strict=True)]

        outputs = []
        for j in range(self.second.shape[1]):
            terms = [
                g[i][:, j].reshape(-1, *[1] * (row[j].dim() - 1)) * row[j] for i, row in enumerate(predicted)
            ]
            outputs.append(torch.stack(terms).sum(0).relu())
        return outputs


class CrossStitch(nn.Module):
    """`Y_j = sum_i a_ij X_i` with learned numbers a (Misra et al. 2016, eq. 1)."""

    def __init__(self, paths: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(paths, paths))

    def forward(self, xs: Tensors) -> Tensors:
        """n tensors of one shape to n of it."""
        columns = self.weight.unbind(1)
        return [torch.stack([a * x for a, x in zip(column, xs, strict=True)]).sum(0) for column in columns]


class Each(nn.Module):
    """A layer of weights of its own for every path."""

    def __init__(self, paths: int, make: Make) -> None:
        super().__init__()
        self.paths = nn.ModuleList(make() for _ in range(paths))

    def forward(self, xs: Tensors) -> Tensors:
        """n tensors to n."""
        return [path(x) for path, x in zip(self.paths, xs, strict=True)]


class Paths(nn.Module):
    """A stem, layers of parallel tensors, and the mean of what the last ones are."""

    def __init__(self, stem: nn.Module, layers: Iterable[nn.Module], copies: int = 1) -> None:
        super().__init__()
        self.stem, self.layers, self.copies = stem, nn.ModuleList(layers), copies

    def forward(self, image: Tensor) -> Tensor:
        """[batch, 3, H, W] to [batch, classes]; the first layer gets `copies` of what the stem makes."""
        x = self.stem(image)
        xs = [x] * self.copies

        for layer in self.layers:
            xs = layer(xs)
        return torch.stack(xs).mean(0)


def predicted(entering: int, leaving: int) -> nn.Sequential:
    """A convolutional prediction: no bias, a batch norm on each U_ij before the sum (systems.md, section 1)."""
    return nn.Sequential(nn.Conv2d(entering, leaving, 3, 1, 1, bias=False), nn.BatchNorm2d(leaving))


def pair(entering: int, leaving: int, *, pool: bool) -> nn.Sequential:
    """Two convolutions of one width, with the pool behind them."""
    tail = (nn.MaxPool2d(2),) if pool else ()
    return nn.Sequential(unit(entering, leaving), unit(leaving, leaving), *tail)


# --- BaseCNN with X paths (table 3.1, figures 3.2 and 3.4) ------------------------------------------------------------


def base_cnn_x(paths: int, size: int, classes: int) -> Paths:
    """X BaseCNNs that never meet before the mean."""
    def path() -> nn.Sequential:
        return nn.Sequential(pair(3, 32, pool=True), pair(32, 64, pool=True), pair(64, 128, pool=False))

    def head() -> nn.Sequential:
        return nn.Sequential(nn.Flatten(), *dense(128 * (size // 4) ** 2, classes))

    return Paths(nn.Identity(), [Each(paths, path), Each(paths, head)], copies=paths)


def base_cnn_routed(paths: int, size: int, classes: int, router: Callable[[int], nn.Module],
                    connector: nn.Module | None) -> Paths:
    """Routers after convolutions 2, 4, 6 and the first linear layer, a connector on the image where there is one."""
    flat = 128 * (size // 4) ** 2
    layers = [
        Each(paths, lambda: pair(3, 32, pool=True)), router(32),
        Each(paths, lambda: pair(32, 64, pool=True)), router(64),
        Each(paths, lambda: pair(64, 128, pool=False)), router(128),
        Each(paths, lambda: nn.Sequential(nn.Flatten(), nn.Linear(flat, 32), nn.ReLU())), router(32),
        Each(paths, lambda: nn.Sequential(nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, classes))),
    ]

    if connector is None:
        return Paths(nn.Identity(), layers, copies=paths)
    return Paths(nn.Identity(), [connector, *layers])


def base_cnn_cc(paths: int, size: int, classes: int, hidden: int = 16) -> Paths:
    """BaseCNN-X-CC (figure 3.4)."""
    return base_cnn_routed(
        paths, size, classes, lambda c: CrossConnection(paths, paths, c, hidden), CrossConnection(1, paths, 3, hidden)
    )


def cross_stitch(paths: int, size: int, classes: int) -> Paths:
    """Cr-Stitch2: cross-stitches where BaseCNN-2-CC has its cross-connections, the image itself for each path."""
    return base_cnn_routed(paths, size, classes, lambda c: CrossStitch(paths), None)


def base_cnn_cp(paths: int, size: int, classes: int, hidden: int = 16) -> Paths:
    """BaseCNN-X-CP (figure 3.2): cross-predictions for convolutions 1, 3, 5 and the second linear layer."""
    flat = 128 * (size // 4) ** 2

    def routed(inputs: int, entering: int, predict: Make) -> CrossPrediction:
        return CrossPrediction(inputs, paths, entering, hidden, predict)

    return Paths(nn.Identity(), [
        routed(1, 3, lambda: predicted(3, 32)),
        Each(paths, lambda: nn.Sequential(unit(32, 32), nn.MaxPool2d(2))),
        routed(paths, 32, lambda: predicted(32, 64)),
        Each(paths, lambda: nn.Sequential(unit(64, 64), nn.MaxPool2d(2))),
        routed(paths, 64, lambda: predicted(64, 128)),
        Each(paths, lambda: unit(128, 128)),
        Each(paths, lambda: nn.Sequential(nn.Flatten(), nn.Linear(flat, 32), nn.ReLU())),
        routed(paths, 32, lambda: nn.Linear(32, 32)),
        Each(paths, lambda: nn.Linear(32, classes)),
    ])


# --- residual networks with X paths (section 3.4.2 and 3.4.3) ---------------------------------------------------------


def resnet_cifar_cc(depth: int, paths: int, classes: int, hidden: int = 16) -> Paths:
    """One stem, the connector behind it, a router after each of three stacks."""
    n = (depth - 2) // 6

    def router(channels: int) -> CrossConnection:
        return CrossConnection(paths, paths, channels, hidden)

    return Paths(unit(3, 16), [
        CrossConnection(1, paths, 16, hidden),
        Each(paths, lambda: basic_stack(16, 16, n, 1)), router(16),
        Each(paths, lambda: basic_stack(16, 32, n, 2)), router(32),
        Each(paths, lambda: basic_stack(32, 64, n, 2)), router(64),
        Each(paths, lambda: classifier(64, classes)),
    ])


def resnet_cifar_cp(depth: int, paths: int, classes: int, hidden: int = 16) -> Paths:
    """A convolutional one-to-many layer first, cross-predictions before the second and third stack."""
    n = (depth - 2) // 6
    return Paths(nn.Identity(), [
        CrossPrediction(1, paths, 3, hidden, lambda: predicted(3, 16)),
        Each(paths, lambda: basic_stack(16, 16, n, 1)),
        CrossPrediction(paths, paths, 16, hidden, lambda: predicted(16, 16)),
        Each(paths, lambda: basic_stack(16, 32, n, 2)),
        CrossPrediction(paths, paths, 32, hidden, lambda: predicted(32, 32)),
        Each(paths, lambda: basic_stack(32, 64, n, 2)),
        Each(paths, lambda: classifier(64, classes)),
    ])


def resnet_imagenet_cc(counts: tuple[int, ...], bottleneck: bool, paths: int, classes: int, hidden: int = 16) -> Paths:
    """The connector behind the max pool, a router after each of four stacks (table 3.4)."""
    stack, factor = (bottleneck_stack, 4) if bottleneck else (basic_stack, 1)
    layers: list[nn.Module] = [CrossConnection(1, paths, 64, hidden)]
    entering = 64

    for index, (count, width) in enumerate(zip(counts, (64, 128, 256, 512), strict=True)):
        stride = 2 if index else 1
        layers.append(Each(paths, lambda e=entering, w=width, n=count, s=stride: stack(e, w, n, s)))
        entering = factor * width
        layers.append(CrossConnection(paths, paths, entering, hidden))

    return Paths(stem_imagenet(), [*layers, Each(paths, lambda: classifier(entering, classes))])


def vgg13_cc(paths: int, size: int, classes: int, hidden: int = 16) -> Paths:
    """VGG13 at half its widths with X paths: a router after every pool and after the first linear layer."""
    layers: list[nn.Module] = [CrossConnection(1, paths, 3, hidden)]
    entering = 3

    for width in (32, 64, 128, 256, 256):
        layers += [
            Each(paths, lambda e=entering, w=width: pair(e, w, pool=True)),
            CrossConnection(paths, paths, width, hidden),
        ]
        entering = width

    flat = 256 * (size // 32) ** 2
    return Paths(nn.Identity(), [
        *layers,
        Each(paths, lambda: nn.Sequential(nn.Flatten(), nn.Linear(flat, 256), nn.ReLU())),
        CrossConnection(paths, paths, 256, hidden),
        Each(paths, lambda: nn.Sequential(nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, classes))),
    ])
