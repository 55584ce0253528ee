"""A model into a file."""

from __future__ import annotations

import os
from collections.abc import Mapping

import safetensors.torch
import torch
from torch import fx

from archlang.artefact import table
from archlang.artefact.comparison import check_unchanged
from archlang.artefact.container import KEY, read_bytes
from archlang.artefact.loading import check_readable
from archlang.artefact.manifest import MOST_PASSES, encode, seal, sound
from archlang.artefact.replay import describe, pass_of
from archlang.atomic import write_whole
from archlang.diagnostics import ArchError, error
from archlang.diagnostics.text import one_line
from archlang.elaborate.network import Network
from archlang.emit import Record
from archlang.passes.catalogue import PASSES, PassCatalogue


def save(model: fx.GraphModule, path: str | os.PathLike[str], *, passes: PassCatalogue = PASSES) -> None:
    """Write a compiled model to one file: its weights, and in their header the text that it was compiled from.

    A model that `torch.compile` made of a compiled one is saved as that one. The same model gives the same bytes. The
    file is written completely or not at all, and only if `load_model` reads it. Its digest shows later whether
    something changed it; it does not show who wrote it. `passes` are those that the model may have gone through.

    Raises `ArchError`: unsupported-module, changed-model (its computation is no longer that of its text),
    non-finite-model, unwritable-output.
    """
    write_whole(path, pack(model, passes))


def pack(model: fx.GraphModule, passes: PassCatalogue = PASSES) -> bytes:
    """The bytes of a model's file, which `load_model` reads; otherwise nothing is written, and no old file replaced.

    Raises `ArchError`, as `save` does.
    """
    model = _original(model)
    record = _record(model, passes)
    # The file holds a text instead of the module: a module that somebody edited would come back as another one.
    check_unchanged(model, record, passes)

    state = {name: _plain(value) for name, value in model.state_dict().items()}
    _check_state(record, state)

    sealed = packed(state, described(model, passes))
    _check_readable(sealed, record.network, passes)
    return sealed


def packed(state: Mapping[str, torch.Tensor], text: str) -> bytes:
    """The bytes of a model's file: its tensors, and the text that `described` gave."""
    data = safetensors.torch.save(dict(state), {KEY: text})
    return seal(data, read_bytes(data))


def described(model: fx.GraphModule, passes: PassCatalogue = PASSES) -> str:
    """The text that the file of a model says of it, without its weights. Raises `ArchError` (unsupported-module)."""
    manifest = describe(_record(model, passes))
    if not sound(manifest):
        raise _unsupported("the model's seed, class names or normalisation are not such as a file can hold")
    return encode(manifest)


def check_text(network: Network) -> None:
    """Raise `ArchError` (unsupported-module) where no model of a network could be read again for its text."""
    try:
        reread = network.reread
    except ArchError as problem:
        raise _unreadable(problem) from None
    if reread.text != network.text:
        raise _unsupported("the network's text changes when it is read and written again, so no file can hold it")


def _check_readable(data: bytes, network: Network, passes: PassCatalogue) -> None:
    """Raise `ArchError` (unsupported-module) for a file that `load_model` would refuse."""
    check_text(network)
    try:
        check_readable(data, network, passes)
    except ArchError as problem:
        raise _unreadable(problem) from None


def _unreadable(problem: ArchError) -> ArchError:
    """The error of a model whose file would be refused, with the reason."""
    message = "the model's file could not be read again, so it was not written"
    return ArchError(error("unsupported-module", message, notes=(one_line(problem.diagnostics[0].message, 300),)))


def _original(model: fx.GraphModule) -> fx.GraphModule:
    """The model that `torch.compile` was given; any other model itself."""
    # Not by its class: to name it, all of torch's compiler would have to be imported.
    original = model._modules.get("_orig_mod")
    if isinstance(original, fx.GraphModule) and type(model).__name__ == "OptimizedModule":
        return original
    return model


def _record(model: fx.GraphModule, passes: PassCatalogue) -> Record:
    """The record of a model that a file can describe."""
    record = getattr(model, "archlang", None)
    if not isinstance(record, Record) or record.network is None:
        raise _unsupported("only a model that archlang compiled from a file can be saved: its text goes with it")

    if len(record.passes) > MOST_PASSES:
        raise _unsupported(f"the model went through {len(record.passes)} passes; a file repeats at most {MOST_PASSES}")
    for name in record.passes:
        if pass_of(name, passes) is None:
            raise _unsupported("the model went through a transformation that a file cannot repeat")
    return record


def _plain(value: torch.Tensor) -> torch.Tensor:
    """A tensor as safetensors takes it."""
    # Cloned because views of one storage are refused, and a later step of training must not show in the file.
    return value.detach().to("cpu").contiguous().clone()


def _check_state(record: Record, state: dict[str, torch.Tensor]) -> None:
    """Raise `ArchError` for weights that are not the network's, of several kinds of numbers, or not finite."""
    # What passes leave of the weights is compared when the file is loaded; it takes running them.
    if not record.passes and table.of_state(state) != table.of_graph(record.network.graph):
        raise _unsupported("the model's weights are no longer those of the network it was compiled from")

    kinds = {value.dtype for value in state.values()} - {torch.int64}
    if kinds - table.KINDS.keys() or len(kinds) > 1:
        raise _unsupported("a model is saved in one kind of floating-point number; this one mixes several")

    for name, value in state.items():
        if value.is_floating_point() and not bool(value.isfinite().all()):
            raise ArchError(error("non-finite-model", f"`{name}` holds NaN or infinity; the model was not saved"))


def _unsupported(message: str) -> ArchError:
    return ArchError(error("unsupported-module", message))
