"""The passes that a model file may name, and a network made a model through them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec
from torch import fx

from archlang.artefact.container import refuse
from archlang.artefact.manifest import Manifest
from archlang.elaborate.network import Network
from archlang.emit import Record, emit
from archlang.rewrite import fuse
from archlang.rewrite.extract import classes_of, extract
from archlang.syntax import print_expr, tree

Rewrite = Callable[[fx.GraphModule], fx.GraphModule]

PASSES: Mapping[str, Rewrite] = {"fuse": fuse}
"""Every pass without options by the name that `Record.passes` keeps."""


def pass_of(name: str) -> Rewrite | None:
    """The pass that a name of `Record.passes` stands for: `fuse`, `extract{class=3}`; None for any other."""
    classes = classes_of(name)
    if classes is None:
        return PASSES.get(name)
    return lambda model: extract(model, classes)


def describe(record: Record) -> Manifest:
    """The description of a model in its file, the digest blank."""
    return Manifest(
        network=record.network.text,
        dials=dials_of(record.network),
        seed=record.seed,
        passes=record.passes,
        labels=record.labels,
        mean=record.mean,
        std=record.std,
        image=msgspec.UNSET if record.image is None else record.image,
    )


def dials_of(network: Network) -> dict[str, str]:
    """The dials' values as the network's text has them."""
    declared = next(d for d in network.tree.declarations if isinstance(d, tree.NetworkDeclaration))
    return {dial.name: print_expr(dial.default) for dial in declared.dials if dial.default is not None}


def check_passes(passes: tuple[str, ...]) -> None:
    """Raise `ArchError` (foreign-model) for a pass that this archlang does not have."""
    for name in passes:
        if pass_of(name) is None:
            message = "the file names a transformation that this archlang does not have"
            raise refuse("foreign-model", message, help="update archlang")


def rebuild(network: Network, manifest: Manifest, taps: bool = False) -> fx.GraphModule:
    """Make the model that a manifest describes, in evaluation mode, with fresh weights."""
    model = emit(network.graph, seed=manifest.seed, taps=taps)
    image = None
    if manifest.image is not msgspec.UNSET:
        image = manifest.image
    model.archlang = Record(network, manifest.seed, (), manifest.labels, manifest.mean, manifest.std, image)

    replayed: fx.GraphModule = model.eval()
    for name in manifest.passes:
        rewrite = pass_of(name)
        assert rewrite is not None, "passes are checked before they are replayed"
        replayed = rewrite(replayed).eval()
    return replayed
