"""A torch module as a graph, or where and why it cannot be one."""

from __future__ import annotations

import copy
import traceback
from pathlib import Path
from typing import Any

import torch
from torch import fx, nn

from archlang.diagnostics import ArchError, error

_INSIDE = (str(Path(torch.__file__).parent), __file__)


class _Tracer(fx.Tracer):
    """torch's own, but for looking weights up by identity: torch goes through all of a model for each of them.

    Modules of the kinds `whole` are not looked into.
    """

    def __init__(self, module: nn.Module, whole: tuple[type[nn.Module], ...] = ()) -> None:
        super().__init__()
        self.whole = whole
        self.stored: dict[int, str] = {}
        for name, tensor in (*module.named_parameters(), *module.named_buffers()):
            self.stored.setdefault(id(tensor), name)

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return isinstance(m, self.whole) or super().is_leaf_module(m, module_qualified_name)

    def create_arg(self, a: Any) -> Any:
        name = self.stored.get(id(a)) if isinstance(a, torch.Tensor) else None
        return super().create_arg(a) if name is None else self.create_node("get_attr", name, (), {})

    def getattr(self, attr: str, attr_val: Any, parameter_proxy_cache: dict[str, Any]) -> Any:
        name = self.stored.get(id(attr_val)) if isinstance(attr_val, nn.Parameter) else None
        if name is None:
            return attr_val if isinstance(attr_val, torch.Tensor) else super().getattr(
                attr, attr_val, parameter_proxy_cache)
        if name not in parameter_proxy_cache:
            parameter_proxy_cache[name] = self.create_proxy("get_attr", name, (), {})
        return parameter_proxy_cache[name]


def traced(module: nn.Module) -> fx.GraphModule:
    """The graph of a module. Raises ArchError (not-traceable) that names the inner module, the line and the reason."""
    root, graph = _traced(module, ())
    return fx.GraphModule(root, graph, type(module).__name__)


def graph_of(module: nn.Module, whole: tuple[type[nn.Module], ...] = ()) -> fx.Graph:
    """What a module does; modules of the kinds `whole` are one operation each. Raises ArchError (not-traceable)."""
    return _traced(module, whole)[1]


def _shadow(module: nn.Module) -> nn.Module:
    """A copy of a module with the same tensors: what a forward writes down, while it is traced, is written there."""
    values = [value for inner in module.modules() for value in vars(inner).values()]
    tensors = [value for value in values if isinstance(value, torch.Tensor)]
    tensors += [*module.parameters(), *module.buffers()]
    try:
        return copy.deepcopy(module, {id(tensor): tensor for tensor in tensors})
    except Exception:
        return module  # something in it cannot be copied


def _traced(module: nn.Module, whole: tuple[type[nn.Module], ...]) -> tuple[nn.Module, fx.Graph]:
    root = _shadow(module)
    tracer = _Tracer(root, whole)
    try:
        graph = tracer.trace(root)
    except Exception as failure:
        reason = (str(failure).partition("\n")[0] or type(failure).__name__)[:200]
        message = f"torch.fx cannot trace this {type(module).__name__}: {reason}"
        help_text = ("control flow that depends on values or shapes must be taken out, or the model be given as "
                     "`torch.export.export(model, inputs).module()`")
        notes = [note for note in (_module_at(tracer), _line_of(failure)) if note]
        raise ArchError(error("not-traceable", message, help=help_text, notes=notes)) from failure
    graph._tracer_cls = fx.Tracer  # a copy is traced anew, and has no weights to look up
    return root, graph


def _module_at(tracer: fx.Tracer) -> str | None:
    """The innermost module that was being traced."""
    found = list(tracer.module_stack.values())
    if not found:
        return None
    name, kind = found[-1]
    return f"in the module `{name}` ({getattr(kind, '__name__', kind)})"


def _line_of(failure: BaseException) -> str | None:
    """The last line of somebody's own code that ran."""
    frames = [f for f in traceback.extract_tb(failure.__traceback__) if not f.filename.startswith(_INSIDE)]
    if not frames:
        return None
    last = frames[-1]
    return f"at {Path(last.filename).name}:{last.lineno}: {last.line}"
