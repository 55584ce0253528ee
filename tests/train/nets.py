"""A small network, its training, and data that it can learn."""

from __future__ import annotations

import torch

from archlang.elaborate.network import Network, loads
from archlang.graph.ir import Graph, OutputSpec, Port
from archlang.shapes import Tensor
from archlang.train import Data, Tensors

NETWORK = """archlang 1

network Tiny(classes = 3) {
  input image: [1, 6, 6]
  features = image -> conv(3x3, 6) -> batch_norm -> relu -> dropout(0.1)
  logits   = features -> flatten -> linear(classes)
  output logits
}
"""
TRAIN = """
train {
  loss      = cross_entropy(logits, label)
  optimizer = sgd(lr = 0.1, momentum = 0.9)
  batch     = 16
  augment   = [shift(1), erase(p = 0.1)]
  phase all { epochs = 3; lr = cosine }
}
"""


class OneType(Graph):
    """A graph of outputs alone, all of one type: enough for losses and steps over models that no file describes."""

    kind = Tensor((2,))

    def type(self, port: Port) -> Tensor:  # every port is of this type
        return self.kind


def outputs(*ports: Port, sizes: tuple[int, ...] = (2,)) -> Graph:
    """A graph that hands out these ports, the first without a name."""
    graph = OneType("g", outputs=tuple(OutputSpec(f"out{n}" if n else None, port) for n, port in enumerate(ports)))
    graph.kind = Tensor(sizes)
    return graph


def tiny(train: str = TRAIN, **dials: object) -> Network:
    """The checked network with a `train`."""
    return loads(NETWORK + train, dials)


def bars(count: int = 97, test: int = 40, classes: int = 3) -> Data:
    """Images with a bright band in one of three places, and noise."""

    def part(size: int, seed: int) -> Tensors:
        generator = torch.Generator().manual_seed(seed)
        labels = torch.randint(0, classes, (size,), generator=generator)
        images = torch.rand(size, 1, 6, 6, generator=generator) * 0.5
        for row, label in enumerate(labels.tolist()):
            images[row, 0, 2 * label : 2 * label + 2] += 0.5
        return Tensors(images, labels)

    return Data("bars", part(count, 1), part(test, 2), tuple("abcdefgh"[:classes]))
