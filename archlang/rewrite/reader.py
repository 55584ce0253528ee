"""A torch.fx graph read as steps: which node does what to which, who else reads it, and who overwrites it."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, fx, nn

from archlang.rewrite import calls
from archlang.rewrite.algebra import Diagonal, Step, Window
from archlang.rewrite.ranks import ranks
from archlang.rewrite.reading import (
    HOOKS,
    Link,
    constant,
    convolution,
    diagonal,
    plain_kind,
    pool,
    slicing,
    stored,
    transposed,
    window,
)
from archlang.rewrite.report import Kept


class Reader:
    """Reads nodes of a graph that somebody changes meanwhile; `made` overrides what stands for nodes just written."""

    def __init__(self, module: fx.GraphModule) -> None:
        self.module = module
        self.ranks = ranks(module)
        self.made: dict[fx.Node, Link] = {}
        self._links: dict[fx.Node, Link | Kept | None] = {}
        self._names: dict[int, set[str]] = {}
        for name, other in module.named_modules(remove_duplicate=False):
            self._names.setdefault(id(other), set()).add(name)
        self._idle: dict[str, bool] = {}

    def link(self, node: object) -> Link | None:
        """A node as a step, None where it is none. Raises `Kept` for one that cannot be touched."""
        if not isinstance(node, fx.Node):
            return None
        if node in self.made:
            return self.made[node]
        if node not in self._links:
            try:
                self._links[node] = self._read(node)
            except Kept as reason:
                self._links[node] = reason
        found = self._links[node]
        if isinstance(found, Kept):
            raise found
        return found

    def forget(self, nodes: Iterable[fx.Node]) -> None:
        """Read nodes anew: what they read has changed."""
        for node in nodes:
            self._links.pop(node, None)
            source = _first(node)
            if node in self.made and isinstance(source, fx.Node):
                self.made[node] = replace(self.made[node], source=source)

    def norm(self, node: fx.Node) -> bool:
        """Whether a node is a batch norm (or an instance norm with statistics of its own) of any form."""
        if node.op == "call_module":
            called = self.module.get_submodule(str(node.target))
            return isinstance(called, nn.modules.batchnorm._NormBase)
        if node.op != "call_function":
            return False
        return self._item(node) is not None or (node.target in calls.NORMS and node.target not in calls.TUPLE_NORMS)

    @staticmethod
    def _item(node: fx.Node) -> fx.Node | None:
        """The norm whose first result a node takes out of its several."""
        taken = node.args[:1] if node.target is operator.getitem and node.args[1] == 0 else ()
        return taken[0] if taken and isinstance(taken[0], fx.Node) and taken[0].target in calls.TUPLE_NORMS else None

    def readers(self, node: fx.Node) -> list[fx.Node]:
        """Who reads a node's numbers; reading its form does not count."""
        return [user for user in node.users if not shape_read(user)]

    def alone(self, node: fx.Node) -> bool:
        """Whether only one node reads a node, and once."""
        readers = self.readers(node)
        return len(readers) == 1 and _count(readers[0], node) == 1

    def overwritten(self, node: fx.Node) -> bool:
        """Whether some reader overwrites a node that has other readers."""
        return len(node.users) > 1 and any(calls.in_place(u) and _first(u) is node for u in node.users)

    def uses(self, link: Link) -> int:
        """How many nodes use a contraction's weights: call its module, under any name, or read something of it."""
        node = link.node
        if node.op != "call_module":
            reads = [n for n in node.all_input_nodes if n.op == "get_attr"]
            return max((len(n.users) for n in reads), default=1)
        names = self._names[id(self.module.get_submodule(str(node.target)))]
        nodes = self.module.graph.nodes
        called = sum(n.op == "call_module" and str(n.target) in names for n in nodes)
        return int(called + sum(n.op == "get_attr" and str(n.target).rpartition(".")[0] in names for n in nodes))

    def _read(self, node: fx.Node) -> Link | None:
        if node.op == "call_module":
            return self._module(node, self.module.get_submodule(str(node.target)))
        if node.op == "call_function" or node.op == "call_method":
            return self._function(node)
        return None

    def _link(self, node: fx.Node, source: object, step: Step | None, weight: Tensor | None = None) -> Link | None:
        if step is None or not isinstance(source, fx.Node) or source.op == "get_attr":
            return None
        return Link(node, source, step, weight)

    def _module(self, node: fx.Node, called: Any) -> Link | None:
        source = _first(node)
        if self.norm(node):
            return self._link(node, source, self._norm_module(called, source))
        kinds: tuple[Any, ...]
        for kinds, read in ((tuple(calls.CONV_MODULES), _conv_module),
                            (tuple(calls.TRANSPOSED_MODULES), _transposed_module)):
            if isinstance(called, kinds):
                return self._weighted(node, called, kinds, read)
        return self._link(node, source, self._module_without_weights(node, called))

    def _weighted(self, node: fx.Node, called: Any, kinds: tuple[Any, ...], read: Callable[[Any], Step]) -> Link | None:
        plain_kind(called, kinds)
        return self._link(node, _first(node), read(called), called.weight) if len(node.args) < 2 else None

    def _module_without_weights(self, node: fx.Node, called: Any) -> Step | None:
        if isinstance(called, calls.DROPOUT_MODULES) and called.training:
            raise Kept("training-mode")
        if isinstance(called, (*calls.DROPOUT_MODULES, nn.Identity)):
            return None if any(getattr(called, name) for name in HOOKS) else Window()
        kind: Any
        for kind, count in calls.POOL_MODULES.items():
            if isinstance(called, kind):
                plain_kind(called, (kind,))
                names = ("kernel_size", "stride", "padding", "ceil_mode", "count_include_pad", "divisor_override")
                return pool(count, {n: getattr(called, n, calls.DEFAULTS.get(n)) for n in names})
        for kind, mode in calls.PAD_MODULES:
            if isinstance(called, kind):
                return window(called.padding, mode, getattr(called, "value", None))
        return Window() if self._changes_nothing(str(node.target), called) else None

    def _changes_nothing(self, name: str, called: nn.Module) -> bool:
        """Whether a module of no known class hands on its only input, as drop path does outside training."""
        if name not in self._idle:
            self._idle[name] = False
            strange = isinstance(called, fx.GraphModule) or type(called).__module__.startswith("torch.")
            if not strange and not called._parameters and not called._modules and not called._forward_hooks:
                try:
                    nodes = list(fx.Tracer().trace(called).nodes)
                except Exception:
                    nodes = []  # whatever it does, it is not nothing
                self._idle[name] = len(nodes) == 2 and nodes[1].args == (nodes[0],)
        return self._idle[name]

    def _function(self, node: fx.Node) -> Link | None:
        target: Any = node.target
        if target in calls.CONVOLUTIONS or target in calls.TRANSPOSED:
            return self._contraction(node)
        if self.norm(node):
            call = self._item(node) or node
            got = calls.arguments(call, calls.NORMS[call.target])
            return self._link(node, got["input"], self._norm_function(got, node))
        if target in calls.POOLS:
            count, names = calls.POOLS[target]
            got = calls.arguments(node, names)
            return self._link(node, got["input"], pool(count, got))
        if target in calls.PADS:
            mode, names = calls.PADS[target]
            got = calls.arguments(node, names)
            return self._link(node, got["input"], window(got["pad"], mode or got["mode"], got["value"]))
        named = calls.NAMED_DROPOUTS.get(getattr(target, "__name__", "")) if callable(target) else None
        if target in calls.DROPOUTS or named is not None:
            got = calls.arguments(node, named or calls.DROPOUTS[target])
            if got["training"] is not False and got["p"] != 0:
                raise Kept("training-mode")
            return self._link(node, got["input"], Window())
        if target is calls.SLICE or target is operator.getitem:
            return self._slice(node)
        return self._arithmetic(node)

    def _slice(self, node: fx.Node) -> Link | None:
        source = _first(node)
        found, step = slicing(node, self.ranks.get(source) if isinstance(source, fx.Node) else None)
        return self._link(node, found, step)

    def _contraction(self, node: fx.Node) -> Link | None:
        target: Any = node.target
        _, names = (calls.CONVOLUTIONS if target in calls.CONVOLUTIONS else calls.TRANSPOSED)[target]
        got = calls.arguments(node, names)
        weight, bias = stored(self.module, got["weight"]), stored(self.module, got["bias"])
        if weight is None or not weight.is_floating_point():
            raise Kept("calculated-weights")
        turned = target in calls.TRANSPOSED or got["transposed"]
        step: Step = transposed(weight, bias, got) if turned else convolution(weight, bias, got)
        return self._link(node, got["input"], step, weight)

    def _norm_module(self, norm: Any, source: object) -> Diagonal:
        kind = plain_kind(norm, tuple(calls.NORM_MODULES))
        if norm.training:
            raise Kept("training-mode")
        options = calls.NORM_MODULES[kind]
        known = self.ranks.get(source) if isinstance(source, fx.Node) else None
        if len(options) > 1 and known is None:
            raise Kept("rank-unknown")
        spatial = options[0] if len(options) == 1 else (known or 0) - 2
        return normalised(norm.running_mean, norm.running_var, norm.weight, norm.bias, norm.eps, spatial)

    def _norm_function(self, got: dict[str, Any], node: fx.Node) -> Diagonal:
        if got["running_mean"] is None:
            raise Kept("no-statistics")
        training = got["use_input_stats"] if "instance" in str(node.target) else got["training"]
        if training is not False:
            raise Kept("training-mode")
        names = ("running_mean", "running_var", "weight", "bias")
        mean, variance, weight, bias = (stored(self.module, got[name]) for name in names)
        rank = self.ranks.get(got["input"], self.ranks.get(node))
        if rank is None and mean is not None and variance is not None:
            raise Kept("rank-unknown")
        return normalised(mean, variance, weight, bias, got["eps"], (rank or 2) - 2)

    def _arithmetic(self, node: fx.Node) -> Link | None:
        target: Any = node.target
        if target in calls.NEGATIVES:
            return self._link(node, node.args[0], self._by_constant(node.args[0], -1, None))
        sign, power = calls.SUMS.get(target), calls.PRODUCTS.get(target)
        if sign is None and power is None:
            return None
        one, other, alpha = calls.pair(node)
        left, right = constant(self.module, one), constant(self.module, other)
        if (left is None) == (right is None):
            return None
        if sign is not None:
            if right is not None:
                return self._link(node, one, self._by_constant(one, None, right * alpha * sign))
            return self._link(node, other, self._by_constant(other, sign * alpha, left))
        if right is not None:
            return self._link(node, one, self._by_constant(one, right if power == 1 else 1 / right, None))
        return self._link(node, other, self._by_constant(other, left, None)) if power == 1 else None

    def _by_constant(self, source: Any, scale: Any, shift: Any) -> Diagonal | None:
        like = next(self.module.parameters(), torch.empty(0))
        found = diagonal(scale, shift, None, like, self.ranks.get(source))
        if found is not None and found.scale.device.type != "meta" and not bool(found.scale.isfinite().all()):
            return None
        return found


def _conv_module(called: Any) -> Step:
    facts = {name: getattr(called, name, 1) for name in ("stride", "padding", "dilation", "groups")}
    return convolution(called.weight, called.bias, facts, getattr(called, "padding_mode", "zeros"))


def _transposed_module(called: Any) -> Step:
    names = ("stride", "padding", "output_padding", "dilation", "groups")
    return transposed(called.weight, called.bias, {name: getattr(called, name) for name in names})


def normalised(mean: Tensor | None, variance: Tensor | None, weight: Tensor | None, bias: Tensor | None, eps: float,
               spatial: int) -> Diagonal:
    """A norm with stored statistics: `s = weight / sqrt(variance + eps)`, `t = bias - s mean`. Raises `Kept`."""
    if mean is None or variance is None:
        raise Kept("no-statistics")
    scale = (variance.detach().double() + eps).rsqrt()
    scale = scale if weight is None else scale * weight.detach().double()
    shift = -mean.detach().double() * scale
    shift = shift if bias is None else shift + bias.detach().double()
    if not scale.is_meta and not (scale.isfinite().all() and shift.isfinite().all()):
        raise Kept("not-finite")
    return Diagonal(scale, shift, spatial, variance.dtype, norm=True)


def shape_read(node: fx.Node) -> bool:
    """Whether a node asks for a tensor's form only."""
    if node.op == "call_method":
        return node.target in calls.SHAPE_READS
    return node.op == "call_function" and node.target is getattr and node.args[1] in calls.SHAPE_ATTRIBUTES


def _first(node: fx.Node) -> object:
    return node.args[0] if node.args else calls.arguments(node, ()).get("input")


def _count(reader: fx.Node, node: fx.Node) -> int:
    found: list[fx.Node] = []
    fx.map_arg((reader.args, reader.kwargs), lambda n: found.append(n) if n is node else None)
    return len(found)
