"""The passes that a model file may name, and a network made a model through them."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import torch
from torch import fx

from archlang.artefact.container import refuse
from archlang.artefact.manifest import Manifest
from archlang.elaborate.network import Network
from archlang.emit import ImagePreparation, Record, emit
from archlang.passes.catalogue import PASSES, PassCatalogue
from archlang.syntax import print_expr, tree

Rewrite = Callable[[fx.GraphModule], fx.GraphModule]


def pass_of(name: str, passes: PassCatalogue = PASSES) -> Rewrite | None:
    """The pass that a name of `Record.passes` stands for: `fuse`, `extract{class=3}`; None for any other."""
    chosen = passes.replayable(name)
    if chosen is None:
        return None
    return lambda model: chosen(model).module


def describe(record: Record) -> Manifest:
    """The description of a model in its file, the digest blank."""
    # Absent rather than null without a training, as in files from before images were described.
    image: ImagePreparation | msgspec.UnsetType = msgspec.UNSET
    if record.image is not None:
        image = record.image

    return Manifest(
        network=record.network.text,
        dials=dials_of(record.network),
        seed=record.seed,
        passes=record.passes,
        labels=record.labels,
        mean=record.mean,
        std=record.std,
        image=image,
    )


def dials_of(network: Network) -> dict[str, str]:
    """The dials' values as the network's text has them."""
    declared = next(d for d in network.tree.declarations if isinstance(d, tree.NetworkDeclaration))
    return {dial.name: print_expr(dial.default) for dial in declared.dials if dial.default is not None}


def check_passes(names: tuple[str, ...], passes: PassCatalogue = PASSES) -> None:
    """Raise ArchError (foreign-model) for a pass that is not in the catalogue."""
    for name in names:
        if pass_of(name, passes) is None:
            message = "the file names a transformation that this archlang does not have"
            raise refuse("foreign-model", message, help="update archlang, or name the plug-in that it comes from")


def rebuild(
    network: Network, manifest: Manifest, passes: PassCatalogue = PASSES, *, taps: bool = False
) -> fx.GraphModule:
    """Make the model that a manifest describes, in evaluation mode, with fresh weights."""
    # On the CPU and in float32 whatever is the default: what a file holds does not depend on who reads it.
    model = emit(network.graph, seed=manifest.seed, taps=taps, device="cpu", dtype=torch.float32)
    image = None
    if manifest.image is not msgspec.UNSET:
        image = manifest.image
    # Passes add their own names to the record as they run again.
    model.archlang = Record(network, manifest.seed, (), manifest.labels, manifest.mean, manifest.std, image)

    # The mode that passes were applied in: fusing asks for it.
    replayed: fx.GraphModule = model.eval()
    for name in manifest.passes:
        rewrite = pass_of(name, passes)
        assert rewrite is not None, "passes are checked before they are replayed"
        replayed = rewrite(replayed).eval()
    return replayed
