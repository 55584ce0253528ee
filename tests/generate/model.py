"""Generated programs and what the generator knows while it writes one."""

from __future__ import annotations

from collections.abc import Callable
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
