"""The network of a model file, read without torch and without its weights: for whoever counts, draws or compares it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import BinaryIO

from archlang.artefact.container import read, refuse
from archlang.artefact.manifest import Manifest, decode, digest
from archlang.artefact.reading import opened
from archlang.diagnostics import ArchError
from archlang.diagnostics.text import one_line
from archlang.elaborate.network import Network, loads
from archlang.limits import DEFAULT, MIB, Limits
from archlang.ops import CATALOGUE
from archlang.ops.model import Catalogue


def is_model_file(path: str | os.PathLike[str]) -> bool:
    """Tell whether a path is meant as a model file: by its ending, as every command takes it."""
    return os.fspath(path).lower().endswith(".safetensors")


def network_of_file(
    path: str | os.PathLike[str], *, limits: Limits = DEFAULT, catalogue: Catalogue = CATALOGUE
) -> tuple[Network, Manifest]:
    """The checked network of a model file, as it was compiled, and the file's description.

    What passes made of the network stands in the description alone. Raises ArchError as `load_model` does, but for
    what is wrong with weights.
    """
    with opened(path) as file:
        head = read(file)
        sealed = decode(head.metadata)
        if digest(head, _rest(file, len(head.raw))) != sealed.digest:
            raise refuse("altered-model", "the file is not as it was written: its digest differs")

    manifest = sealed.manifest
    try:
        network = loads(manifest.network, name="<model>", limits=limits.of_whole, catalogue=catalogue)
    except ArchError as problem:
        raise refuse("foreign-model", "the file's network is not one that this archlang accepts",
                     notes=(one_line(problem.diagnostics[0].message, 300),),
                     help="the file may come from another version of archlang") from None
    return network, manifest


def _rest(file: BinaryIO, start: int) -> Iterator[bytes]:
    """The bytes behind the header, a mebibyte at a time."""
    file.seek(start)
    while chunk := file.read(MIB):
        yield chunk
