"""Patterns over the names of weights, and warnings that count what a batch norm sees."""

from __future__ import annotations

import pytest

from archlang.elaborate.network import check_text, loads
from archlang.graph.coded import within
from archlang.graph.patterns import chosen, matches, trained

NAMES = ("layer1.conv.weight", "layer1.conv.bias", "layer10.conv.weight", "layer10.conv.bias", "layer1_2.conv.weight",
         "head.layer1.weight")


@pytest.mark.parametrize(("pattern", "expected"), [
    ("layer1", {0, 1}), ("layer10", {2, 3}), ("layer1_2", {4}), ("layer1.conv", {0, 1}), ("layer1.conv.weight", {0}),
    ("layer1*", {0, 1, 2, 3, 4}), ("layer1.*", {0, 1}), ("*.bias", {1, 3}), ("*.layer1", {5}), ("conv", set()),
    ("layer", set()), ("layer1.con", set()), ("layer1.", set()), (".layer1", set()), ("[l]ayer1", set()),
    ("LAYER1", set()),
])
def test_a_name_stands_for_itself_and_never_for_a_longer_one(pattern: str, expected: set[int]) -> None:
    found = {i for i, name in enumerate(NAMES) if matches(pattern, name)}
    assert found == expected
    assert chosen(NAMES, (pattern,)) == {NAMES[i] for i in expected}
    assert trained(NAMES, (pattern,), None) == {NAMES[i] for i in expected}
    assert trained(NAMES, None, (pattern,)) == set(NAMES) - {NAMES[i] for i in expected}


@pytest.mark.parametrize(("name", "region", "expected"), [
    ("layer1", ("layer1", "coded"), True), ("layer1", ("layer10", "coded"), False), ("layer1", ("layer1",), True),
    ("layer1.coded", ("layer1", "coded", "0"), True), ("layer1.coded", ("layer1", "coded_2"), False),
    ("layer1.coded.1", ("layer1", "coded", "10"), False), ("layer1.coded", ("layer1",), False),
])
def test_a_site_is_named_by_whole_steps_of_its_path(name: str, region: tuple[str, ...], expected: bool) -> None:
    assert within(name, region) is expected


TEXT = """archlang 1
network N {{
  input x: [1, 8, 8]
  layer1  = x -> {maps}
  layer10 = layer1 -> flatten -> linear(4)
  output layer10
}}
train {{
  loss      = cross_entropy(layer10, label)
  optimizer = sgd(lr = 0.1)
  batch     = {batch}
  phase one {{ epochs = 1{phase} }}
}}
"""


def test_a_phase_that_trains_one_layer_does_not_train_the_tenth() -> None:
    net = loads(TEXT.format(maps="conv(3x3, 2)", batch=8, phase='; only = "layer1"'))
    assert [d.name for d in net.warnings] == ["never-trained"]
    assert "layer10.linear.weight" in net.warnings[0].message


@pytest.mark.parametrize(("maps", "batch", "values"), [
    ("flatten -> batch_norm", 15, 15), ("flatten -> batch_norm", 16, None), ("batch_norm", 1, None),
    ("conv(8x8, 4, padding = 0) -> batch_norm", 3, 3), ("max_pool(4x4) -> batch_norm", 3, 12),
    ("max_pool(4x4) -> batch_norm", 4, None),
    # Patches lie side by side in the batch: four of them are four times the values.
    ("patches(4x4) -> shared { conv(4x4, 4, padding = 0) -> batch_norm } -> unpatch", 3, 12),
    ("patches(4x4) -> shared { global_avg_pool -> batch_norm -> reshape([1, 1, 1]) } -> unpatch", 3, 12),
    ("patches(4x4) -> shared { global_avg_pool -> batch_norm -> reshape([1, 1, 1]) } -> unpatch", 4, None),
    ("patches(4x4) -> shared { max_pool(2x2) -> batch_norm } -> unpatch", 1, None),
])
def test_a_small_batch_norm_is_told_with_the_values_that_it_sees(maps: str, batch: int, values: int | None) -> None:
    found = [d for d in check_text(TEXT.format(maps=maps, batch=batch, phase="")) if d.name == "small-batch-norm"]
    assert [f"sees {values} values" in d.message for d in found] == ([True] if values else [])
