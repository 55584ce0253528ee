"""From the dotted name that an op gives as its torch target to the class or function itself."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any


@cache
def resolve(target: str) -> Any:
    """The object with a dotted name: `torch.nn.Conv2d`, `archlang.layers.multipath.Gates`, `operator.add`.

    Targets are part of the catalogue and never come from a file. Raises ModuleNotFoundError.

    >>> resolve("operator.add")(1, 2)
    3
    """
    parts = target.split(".")

    # The longest part that is a module is imported; the rest are its attributes.
    for split in range(len(parts) - 1, 0, -1):
        try:
            value: Any = import_module(".".join(parts[:split]))
        except ModuleNotFoundError:
            continue

        for part in parts[split:]:
            value = getattr(value, part)
        return value

    raise ModuleNotFoundError(f"no module holds {target}")
