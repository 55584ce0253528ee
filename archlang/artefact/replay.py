"""The passes that a model file may name, and a network made a model through them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from torch import fx

from archlang.artefact.container import refuse
from archlang.artefact.manifest import Manifest
from archlang.emit import Record, emit
from archlang.graph.network import Network
from archlang.rewrite import fuse
from archlang.syntax import print_expr, tree

PASSES: Mapping[str, Callable[[fx.GraphModule], fx.GraphModule]] = {"fuse": fuse}
"""Every pass by the name that `Record.passes` keeps."""


def describe(record: Record) -> Manifest:
    """What a file says of a model, its digest blank."""
    return Manifest(
        network=record.network.text,
        dials=dials_of(record.network),
        seed=record.seed,
        passes=record.passes,
        labels=record.labels,
        mean=record.mean,
        std=record.std,
    )


def dials_of(network: Network) -> dict[str, str]:
    """The dials' values as the network's own text has them."""
    declared = next(d for d in network.tree.declarations if isinstance(d, tree.Network))
    return {dial.name: print_expr(dial.default) for dial in declared.dials if dial.default is not None}


def check_passes(passes: tuple[str, ...]) -> None:
    """Raises `ArchError` (foreign-model) for a pass that this archlang does not have."""
    for name in passes:
        if name not in PASSES:
            message = "the file names a transformation that this archlang does not have"
            raise refuse("foreign-model", message, help="update archlang")


def rebuild(network: Network, manifest: Manifest) -> fx.GraphModule:
    """The model that a manifest describes, in evaluation mode, with fresh weights."""
    model = emit(network.graph, seed=manifest.seed)
    model.archlang = Record(network, manifest.seed, (), manifest.labels, manifest.mean, manifest.std)
    replayed: fx.GraphModule = model.eval()
    for name in manifest.passes:
        replayed = PASSES[name](replayed).eval()
    return replayed
