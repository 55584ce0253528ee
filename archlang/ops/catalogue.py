"""The catalogue: one tuple of families. A new file in this folder stands here, and a test says so if it does not."""

from __future__ import annotations

from typing import TypeVar

from archlang.ops import (
    activation,
    attention,
    axes,
    coded,
    convolution,
    edges,
    einsum,
    elementwise,
    heads,
    indexing,
    layer_attention,
    learned,
    linear,
    losses,
    losses_embedding,
    merging,
    metrics,
    multipath,
    neighbourhoods,
    normalisation,
    patch_experts,
    pbconv,
    pooling,
    recurrent,
    regularisation,
    reparametrized,
    reshaping,
    resizing,
    sampling,
    settings_network,
    settings_optimising,
    settings_training,
    sparse,
    spreading,
    structures,
    tokens,
)
from archlang.ops.facts import Facts
from archlang.ops.model import Catalogue
from archlang.ops.values import Option

FAMILIES = (
    convolution, normalisation, activation, elementwise, pooling, linear, learned, regularisation, reshaping, resizing,
    axes, merging, spreading, heads, attention, recurrent, layer_attention, multipath, coded, pbconv, patch_experts,
    sparse, edges, tokens, indexing, einsum, neighbourhoods, sampling,
)

CATALOGUE = Catalogue(
    ops={op.name: op for family in FAMILIES for op in family.OPS},
    structures={structure.name: structure for structure in structures.STRUCTURES},
    # By role and name: `mean` is an aggregator and a stage, `none` a threshold and a choice of kernels.
    settings={
        (setting.role, setting.name): setting
        for setting in (
            *heads.SETTINGS, *pbconv.SETTINGS, *coded.SETTINGS, *losses.SETTINGS,
            *losses_embedding.SETTINGS, *metrics.SETTINGS,
            *patch_experts.SETTINGS, *reparametrized.SETTINGS,
            *settings_network.SETTINGS, *settings_optimising.SETTINGS, *settings_training.SETTINGS, *sparse.SETTINGS,
        )
    },
)
"""All operations, structures and settings that archlang itself brings."""

F = TypeVar("F", bound=Facts)


def facts_of(option: Option, kind: type[F]) -> F:
    """The facts of an option's setting. Raises `LookupError` for a setting that states none of this kind.

    >>> from archlang.ops.facts import LossFacts
    >>> facts_of(Option("cross_entropy", "loss"), LossFacts).reads_classes
    True
    """
    # Only the built-in settings are looked at: plug-ins bring kinds of attention, of which nobody asks facts.
    setting = CATALOGUE.setting(option.role, option.name)
    facts = None
    if setting is not None:
        facts = setting.facts

    if not isinstance(facts, kind):
        raise LookupError(f"the {option.role} `{option.name}` states no {kind.__name__}")
    return facts
