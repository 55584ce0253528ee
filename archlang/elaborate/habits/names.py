"""The names at a place, and the rows that a dotted name stands for."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from archlang.dataclass import dataclass
from archlang.elaborate.habits.catalogue import FUNCTIONS, METHOD_ROWS, ROWS, SENTENCES, SPELT_ALIKE, folded
from archlang.elaborate.habits.habit import Habit
from archlang.syntax.tree import Expr, Field, Name

PREFIXES = {
    "nn": "PyTorch", "torch": "PyTorch", "F": "PyTorch", "functional": "PyTorch", "optim": "PyTorch",
    "torchvision": "PyTorch", "layers": "Keras", "keras": "Keras", "tf": "TensorFlow", "tfl": "Keras",
    "hk": "Haiku", "eqx": "Equinox", "optax": "Optax", "linen": "Flax", "flax": "Flax", "paddle": "Paddle",
    "timm": "timm", "models": "PyTorch", "transforms": "PyTorch", "lr_scheduler": "PyTorch",
    "einops": "einops", "jax": "JAX", "jnp": "JAX", "np": "NumPy", "numpy": "NumPy",
}
"""Modules of frameworks, under the names by which files import them."""


LONGEST_PATH = 16
"""Parts of a name that is looked up: no framework has names as long."""


@dataclass(frozen=True)
class KnownNames:
    """The names that may be used at a place.

    `tensors` are inputs and bindings, `ranks` their numbers of axes as far as they are known, `others` lets, blocks and
    parameters, `settings` the words of a `train`, `of_train` the names that it sets. The functions tell if the
    catalogue has a stage, if it brings tensors together, if it takes braces.
    """

    tensors: frozenset[str]
    others: frozenset[str]
    ranks: Mapping[str, int]
    is_stage: Callable[[str], bool]
    is_merge: Callable[[str], bool]
    takes_braces: Callable[[str], bool]
    settings: frozenset[str] = frozenset()
    of_train: frozenset[str] = frozenset()

    def defines(self, name: str) -> bool:
        """Return whether the file itself gives a name its meaning."""
        return name in self.tensors or name in self.others

    def knows(self, path: tuple[str, ...]) -> bool:
        """Return whether a dotted name means something here already."""
        if not path:
            return False
        return self.defines(path[0]) or (len(path) == 1 and (self.is_stage(path[0]) or path[0] in self.settings))


def path_of(expr: Expr) -> tuple[str, ...]:
    """The parts of a dotted name: `nn.Conv2d` gives ("nn", "Conv2d"). Other expressions have none.

    Every part of a long name is looked up in turn, so that names with more than `LONGEST_PATH` parts count as none.
    """
    fields: list[str] = []
    while isinstance(expr, Field) and len(fields) < LONGEST_PATH:
        fields.append(expr.name)
        expr = expr.value

    if not isinstance(expr, Name):
        return ()
    return (expr.text, *reversed(fields))


def layer_rows(path: tuple[str, ...]) -> tuple[Habit, ...]:
    """The rows of a name that stands for a stage: bare, or behind the name of a module.

    A name in another spelling has those of all its spellings: `conv2d(3, 8, 3)` is PyTorch's, `conv2d(8, 3)` Keras's.
    """
    if not path:
        return ()
    # `model.layers.Dense` and `tf.keras.layers.Dense` both stand behind a module that is known.
    if len(path) > 1 and path[0] not in PREFIXES and path[-2] not in PREFIXES:
        return ()
    own = ROWS.get(path[-1])
    others = SPELT_ALIKE.get(folded(path[-1]), ())
    return tuple(dict.fromkeys(row for row in (own, *others) if row is not None))


def method_row(name: str) -> Habit | None:
    """The row of a method of tensors; what works in place, as `relu_`, is the same function here."""
    for spelling in (name, name.rstrip("_")):
        row = METHOD_ROWS.get(spelling) or FUNCTIONS.get(spelling) or SENTENCES.get(spelling)
        if row is not None:
            return row
    return None


def function_row(path: tuple[str, ...]) -> Habit | None:
    """The row of a function: behind the name of a module, or bare if it was imported by itself."""
    if not path or (len(path) > 1 and path[0] not in PREFIXES):
        return None
    return FUNCTIONS.get(path[-1]) or FUNCTIONS.get(path[-1].rstrip("_"))


def origin_of(path: tuple[str, ...], row: Habit) -> str:
    """The framework of a name: that of its module, unless `nn` stands before a layer that PyTorch does not have."""
    # Flax and PyTorch both call their module `nn`; the layer tells which is meant.
    origin = PREFIXES.get(path[0], row.origin)
    if origin == "PyTorch":
        return row.origin
    return origin
