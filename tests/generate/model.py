"""Generated programs and what the generator knows while it writes one."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from tests.generate.stages import Type


@dataclass
class Program:
    """A valid program: its text, and the types that its outputs have by its generator's reckoning."""

    seed: int
    text: str
    outputs: dict[str | None, Type]
    sizes: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Around:
    """What may be used where something is written: tensors by name, what `in` is, whether flows may stand in calls."""

    tensors: dict[str, Type] = field(default_factory=dict)
    entering: Type | None = None
    depth: int = 0
    flows: bool = True

    def inside(self, entering: Type | None) -> Around:
        """Within braces that `entering` flows into."""
        return replace(self, entering=entering, depth=self.depth + 1)


@dataclass
class Block:
    """A declared block: what it takes, and what leaves for a type that enters (None where it does not fit)."""

    name: str
    call: Callable[[Type, Around], tuple[str, Type] | None]


def used_layer(r: random.Random, layers: Mapping[str, Type], t: Type, a: Around) -> str | None:
    """A use of a layer that is declared for this type, now and then."""
    fitting = [name for name, kept in layers.items() if kept == t]
    # The turns of a loop, in which no flow may stand in a call, may have other widths: a layer has one.
    if not fitting or not a.flows or r.random() < 0.5:
        return None
    return r.choice((fitting[0], f"{r.choice((1, 2, 3))} * {fitting[0]}"))
