"""Networks of many hands, imported: each gives what torch gives, with its own weights."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import pytest
import torch
from torch import Tensor

from archlang.importing import ImportedModel, import_model
from tests.importing import everyday, homemade, parts, unusual
from tests.importing.homemade import Made

MODELS = {**homemade.MODELS, **unusual.MODELS, **everyday.MODELS, **parts.MODELS}

WORDS: Mapping[str, tuple[str, ...]] = {
    "zipped": ("group_norm(2)", "global_max_pool"),
    "hand_attention": ("block hand_attention", "linear(classes) as head"),
    "unet": ("conv_transpose", "mode = bilinear)"),
    "lstm": ("lstm(12, layers = 2, dropout = 0.1) as rnn",),
    "gru": ("gru(7, bidirectional = true) as rnn",),
    "words": ("input ids: [7] (range = 50)", "2 * transformer_encoder_layer"),
    "cross_attention": ("attention(2, memory = memory) as attn",),
    "super_resolution": ("pixel_shuffle(2)", "clamp(low = 0.0, high = 1.0)"),
    "siamese": ("layer ",),
    "scoring_head": ("layer wte = embedding(16)", "position_embedding(12)", "unembed(wte)"),
    "scoring_biased": ("unembed(wte)", "affine(scale = none) as head"),
    "scoring_function": ("unembed(wte)",),
    "scoring_matrix": ("unembed(wte)",),
    "learned_places": ("position_embedding(9)",),
    "masked": ("above", "choose("),
    "compared": ("above(1.0)", "fill = "),
    "squeezed": ("side = 6", "reshape([8, 1, 1])"),
    "outlook": ("unfold(3x3", "fold(5x6"),
    "volumes_as_samples": ("layer ",),
    "pooled": ("constant(value = 0.5)",),
}
"""What a reader of the file looks for."""


def outputs(value: Any) -> list[Tensor]:
    """The tensors of an output, those of a dict by their names' order."""
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, dict):
        value = [value[name] for name in sorted(value)]
    return list(value)


def imported(made: Made) -> ImportedModel:
    module, inputs = made
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch.export's own
        return import_model(module, inputs)


@pytest.mark.parametrize("name", MODELS)
def test_a_network_of_somebodys_own_is_equal(name: str) -> None:
    torch.manual_seed(0)
    made = MODELS[name]()
    found = imported(made)

    module, inputs = made
    more = tuple(torch.cat([one, one.flip(0)[:1]]) for one in inputs)
    with torch.no_grad():
        theirs, ours = module.eval()(*more), found.model(*more)
    for one, other in zip(outputs(ours), outputs(theirs), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)
    assert not found.left
    # What is calculated from a parameter is stored, and no longer one.
    if not any("calculated from parameters" in note for note in found.notes):
        assert found.network.parameters == sum(weight.numel() for weight in module.parameters())
    for words in WORDS.get(name, ()):
        assert words in found.text
