"""From what the user names to a torch model with an example of its inputs: a library's, a function's, a file's."""

from __future__ import annotations

import importlib
import inspect
import logging
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.export import ExportedProgram

from archlang.diagnostics import ArchError, did_you_mean, error
from archlang.diagnostics.text import one_line
from archlang.importing.onnx_file import copies, open_onnx
from archlang.importing.writing import Normalisation
from archlang.train.data.user_code import keeping_defaults, words_of

BATCH = 2
"""Samples of an example: one alone would hide what mixes them, since sizes of 1 are spread."""


@dataclass(frozen=True, eq=False)
class TorchSource:
    """A torch model with what is known of it.

    `program` is what a `.pt2` holds, which needs no export. `untrained` is the same model as it is before training,
    where `module` has trained weights and a library makes both. `drawn`: whether the weights may tell how they were
    drawn, as those of an ONNX file do not. `notes` are what a reader must know.
    """

    module: nn.Module
    inputs: tuple[Any, ...] | Mapping[str, Any]
    name: str
    doc: str
    normalisation: Normalisation | None = None
    program: ExportedProgram | None = field(default=None, repr=False)
    untrained: nn.Module | None = field(default=None, repr=False)
    drawn: bool = True
    notes: tuple[str, ...] = ()


def open_source(source: str, sizes: Sequence[tuple[int, ...]] = (), pretrained: bool = False) -> TorchSource:
    """The torch model that a name stands for.

    Args:
        source: `timm:NAME`, `torchvision:NAME`, `module:function` (a function without arguments that gives a module,
            or a module and its inputs), or the path of a `.pt2` or an `.onnx`.
        sizes: of one sample of each input; needed where nothing tells them.
        pretrained: whether timm or torchvision fetch their trained weights, or draw them.

    Raises `ArchError`: unreadable-file, unknown-name, missing-tool, not-importable, usage.
    """
    # A path may hold a colon, on Windows at least.
    if source.endswith(".pt2"):
        return _program(source)
    if source.endswith(".onnx"):
        module, inputs, program = open_onnx(source, sizes)
        return TorchSource(module, inputs, Path(source).stem, f"`{Path(source).name}`.", None, program, drawn=False,
                           notes=copies(module))

    head, colon, name = source.partition(":")
    if not colon or not name:
        raise _usage(f"`{one_line(source, 80)}` names no torch model")
    if head in LIBRARIES:
        return LIBRARIES[head](name, sizes, pretrained)
    return _function(source, sizes)


def _usage(message: str) -> ArchError:
    help = ("`timm:NAME`, `torchvision:NAME`, `module:function` or the path of a `.pt2` or `.onnx`",)
    return ArchError(error("usage", message, help=help))


def example(sizes: Sequence[tuple[int, ...]]) -> tuple[Tensor, ...]:
    """A batch of zeros for each input."""
    return tuple(torch.zeros(BATCH, *size) for size in sizes)


# --- libraries of models ---------------------------------------------------------------------------------------------


def _library(name: str) -> Any:
    """Import a library of models. Raises `ArchError` (missing-tool)."""
    try:
        _declare_operators()
        return importlib.import_module(name)
    except ModuleNotFoundError as problem:
        raise ArchError(error(
            "missing-tool", f"this needs the package `{problem.name}`", help=f"python -m pip install {problem.name}",
        )) from None
    except Exception as problem:  # a wheel that was built for another torch fails in ways of its own
        said = words_of(problem)
        raise ArchError(error("missing-tool", f"`{name}` is installed and cannot be imported: {said}")) from None


_declared: list[torch.library.Library] = []


def _declare_operators() -> None:
    """Declare two operators of torchvision's: its models need none of them, its import fails where they are missing.

    They are missing where torchvision was built for another torch.
    """
    if "torchvision" in sys.modules or _declared:
        return
    try:
        importlib.import_module("torchvision.extension")
    except Exception:  # whatever keeps it from being imported shows again, with its reason
        sys.modules.pop("torchvision", None)
    if hasattr(torch.ops.torchvision, "nms"):
        return
    library = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]  # torch has no types
    for name in ("nms", "qnms"):
        form = f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
        library.define(form)  # type: ignore[no-untyped-call]  # as above
    _declared.append(library)


def _timm(name: str, sizes: Sequence[tuple[int, ...]], pretrained: bool) -> TorchSource:
    timm = _library("timm")
    if not timm.is_model(name):
        raise _unknown(f"timm has no model `{one_line(name, 80)}`", name, timm.list_models())
    module = _made(f"timm:{name}", lambda: timm.create_model(name, pretrained=pretrained))
    untrained = None
    if pretrained:
        untrained = _made(f"timm:{name}", lambda: timm.create_model(name))

    known: Mapping[str, Any] = getattr(module, "pretrained_cfg", None) or {}
    size = tuple(known.get("input_size", (3, 224, 224)))
    return TorchSource(
        module, example(sizes or (size,)), name, f"`{name}` of timm.",
        _normalisation(known.get("mean"), known.get("std")), untrained=untrained,
    )


def _torchvision(name: str, sizes: Sequence[tuple[int, ...]], pretrained: bool) -> TorchSource:
    _library("torchvision")
    models = importlib.import_module("torchvision.models")
    if name not in models.list_models():
        raise _unknown(f"torchvision has no model `{one_line(name, 80)}`", name, models.list_models())

    weights = None
    for found in models.get_model_weights(name):
        weights = found
    if weights is not None:
        weights = getattr(type(weights), "DEFAULT", weights)
    # What is known of the weights tells the size and the normalisation, fetched or not.
    prepared, fetched = None, None
    if weights is not None:
        prepared = weights.transforms()
    if pretrained:
        fetched = weights
    # Some networks fetch the weights of a part of them, whatever they are told of the whole.
    bare: dict[str, None] = {}
    if "weights_backbone" in inspect.signature(models.get_model_builder(name)).parameters:
        bare["weights_backbone"] = None
    module = _made(f"torchvision:{name}", lambda: models.get_model(name, weights=fetched, **bare))
    untrained = None
    if fetched is not None:
        untrained = _made(f"torchvision:{name}", lambda: models.get_model(name, weights=None, **bare))

    side = (getattr(prepared, "crop_size", None) or getattr(prepared, "resize_size", None) or [224])[-1]
    size: tuple[int, ...] = (3, side, side)
    if weights is not None and "min_temporal_size" in weights.meta:
        rows, columns = getattr(prepared, "crop_size", None) or (112, 112)
        size = (3, 16, rows, columns)
    return TorchSource(
        module, example(sizes or (size,)), name, f"`{name}` of torchvision.",
        _normalisation(getattr(prepared, "mean", None), getattr(prepared, "std", None)), untrained=untrained,
    )


LIBRARIES: Mapping[str, Callable[[str, Sequence[tuple[int, ...]], bool], TorchSource]] = {
    "timm": _timm, "torchvision": _torchvision,
}


def _normalisation(mean: Any, std: Any) -> Normalisation | None:
    if not mean or not std:
        return None
    return Normalisation(tuple(map(float, mean)), tuple(map(float, std)))


def _unknown(message: str, name: str, known: Sequence[str]) -> ArchError:
    return ArchError(error("unknown-name", message, help=did_you_mean(name, known)))


def _made(shown: str, make: Callable[[], Any]) -> nn.Module:
    """The module that a call gives. Raises `ArchError` (not-importable) with the call's own reason."""
    try:
        with keeping_defaults():
            module = make()
    except (ArchError, KeyboardInterrupt):
        raise
    except BaseException as problem:  # code that calls `exit()` would end the command with its own status
        message = f"`{one_line(shown, 80)}` cannot be made: {words_of(problem)}"
        raise ArchError(error("not-importable", message)) from None
    if not isinstance(module, nn.Module):
        message = f"`{one_line(shown, 80)}` gives a {type(module).__name__}, where a torch module is wanted"
        raise ArchError(error("not-importable", message))
    return module


# --- a function of the user's own, and stored programs ---------------------------------------------------------------


def _function(source: str, sizes: Sequence[tuple[int, ...]]) -> TorchSource:
    """A module that a function of the user's gives."""
    module_name, _, name = source.partition(":")
    shown = one_line(source, 80)
    # As `python -m` finds a module: in the folder where the command runs.
    sys.path.insert(0, str(Path.cwd()))
    try:
        with keeping_defaults():
            found = _imported(module_name)
    except Exception as problem:
        raise ArchError(error("unknown-name", f"`{shown}` cannot be imported: {words_of(problem)}")) from None
    finally:
        sys.path.pop(0)

    function = getattr(found, name, None)
    if not callable(function):
        names = [one for one in vars(found) if not one.startswith("_")]
        raise _unknown(f"`{shown}` names no function", name, names)

    given: list[Any] = []

    def make() -> Any:
        made = function()
        if isinstance(made, tuple) and len(made) == 2:
            module, inputs = made
            if not isinstance(inputs, list | tuple | Mapping):
                inputs = [inputs]
            given.append(inputs)
            return module
        return made

    module = _made(shown, make)
    inputs: tuple[Any, ...] | Mapping[str, Any] = example(sizes)
    if given:
        inputs = given[0] if isinstance(given[0], Mapping) else tuple(given[0])
    if not inputs:
        message = f"nothing tells the sizes that `{shown}` takes"
        raise ArchError(error("usage", message, help="`--input 3x32x32`, or a function that gives (module, inputs)"))
    return TorchSource(module, inputs, type(module).__name__, f"`{shown}`.")


def _imported(name: str) -> Any:
    """A module of the user's, which may import torchvision where that was built for another torch."""
    try:
        return importlib.import_module(name)
    except RuntimeError as problem:
        if "torchvision::" not in str(problem):
            raise
        _declare_operators()
        return importlib.import_module(name)


def _program(path: str) -> TorchSource:
    """The program that a `.pt2` holds. Opening one may run code that it brings, as unpickling does."""
    if not Path(path).is_file():
        raise ArchError(error("unreadable-file", f"there is no file `{one_line(path, 200)}`"))
    # torch also logs the whole trace of what it then raises.
    log = logging.getLogger("torch.export")
    disabled_before = log.disabled
    log.disabled = True
    try:
        program = torch.export.load(path)
    except Exception as problem:
        message = f"`{one_line(path, 200)}` is no program of torch.export: {words_of(problem)}"
        raise ArchError(error("unreadable-file", message)) from None
    finally:
        log.disabled = disabled_before

    inputs, _ = program.example_inputs or ((), {})
    return TorchSource(program.module(), tuple(inputs), Path(path).stem, f"`{Path(path).name}`.", None, program)
