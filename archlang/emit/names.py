"""Names that are safe in a module tree and in the Python that torch.fx writes and runs."""

from __future__ import annotations

import keyword
import re
from functools import lru_cache

import torch
from torch import fx

_EMPTY = fx.GraphModule(torch.nn.Module(), fx.Graph())
_GLOBALS = ("inf", "nan", "NoneType", "torch", "device", "fx_pytree", "pytree", "self", "archlang", "inputs")

TAKEN = frozenset(
    name.rstrip("_") for name in (*keyword.kwlist, *keyword.softkwlist, *dir(_EMPTY), *vars(_EMPTY), *_GLOBALS)
)
"""Names that no part of a module path may have, also with `_` behind them.

They are Python's keywords, fx's globals, and the attributes of a `GraphModule`.
"""


@lru_cache(maxsize=4096)
def safe(part: str) -> str:
    """A part of a module path as the module tree has it: with `_` appended where the plain name is taken.

    Different parts stay different: a taken name that already ends in `_` gets one more. Raises ValueError where a part
    is none of the language's names or numbers.

    >>> safe("conv"), safe("0"), safe("class"), safe("class_"), safe("forward")
    ('conv', '0', 'class_', 'class__', 'forward_')
    """
    if not re.fullmatch(r"[A-Za-z_0-9]+", part, re.ASCII):
        raise ValueError("a part of a module path holds letters, digits and `_` only")

    special = part.startswith("__") and part.endswith("__")
    if special or part.rstrip("_") in TAKEN:
        return f"{part}_"
    return part


def module_name(path: tuple[str, ...]) -> str:
    """The dotted name of the module at a path, as in a `state_dict`.

    >>> module_name(("layer1", "0", "forward", "conv"))
    'layer1.0.forward_.conv'
    """
    return ".".join(map(safe, path))


def variable(op: str, number: int) -> str:
    """The name of a node of the fx graph: letters and digits of the op's name, then its number in program order.

    >>> variable("batch_norm", 7), variable("acme.nan", 2)
    ('batch_norm_7', 'acme_nan_2')
    """
    # Digits at the end are cut too, since the number follows.
    stem = re.sub(r"[^a-z0-9_]", "_", op.lower()).strip("_0123456789")
    return f"{stem}_{number}"
