"""Exported programs: how torch makes one, why it may not, and where each of its calls stands in the model."""

from __future__ import annotations

import logging
import re
import threading
import warnings
from collections import namedtuple
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from types import TracebackType
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.export import ExportedProgram
from torch.nn.modules import transformer
from torch.nn.parameter import UninitializedParameter

from archlang.diagnostics import ArchError, error
from archlang.diagnostics.text import one_line
from archlang.importing.calls import TorchCall
from archlang.importing.steps import ModulePlace

OURS, TORCH, PYTHON = Path(__file__).parents[1], Path(torch.__file__).parent, Path(logging.__file__).parents[1]
"""Folders whose code is none of a model's, but for packages that were installed into Python's."""

DEPENDS = ("GuardOnDataDependentSymNode", "PendingUnbackedSymbolNotFound", "DataDependentOutputException")
"""Torch's words for code that asks for the numbers of a tensor."""


_EXPORTING = threading.RLock()
"""What an export changes for its time, streams, warnings and torch's attention, belongs to the whole process."""


def exported(model: nn.Module, call: TorchCall) -> ExportedProgram:
    """Export a model in evaluation mode. Raises `ArchError` (not-importable) with torch's reason and the line."""
    name = type(model).__name__
    for value in call.values:
        if not isinstance(value, Tensor | int | float | bool | None):
            message = f"this {name} is called with a {type(value).__name__}, and tensors and numbers alone can enter"
            raise ArchError(error("not-importable", message))
    unmade = [path for path, value in model.named_parameters() if isinstance(value, UninitializedParameter)]
    if unmade:
        where, _, _ = unmade[0].rpartition(".")
        message = f"`{where or name}` has no weights yet: torch makes them when the model is called"
        raise ArchError(error("not-importable", message, help="call the model once with an example before"))
    try:
        with _EXPORTING, _quiet(), _plain_attention():
            program = torch.export.export(model, call.placed, dict(call.named) or None, strict=False)
            _without_autocast(program)
            return program
    except Exception as problem:  # torch.export raises whatever the model's own code raises, and kinds of its own
        kind = type(problem).__name__
        said = one_line(f"{kind}: {problem}", 300)
        help: tuple[str, ...] = ()
        # What torch says of these is about its own parts.
        if kind in DEPENDS or any(word in said for word in DEPENDS):
            said = "it asks for the numbers of a tensor"
            help = ("what depends on the numbers of a tensor, such as an `if`, has no place in a network's text",)
        message = f"torch.export does not take this {name}: {said}"
        raise ArchError(error("not-importable", message, notes=_blamed(problem, model), help=help)) from problem


def _without_autocast(program: ExportedProgram) -> None:
    """Lay parts of a graph open in which autocast is off, or of another device: they compute what they would anyway."""
    graph = program.graph
    for node in list(graph.nodes):
        if node.op != "call_function" or getattr(node.target, "__name__", "") != "wrap_with_autocast":
            continue
        device, _, enabled, _, inner, *entering = node.args
        if device == "cpu" and enabled:
            continue
        body = getattr(program.graph_module, inner.target)
        copied = dict(zip([one for one in body.graph.nodes if one.op == "placeholder"], entering, strict=True))
        with graph.inserting_before(node):
            made = graph.graph_copy(body.graph, copied)
        _hand_out(node, made)
        graph.erase_node(node)


def _hand_out(node: fx.Node, made: Any) -> None:
    """Give the readers of a call what was made in its place: of several results each its own."""
    if isinstance(made, fx.Node):
        node.replace_all_uses_with(made)
        return
    for reader in list(node.users):
        reader.replace_all_uses_with(made[reader.args[1]])
        reader.graph.erase_node(reader)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep what torch says of its own parts to itself: what is wrong is said by the error."""
    # The modules that log have handlers of their own, so that no level of a parent reaches them.
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings(), redirect_stdout(StringIO()), redirect_stderr(StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


@contextmanager
def _plain_attention() -> Iterator[None]:
    """Let torch's attention run as its Python code says, for as long as a model is exported.

    Without gradients it would be one operation for a whole layer. A decoder looks whether its mask is the causal one,
    which asks for the mask's numbers, only to choose a faster way to the same results.
    """
    fast, detect = torch.backends.mha.get_fastpath_enabled(), transformer._detect_is_causal_mask
    torch.backends.mha.set_fastpath_enabled(False)
    transformer._detect_is_causal_mask = lambda mask, is_causal=None, size=None: bool(is_causal)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
        transformer._detect_is_causal_mask = detect


def _blamed(problem: BaseException, model: nn.Module) -> tuple[str, ...]:
    """The line of the model's code that was running, and the innermost module that was being called."""
    paths = {module: path for path, module in model.named_modules() if path}
    line = inside = ""
    trace: TracebackType | None = problem.__traceback__
    while trace is not None:
        frame = trace.tb_frame
        if _foreign(Path(frame.f_code.co_filename)):
            line = f"at {short(frame.f_code.co_filename)}:{trace.tb_lineno}"
        running = frame.f_locals.get("self")
        if isinstance(running, nn.Module):
            inside = paths.get(running, inside)
        trace = trace.tb_next

    if not line:
        return ()
    if inside:
        line += f", in `{inside}`"
    return (line,)


def _foreign(file: Path) -> bool:
    """Tell whether a file is a model's: none of Python's, of torch's or of this package's."""
    if not file.exists() or file.is_relative_to(OURS) or file.is_relative_to(TORCH):
        return False
    # What was installed lies in a folder of Python's, as timm does.
    return any(part.endswith("-packages") for part in file.parts) or not file.is_relative_to(PYTHON)


def short(file: str) -> str:
    """The last two parts of a file's path."""
    return "/".join(file.replace("\\", "/").split("/")[-2:])


def output_names(program: ExportedProgram) -> list[str] | None:
    """The names of the outputs of a model that gives a dict or a named tuple; None for a tensor or a sequence."""
    spec = program.call_spec.out_spec
    if spec is None or spec.type is None:
        return None
    # For torch the type of a named tuple is the function that makes such types.
    if spec.type is namedtuple:
        return list(spec.context._fields)
    if not issubclass(spec.type, dict):
        return None
    context = spec.context
    return [str(name) for name in context]


def place_of(node: fx.Node) -> ModulePlace:
    """The place of a node in the model: the modules around it, and the line of the model's code."""
    stack = tuple(
        (_path(path), _class(kind)) for path, kind in node.meta.get("nn_module_stack", {}).values()
    )
    frames = re.findall(r'File "([^"]+)", line (\d+)', node.meta.get("stack_trace") or "")
    # The line that a user can change: torch's own modules stand further in.
    frames = [frame for frame in frames if _foreign(Path(frame[0]))] or frames
    line = ""
    if frames:
        line = f"{short(frames[-1][0])}:{frames[-1][1]}"
    return ModulePlace(stack, line)


def _class(kind: Any) -> str:
    """A class's full name, which stored programs have as a text."""
    if isinstance(kind, str):
        return kind
    return f"{kind.__module__}.{kind.__qualname__}"


def _path(path: str) -> str:
    """A module's path as the model has it: programs that were stored write it as code, `L['self'].layer1[0]`."""
    path = path.removeprefix("L['self']").lstrip(".")
    return re.sub(r"\[['\"]?(\w+)['\"]?\]", r".\1", path).lstrip(".")
