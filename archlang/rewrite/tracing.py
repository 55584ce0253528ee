"""A torch module as a graph, or where and why it cannot be one."""

from __future__ import annotations

import functools
import inspect
import operator
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import fx, nn
from torch.overrides import TorchFunctionMode

import archlang.rewrite.calls as calls
from archlang.diagnostics import ArchError, error
from archlang.rewrite.copies import shadow
from archlang.rewrite.keywords import rename_keywords
from archlang.rewrite.local_tracer import LocalTracer
from archlang.rewrite.randomness import Draws, random_state
from archlang.rewrite.specialised import detached, same_default
from archlang.rewrite.stored import hooked

_INSIDE = (str(Path(torch.__file__).parent), str(Path(__file__).parent))
_DRAWS = {torch.rand, torch.randn, torch.randint, torch.randperm, torch.normal, torch.bernoulli, torch.multinomial,
          torch.poisson, torch.rand_like, torch.randn_like, torch.randint_like}
"""Functions that draw random numbers; without a traced argument they would be called once, while tracing."""


@dataclass(frozen=True)
class TraceOptions:
    """The choices of one attempt to trace a model.

    `buffers`: buffers are read while the graph runs, not while it is traced. `numbers`: optional numbers are taken at
    their defaults. `given`: the number of inputs that an example gives by place. `opaque`: classes of modules that are
    one operation each.
    """

    buffers: bool = False
    numbers: bool = False
    given: int = 0
    opaque: tuple[type[nn.Module], ...] = ()


@dataclass
class Trace:
    """A graph with the modules that it names, and what was seen of the model while it was traced.

    `doubts` are the things that the graph does not hold.
    """

    root: nn.Module
    graph: fx.Graph
    doubts: list[str] = field(default_factory=list)
    moves_buffers: bool = False
    without_grad: bool = False

    def module(self, name: str) -> fx.GraphModule:
        """The graph as a module of a class called `name`."""
        rename_keywords(self.root, self.graph)
        return fx.GraphModule(self.root, self.graph, name)


class _InPlaceProxy(fx.Proxy):
    """A traced value on which `+=` and `y[i] = v` work in place, as they do on tensors.

    torch's own makes a new value of `y += z`, which is another one for whoever knows `y` by another name.
    """

    def __setitem__(self, index: Any, value: Any) -> None:
        self.tracer.create_proxy("call_function", operator.setitem, (self, index, value), {})


def _in_place(target: Any) -> Any:
    """The method for an operator in place."""
    def method(self: fx.Proxy, other: Any) -> fx.Proxy:
        return self.tracer.create_proxy("call_function", target, (self, other), {})

    return method


for _target in (operator.iadd, operator.isub, operator.imul, operator.itruediv, operator.ifloordiv, operator.imod,
                operator.ipow, operator.imatmul, operator.iand, operator.ior, operator.ixor, operator.ilshift,
                operator.irshift):
    setattr(_InPlaceProxy, f"__{_target.__name__}__", _in_place(_target))


class _Tracer(LocalTracer):
    """torch's own, but for these: weights are looked up by identity, since torch goes through all of a model for each;
    modules with hooks stay whole, and so do subclasses of torch's classes that change nothing; optional arguments that
    decide what is computed are taken at their defaults; operators in place stay in place; what torch.no_grad encloses
    is noted.
    """

    def __init__(self, module: nn.Module, options: TraceOptions) -> None:
        super().__init__()
        self.options = options
        self.proxy_buffer_attributes = options.buffers
        # A class with a `__call__` of its own does something around `forward` that the trace must see.
        if _own_call(module):
            self.traced_func_name = "__call__"

        self.names: dict[int, str] = {}
        for name, tensor in (*module.named_parameters(), *module.named_buffers()):
            # The first name of tied weights is the one that the state keeps.
            self.names.setdefault(id(tensor), name)

        self.context = _context()
        self.changed_precision = False
        self.without_grad: list[fx.Node] = []
        self.places = iter(range(1 << 30))

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        """Tell whether a module stays one operation."""
        # The outermost module may have hooks too; were it one operation, there would be nothing to trace.
        if isinstance(m, self.options.opaque) or (hooked(m) and module_qualified_name):
            return True
        if _is_plain(m):
            return True
        return super().is_leaf_module(m, module_qualified_name)

    def proxy(self, node: fx.Node) -> fx.Proxy:
        """The traced value of a node."""
        return _InPlaceProxy(node, self)

    def create_node(self, kind: str, *args: Any, **kwargs: Any) -> fx.Node:
        """A node; what torch.no_grad and torch.autocast enclose is noted."""
        node = super().create_node(kind, *args, **kwargs)
        if kind.startswith("call_"):
            now = _context()
            # With torch.autocast the same operation gives another dtype, which no node says.
            self.changed_precision |= now[1:] != self.context[1:]
            # Gradients on when tracing began, and off now: something encloses this node.
            if self.context[0] and not now[0]:
                self.without_grad.append(node)
        return node

    def create_arg(self, a: Any) -> Any:
        """An argument; a weight is named."""
        if isinstance(a, torch.Tensor):
            name = self.names.get(id(a))
        else:
            name = None
        if name is None:
            return super().create_arg(a)
        return self.create_node("get_attr", name, (), {})

    def traced_attribute(self, attr: str, attr_val: Any, parameter_proxy_cache: dict[str, Any]) -> Any:
        """An attribute of a module: parameters are read while the graph runs, buffers where that is asked."""
        read_later = isinstance(attr_val, nn.Parameter) or (
            self.options.buffers and isinstance(attr_val, torch.Tensor))
        if read_later:
            name = self.names.get(id(attr_val))
        else:
            name = None
        # A tensor without a name is a plain attribute: a constant of the graph.
        if name is None:
            if isinstance(attr_val, torch.Tensor):
                return attr_val
            return super().traced_attribute(attr, attr_val, parameter_proxy_cache)

        if name not in parameter_proxy_cache:
            parameter_proxy_cache[name] = self.create_proxy("get_attr", name, (), {})
        return parameter_proxy_cache[name]

    def _proxy_placeholder(self, name: str, concrete_args: Any, sig: inspect.Signature, fn_for_analysis: Any) -> Any:
        """An input; an optional one that no example gives is its default, and the graph insists on that.

        A default of None or of a word decides which way the code goes, which a traced value would hide.
        """
        parameter = sig.parameters.get(name)
        place = next(self.places)
        proxy = super()._proxy_placeholder(name, concrete_args, sig, fn_for_analysis)
        # Required, or given by the example: it varies.
        if parameter is None or parameter.default is inspect.Parameter.empty or place < self.options.given:
            return proxy

        default = parameter.default
        is_number = isinstance(default, int | float) and not isinstance(default, bool)
        # Of a number, code most often computes; of None or a word, it decides.
        if isinstance(default, torch.Tensor) or (is_number and not self.options.numbers):
            return proxy
        self.create_proxy("call_function", same_default, (proxy, default, name), {})
        return default


def _version(tensor: torch.Tensor) -> int:
    """The number of times that a tensor was overwritten; tensors of inference mode are not counted."""
    if tensor.is_inference():
        return 0
    return tensor._version


def _own_call(module: nn.Module) -> bool:
    """Tell whether a class is called otherwise than by its `forward`."""
    return type(module).__call__ is not nn.Module.__call__


def _is_plain(module: nn.Module) -> bool:
    """Tell whether a module is a subclass of a class that fusion models, and changes nothing of it."""
    return any(calls.changes_nothing_of(type(module), kind) for kind in calls.MODULES)


def _context() -> tuple[Any, ...]:
    """Tell whether gradients are on, and the precision that torch.autocast asks for."""
    devices = [device for device in ("cpu", "cuda") if torch.amp.is_autocast_available(device)]
    precision = [(torch.is_autocast_enabled(d), torch.get_autocast_dtype(d)) for d in devices]
    # Where autocast is off, its dtype says nothing.
    return torch.is_grad_enabled(), *(p if p[0] else False for p in precision)


class _DrawsLater(TorchFunctionMode):
    """Makes operations of the graph of draws that have no traced argument."""

    def __init__(self, tracer: fx.Tracer) -> None:
        super().__init__()
        self.tracer = tracer

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        traced: list[Any] = []
        # Traced values may lie inside lists and dicts.
        fx.node.map_aggregate((args, kwargs), lambda a: traced.append(a) if isinstance(a, fx.Proxy) else None)
        if func in _DRAWS and not traced:
            return self.tracer.create_proxy("call_function", func, args, kwargs)
        return func(*args, **kwargs)


def traced(module: nn.Module, options: TraceOptions = TraceOptions()) -> Trace:
    """The graph of a copy of a module. Raises ArchError (not-traceable) that names the inner module, the line and the
    reason.
    """
    root = shadow(module)
    # torch.fx traces the class's `forward`, and would leave this one out silently.
    if "forward" in vars(root):
        raise _untraceable(module, "its `forward` was exchanged on this one object", ())

    before = {name: (buffer, _version(buffer)) for name, buffer in root.named_buffers()}
    tracer = _Tracer(root, options)
    with random_state() as state, Draws() as draws, _assigned_buffers(tracer, root):
        try:
            with _DrawsLater(tracer):
                graph = tracer.trace(root)
        except Exception as failure:
            reason = (str(failure).partition("\n")[0] or type(failure).__name__)[:200]
            notes = [note for note in (_module_at(tracer), _line_of(failure)) if note]
            raise _untraceable(module, reason, notes) from failure
        drawn = state.has_moved(draws)

    after = dict(root.named_buffers())
    # A buffer moves when another tensor takes its name, or when its own numbers are overwritten.
    moved = any(after.get(name) is not buffer or _version(buffer) != version
                for name, (buffer, version) in before.items())
    doubts = []
    if drawn:
        doubts.append("it draws random numbers that torch.fx takes for constants")
    if tracer.changed_precision:
        doubts.append("it changes the precision inside (torch.autocast)")

    graph._tracer_cls = fx.Tracer  # a copy is traced anew, and has no weights to look up
    without_grad = _detach(graph, tracer.without_grad)
    return Trace(root, graph, doubts, moved, without_grad)


def graph_of(module: nn.Module, opaque: tuple[type[nn.Module], ...] = ()) -> fx.Graph:
    """The graph of a module; modules of the kinds `opaque` are one operation each. Raises ArchError (not-traceable)."""
    return traced(module, TraceOptions(opaque=opaque)).graph


@contextmanager
def _assigned_buffers(tracer: _Tracer, root: nn.Module) -> Iterator[None]:
    """A stretch in which a traced value that is assigned to a buffer is copied into it by the graph.

    torch allows nothing but a tensor there, so that a model which counts its calls could not be traced.
    """
    if not tracer.options.buffers:
        yield
        return

    original = nn.Module.__setattr__

    @functools.wraps(original)
    def assign(self: nn.Module, name: str, value: Any) -> None:
        if "_buffers" in vars(self):
            buffer = self._buffers.get(name)
        else:
            buffer = None
        if isinstance(value, fx.Proxy) and buffer is not None and id(buffer) in tracer.names:
            target = tracer.names[id(buffer)]
            # `self.x = self.x` gives the buffer to itself.
            if value.node.op == "get_attr" and value.node.target == target:
                return
            if value.node.args and _begins_in_place(value.node, target):
                return  # `self.count += 1` has changed the buffer already
            tracer.create_proxy("call_method", "copy_", (tracer.create_proxy("get_attr", target, (), {}), value), {})
            return
        original(self, name, value)

    nn.Module.__setattr__ = assign  # type: ignore[method-assign]  # as torch.fx does with `__call__` while it traces
    try:
        yield
    finally:
        nn.Module.__setattr__ = original  # type: ignore[method-assign]


def _begins_in_place(node: fx.Node, target: str) -> bool:
    """Tell whether a node is an operation in place on a buffer."""
    first = node.args[0]

    in_place = getattr(node.target, "__name__", str(node.target))
    on_buffer = isinstance(first, fx.Node) and first.op == "get_attr" and first.target == target
    return on_buffer and (in_place in ("iadd", "isub", "imul", "itruediv") or in_place.endswith("_"))


def _detach(graph: fx.Graph, nodes: Sequence[fx.Node]) -> bool:
    """Let no gradient flow from nodes that torch.no_grad encloses to those outside; whether there were some."""
    inside = set(nodes)
    for node in nodes:
        # Between nodes inside there is nothing to stop: no gradient arrives there.
        outside = [user for user in node.users if user not in inside]
        if not outside:
            continue
        with graph.inserting_after(node):
            made = graph.call_function(detached, (node,))
        for user in outside:
            user.replace_input_with(node, made)
    return bool(nodes)


def _untraceable(module: nn.Module, reason: str, notes: Sequence[str]) -> ArchError:
    return ArchError(error(
        "not-traceable", f"torch.fx cannot trace this {type(module).__name__}: {reason}", notes=notes,
        help="with an example of its inputs, `fuse(model, inputs)`, torch.export is tried too; control flow that "
             "depends on values must be taken out"))


def _module_at(tracer: fx.Tracer) -> str | None:
    """The innermost module that was being traced."""
    stack = list(tracer.module_stack.values())
    if not stack:
        return None
    name, kind = stack[-1]
    return f"in the module `{name}` ({getattr(kind, '__name__', kind)})"


def _line_of(failure: BaseException) -> str | None:
    """The last line of somebody's own code that ran."""
    frames = [f for f in traceback.extract_tb(failure.__traceback__) if not f.filename.startswith(_INSIDE)]
    if not frames:
        return None
    last = frames[-1]
    return f"at {Path(last.filename).name}:{last.lineno}: {last.line}"
