"""Differences: one thing changed in a file is one thing told, and nothing changed is nothing told."""

from __future__ import annotations

import json

import pytest

from archlang.analysis import Diff, describe, diff
from archlang.elaborate import loads
from archlang.elaborate.network import Network
from tests.views.networks import base_cnn_cc, resnet50

BASE = """archlang 1
block unit(c) = conv(3x3, c) -> batch_norm -> relu
network Net(classes = 10) {
  input image: [3, 16, 16]
  stem = image -> unit(8) -> unit(8) -> max_pool(2x2)
  body = stem -> 2 * unit(16) -> residual { conv(3x3, 16) -> relu }
  logits = body -> global_avg_pool -> linear(classes)
  output logits
}
"""


def net(*edits: tuple[str, str]) -> Network:
    text = BASE
    for old, new in edits:
        assert old in text
        text = text.replace(old, new)
    return loads(text)


def told(found: Diff) -> list[tuple[str, str]]:
    return [(change.what, change.name) for change in found.changes]


def test_equal_networks_have_no_difference() -> None:
    found = diff(net(), net())
    assert found.same and describe(found) == "Net: no difference\n"


def test_an_inserted_layer_is_one_insertion() -> None:
    found = diff(net(), net(("image -> unit(8)", "image -> conv(1x1, 3) -> unit(8)")))
    assert told(found) == [("added", "stem.conv")]
    assert found.changes[0].after == "conv(1x1, 3)" and found.changes[0].parameters == 12


def test_a_layer_inserted_among_its_like_is_one_insertion() -> None:
    found = diff(net(), net(("unit(8) -> unit(8)", "unit(8) -> unit(8) -> unit(8)")))
    assert [(c.what, c.kind, c.ops) for c in found.changes] == [("added", "block", 3)]
    found = diff(net(), net(("2 * unit", "5 * unit")))
    assert [c.what for c in found.changes] == ["added"] * 3


def test_a_removed_layer_is_one_removal() -> None:
    found = diff(net(("image -> unit(8)", "image -> conv(1x1, 3) -> unit(8)")), net())
    assert told(found) == [("removed", "stem.conv")] and found.changes[0].parameters == -12


def test_a_widened_layer_is_a_changed_argument() -> None:
    found = diff(net(), net(("residual { conv(3x3, 16)", "residual { conv(3x3, 16, groups = 4)")))
    assert told(found) == [("changed", "body.residual.conv")]
    assert found.changes[0].before == "conv(3x3, 16)" and found.changes[0].after == "conv(3x3, 16, groups = 4)"
    assert found.changes[0].parameters == 16 * 4 * 9 - 16 * 16 * 9
    assert found.parameters.after - found.parameters.before == found.changes[0].parameters  # type: ignore[operator]


def test_a_renamed_scope_is_a_renaming() -> None:
    found = diff(net(), net(("stem", "head")))
    assert [(c.what, c.kind, c.before, c.after) for c in found.changes] == [("renamed", "block", "stem", "head")]


def test_a_renamed_operation_is_a_renaming() -> None:
    found = diff(net(), net(("linear(classes)", "linear(classes) as head")))
    assert told(found) == [("renamed", "logits.head")]


def test_another_wiring_is_told_where_structure_is_the_same() -> None:
    found = diff(
        net(("output logits", "a = stem -> relu\n  b = stem -> sigmoid\n  output a\n  output more = b -> add(a)")),
        net(("output logits", "a = stem -> relu\n  b = stem -> sigmoid\n  output a\n  output more = b -> add(stem)")),
    )
    assert told(found) == [("rewired", "add")]
    assert (found.changes[0].before, found.changes[0].after) == ("b.sigmoid, a.relu", "b.sigmoid, stem.max_pool")


def test_dials_inputs_and_outputs_are_compared() -> None:
    found = diff(net(), loads(BASE.replace("16, 16]", "32, 32]"), dials={"classes": 5}))
    assert [(s.kind, s.name, s.before, s.after) for s in found.settings] == [
        ("dial", "classes", 10, 5),
        ("input", "image", "[3, 16, 16]", "[3, 32, 32]"),
        ("output", "output", "[10]", "[5]"),
    ]
    assert ("changed", "logits.linear") in told(found)


def test_training_is_compared() -> None:
    plan = "train {{ loss = cross_entropy(logits, label); optimizer = sgd(lr = {}); phase all {{ epochs = 2 }} }}\n"
    found = diff(loads(BASE + plan.format(0.1)), loads(BASE + plan.format(0.2)))
    assert [(s.kind, s.name) for s in found.settings] == [("train", "optimizer")] and not found.changes


def test_another_path_is_one_member_a_region() -> None:
    found = diff(base_cnn_cc(2), base_cnn_cc(3))
    added = [c.name for c in found.changes if c.what == "added"]
    assert added == ["trunk.loop.0.each.2", "trunk.loop.1.each.2", "trunk.each.2", "logits.each.2", "logits.each_2.2"]
    assert all(c.name.endswith("gates") for c in found.changes if c.what == "changed")
    assert sum(c.parameters for c in found.changes) == 1_666_014 - 1_110_564  # type: ignore[misc]


def test_networks_with_nothing_in_common_are_compared() -> None:
    text = describe(diff(resnet50(), base_cnn_cc()))
    assert text.startswith("ResNet50 -> BaseCNN_CC\n") and "- layer1 (32 operations)  [-215,808 parameters]" in text


@pytest.mark.parametrize("swap", [False, True])
def test_json_and_text_say_the_same(swap: bool) -> None:
    pair = (net(), net(("2 * unit(16)", "3 * unit(16)")))
    found = diff(*(pair[::-1] if swap else pair))
    parsed = json.loads(found.json())
    assert parsed["format_version"] == 1 and len(parsed["changes"]) == 1
    assert set(parsed["parameters"]) == {"before", "after"}
    more = "-" if swap else "+"
    assert f"{more} body.unit.2 (3 operations)  [{more}2,336 parameters]" in describe(found).splitlines()


TRAIN = """train {
  loss = cross_entropy(logits, label); optimizer = sgd(lr = 0.1); batch = 16; seed = 1; augment = [flip]; clip = 1.0
  labels = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]; precision = float32; average = ema(0.9)
  metrics = [top_k(2), top_k(3)]; best = top_k(2)
  phase all { epochs = 2; lr = constant; only = "stem" }
}
"""


@pytest.mark.parametrize(("old", "new", "name"), [
    ("loss = cross_entropy(logits, label)", "loss = 0.5 * cross_entropy(logits, label)", "loss"),
    ("cross_entropy(logits, label)", "cross_entropy(logits, label, label_smoothing = 0.1)", "loss"),
    ("lr = 0.1", "lr = 0.2", "optimizer"), ("batch = 16", "batch = 32", "batch"), ("seed = 1", "seed = 2", "seed"),
    ("augment = [flip]", "augment = [flip, shift(2)]", "augment"), ("clip = 1.0", "clip = 2.0", "clip"),
    ('"8", "9"]', '"9", "8"]', "labels"), ("precision = float32", "precision = bfloat16", "precision"),
    ("ema(0.9)", "ema(0.8)", "average"), ("top_k(3)", "top_k(4)", "metrics"),
    ("best = top_k(2)", "best = top_k(3)", "best"), ("epochs = 2", "epochs = 3", "phase all"),
    ("epochs = 2", "steps = 2", "phase all"), ("lr = constant", "lr = cosine", "phase all"),
    ('only = "stem"', 'only = "logits"', "phase all"), ('only = "stem"', 'freeze = "stem"', "phase all"),
])
def test_everything_that_a_train_says_is_compared(old: str, new: str, name: str) -> None:
    assert old in TRAIN
    found = diff(loads(BASE + TRAIN), loads(BASE + TRAIN.replace(old, new)))
    assert [(s.kind, s.name) for s in found.settings] == [("train", name)] and not found.same
