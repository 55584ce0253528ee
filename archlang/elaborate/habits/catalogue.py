"""All rows of the tables, by the names that they are known by."""

from __future__ import annotations

from archlang.elaborate.habits.axis_functions import AXIS_FUNCTIONS
from archlang.elaborate.habits.einops import EINOPS
from archlang.elaborate.habits.habit import Habit
from archlang.elaborate.habits.keras_layers import FLAX_POOLS, KERAS_LAYERS
from archlang.elaborate.habits.torch_functions import MERGES, METHODS, NO_EFFECT, WITHOUT_COUNTERPART
from archlang.elaborate.habits.torch_layers import TORCH_LAYERS
from archlang.elaborate.habits.torch_training import LOSSES, OPTIMIZERS, SCHEDULES

__all__ = ["FUNCTIONS", "METHOD_ROWS", "NO_EFFECT", "ROWS", "TABLES"]

TABLES: dict[str, tuple[Habit, ...]] = {
    "Layers of PyTorch": TORCH_LAYERS,
    "Padding, axes and numbers": AXIS_FUNCTIONS,
    "Functions of several tensors": MERGES,
    "Methods of tensors": METHODS,
    "Patterns of einops": EINOPS,
    "Losses": LOSSES,
    "Optimizers": OPTIMIZERS,
    "Schedules": SCHEDULES,
    "Layers of Keras": KERAS_LAYERS,
    "Functions of Flax": FLAX_POOLS,
    "Without a counterpart": WITHOUT_COUNTERPART,
}
"""The tables under the headings of the page."""

# Functions of several tensors and methods are no stages: the first tensor is no argument that a row knows.
ROWS: dict[str, Habit] = {
    name: row
    for heading, rows in TABLES.items() if heading not in ("Functions of several tensors", "Methods of tensors")
    for row in rows for name in row.names
}
"""Rows that stand for a stage, a loss or an optimizer."""

# A class has capitals in its name, and a function has none.
FUNCTIONS: dict[str, Habit] = {
    name: row
    for rows in (TORCH_LAYERS, AXIS_FUNCTIONS, MERGES, METHODS, EINOPS, FLAX_POOLS)
    for row in rows for name in row.names
    if name.islower()
}
"""Rows of functions whose first argument is the tensor that flows in."""

METHOD_ROWS: dict[str, Habit] = {name: row for row in (*METHODS, *EINOPS) for name in row.names}
