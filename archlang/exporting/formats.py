"""The formats that a model can leave in, and the one function for all of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import nn

from archlang.artefact.state import state_bytes, state_of
from archlang.atomic import write_whole
from archlang.diagnostics import ArchError, did_you_mean, error
from archlang.diagnostics.text import one_line
from archlang.emit import ArchModule
from archlang.exporting.aot_file import NOTE as NOTE_OF_CODE
from archlang.exporting.aot_file import aot_bytes
from archlang.exporting.checking import check_source, differs
from archlang.exporting.onnx_file import onnx_bytes
from archlang.exporting.pt2_file import NOTE, pt2_bytes
from archlang.exporting.python import source_of
from archlang.record import Record


@dataclass(frozen=True)
class Exported:
    """A model in another format.

    Args:
        data: the bytes of its file.
        checked: how it was compared with the model, in one line.
        note: what whoever passes the file on should know; "" for nothing.
    """

    data: bytes
    checked: str
    note: str = ""

    @property
    def text(self) -> str:
        """The data of a format that is text."""
        return self.data.decode()


def _python(model: ArchModule) -> Exported:
    source = source_of(model)
    return Exported(source.encode(), f"ran the source: {check_source(source, model)}")


def _onnx(model: ArchModule) -> Exported:
    data, check = onnx_bytes(model)
    return Exported(data, f"ran in onnxruntime: {check}")


def _pt2(model: ArchModule) -> Exported:
    data, check = pt2_bytes(model)
    return Exported(data, f"read back: {check}", NOTE)


def _aot(model: ArchModule) -> Exported:
    data, check = aot_bytes(model)
    return Exported(data, f"compiled and run: {check}", NOTE_OF_CODE)


def _state_dict(model: ArchModule) -> Exported:
    data = state_bytes(model)
    again, state = state_of(data), model.state_dict()
    if again.keys() != state.keys() or not all(torch.equal(again[name], state[name].cpu()) for name in state):
        raise differs("the file's weights are not those of the model")
    return Exported(data, f"read back: {len(state)} tensors equal to the last bit")


FORMATS: Mapping[str, tuple[str, Callable[[ArchModule], Exported]]] = {
    "python": (".py", _python),
    "state_dict": (".safetensors", _state_dict),
    "pt2": (".pt2", _pt2),
    "aot": (".pt2", _aot),
    "onnx": (".onnx", _onnx),
}
"""Every format: the ending of its files, and what makes it."""


def export(model: nn.Module, to: str, path: str | os.PathLike[str] | None = None) -> Exported:
    """Write a compiled model in another format, once that was compared with the model; return what was written.

    Args:
        model: a model that archlang compiled or read; it keeps its mode.
        to: `python` (source that needs torch alone), `state_dict` (safetensors), `pt2` (torch.export), `aot` (a
            .pt2 with machine code, by AOTInductor) or `onnx`.
        path: the file; None writes nothing.

    Raises ArchError: usage, unsupported-module, not-equal, missing-tool, unwritable-output.
    """
    if to not in FORMATS:
        near = did_you_mean(to, FORMATS) or (f"there are {', '.join(FORMATS)}",)
        raise ArchError(error("usage", f"there is no format `{one_line(to, 80)}`", help=near))

    record = getattr(model, "archlang", None)
    if not isinstance(record, Record) or record.network is None:
        raise ArchError(error("unsupported-module", "only a model that archlang compiled or read can be exported",
                              help="torch.onnx.export and torch.export take any other module"))
    training: Any = {module: module.training for module in model.modules()}
    try:
        exported = FORMATS[to][1](cast(ArchModule, model))
    finally:
        for module, mode in training.items():
            module.training = mode
    if path is not None:
        write_whole(path, exported.data)
    return exported
