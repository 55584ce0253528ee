"""Modules that are one operation of the language, recognised by their class, so that nothing inside them is read.

While a model is exported, each such module gives one call of `archlang::leaf` in the graph. What an export in
evaluation mode would lose altogether, such as a dropped path, stays in the graph in this way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from archlang.importing.held import Known
from archlang.importing.reader import NoWordError, StepReader, origin
from archlang.importing.steps import Origin, State, Static

_LIBRARY = torch.library.Library("archlang", "FRAGMENT")  # type: ignore[no-untyped-call]  # torch gives it no types
_LIBRARY.define("leaf(Tensor[] inputs, int key, int[] order) -> Tensor")  # type: ignore[no-untyped-call]  # as above
torch.library.register_fake("archlang::leaf", lambda inputs, key, order: torch.empty_like(inputs[0]), lib=_LIBRARY)


@dataclass(frozen=True)
class Rows:
    """Rows of a torch module's tensor, from `start` up to, and without, `stop`; None for all that follow."""

    name: str
    start: int
    stop: int | None


@dataclass(frozen=True)
class Leaf:
    """A module as one operation that leaves the sizes as they are: its name, arguments and weights.

    `weights` say for each weight of archlang's module the name of the tensor in the torch module, or which of its rows
    it is. `beside` are the weights where a second sequence stands beside the first; without them there can be none.
    """

    op: str
    args: Mapping[str, Static]
    weights: Mapping[str, str | Rows]
    beside: Mapping[str, str | Rows] | None = None


Recognise = Callable[[nn.Module], Leaf | None]
"""Says what a module of a certain class is; None where this one is none of the language's operations."""


def rate(p: float) -> float:
    """A probability as a person would write it: rates are often read off a row of float32 numbers.

    >>> rate(0.019999999552965164), rate(0.1), rate(1 / 30)
    (0.02, 0.1, 0.03333333333333333)
    """
    written = torch.tensor(p, dtype=torch.float32)
    if float(written) != p:
        return p
    short = (float(f"{p:.{digits}g}") for digits in range(1, 10))
    return next((one for one in short if torch.tensor(one, dtype=torch.float32) == written), p)


def _drop_path(module: Any) -> Leaf | None:
    if not module.drop_prob:
        return None
    # Where the kept samples are not scaled up, the language has no word.
    if not getattr(module, "scale_by_keep", True):
        return None
    return Leaf("drop_path", {"p": rate(float(module.drop_prob))}, {})


def _stochastic_depth(module: Any) -> Leaf | None:
    if not module.p or module.mode != "row":
        return None
    return Leaf("drop_path", {"p": rate(float(module.p))}, {})


def _multihead(module: Any) -> Leaf | None:
    """Attention of a sequence to itself."""
    same = module.kdim == module.vdim == module.embed_dim and module.batch_first
    if not same or module.bias_k is not None or module.add_zero_attn:
        return None
    kinds = ["weight"]
    args: dict[str, Static] = {"heads": module.num_heads}
    if module.in_proj_bias is None:
        args["bias"] = False
    else:
        kinds.append("bias")
    if module.dropout:
        args["dropout"] = float(module.dropout)

    weights: dict[str, str | Rows] = {}
    beside: dict[str, str | Rows] = {}
    size = module.embed_dim
    for kind in kinds:
        weights |= {f"project.{kind}": f"in_proj_{kind}", f"combine.{kind}": f"out_proj.{kind}"}
        beside |= {
            f"project.{kind}": Rows(f"in_proj_{kind}", 0, size), f"combine.{kind}": f"out_proj.{kind}",
            f"remember.{kind}": Rows(f"in_proj_{kind}", size, 3 * size),
        }
    return Leaf("attention", args, weights, beside)


def _timm_attention(module: Any) -> Leaf | None:
    """timm's attention with one dense map for queries, keys and values, as its vision transformers have it."""
    plain = all(isinstance(getattr(module, name, nn.Identity()), nn.Identity) for name in ("q_norm", "k_norm", "norm"))
    inside = module.qkv.out_features == 3 * module.qkv.in_features == 3 * module.proj.out_features
    # One probability cannot stand for weights of attention and what leaves it, unless both are 0.
    if not plain or not inside or module.proj.bias is None or module.attn_drop.p != module.proj_drop.p != 0:
        return None
    if getattr(module, "gate", None) is not None or abs(module.scale - module.head_dim**-0.5) > 1e-9:
        return None

    weights: dict[str, str | Rows] = {
        "project.weight": "qkv.weight", "combine.weight": "proj.weight", "combine.bias": "proj.bias",
    }
    args: dict[str, Static] = {"heads": module.num_heads}
    if module.qkv.bias is None:
        args["qkv_bias"] = False
    else:
        weights["project.bias"] = "qkv.bias"
    return Leaf("attention", args, weights)


RECOGNISED: dict[str, Recognise] = {
    "timm.layers.drop.DropPath": _drop_path,
    "torchvision.ops.stochastic_depth.StochasticDepth": _stochastic_depth,
    "torch.nn.modules.activation.MultiheadAttention": _multihead,
    "timm.layers.attention.Attention": _timm_attention,
    "timm.models.vision_transformer.Attention": _timm_attention,
}
"""The recognisers by the full name of the class. A package's own is added here, or given to `import_model`."""


def class_name(module: nn.Module) -> str:
    """The full name of a module's class."""
    return f"{type(module).__module__}.{type(module).__qualname__}"


@contextmanager
def marked(model: nn.Module, recognised: Mapping[str, Recognise]) -> Iterator[tuple[Leaf, ...]]:
    """Make every recognised module of a model one call of `archlang::leaf`, and give the leaves in their order."""
    leaves: list[Leaf] = []
    touched: list[nn.Module] = []
    inside: set[str] = set()
    try:
        for path, module in model.named_modules():
            recognise = recognised.get(class_name(module))
            if recognise is None or any(path.startswith(f"{outer}.") for outer in inside):
                continue
            leaf = recognise(module)
            if leaf is not None:
                _mark(module, len(leaves))
                touched.append(module)
                inside.add(path)
                leaves.append(leaf)
        yield tuple(leaves)
    finally:
        for module in touched:
            del module.forward


def _mark(module: nn.Module, key: int) -> None:
    """Let a module's call be one operation of the graph."""
    gives_pair = isinstance(module, nn.MultiheadAttention)

    def forward(*args: Any, **kwargs: Any) -> Any:
        given = [value for value in (*args, *kwargs.values()) if isinstance(value, Tensor)]
        inputs = _once(given)
        # A sequence that attends to itself is given three times.
        order = [next(at for at, one in enumerate(inputs) if one is value) for value in given]
        made = torch.ops.archlang.leaf(inputs, key, order)
        if gives_pair:
            return made, None
        return made

    # Taken back when the export is done.
    module.forward = forward


def _once(tensors: Sequence[Tensor]) -> list[Tensor]:
    """Each tensor once."""
    found: list[Tensor] = []
    for tensor in tensors:
        if not any(tensor is other for other in found):
            found.append(tensor)
    return found


def read_leaf(r: StepReader, call: Mapping[str, Any], leaves: Sequence[Leaf], shapes: State) -> Any:
    """Read the call that a recognised module left in the graph."""
    leaf: Leaf = leaves[call["key"]]
    inputs = [r.plain(r.tensor(one)) for one in call["inputs"]]
    weights = leaf.weights
    named: tuple[str, ...] = ()
    # Keys and values of one other sequence.
    if list(call["order"]) == [0, 1, 1] and leaf.beside is not None:
        weights, named = leaf.beside, ("memory",)
    elif len(inputs) != 1:
        raise NoWordError(f"`{leaf.op}` takes one tensor here, and this module gets {len(call['order'])}")

    origins: dict[str, Origin] = {}
    for ours, theirs in weights.items():
        # The whole of a tensor is its rows without a bound.
        rows = theirs
        if isinstance(rows, str):
            rows = Rows(rows, 0, None)
        name = f"{r.place.path}.{rows.name}".lstrip(".")
        read = _reader(name, rows)
        key = f"rows {rows.start} to {rows.stop}"
        origins[ours] = origin(Known(tuple(read(shapes).shape), read, (name,), trained=True, key=key))
    return r.step(leaf.op, inputs, r.sizes[inputs[0]], leaf.args, origins, named=named)


def _reader(name: str, rows: Rows) -> Callable[[State], Tensor]:
    return lambda state: state[name][rows.start:rows.stop]
