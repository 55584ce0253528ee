"""A model as a program of `torch.export`, in a `.pt2` file that torch alone can read."""

from __future__ import annotations

import io
import json
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch.export import Dim

from archlang.diagnostics import ArchError, error
from archlang.diagnostics.text import one_line
from archlang.emit import ArchModule
from archlang.exporting.checking import Check
from archlang.exporting.interchange import compared, description
from archlang.exporting.traced import batches, dynamic_axes, like_weights, placed

NOTE = "a .pt2 file is read by unpickling: open only such as you trust (`archlang` model files run nothing)"
"""A remark for whoever passes such a file on."""


def pt2_bytes(model: ArchModule) -> tuple[bytes, Check]:
    """The bytes of a model's exported program, in evaluation mode, once what is read back gives the same results.

    The batch and open sizes stay open. Raises ArchError (unsupported-module, not-equal).
    """
    model = model.eval()
    program = program_of_export(model)
    with quiet():
        stream = io.BytesIO()
        torch.export.save(program, stream, extra_files={"archlang.json": json.dumps(description(model))})
        stream.seek(0)
        again = torch.export.load(stream).module()
        check = compared(model, again, batches(model.archlang.network.graph))
    return stream.getvalue(), check


def program_of_export(model: ArchModule) -> torch.export.ExportedProgram:
    """The exported program of a model; the batch and open sizes stay open. Raises ArchError (unsupported-module)."""
    network = model.archlang.network
    shapes = {name: dict.fromkeys(axes, Dim.DYNAMIC) for name, axes in dynamic_axes(network).items()}
    inputs = like_weights(model, batches(network.graph)[0])
    with quiet():
        try:
            return torch.export.export(placed(model), inputs, dynamic_shapes=shapes)
        except ArchError:
            raise
        except Exception as problem:
            raise refused_by("torch.export", problem) from problem


@contextmanager
def quiet() -> Iterator[None]:
    """The stretch in which torch's warnings, which speak of its own parts, are not shown."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def refused_by(tool: str, problem: Exception) -> ArchError:
    """The error of a model that an exporter of torch's does not take, in its words."""
    # The exporter wraps what went wrong in a text of its own.
    said = one_line(str(problem.__cause__ or problem).strip().split("\n")[0], 300)
    return ArchError(error("unsupported-module", f"{tool} does not take this model", notes=(said,),
                           help="`--to python` writes it without tracing"))
