"""The plane that a classifier of MNIST folds its digits into (Tissera 2023, figure 4.4): points to be clustered."""

from __future__ import annotations

from functools import cache

import torch
from torch import nn
from torch.nn import functional

from archlang.layers.chance import drawing_from
from archlang.train.data.made.images import DIGITS, mnist5k
from archlang.train.data.made.options import DataOption, Values, number
from archlang.train.data.pixels import scaled
from archlang.train.data.splits import Data, Tensors

FOLDED = (DataOption("epochs", default=12, low=1, high=100), DataOption("seed", default=0))

BATCH, RATE = 100, 4e-3


def bottleneck(values: Values) -> Data:
    """The 5,000 digits of `mnist5k` as points: what a layer of two nodes before the last gives, trained with labels.

    Points are divided by their deviation. They depend on the version of torch and the number of threads, as any
    training does. Raises `ArchError` (missing-tool).
    """
    return _folded(number(values, "epochs"), number(values, "seed"))


@cache  # some seconds of training, and a command reads its data more than once
def _folded(epochs: int, seed: int) -> Data:
    data = mnist5k({})
    train, test = data.train, data.test
    assert isinstance(train, Tensors) and isinstance(test, Tensors)

    generator = torch.Generator().manual_seed(seed)
    with drawing_from(generator):
        body, head = _network()
    with torch.enable_grad():
        _train(body, head, scaled(train.samples), train.labels, epochs, generator)

    # Both parts by the network that saw the first alone.
    with torch.no_grad():
        points = [body(scaled(part.samples)) for part in (train, test)]
    spread = points[0].std(0)
    return Data("bottleneck", Tensors(points[0] / spread, train.labels), Tensors(points[1] / spread, test.labels),
                DIGITS)


def _network() -> tuple[nn.Module, nn.Module]:
    body = nn.Sequential(
        nn.Conv2d(1, 8, 5, 2, 2), nn.ReLU(), nn.Conv2d(8, 16, 5, 2, 2), nn.ReLU(), nn.Flatten(),
        nn.Linear(16 * 49, 64), nn.Tanh(), nn.Linear(64, 2),
    )
    return body, nn.Linear(2, 10)


def _train(body: nn.Module, head: nn.Module, images: torch.Tensor, labels: torch.Tensor, epochs: int,
           generator: torch.Generator) -> None:
    optimizer = torch.optim.Adam([*body.parameters(), *head.parameters()], lr=RATE)
    # One cycle of the rate: with a constant one, digits end up as rays that overlap in the middle.
    steps = epochs * -(-len(images) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps)
    for _ in range(epochs):
        order = torch.randperm(len(images), generator=generator)
        for start in range(0, len(images), BATCH):
            rows = order[start : start + BATCH]
            loss = functional.cross_entropy(head(body(images[rows])), labels[rows])
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]  # torch does not annotate it
            optimizer.step()
            schedule.step()
