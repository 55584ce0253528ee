"""A torch.fx graph read as steps: which node does what to which, and who else reads it."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, fx, nn

import archlang.rewrite.calls as calls
import archlang.rewrite.reading as reading
from archlang.layers.reparametrized import ReparametrizedConv
from archlang.rewrite.arguments import arguments, first_input, only_input, operands
from archlang.rewrite.idle import hands_on_its_input
from archlang.rewrite.memory import Memory
from archlang.rewrite.ranks import ranks
from archlang.rewrite.report import Obstacle
from archlang.rewrite.steps import AffineStep, ConvStep, LinearStep, PadStep, TransposedStep
from archlang.rewrite.stored import constant, constant_source, hooked, plain_kind, stored
from archlang.rewrite.users import ModuleUsers


@dataclass(frozen=True)
class Link:
    """A node read as a step from what it reads; `weight` is a contraction's own; results take its dtype and format.

    `trained` says whether the new weights can be trained.
    """

    node: fx.Node
    source: fx.Node
    step: LinearStep
    weight: Tensor | None = None
    trained: bool = False

    @property
    def free(self) -> bool:
        """Tell whether doing it twice costs nothing."""
        return isinstance(self.step, PadStep)

    @property
    def idle(self) -> bool:
        """Tell whether it changes nothing."""
        return isinstance(self.step, PadStep) and self.step.idle

    @property
    def contraction(self) -> bool:
        """Tell whether it has a kernel."""
        return isinstance(self.step, ConvStep | TransposedStep)


class Reader:
    """Reads nodes of a graph that somebody changes meanwhile; `made` overrides the links of nodes just written."""

    def __init__(self, module: fx.GraphModule) -> None:
        self.module = module
        self.memory = Memory(module)
        self.ranks = ranks(module)
        self.made: dict[fx.Node, Link] = {}
        self._links: dict[fx.Node, Link | Obstacle | None] = {}
        self.users = ModuleUsers(module)
        self._idle: dict[str, bool] = {}

    def link(self, node: object) -> Link | None:
        """A node as a step, None where it is none. Raises Obstacle for one that cannot be touched."""
        if not isinstance(node, fx.Node):
            return None
        if node in self.made:
            return self.made[node]

        if node not in self._links:
            try:
                # Reasons are kept too: a node is asked for again and again while neighbours are merged.
                self._links[node] = self._read(node)
            except Obstacle as reason:
                self._links[node] = reason
        found = self._links[node]
        if isinstance(found, Obstacle):
            raise found
        return found

    def forget(self, nodes: Iterable[fx.Node]) -> None:
        """Read nodes anew: what they read has changed."""
        for node in nodes:
            self._links.pop(node, None)
            # A node that was written stays what it is; only what it reads is another node now.
            source = first_input(node)
            if node in self.made and source is not None:

                self.made[node] = replace(self.made[node], source=source)

    def norm(self, node: fx.Node) -> bool:
        """Tell whether a node is a batch norm (or an instance norm with statistics of its own) of any form."""
        if node.op == "call_module":
            return isinstance(self.users.called(node), nn.modules.batchnorm._NormBase)
        if node.op != "call_function":
            return False
        return self._item(node) is not None or (node.target in calls.NORMS and node.target not in calls.TUPLE_NORMS)

    @staticmethod
    def _item(node: fx.Node) -> fx.Node | None:
        """The norm whose first result a node takes out of its several."""
        if node.target is operator.getitem and node.args[1] == 0:
            taken = node.args[:1]
        else:
            taken = ()
        if taken and isinstance(taken[0], fx.Node) and taken[0].target in calls.TUPLE_NORMS:
            return taken[0]
        return None

    @staticmethod
    def is_tuple_norm(node: fx.Node) -> bool:
        """Tell whether a node is a norm that hands out its result as the first of several."""
        return node.target in calls.TUPLE_NORMS

    def readers(self, node: fx.Node) -> list[fx.Node]:
        """The nodes that read a node's numbers; reading its form does not count."""
        return [user for user in node.users if not calls.is_shape_read(user, node)]

    def alone(self, node: fx.Node) -> bool:
        """Tell whether only one node reads a node, and once."""
        readers = self.readers(node)
        return len(readers) == 1 and _count(readers[0], node) == 1

    def uses(self, link: Link) -> int:
        """The number of nodes that use a contraction's weights: call its module, under any name, or read something of
        it.
        """
        node = link.node
        if node.op != "call_module":
            reads = [n for n in node.all_input_nodes if n.op == "get_attr"]
            return max((len(n.users) for n in reads), default=1)

        return self.users.count(node)

    # --- nodes -------------------------------------------------------------------------------------------------------

    def _read(self, node: fx.Node) -> Link | None:
        if node.op == "call_module":
            return self._module(node, self.users.called(node))
        if node.op in ("call_function", "call_method"):
            return self._function(node)
        return None

    @staticmethod
    def _link(node: fx.Node, source: object, step: LinearStep | None, weight: Tensor | None = None) -> Link | None:
        if step is None or not isinstance(source, fx.Node) or source.op == "get_attr":
            # A step of a stored tensor is a constant: it is baked or left, never folded.
            return None
        return Link(node, source, step, weight)

    def _unchanging(self, tensors: Iterable[Tensor | None]) -> None:
        """Raise Obstacle (changed-in-place) where the graph itself overwrites weights or statistics."""
        if any(self.memory.weights_change(tensor) for tensor in tensors):
            raise Obstacle("changed-in-place")

    def _module(self, node: fx.Node, called: nn.Module) -> Link | None:
        if self.norm(node):

            return self._link(node, only_input(node), self._norm_module(called, only_input(node)))

        tables: tuple[tuple[dict[type, int], Callable[[Any, int], LinearStep]], ...] = (
            (calls.CONV_MODULES, _conv_module), (calls.TRANSPOSED_MODULES, _transposed_module))
        weighted: Any = called
        for kinds, read in tables:
            if isinstance(called, tuple(kinds)):
                # Subclasses that compute something of their own, hooks and parametrisations are refused here.
                kind = plain_kind(called, tuple(kinds))
                self._unchanging((weighted.weight, weighted.bias))
                return self._link(node, only_input(node), read(called, kinds[kind]), weighted.weight)

        # A norm beside it is told why it stays.
        if isinstance(called, ReparametrizedConv):
            raise Obstacle("calculated-weights")
        return self._module_without_weights(node, called)

    def _module_without_weights(self, node: fx.Node, called: nn.Module) -> Link | None:
        kinds = (*calls.DROPOUT_MODULES, nn.Identity)
        if isinstance(called, kinds):
            if called.training and not isinstance(called, nn.Identity):
                raise Obstacle("training-mode")
            plain = any(calls.changes_nothing_of(type(called), kind) for kind in kinds) and not hooked(called)
            if plain:
                return self._link(node, only_input(node), PadStep())
            return None

        for kind, count in calls.POOL_MODULES.items():
            if isinstance(called, kind):
                plain_kind(called, (kind,))
                given = {name: getattr(called, name, None) for name in reading.POOL}
                return self._link(node, only_input(node), reading.pool(count, given))

        for kind, mode in calls.PAD_MODULES.items():
            if calls.changes_nothing_of(type(called), kind) and not hooked(called):
                padding: Any = getattr(called, "padding", None)
                step = reading.window(padding, mode, getattr(called, "value", None))
                return self._link(node, only_input(node), step)

        name = str(node.target)
        if name not in self._idle:
            self._idle[name] = hands_on_its_input(called)
        if self._idle[name]:
            return self._link(node, only_input(node), PadStep())
        return None

    def _function(self, node: fx.Node) -> Link | None:
        target: Any = node.target
        if target in calls.CONVOLUTIONS or target in calls.TRANSPOSED:
            return self._contraction(node)
        if self.norm(node):
            call = self._item(node) or node
            got = arguments(call, ("input", *reading.NORM))
            return self._link(node, got["input"], self._norm_function(got, node))

        if target in calls.POOLS:
            got = arguments(node, ("input", *reading.POOL))
            return self._link(node, got["input"], reading.pool(calls.POOLS[target], got))
        if target in calls.PADS:
            got = arguments(node, ("input", *reading.PAD))
            mode = calls.PADS[target] or got["mode"]
            return self._link(node, got["input"],
                              reading.window(got.get("pad", got.get("padding")), mode, got.get("value")))

        if target in calls.DROPOUTS or (node.op == "call_function" and calls.named_dropout(target)):
            got = arguments(node, ("input", *reading.DROPOUT))
            # With p = 0 even one in training mode drops nothing.
            if got["training"] is not False and got["p"] != 0:
                raise Obstacle("training-mode")
            return self._link(node, got["input"], PadStep())
        if target is calls.SLICE or target is operator.getitem:
            return self._slice(node)
        return self._arithmetic(node)

    # --- steps -------------------------------------------------------------------------------------------------------

    def _slice(self, node: fx.Node) -> Link | None:
        source = first_input(node)
        if source is None:
            rank = None
        else:
            rank = self.ranks.get(source)

        if node.target is operator.getitem:
            return self._link(node, source, reading.cropping(node.args[1], rank))

        got = arguments(node, ("input", *reading.CUT))
        axis = got["dim"]
        # Counted from the end: sizes that are slid over are the last, whatever stands before them.
        if axis >= 0 and rank is not None:
            axis -= rank
        if axis >= 0 or (rank is not None and axis < 2 - rank):
            return None  # it cuts samples or channels
        part = slice(got["start"], got["end"], got["step"])
        return self._link(node, got["input"], reading.cropping((Ellipsis, part, *[slice(None)] * (-axis - 1)), rank))

    def _contraction(self, node: fx.Node) -> Link | None:
        target: Any = node.target
        got = arguments(node, ("input", *reading.CONVOLUTION))
        weight, bias = stored(self.module, got["weight"]), stored(self.module, got["bias"])
        if weight is None or not weight.is_floating_point():
            raise Obstacle("calculated-weights")
        self._unchanging((weight, bias))

        step: LinearStep
        if target in calls.TRANSPOSED:
            step = reading.transposed(weight, bias, got, calls.TRANSPOSED[target])
        elif got.get("transposed"):
            # `aten.convolution` is both, by an argument.
            step = reading.transposed(weight, bias, got, calls.CONVOLUTIONS[target])
        else:
            step = reading.convolution(weight, bias, got, calls.CONVOLUTIONS[target])
        return self._link(node, got["input"], step, weight)

    def _norm_module(self, norm: Any, source: fx.Node) -> AffineStep:
        kind = plain_kind(norm, tuple(calls.NORM_MODULES))
        if norm.training:
            raise Obstacle("training-mode")
        # An instance norm takes each sample's own statistics unless this says otherwise, whatever it stores.
        if isinstance(norm, nn.modules.instancenorm._InstanceNorm) and not norm.track_running_stats:
            raise Obstacle("no-statistics")

        options = calls.NORM_MODULES[kind]

        rank = self.ranks.get(source)
        # A BatchNorm1d sees [batch, C] or [batch, C, L]: two axes of which either may be the channels.
        if len(options) > 1 and rank is None:
            raise Obstacle("rank-unknown")
        if len(options) == 1:
            spatial = options[0]
        else:
            spatial = (rank or 2) - 2

        names = ("running_mean", "running_var", "weight", "bias", "eps")
        got = {name: getattr(norm, name) for name in names}
        self._unchanging(t for t in got.values() if isinstance(t, Tensor))
        return reading.normalised(got, spatial)

    def _norm_function(self, got: dict[str, Any], node: fx.Node) -> AffineStep:
        if got["running_mean"] is None:
            raise Obstacle("no-statistics")
        # An instance norm says the same with another argument, the other way round.
        training = got.get("use_input_stats", got.get("training", False))
        if training is not False:
            raise Obstacle("training-mode")

        names = ("running_mean", "running_var", "weight", "bias")
        tensors = {name: stored(self.module, got.get(name)) for name in names}
        self._unchanging(tensors.values())

        # What goes in and what comes out have one rank: either will do.
        rank = self.ranks.get(got["input"], self.ranks.get(node))
        if rank is None:
            raise Obstacle("rank-unknown")
        return reading.normalised({**tensors, "eps": got["eps"]}, rank - 2)

    def _arithmetic(self, node: fx.Node) -> Link | None:
        target: Any = node.target
        if target in calls.NEGATIVES:
            source = first_input(node)
            # A negative with an `out` writes somewhere else.
            plain = len(node.args) + len(node.kwargs) == 1
            if plain:
                return self._link(node, source, self._by_constant(source, -1, None))
            return None

        sign, power = calls.SUMS.get(target), calls.PRODUCTS.get(target)
        if sign is None and power is None:
            return None
        try:
            one, other, alpha = operands(node)
        except Obstacle:
            return None  # rounding modes, results written elsewhere: no affine step
        left, right = constant(self.module, one), constant(self.module, other)
        # Two constants are no step of an input, and two inputs no step with a constant.
        if (left is None) == (right is None):
            return None

        for side in (one, other):
            kept = constant_source(side)
            if kept is not None and kept.op == "get_attr":
                self._unchanging((stored(self.module, kept),))

        if sign is not None:
            if right is not None:
                return self._link(node, one, self._by_constant(one, None, right * alpha * sign))
            return self._link(node, other, self._by_constant(other, sign * alpha, left))
        if right is not None:
            if power == 1:
                factor = right
            else:
                factor = _inverse(right)
            return self._link(node, one, None if factor is None else self._by_constant(one, factor, None))
        if power == 1:
            return self._link(node, other, self._by_constant(other, left, None))
        # A number over a tensor is no linear step.
        return None

    def _by_constant(self, source: Any, scale: Any, shift: Any) -> AffineStep | None:
        like = next(self.module.parameters(), torch.empty(0))
        return reading.affine(scale, shift, like, self.ranks.get(source))


def _conv_module(called: Any, spatial: int) -> LinearStep:
    """A convolution or linear layer by its settings."""
    # A linear layer has none of these.
    facts = {name: getattr(called, name) for name in ("stride", "padding", "dilation", "groups") if spatial}
    mode = getattr(called, "padding_mode", "zeros")
    step = reading.convolution(called.weight, called.bias, facts, spatial, mode)
    if mode == "zeros":
        return step
    # With another mode torch pads by these amounts, last axis first, whatever `padding` has become.
    amounts = called._reversed_padding_repeated_twice
    return replace(step, lo=tuple(amounts[0::2][::-1]), hi=tuple(amounts[1::2][::-1]))


def _transposed_module(called: Any, spatial: int) -> LinearStep:
    """A transposed convolution by its settings."""
    names = ("stride", "padding", "output_padding", "dilation", "groups")
    return reading.transposed(called.weight, called.bias, {name: getattr(called, name) for name in names}, spatial)


def _inverse(value: Any) -> Any:
    """One over a constant; None for the number 0."""
    # A tensor's zeros become infinities, which are refused where steps are checked.
    if isinstance(value, Tensor):
        return 1 / value
    if value == 0:
        return None
    return 1 / value


def _count(reader: fx.Node, node: fx.Node) -> int:
    """The times that a node reads another."""
    found: list[fx.Node] = []
    fx.map_arg((reader.args, reader.kwargs), lambda n: found.append(n) if n is node else None)
    return len(found)
