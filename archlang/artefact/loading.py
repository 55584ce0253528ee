"""A file into a model. Every doubt is settled before weights are allocated; nothing in a file is ever run."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import BinaryIO

import safetensors.torch
from torch import fx

from archlang.artefact import container, table
from archlang.artefact.container import Container, refuse
from archlang.artefact.manifest import Manifest, Sealed, decode, digest
from archlang.artefact.replay import check_passes, dials_of, rebuild
from archlang.diagnostics import ArchError, error
from archlang.diagnostics.text import one_line
from archlang.graph.network import Network, loads
from archlang.limits import DEFAULT, MIB, Limits
from archlang.ops import CATALOGUE
from archlang.ops.model import Catalogue
from archlang.passes.catalogue import PASSES, PassCatalogue

Check = Callable[[str], Network]

ROOM = 32
"""A model with passes is built before it is compared: from a network of at most so many times the file's numbers."""


def load_model(
    path: str | os.PathLike[str], *, limits: Limits = DEFAULT, catalogue: Catalogue = CATALOGUE,
    passes: PassCatalogue = PASSES,
) -> fx.GraphModule:
    """The model of a file that `save` wrote, in evaluation mode on the CPU, in the kind of numbers it was saved in.

    In this order: the header is checked, the text parsed and checked, the table of tensors derived from it and
    compared, the digest and the finiteness of all weights verified, the network compiled, its passes replayed.
    `limits` and `catalogue` (one with the operations of plug-ins) are those that the text is checked with; `passes` are
    those that the file may name.

    Raises `ArchError`: unreadable-file, not-a-model, unsafe-model, truncated-model, altered-model, foreign-model,
    non-finite-model. A file that passes is as it was written; that says nothing of who wrote it.
    """
    try:
        if not Path(path).exists():
            raise FileNotFoundError(2, "there is no such file")
        if not Path(path).is_file():
            raise IsADirectoryError(21, "it is no regular file")
        with Path(path).open("rb") as file:
            return _load(file, partial(loads, name="<model>", limits=limits, catalogue=catalogue), passes)
    except OSError as problem:
        shown = one_line(os.fspath(path), 200)
        said = (problem.strerror or "the system refuses it").lower()
        raise ArchError(error("unreadable-file", f"`{shown}` cannot be read: {said}")) from None


def _load(file: BinaryIO, check: Check, passes: PassCatalogue) -> fx.GraphModule:
    head = container.read(file)
    sealed = decode(head.metadata)
    manifest = sealed.manifest
    try:
        check_passes(manifest.passes, passes)
        network = _network(manifest, check)
        kind = _kind(head, network, manifest, passes)
    except ArchError:
        _verify(file, head, sealed)  # a file that something changed says so, whatever else is wrong with it
        raise
    data = _bytes(file, head)
    if digest(head, [memoryview(data)[len(head.raw) :]]) != sealed.digest:
        raise _altered()
    weights = safetensors.torch.load(data)
    for name, value in weights.items():
        if value.is_floating_point() and not bool(value.isfinite().all()):
            raise refuse("non-finite-model", f"`{name[:80]}` holds NaN or infinity")
    model = rebuild(network, manifest, passes).to(table.FLOATS[kind])
    table.compare(head.table, table.of_state(model.state_dict()))
    model.load_state_dict(weights, strict=True)
    return model


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
    if network.text != manifest.network or dials_of(network) != manifest.dials:
        raise refuse("foreign-model", "the file's network is not in the form that this archlang writes")
    return network


def _kind(head: Container, network: Network, manifest: Manifest, passes: PassCatalogue) -> str:
    slots = table.of_graph(network.graph)
    if not manifest.passes:
        return table.compare(head.table, slots)
    if table.numbers(slots) > ROOM * table.numbers(head.table) + MIB:
        raise refuse("altered-model", "the file's weights are far fewer than its network needs")
    return table.compare(head.table, table.of_state(rebuild(network, manifest, passes).state_dict()))


def _bytes(file: BinaryIO, head: Container) -> bytes:
    file.seek(0)
    data = file.read(len(head.raw) + head.end)
    if len(data) < len(head.raw) + head.end or not data.startswith(head.raw):
        raise _altered()  # somebody wrote to it while it was read
    return data


def _verify(file: BinaryIO, head: Container, sealed: Sealed) -> None:
    file.seek(len(head.raw))
    if digest(head, _chunks(file)) != sealed.digest:
        raise _altered()


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    while chunk := file.read(MIB):
        yield chunk


def _altered() -> ArchError:
    return refuse("altered-model", "the file is not as it was written: its digest differs")
