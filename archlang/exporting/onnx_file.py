"""A model as ONNX: named after its file, run in onnxruntime and compared before anything is written."""

from __future__ import annotations

import importlib.util
import json
import logging
import warnings
from collections.abc import Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from archlang.diagnostics import ArchError, error
from archlang.emit import ArchModule
from archlang.exporting.checking import Check
from archlang.exporting.interchange import compared, description
from archlang.exporting.pt2_file import refused_by
from archlang.exporting.traced import batches, dynamic_axes, like_weights, placed, result_names

if TYPE_CHECKING:
    from collections.abc import Iterator

NEEDED = ("onnx", "onnxscript", "onnxruntime")
LARGE = 3 * 64 * 64
"""Numbers of a sample from which on fewer samples are compared."""

SCOPES = "pkg.torch.onnx.name_scopes"
"""The key under which torch's exporter notes the modules around a node."""


def onnx_bytes(model: ArchModule) -> tuple[bytes, Check]:
    """The bytes of a model as ONNX, in evaluation mode, once onnxruntime gives the same results.

    Nodes are called by their paths in the file, inputs and outputs as there; the batch and open sizes stay open. Class
    names, normalisation and the network's text are metadata.

    Raises ArchError: missing-tool, unsupported-module, not-equal.
    """
    require()
    import onnxruntime

    model = model.eval()
    network = model.archlang.network
    cases = batches(network.graph)
    inputs = like_weights(model, cases[0])
    with _quiet():
        try:
            program: Any = torch.onnx.export(
                placed(model), inputs, dynamo=True, verbose=False, external_data=False,
                custom_translation_table=translations(), dynamic_shapes=dynamic_axes(network),
                input_names=[spec.name for spec in network.graph.inputs], output_names=result_names(network.graph),
            )
        except ArchError:
            raise
        except Exception as problem:
            raise refused_by("torch's ONNX exporter", problem) from problem

    _name_nodes(program.model)
    program.model.metadata_props.update(_metadata(model))
    program.model.producer_name = "archlang"
    data: bytes = program.model_proto.SerializeToString()

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    # One image alone is what such a file mostly runs on. Of large ones it is taken from the two that were exported.
    if sum(x[0].numel() for x in cases[0]) > LARGE and not network.graph.symbols:
        cases = [cases[0], [x[:1] for x in cases[0]]]
    return data, compared(model, _runner(session), cases)


def require() -> None:
    """Raise ArchError (missing-tool) where what ONNX needs is not installed."""
    for name in NEEDED:
        if importlib.util.find_spec(name) is None:
            raise ArchError(error("missing-tool", f"this needs the package `{name}`",
                                  help="python -m pip install 'archlang[onnx]'"))


def translations() -> dict[Any, Any]:
    """Translations that torch's exporter lacks: a stable sort, which is how ONNX breaks ties anyway."""
    import onnxscript

    op: Any = onnxscript.opset18

    def sort(x: Any, stable: bool = True, dim: int = -1, descending: bool = False) -> Any:
        size = op.Gather(op.Shape(x), op.Constant(value_ints=[dim]))
        return op.TopK(x, size, axis=dim, largest=int(descending), sorted=1)

    return {torch.ops.aten.sort.stable: sort}


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep what torch says of its own parts to itself."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "onnxscript", "onnx_ir", "torch.export")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _name_nodes(model: Any) -> None:
    """Call every node by the path of its module and its operation: `maps.each.0.conv/Conv`."""
    taken: dict[str, int] = {}
    for node in model.graph:
        scopes = node.metadata_props.get(SCOPES, "")
        paths = [part.strip(" '\"") for part in scopes.strip("[]").split(",")]
        # The first is the network itself, the last the operation.
        path = next((part for part in reversed(paths[:-1]) if part), "")
        if not path:
            continue
        name = f"{path}/{node.op_type}"
        taken[name] = taken.get(name, 0) + 1
        if taken[name] > 1:
            name += f"_{taken[name]}"
        node.name = name


def _metadata(model: ArchModule) -> dict[str, str]:
    """The description as texts: ONNX knows no others."""
    told = description(model)
    return {f"archlang.{key}": value if isinstance(value, str) else json.dumps(value) for key, value in told.items()}


def _runner(session: Any) -> Any:
    """A function that runs the file."""
    names = [value.name for value in session.get_inputs()]

    def run(*inputs: Tensor) -> Sequence[Tensor]:
        given = {name: x.numpy() for name, x in zip(names, inputs, strict=True)}
        return [torch.from_numpy(result) for result in session.run(None, given)]

    return run
