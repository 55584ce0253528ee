"""A torch module as a graph, or where and why it cannot be one."""

from __future__ import annotations

import traceback
from pathlib import Path

import torch
from torch import fx, nn

from archlang.diagnostics import ArchError, error

_INSIDE = (str(Path(torch.__file__).parent), __file__)


def traced(module: nn.Module) -> fx.GraphModule:
    """The graph of a module. Raises ArchError (not-traceable) that names the inner module, the line and the reason."""
    tracer = fx.Tracer()
    try:
        graph = tracer.trace(module)
    except Exception as failure:
        reason = (str(failure).partition("\n")[0] or type(failure).__name__)[:200]
        message = f"torch.fx cannot trace this {type(module).__name__}: {reason}"
        help_text = ("control flow that depends on values or shapes must be taken out, or the model be given as "
                     "`torch.export.export(model, inputs).module()`")
        notes = [note for note in (_module_at(tracer), _line_of(failure)) if note]
        raise ArchError(error("not-traceable", message, help=help_text, notes=notes)) from failure
    return fx.GraphModule(module, graph, type(module).__name__)


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
