"""The plan of a training, as a file's `train { }` declares it: losses over ports of the graph, optimisers, phases."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from archlang.dataclass import dataclass
from archlang.graph.ir import Port
from archlang.ops.values import CodeValue, Option, Weighted
from archlang.source import NOWHERE, Span


@dataclass(frozen=True)
class LossSite:
    """A place that a structural loss is over: its name, what is read there, its code where it has one.

    `facts` holds what else the loss must know of it.
    """

    name: str
    port: Port
    code: CodeValue | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Loss:
    """`weight * loss(tensors; option)`: which loss, and the ports and words it reads (`label`, `label.heat`).

    A structural loss, which files do not hand tensors to, has `sites`; it reads their ports and whatever `reads` says.
    """

    weight: float
    option: Option
    reads: tuple[Port | str, ...] = ()
    span: Span = NOWHERE
    sites: tuple[LossSite, ...] = ()

    @property
    def ports(self) -> tuple[Port, ...]:
        """Every tensor of the network that it reads."""
        # The other kind of thing that a loss reads is the label, by a word.
        tensors = [read for read in self.reads if isinstance(read, Port)]
        return (*tensors, *(site.port for site in self.sites))


def named_inputs(augmentation: Option) -> tuple[str, ...] | None:
    """The inputs whose images an augmentation changes, by the names that the file gives; None: all images."""
    names: Any = augmentation.args.get("of")
    if names is None:
        return None
    return tuple(names)


@dataclass(frozen=True)
class TrainingStep:
    """One of several optimisation steps on a batch: a loss and its own optimiser."""

    name: str
    losses: tuple[Loss, ...]
    optimizer: Option


@dataclass(frozen=True)
class Phase:
    """A stretch of training, so many epochs or steps long, and the learning rate's curve in it.

    Weights train that a pattern of `only` names (None: all), but for those that one of `freeze` names. `keys` says what
    a router's keys follow: an `ema`, or nothing, then they are learned.
    """

    name: str
    epochs: int
    lr: Weighted | None = None
    span: Span = NOWHERE
    steps: int = 0
    only: tuple[str, ...] | None = None
    freeze: tuple[str, ...] = ()
    keys: Option | None = None
    places: Mapping[str, Span] = field(default_factory=dict, compare=False)  # where each setting stands

    @property
    def length(self) -> int:
        """Its length, in the unit of its curve: epochs, or steps where it counts those."""
        return self.steps or self.epochs


@dataclass(frozen=True)
class Plan:
    """The declarations of a file's `train { }`, checked."""

    losses: tuple[Loss, ...]
    optimizer: Option | None
    phases: tuple[Phase, ...]
    steps: tuple[TrainingStep, ...] = ()
    batch: int = 128
    seed: int = 0
    augment: tuple[Option, ...] = ()
    labels: tuple[str, ...] | None = None
    span: Span = NOWHERE
    clip: float | None = None
    precision: str = "float32"
    average: Option | None = None
    metrics: tuple[Option, ...] = ()
    best: Option | str | None = None
    accumulate: int = 1
    patience: int | None = None
