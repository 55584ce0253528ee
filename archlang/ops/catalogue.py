"""The catalogue: one tuple of families. A new file in this folder stands here, and a test says so if it does not."""

from __future__ import annotations

from archlang.ops import (
    activation,
    attending,
    attention,
    boosting,
    coding,
    convolution,
    edges,
    linear,
    losses,
    merging,
    normalisation,
    patching,
    pooling,
    recurrent,
    regularisation,
    reshaping,
    routing,
    settings_network,
    settings_optimising,
    settings_training,
    sparse,
    structures,
)
from archlang.ops.model import Catalogue

FAMILIES = (
    convolution, normalisation, activation, pooling, linear, regularisation, reshaping, merging, attention, recurrent,
    attending, routing, coding, boosting, patching, sparse, edges,
)

CATALOGUE = Catalogue(
    ops={op.name: op for family in FAMILIES for op in family.OPS},
    structures={structure.name: structure for structure in structures.STRUCTURES},
    settings={
        (s.role, s.name): s
        for s in (
            *boosting.SETTINGS, *coding.SETTINGS, *losses.SETTINGS, *patching.SETTINGS,
            *settings_network.SETTINGS, *settings_optimising.SETTINGS, *settings_training.SETTINGS, *sparse.SETTINGS,
        )
    },
)
"""All operations, structures and settings that archlang itself brings."""
