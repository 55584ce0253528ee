"""All rows of the tables, by the names that they are known by."""

from __future__ import annotations

from archlang.elaborate.habits.axis_functions import AXIS_FUNCTIONS
from archlang.elaborate.habits.einops import EINOPS
from archlang.elaborate.habits.habit import Habit
from archlang.elaborate.habits.keras_layers import FLAX_POOLS, KERAS_LAYERS
from archlang.elaborate.habits.torch_functions import MERGES, METHODS, NO_EFFECT, WITHOUT_COUNTERPART
from archlang.elaborate.habits.torch_layers import TORCH_LAYERS
from archlang.elaborate.habits.torch_more import TORCH_MORE
from archlang.elaborate.habits.torch_training import LOSSES, OPTIMIZERS, SCHEDULES
from archlang.elaborate.habits.torch_without import TORCH_WITHOUT

__all__ = ["FUNCTIONS", "METHOD_ROWS", "NO_EFFECT", "ROWS", "SENTENCES", "SPELT_ALIKE", "TABLES", "folded"]

TABLES: dict[str, tuple[Habit, ...]] = {
    "Layers of PyTorch": TORCH_LAYERS,
    "Padding, axes and numbers": AXIS_FUNCTIONS,
    "Functions of several tensors": MERGES,
    "Methods of tensors": METHODS,
    "Patterns of einops": EINOPS,
    "Further layers and functions of PyTorch": TORCH_MORE,
    "Losses": LOSSES,
    "Optimizers": OPTIMIZERS,
    "Schedules": SCHEDULES,
    "Layers of Keras": KERAS_LAYERS,
    "Functions of Flax": FLAX_POOLS,
    "Without a counterpart": (*WITHOUT_COUNTERPART, *TORCH_WITHOUT),
}
"""The tables under the headings of the page."""

# Functions of several tensors and methods are no stages: the first tensor is no argument that a row knows.
_STAGES: tuple[tuple[str, Habit], ...] = tuple(
    (name, row)
    for heading, rows in TABLES.items() if heading not in ("Functions of several tensors", "Methods of tensors")
    for row in rows for name in row.names
)

ROWS: dict[str, Habit] = dict(reversed(_STAGES))
"""Rows that stand for a stage, a loss or an optimizer."""

# A class has capitals in its name, and a function has none.
FUNCTIONS: dict[str, Habit] = {
    name: row
    for rows in (TORCH_LAYERS, AXIS_FUNCTIONS, TORCH_MORE, MERGES, METHODS, EINOPS, FLAX_POOLS)
    for row in rows for name in row.names
    if name.islower()
}
"""Rows of functions whose first argument is the tensor that flows in."""

METHOD_ROWS: dict[str, Habit] = {name: row for row in (*METHODS, *EINOPS) for name in row.names}

SENTENCES: dict[str, Habit] = {
    name: row for rows in TABLES.values() for row in rows for name in row.names if not row.here and name.islower()
}
"""Rows of functions that have no stage: their form is a sentence that says what comes nearest."""


def folded(name: str) -> str:
    """A name without capitals and underscores, in which its spellings are alike.

    >>> folded("max_pool2d"), folded("MaxPool2d")
    ('maxpool2d', 'maxpool2d')
    """
    return name.lower().replace("_", "")


SPELT_ALIKE: dict[str, tuple[Habit, ...]] = {}
"""Rows of classes by their folded names: what a bare `conv2d` or `Batchnorm2d` may mean."""

for _name, _row in _STAGES:
    if not _name.islower():
        SPELT_ALIKE[folded(_name)] = (*SPELT_ALIKE.get(folded(_name), ()), _row)
