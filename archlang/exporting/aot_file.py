"""A model as machine code in a `.pt2` package: compiled by AOTInductor, read back and compared."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from archlang.diagnostics import ArchError, error
from archlang.diagnostics.text import one_line
from archlang.emit import ArchModule
from archlang.exporting.checking import Check
from archlang.exporting.interchange import compared, description
from archlang.exporting.pt2_file import program_of_export, quiet, refused_by
from archlang.exporting.traced import batches

NOTE = "the file holds machine code for processors like this one, and opening it runs it: open only such as you trust"
"""A remark for whoever passes such a file on."""


def aot_bytes(model: ArchModule) -> tuple[bytes, Check]:
    """The bytes of a package with a model's compiled program, in evaluation mode, once it gives the same results.

    The batch and open sizes stay open. Raises ArchError (missing-tool, unsupported-module, not-equal).
    """
    require_compiler()
    model = model.eval()
    program = program_of_export(model)
    told = {"aot_inductor.metadata": {"archlang.json": json.dumps(description(model))}}

    # Code is loaded from a file, and never from memory.
    with TemporaryDirectory() as folder, quiet():
        path = str(Path(folder) / "model.pt2")
        try:
            torch._inductor.aoti_compile_and_package(program, package_path=path, inductor_configs=told)
            compiled: Any = torch._inductor.aoti_load_package(path)
        except Exception as problem:
            raise refused_by("AOTInductor", problem) from problem
        check = compared(model, compiled, batches(model.archlang.network.graph))
        return Path(path).read_bytes(), check


def require_compiler() -> None:
    """Raise ArchError (missing-tool) where torch finds no C++ compiler that works."""
    from torch._inductor.cpp_builder import get_cpp_compiler

    try:
        get_cpp_compiler()
    except Exception as problem:  # torch's own classes for this have changed names
        raise ArchError(error(
            "missing-tool", "AOTInductor needs a C++ compiler, and none that works is here",
            notes=(one_line(str(problem).strip().split("\n")[0], 200),),
            help="install g++, or name a compiler in the variable CXX; `--to pt2` needs none",
        )) from problem
