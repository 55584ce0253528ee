"""A file into a model. Every doubt is settled before weights are allocated; nothing in a file is ever run."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import partial
from typing import BinaryIO

import safetensors.torch
import torch
from torch import fx

from archlang.artefact import table
from archlang.artefact.container import Container, read, read_bytes, refuse
from archlang.artefact.manifest import Manifest, Sealed, decode, digest
from archlang.artefact.reading import opened
from archlang.artefact.replay import check_passes, dials_of, rebuild
from archlang.diagnostics import ArchError
from archlang.diagnostics.text import one_line
from archlang.elaborate.network import Network, loads
from archlang.limits import DEFAULT, MIB, Limits
from archlang.ops import CATALOGUE
from archlang.ops.model import Catalogue
from archlang.passes.catalogue import PASSES, PassCatalogue

Check = Callable[[str], Network]
"""Checks a text. Raises ArchError."""

ROOM = 32
"""A model with passes is built before it is compared: from a network of at most so many times the file's numbers."""


def load_model(
    path: str | os.PathLike[str], *, limits: Limits = DEFAULT, catalogue: Catalogue = CATALOGUE,
    passes: PassCatalogue = PASSES,
) -> fx.GraphModule:
    """The model of a file that `save` wrote, in evaluation mode on the CPU, in the kind of numbers it was saved in.

    In this order: the header is checked, the text parsed and checked, the table of tensors derived from it and
    compared, the digest and the finiteness of all weights verified, the network compiled, its passes replayed.

    Args:
        path: the file.
        limits: those that the text is checked with.
        catalogue: the operations that the text may use; one with those of plug-ins, for instance.
        passes: the passes that the file may name.

    Raises `ArchError`: unreadable-file, not-a-model, unsafe-model, truncated-model, altered-model, foreign-model,
    non-finite-model. A file that passes is as it was written; that says nothing of who wrote it.
    """
    try:
        with opened(path) as file:
            return _load(file, partial(loads, name="<model>", limits=limits.of_whole, catalogue=catalogue), passes)
    except ArchError as problem:
        is_text = os.fspath(path).lower().endswith(".arch")
        if not is_text or problem.diagnostics[0].name != "not-a-model":
            raise
        # Whoever begins has the text of a network, and takes it for the network.
        text = one_line(os.fspath(path), 200)
        raise refuse("not-a-model", f"`{text}` is the text of a network, and this wants a model file with its weights",
                     help=(f"`archlang train {text} --data NAME` makes one",
                           f"`archlang compile {text} -o NAME.safetensors` one that is not trained")) from None


def _load(file: BinaryIO, check: Check, passes: PassCatalogue) -> fx.GraphModule:
    """The model of an open file."""
    head = read(file)
    sealed = decode(head.metadata)
    manifest = sealed.manifest

    try:
        check_passes(manifest.passes, passes)
        network = _network(manifest, check)
        kind = _kind(head, network, manifest, passes)
    except ArchError:
        # A file that something changed says so, whatever else is wrong with it.
        _verify(file, head, sealed)
        raise

    data = _bytes(file, head)
    # Of the bytes in memory, not of the file, which somebody may exchange in the meantime.
    _check_digest(data, head, sealed)

    weights = safetensors.torch.load(data)
    _check_finite(weights)

    model = rebuild(network, manifest, passes).to(table.FLOATS[kind])
    table.compare(head.table, table.of_state(model.state_dict()))
    model.load_state_dict(weights, strict=True)
    return model


def check_readable(data: bytes, network: Network, passes: PassCatalogue) -> None:
    """Raise the `ArchError` that `load_model` would raise for the bytes of a model of this network.

    The network is checked with its own limits and catalogue, once for all of its models.
    """
    head = read_bytes(data)
    sealed = decode(head.metadata)
    check_passes(sealed.manifest.passes, passes)
    reread = _network(sealed.manifest, lambda text: network.reread)
    _kind(head, reread, sealed.manifest, passes)
    _check_digest(data, head, sealed)


def _check_digest(data: bytes, head: Container, sealed: Sealed) -> None:
    """Raise `ArchError` (altered-model) unless the digest of a file's bytes is the one that it should have."""
    if digest(head, [memoryview(data)[len(head.raw) :]]) != sealed.digest:
        raise _altered()


def _check_finite(weights: dict[str, torch.Tensor]) -> None:
    """Raise `ArchError` (non-finite-model) for NaN or infinity."""
    for name, value in weights.items():
        if value.is_floating_point() and not bool(value.isfinite().all()):
            raise refuse("non-finite-model", f"`{name[:80]}` holds NaN or infinity")


def _network(manifest: Manifest, check: Check) -> Network:
    """The checked network of a manifest's text; a text that needs other files is none of ours."""
    try:
        network = check(manifest.network)
    except ArchError as problem:
        first = problem.diagnostics[0]
        raise refuse(
            "foreign-model",
            "the file's network is not one that this archlang accepts",
            notes=(one_line(first.message, 300),),
            help="the file may come from another version of archlang",
        ) from None

    # Only canonical text: two texts of one network would be two files of one model.
    if network.text != manifest.network or dials_of(network) != manifest.dials:
        raise refuse("foreign-model", "the file's network is not in the form that this archlang writes")
    return network


def _kind(head: Container, network: Network, manifest: Manifest, passes: PassCatalogue) -> str:
    """The file's one kind of floating-point number, once its tensors are those of the network."""
    slots = table.of_graph(network.graph)
    if not manifest.passes:
        return table.compare(head.table, slots)

    # What passes leave is known only when they ran: no small file may make a large network run through them.
    if table.numbers(slots) > ROOM * table.numbers(head.table) + MIB:
        raise refuse("altered-model", "the file's weights are far fewer than its network needs")
    return table.compare(head.table, table.of_state(rebuild(network, manifest, passes).state_dict()))


def _bytes(file: BinaryIO, head: Container) -> bytes:
    """All bytes of the file, whose header must still be the one that was checked."""
    file.seek(0)
    data = file.read(len(head.raw) + head.end)
    if len(data) < len(head.raw) + head.end or not data.startswith(head.raw):
        raise _altered()
    return data


def _verify(file: BinaryIO, head: Container, sealed: Sealed) -> None:
    """Raise `ArchError` (altered-model) unless the digest agrees."""
    file.seek(len(head.raw))
    if digest(head, _chunks(file)) != sealed.digest:
        raise _altered()


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    """The rest of a file, a mebibyte at a time."""
    while chunk := file.read(MIB):
        yield chunk


def _altered() -> ArchError:
    return refuse("altered-model", "the file is not as it was written: its digest differs")
