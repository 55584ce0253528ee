"""The memory of a torch.fx graph: operations that work in place, and the tensors that share memory with others.

The answers err on one side: two tensors that may share memory are taken to share it, and a call that nobody knows is
taken to overwrite what it reads.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

import torch
from torch import Tensor, fx, nn

import archlang.rewrite.calls as calls
from archlang.rewrite.arguments import argument, first_input
from archlang.rewrite.report import Obstacle
from archlang.rewrite.stored import attribute, hooked

Owner = object
"""The first owner of some memory: a node, a storage of weights, or the inputs."""

INPUTS = "inputs"
"""The owner of all inputs together: a caller may give one tensor twice."""

_ITEM_WRITES = {operator.setitem, operator.delitem}
_IN_PLACE = {operator.iadd, operator.isub, operator.imul, operator.itruediv, operator.ifloordiv, operator.imod,
             operator.ipow, operator.iand, operator.ior, operator.ixor, operator.ilshift, operator.irshift,
             operator.imatmul}
_KNOWN_ROOMS = ("torch", "archlang", "_operator", "math", "builtins")
"""Packages whose functions and modules overwrite nothing unless their name or an argument says so."""

_FRESH_MODULES: tuple[type, ...] = (
    *calls.CONV_MODULES, *calls.TRANSPOSED_MODULES, *calls.NORM_MODULES, *calls.POOL_MODULES, *calls.PAD_MODULES,
    nn.modules.pooling._MaxPoolNd, nn.modules.pooling._AdaptiveAvgPoolNd, nn.modules.pooling._AdaptiveMaxPoolNd,
    nn.GELU, nn.Sigmoid, nn.Tanh, nn.Softmax, nn.Softplus, nn.PReLU, nn.GroupNorm, nn.LayerNorm, nn.Upsample,
    nn.ReLU, nn.ReLU6, nn.SiLU, nn.Hardswish, nn.Hardsigmoid, nn.Hardtanh, nn.LeakyReLU, nn.ELU, nn.CELU, nn.Mish,
)
"""Modules whose result is new memory, unless they work in place."""

_FRESH: set[Any] = {*calls.CONVOLUTIONS, *calls.TRANSPOSED, *calls.NORMS, *calls.POOLS, *calls.PADS,
                    *calls.CONCATENATIONS, nn.functional.interpolate}


class Memory:
    """The memory of a graph that somebody changes meanwhile."""

    def __init__(self, module: fx.GraphModule) -> None:
        self.module = module
        self.writers = [node for node in module.graph.nodes if self.written(node)]
        self.stored_writes = self._stored_writes()

    def written(self, node: fx.Node) -> list[fx.Node]:
        """The tensors that a node overwrites."""
        if node.op == "call_module":
            return self._written_by_module(node)
        if node.op == "call_method":
            # `add_` works in place by torch's convention, `__and__` is a Python name.
            name = str(node.target)
            in_place = name.endswith("_") and not name.endswith("__")
            if in_place:
                return _first(node)
            return _named_out(node)
        if node.op != "call_function":
            return []

        target: Any = node.target
        # A dropout with `inplace` that trains overwrites; whether it does may be a traced value.
        if target in calls.DROPOUTS or calls.named_dropout(target):
            if argument(node, "training") is False:
                return []
            return _first(node)
        if isinstance(target, torch._ops.OpOverload):
            return _written_by_schema(node)
        if target in _IN_PLACE or target in _ITEM_WRITES or _says_in_place(node):
            return _first(node)
        if room_of(target) in _KNOWN_ROOMS:
            return _named_out(node)
        # A stranger's function may overwrite whatever it reads.
        return list(node.all_input_nodes)

    def overwritten(self, tensors: Iterable[fx.Node], begin: fx.Node, end: fx.Node, but: Iterable[fx.Node]) -> bool:
        """Tell whether something between two nodes overwrites one of the tensors; the nodes `but` are left out."""
        left_out = set(but)
        between = [w for w in self._alive() if w not in left_out and begin < w < end]
        if not between:
            return False
        # Through views: another name of the same memory counts.
        owners = {owner for tensor in tensors for owner in self.owners(tensor)}
        return any(owners & self.owners(target) for w in between for target in self.written(w))

    def seen_outside(self, writer: fx.Node) -> bool:
        """Tell whether anybody sees what a node overwrites other than by the node's own result.

        Where nobody does, the node may go and what reads its result read something else.
        """
        owners = {owner for target in self.written(writer) for owner in self.owners(target)}
        if any(not isinstance(owner, fx.Node) for owner in owners):
            return True  # the caller's inputs, or weights

        later = (node for node in self.module.graph.nodes if writer < node)
        read = ((node, tensor) for node in later for tensor in node.all_input_nodes)
        return any(owners & self.owners(tensor, without=writer)
                   for node, tensor in read if not calls.is_shape_read(node, tensor))

    def weights_change(self, tensor: Tensor | None) -> bool:
        """Tell whether the graph overwrites stored weights, so that their values say nothing of the next call."""
        return tensor is not None and bool(self.stored_writes) and _storage(tensor) in self.stored_writes

    def owners(self, node: fx.Node, without: fx.Node | None = None) -> set[Owner]:
        """The first owners of the memory that a node's result may lie in; ways through `without` do not count."""
        owners: set[Owner] = set()
        seen: set[fx.Node] = set()
        waiting = [node]
        while waiting:
            one = waiting.pop()
            if one is without or one in seen:
                continue
            seen.add(one)

            if one.op == "placeholder":
                owners.add(INPUTS)
            elif one.op == "get_attr":
                owners.add(self._stored_owner(one))
            else:
                shared = self._shared(one)
                waiting += shared
                if not shared:
                    owners.add(one)
        return owners

    def _alive(self) -> Iterator[fx.Node]:
        return (writer for writer in self.writers if not writer._erased)

    def _shared(self, node: fx.Node) -> list[fx.Node]:
        """The tensors whose memory a node's result may be part of; empty for new memory."""
        # An operation in place gives the very tensor that it overwrites.
        written = self.written(node)
        if written:
            return written
        if node.op == "call_module":
            called = self.module.get_submodule(str(node.target))
            if isinstance(called, _FRESH_MODULES):
                return []
            # Any other module may hand on its input, or a view of it.
            return list(node.all_input_nodes)
        if _makes_new_memory(node.target):
            return []
        return list(node.all_input_nodes)

    def _written_by_module(self, node: fx.Node) -> list[fx.Node]:
        called = self.module.get_submodule(str(node.target))
        # `getattr` with True: without a mode it is taken to train, which is the careful answer.
        if isinstance(called, calls.DROPOUT_MODULES) and not getattr(called, "training", True):
            return []
        if getattr(called, "inplace", False):
            return list(node.all_input_nodes)
        # A stranger's module, or hook, may do anything to its inputs.
        if all(map(_is_harmless, called.modules())):
            return []
        return list(node.all_input_nodes)

    def _stored_owner(self, node: fx.Node) -> Owner:
        try:
            tensor = attribute(self.module, str(node.target))
        except AttributeError:
            return node
        if isinstance(tensor, Tensor):
            return _storage(tensor)
        return node

    def _stored_writes(self) -> set[int]:
        """The storages of weights that nodes overwrite, and the running statistics of norms that train."""
        owners = {owner for w in self.writers for target in self.written(w) for owner in self.owners(target)}
        found = {owner for owner in owners if isinstance(owner, int)}

        for node in self.module.graph.nodes:
            if node.op == "call_module":
                called: Any = self.module.get_submodule(str(node.target))
                if isinstance(called, nn.modules.batchnorm._NormBase) and called.training:
                    # A training norm moves its statistics without any node that says so.
                    found |= {_storage(t) for t in (called.running_mean, called.running_var) if t is not None}
            # These norms never train: their name says so (`no_training`).
            elif node.target in calls.NORMS and node.target not in calls.TUPLE_NORMS:
                names = [argument(node, name) for name in ("training", "use_input_stats")]
                if any(value not in (None, False) for value in names):
                    statistics = [argument(node, name) for name in ("running_mean", "running_var")]
                    nodes = [n for n in statistics if isinstance(n, fx.Node)]
                    found |= {o for n in nodes for o in self.owners(n) if isinstance(o, int)}
        return found


def _storage(tensor: Tensor) -> int:
    """A number for the memory of a tensor, the same for its views."""
    try:
        return int(tensor.untyped_storage()._cdata)
    except (NotImplementedError, RuntimeError):  # sparse tensors and weights that are not there yet have none
        return id(tensor)


def _first(node: fx.Node) -> list[fx.Node]:
    first = first_input(node)
    if first is None:
        return list(node.all_input_nodes)
    return [first]


def _named_out(node: fx.Node) -> list[fx.Node]:
    """The tensors given as `out`."""
    out = node.kwargs.get("out")
    found: list[fx.Node] = []
    fx.map_arg(out, found.append)
    return found


def _written_by_schema(node: fx.Node) -> list[fx.Node]:
    """The tensors that an aten operation declares to write."""
    schema = node.target._schema  # type: ignore[union-attr]
    names = [a.name for a in schema.arguments]
    written = {a.name for a in schema.arguments if a.alias_info is not None and a.alias_info.is_write}
    # By place or by name: torch.export writes both.
    given = {**dict(zip(names, node.args, strict=False)), **node.kwargs}
    found: list[fx.Node] = []
    fx.map_arg([given[name] for name in written if name in given], found.append)
    return found


def _says_in_place(node: fx.Node) -> bool:
    """Tell whether a function's name or an argument says that it works in place."""
    name = getattr(node.target, "__name__", "")
    if name.endswith("_") and not name.endswith("__"):
        return True
    try:
        return argument(node, "inplace") not in (None, False)
    except Obstacle:
        return bool(node.kwargs.get("inplace"))


def _is_harmless(module: nn.Module) -> bool:

    """Tell whether a module is torch's, or archlang's, or computes what one of torch's does, and has no hooks."""
    known = room_of(type(module)) in _KNOWN_ROOMS
    return (known or any(calls.changes_nothing_of(type(module), kind) for kind in calls.MODULES)) and not hooked(module)


def room_of(thing: Any) -> str:
    """The package of a function or class."""
    return str(getattr(thing, "__module__", "") or "").split(".")[0]


@cache
def _makes_new_memory(target: Any) -> bool:
    """Tell whether a function or method always gives new memory."""
    if target in _FRESH:
        return True
    if isinstance(target, torch._ops.OpOverload):
        return _is_fresh(target)

    if isinstance(target, str):
        name = target
    else:
        name = getattr(target, "__name__", "")
    if not isinstance(target, str) and room_of(target) not in _KNOWN_ROOMS:
        return False
    if name:
        packet = getattr(torch.ops.aten, name, None)
    else:
        packet = None
    if packet is None or not hasattr(packet, "overloads"):
        return False
    # An overload that may hand on its argument makes all uses of the name doubtful.
    return all(_is_fresh(getattr(packet, overload)) for overload in packet.overloads())


def _is_fresh(overload: Any) -> bool:
    """Tell whether no result of an aten operation is declared to be part of an argument.

    Composite operations may hand on their argument without declaring it.
    """
    schema = overload._schema
    tensors = [a for a in schema.arguments if "Tensor" in str(a.type)]
    if not tensors or any(a.is_out for a in schema.arguments):
        return True  # of numbers, or into what `out` names, which counts as written

    if any(result.alias_info is not None for result in schema.returns):
        return False
    try:
        return not torch._C._dispatch_has_kernel_for_dispatch_key(overload.name(), "CompositeImplicitAutograd")
    except RuntimeError:
        return True  # an overload of TorchScript alone, which no graph of torch.fx calls
