"""An ONNX file is opened: read, run beside onnxruntime, and exported by torch with its modules' names."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.export import ExportedProgram
from torch.export.graph_signature import InputKind
from torch.utils import _pytree as pytree

from archlang.diagnostics import ArchError, error
from archlang.diagnostics.text import one_line
from archlang.importing.calls import TorchCall
from archlang.importing.program import exported

BATCH = 2
SLACK = 1e-3
"""Largest difference to onnxruntime, of the largest output: both sum in float32, in orders of their own."""


def open_onnx(path: str, sizes: Sequence[tuple[int, ...]] = ()) -> tuple[Any, tuple[Tensor, ...], ExportedProgram]:
    """The module of an ONNX file, an example of its inputs, and its program.

    `sizes` are those of a sample of each input, where the file leaves them open. Raises `ArchError`: missing-tool,
    unreadable-file, not-importable, usage, not-equal.
    """
    for name in ("onnx", "onnxruntime"):
        if importlib.util.find_spec(name) is None:
            raise ArchError(error("missing-tool", f"this needs the package `{name}`",
                                  help="python -m pip install 'archlang[onnx]'"))
    import onnx

    from archlang.importing.onnx_file.running import OnnxModule

    shown = one_line(path, 200)
    if not Path(path).is_file():
        raise ArchError(error("unreadable-file", f"there is no file `{shown}`"))
    try:
        model = onnx.load(path)
    except Exception as problem:  # protobuf and onnx have kinds of their own
        said = one_line(f"{type(problem).__name__}: {problem}", 200)
        raise ArchError(error("unreadable-file", f"`{shown}` is no ONNX file: {said}")) from None

    # Compared before anything else is made of it.
    module = OnnxModule(model).eval()
    inputs = _example(model, module.entering, sizes)
    _compare(model, module, inputs, shown)
    program = exported(module, TorchCall(tuple(inputs)))
    _name(program, module)
    return module, inputs, program


def copies(module: Any) -> tuple[str, ...]:
    """A note on weights of a file that several nodes read; none where there are none."""
    if not module.copied:
        return ()
    return (f"weights that several nodes of the file read became weights of each: {module.copied} copies",)


def _example(model: Any, names: Sequence[str], sizes: Sequence[tuple[int, ...]]) -> tuple[Tensor, ...]:
    """A batch for each input, of the file's sizes or of those given."""
    generator = torch.Generator().manual_seed(0)
    found = []
    declared = {one.name: one.type.tensor_type for one in model.graph.input}
    for n, name in enumerate(names):
        dims = declared[name].shape.dim
        if not dims or dims[0].dim_value not in (0, BATCH):
            raise ArchError(error("not-importable", f"the input `{one_line(name, 80)}` takes a fixed number of samples",
                                  help="export it with an open batch: `dynamic_shapes`, or `dynamic_axes`"))
        shape = tuple(dim.dim_value for dim in dims[1:])
        if sizes:
            shape = sizes[min(n, len(sizes) - 1)]
        if 0 in shape or not shape:
            raise ArchError(error("usage", f"nothing tells the sizes that `{one_line(name, 80)}` takes",
                                  help="`--input 3x32x32`"))
        # Kinds 6 and 7 are whole numbers, which look up a table.
        if declared[name].elem_type in (6, 7):
            found.append(torch.zeros(BATCH, *shape, dtype=torch.int64))
        else:
            found.append(torch.randn(BATCH, *shape, generator=generator))
    return tuple(found)


def _compare(model: Any, module: Any, inputs: Sequence[Tensor], shown: str) -> None:
    """Compare the module with onnxruntime. Raises `ArchError` (not-equal)."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        given = {name: x.numpy() for name, x in zip(module.entering, inputs, strict=True)}
        right = [torch.from_numpy(value) for value in session.run(None, given)]
    except Exception as problem:
        said = one_line(f"{type(problem).__name__}: {problem}", 200)
        raise ArchError(error("unreadable-file", f"onnxruntime does not run `{shown}`: {said}")) from None

    with torch.no_grad():
        ours = pytree.tree_leaves(module(*inputs))
    for one, other in zip(ours, right, strict=True):
        worst = float((one - other).abs().max()) if one.shape == other.shape else torch.inf
        if not worst <= SLACK * (1e-3 + float(other.abs().max())):
            raise ArchError(error("not-equal", f"`{shown}` as torch reads it differs from onnxruntime by {worst:.1e}",
                                  help="nothing was written; please report it"))


def _name(program: ExportedProgram, module: Any) -> None:
    """Give every call of a program the place of the ONNX node that it stems from."""
    from archlang.importing.onnx_file.running import place

    entering = [node for node, spec in zip(program.graph.nodes, program.graph_signature.input_specs, strict=False)
                if spec.kind is InputKind.USER_INPUT]
    for node, name in zip(entering, module.entering, strict=True):
        node._rename(re.sub(r"\W", "_", name))

    paths = {f"steps.{n}": place(step.node) for n, step in enumerate(module.steps)}
    kinds = {f"steps.{n}": step.node.op_type for n, step in enumerate(module.steps)}
    for node in program.graph.nodes:
        stack = node.meta.get("nn_module_stack", {})
        inner = next((path for path, _ in reversed(stack.values()) if path in paths), None)
        if inner is None:
            continue
        around = paths[inner] or [f"{kinds[inner].lower()}_{inner.rpartition('.')[2]}"]
        # The line of code that ran it is one of ours, and tells nobody anything.
        node.meta["stack_trace"] = None
        # Classes are told by the place alone: equal blocks are found by what is in them.
        node.meta["nn_module_stack"] = {
            "": ("", "onnx.Network"), **{path: (path, f"onnx.{_title(path)}") for path in around},
        }


def _title(path: str) -> str:
    """The name of modules at a place: `layer1.0` and `layer2.1` are both a `layer`."""
    words = [part.rstrip("0123456789_") for part in path.split(".")]
    return next((word for word in reversed(words) if word), "Part")
