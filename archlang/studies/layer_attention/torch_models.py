"""Attention over the layers of networks that torch modules made: a torchvision-style ResNet, timm's stages."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, fx, nn
from torch.fx.passes.shape_prop import ShapeProp

from archlang.diagnostics import ArchError, did_you_mean, error
from archlang.layers import EqualAttention, InnateStatic, RecurrentAttention, SelfAttention, StaticVector
from archlang.train.processes.devices import evaluating

Kind = Literal["innate_static", "static_vector", "self_attention", "recurrent", "mean"]
KINDS: tuple[Kind, ...] = ("innate_static", "static_vector", "self_attention", "recurrent", "mean")
NAME = "layer_attention"
"""What the new part is called in the model: its readouts, its attention, and the dense map into the head."""


LARGE = 0.9
"""The share of the parameters from which on a part is taken to hold the stages, as timm's `stages` does."""


class Readouts(nn.Module):
    """Each layer through a dense map of its own, attention over all of them, then what the head expects.

    L tensors [batch, C_l, ...] to [batch, head] and the attention [batch, L] (Bird 2022, section 3). The readout is the
    mean of each channel (`pooled`) or all numbers (`flattened`).
    """

    def __init__(self, sizes: Sequence[int], head: int, kind: Kind, width: int, heads: int, pooled: bool) -> None:
        super().__init__()
        self.pooled = pooled
        self.readouts = nn.ModuleList(nn.Linear(size, width) for size in sizes)
        self.attend = aggregator(kind, len(sizes), width, heads)
        self.expand = nn.Linear(width, head)

    def forward(self, *layers: Tensor) -> tuple[Tensor, Tensor]:
        """L layers to the head's features and the attention."""
        vectors = [self._vector(x) for x in layers]
        # The recurrent kind gives its last state as a third result, which nothing reads here.
        features, attention, *_ = self.attend(*(dense(x) for dense, x in zip(self.readouts, vectors, strict=True)))
        return self.expand(features), attention

    def _vector(self, x: Tensor) -> Tensor:
        # [batch, features] has no positions to take a mean over.
        if self.pooled and x.dim() > 2:
            return x.flatten(2).mean(2)
        return x.flatten(1)


def aggregator(kind: Kind, layers: int, width: int, heads: int = 1) -> nn.Module:
    """The attention of a kind over so many layers of one width. Raises ArchError (unknown-word, not-divisible).

    >>> aggregator("static_vector", 3, 8)(*[torch.ones(2, 8)] * 3)[1].shape
    torch.Size([2, 3])
    """
    match kind:
        case "innate_static": return InnateStatic((width,) * layers, width)
        case "static_vector": return StaticVector((width,) * layers, width)
        case "recurrent": return RecurrentAttention(layers, width, width)
        case "mean": return EqualAttention(layers)
        case "self_attention":
            # Later, torch would complain of a shape, in words that name neither number.
            if width % heads:
                raise ArchError(error("not-divisible", f"{heads} heads do not divide the width {width}"))
            return SelfAttention(layers, width, heads)
    message = f"`{str(kind)[:40]}` is not known here: it can be {', '.join(f'`{k}`' for k in KINDS)}"
    raise ArchError(error("unknown-word", message, help=did_you_mean(str(kind), KINDS)))


def attend_layers(model: nn.Module, points: Sequence[str] | None, kind: Kind = "static_vector", *, example: Tensor,
                  width: int = 64, heads: int = 1, pooled: bool = True, taps: bool = False) -> fx.GraphModule:
    """A copy of a model in which attention over layers stands before the last dense layer.

    `points` are submodules whose results are read out, such as `layer1`; None: the model's own stages (its children, or
    those of its one large part, that hold a convolution and further modules). `example` is a batch that the sizes are
    taken from. The last `nn.Linear` that runs keeps its weights; activations no longer work in place, so that what is
    read out stays as it was. With `taps` the result is a pair: what the model gives, and `{"layer_attention":
    attention}`, [batch, layers].

    Raises ArchError: not-traceable, unknown-name, too-few-layers, unsupported-module, unknown-word, not-divisible.
    """
    traced = _traced(model, example)
    if points is None:
        points = stages(model)
    names = list(points)
    ends = [_end(traced, model, name) for name in names]
    # Two names may end in the same operation (a stage, and its last block): that is one layer.
    if len(dict.fromkeys(ends)) < 2:
        message = f"attention needs two layers at least, found: {', '.join(names) or 'none'}"
        help = 'name the submodules to read out: `points=["layer1", "layer2"]`'
        raise ArchError(error("too-few-layers", message, help=help))

    head = _head(traced)
    linear = traced.get_submodule(str(head.target))
    assert isinstance(linear, nn.Linear)

    shapes = [end.meta["tensor_meta"].shape for end in ends]
    sizes = [int(shape[1] if pooled else shape[1:].numel()) for shape in shapes]
    traced.add_module(NAME, Readouts(sizes, linear.in_features, kind, width, heads, pooled).to(linear.weight))

    with traced.graph.inserting_before(head):
        both = traced.graph.call_module(NAME, tuple(ends))
        features, attention = (traced.graph.call_function(_item, (both, i)) for i in (0, 1))
    head.args = (features, *head.args[1:])

    if taps:
        last = next(n for n in traced.graph.nodes if n.op == "output")
        last.args = ((last.args[0], {NAME: attention}),)

    # What ran between the last stage and the head (pooling, flattening) is read by nothing now.
    traced.graph.eliminate_dead_code()
    traced.delete_all_unused_submodules()
    traced.recompile()
    return traced

def stages(model: nn.Module) -> list[str]:
    """The parts of a model that look like its stages, by name.

    >>> body = nn.Sequential(*(nn.Sequential(nn.Conv2d(3, 3, 3), nn.ReLU()) for _ in range(3)))
    >>> stages(nn.Sequential(body, nn.Flatten(), nn.Linear(3, 2)))
    ['0.0', '0.1', '0.2']
    """
    prefix = ""
    while True:
        parts = {n: m for n, m in model.named_children() if _convolves(m) and next(m.children(), None) is not None}
        sizes = {name: sum(p.numel() for p in part.parameters()) for name, part in parts.items()}
        largest = max(sizes, key=lambda n: sizes[n], default="")

        # Several parts of similar size are the stages; one that holds almost everything is their container.
        if not parts or (len(parts) > 1 and sizes[largest] < LARGE * sum(sizes.values())):
            return [prefix + name for name in parts]
        model, prefix = parts[largest], f"{prefix}{largest}."


def _convolves(module: nn.Module) -> bool:
    return any(isinstance(m, nn.Conv1d | nn.Conv2d | nn.Conv3d) for m in module.modules())


def _item(pair: tuple[Tensor, Tensor], index: int) -> Tensor:
    return pair[index]


def _traced(model: nn.Module, example: Tensor) -> fx.GraphModule:
    try:
        traced = fx.symbolic_trace(copy.deepcopy(model))
        # The run for the shapes must not move the statistics of batch norms.
        with evaluating(traced), torch.no_grad():
            ShapeProp(traced).propagate(example)
    except Exception as problem:  # a stranger's module may raise anything while it is traced
        said = f"{type(problem).__name__}: {str(problem)[:200]}"
        raise ArchError(error("not-traceable", f"torch.fx cannot trace this model: {said}")) from problem

    # An activation in place would overwrite a layer's result before it is read out.
    for module in traced.modules():
        if getattr(module, "inplace", False) is True:
            module.inplace = False  # type: ignore[assignment]  # a flag of torch's activations

    return traced


def _end(traced: fx.GraphModule, model: nn.Module, name: str) -> fx.Node:
    """The last node that a submodule runs."""
    inside = [n for n in traced.graph.nodes if n.op != "output" and _within(n, name)]
    if not inside:
        known = [n for n, _ in model.named_modules() if n]
        raise ArchError(error("unknown-name", f"no part of this model that runs is called `{name[:80]}`",
                              help=did_you_mean(name, known)))
    found: fx.Node = inside[-1]
    return found


def _within(node: fx.Node, name: str) -> bool:
    if node.op == "call_module" and (str(node.target) + ".").startswith(name + "."):
        return True
    # A submodule whose forward was traced through has no call of its own; fx notes the stack of modules instead.
    stack = node.meta.get("nn_module_stack", {})
    # torch.fx keeps (path, class) under the path, and in some versions under another key.
    return any(str(key) == name or getattr(entry, "__getitem__", lambda i: None)(0) == name
               for key, entry in stack.items())


def _head(traced: fx.GraphModule) -> fx.Node:
    found = [
        n for n in traced.graph.nodes
        if n.op == "call_module" and isinstance(traced.get_submodule(str(n.target)), nn.Linear)
    ]
    if not found:
        raise ArchError(error("unsupported-module", "this model has no `nn.Linear` as its head"))
    last: fx.Node = found[-1]
    return last
