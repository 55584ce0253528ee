"""Differences: one thing changed in a file is one thing told, and nothing changed is nothing told."""

from __future__ import annotations

import json
from dataclasses import fields, replace

import pytest

from archlang.analysis import Diff, describe, diff
from archlang.elaborate import loads
from archlang.elaborate.network import Network
from archlang.graph.ir import Port
from archlang.graph.plan import Loss, LossSite, Phase, Plan, TrainingStep
from archlang.ops.values import Option
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
    ("cross_entropy(logits, label)", "cross_entropy(body, label)", "loss"),
    ("batch = 16", "batch = 16; accumulate = 2", "accumulate"), ("batch = 16", "batch = 16; patience = 3", "patience"),
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


def test_every_part_of_a_plan_is_compared() -> None:
    """What a plan may hold is told as a difference, each by itself: what is added to it needs a line here."""
    net = loads(BASE + TRAIN)
    plan = net.graph.plan
    assert plan is not None
    (loss,), (phase,) = plan.losses, plan.phases
    other, step = Port("n0"), TrainingStep("one", plan.losses, Option("sgd", "optimizer", {"lr": 1.0}))
    site = LossSite("site", other)

    of_losses = {"weight": 3.0, "option": Option("mse", "loss"), "reads": (other, "label"), "sites": (site,)}
    of_phases = {"name": "other", "epochs": 7, "lr": None, "steps": 9, "only": ("body",), "freeze": ("stem",),
                 "keys": Option("ema", "keys", {"decay": 0.9})}
    changed = {
        "losses": (), "optimizer": None, "phases": (), "steps": (step,), "batch": 3, "seed": 4, "augment": (),
        "labels": None, "clip": None, "precision": "float16", "average": None, "metrics": (), "best": "loss",
        "accumulate": 8, "patience": 9,
    }
    plans = [replace(plan, **{name: value}) for name, value in changed.items()]
    plans += [replace(plan, losses=(replace(loss, **{name: value}),)) for name, value in of_losses.items()]
    plans += [replace(plan, phases=(replace(phase, **{name: value}),)) for name, value in of_phases.items()]
    plans += [replace(plan, steps=(step,), losses=())]

    told_of_nothing = {"span", "places"}
    for kind, names in ((Plan, changed), (Loss, of_losses), (Phase, of_phases)):
        assert {field.name for field in fields(kind)} - told_of_nothing == set(names)
    for one in plans:
        assert not diff(net.graph, replace(net.graph, plan=one)).same, one


CHANGES = {
    "the members of an output exchanged": ("output (p, q)", "output (q, p)"),
    "two outputs exchanged": ("output left = p\n  output right = q", "output left = q\n  output right = p"),
    "the parts of a split exchanged": ("output (parts[0], parts[1])", "output (parts[1], parts[0])"),
}


@pytest.mark.parametrize(("old", "new"), CHANGES.values(), ids=CHANGES)
def test_what_comes_out_where_is_compared(old: str, new: str) -> None:
    flows = "p = image -> relu\n  q = image -> sigmoid\n  parts = stem -> split(2)"
    text = BASE.replace("output logits", f"{flows}\n  {old}")
    found = diff(loads(text), loads(text.replace(old, new)))
    assert not found.changes and [setting.kind for setting in found.settings] == ["output", "output"]
    first = found.settings[0]
    assert (first.before, first.after) == (found.settings[1].after, found.settings[1].before) and first.before


def test_a_name_is_no_difference_of_what_comes_out() -> None:
    named = ("output logits", "output a = logits")
    found = diff(net(named), net(named, ("body", "b")))
    assert [(c.what, c.name) for c in found.changes] == [("renamed", "b")] and not found.settings


def test_the_bounds_of_sizes_are_compared() -> None:
    sizes = "where H >= 8 and W % 4 == 0"
    text = f"archlang 1\nnetwork N {{\n  input x: [3, H, W] {sizes}\n  output x -> conv(3x3, 4)\n}}\n"
    found = diff(loads(text), loads(text.replace("8", "9")))
    assert [(s.kind, s.name, s.before, s.after) for s in found.settings] == [("size", "H", "H >= 8", "H >= 9")]
    found = diff(loads(text), loads(text.replace("W % 4 == 0", "W <= 64")))
    assert [(s.name, s.before, s.after) for s in found.settings] == [("W", "W >= 4 and W % 4 == 0", "W <= 64")]


CODED = """archlang 1
code c = words("110", "011", "101")
network N {
  input x: [4]
  output x -> branches(c) { linear(4) } -> sum -> linear(3)
}
"""


@pytest.mark.parametrize(("old", "new", "told"), [
    ('"110", "011"', '"011", "110"', "class 0 011 and 1 more"),
    ("branches(c)", "branches(c, drop = 0.25)", "drop = 0.25"),
])
def test_codes_are_compared(old: str, new: str, told: str) -> None:
    found = diff(loads(CODED), loads(CODED.replace(old, new)))
    assert [(s.kind, s.name, s.after) for s in found.settings] == [("code", "branches", told)] and not found.same


def test_a_bias_that_is_left_to_the_compiler_is_compared() -> None:
    """Each network has one convolution with a bias and one without, so that no count tells them apart."""
    text = "archlang 1\nnetwork N {\n  input x: [3, 8, 8]\n  output x -> conv(3x3, 3) -> relu -> conv(3x3, 3)\n}\n"
    one, other = (text.replace(old, "conv(3x3, 3, bias = false)".join(old.split("conv(3x3, 3)")))
                  for old in ("x -> conv(3x3, 3)", "relu -> conv(3x3, 3)"))
    found = diff(loads(one), loads(other))
    assert found.parameters.before == found.parameters.after
    assert told(found) == [("changed", "conv"), ("changed", "conv_2")]
    assert found.changes[0].before == "conv(3x3, 3), bias = false"


@pytest.mark.parametrize("kind", ["step", "phase"])
def test_the_order_of_a_training_is_compared(kind: str) -> None:
    parts = {"step": [f"step {n} {{ loss = {loss}(logits, label); optimizer = sgd(lr = 0.1) }}\n"
                      for n, loss in (("a", "cross_entropy"), ("b", "mse"))],
             "phase": [f"phase {n} {{ epochs = {e} }}\n" for n, e in (("a", 1), ("b", 2))]}
    rest = {"step": "phase all { epochs = 1 }\n", "phase": "loss = mse(logits, label)\noptimizer = sgd(lr = 0.1)\n"}
    first, second = (BASE + f"train {{\n{rest[kind]}{''.join(order)}}}\n"
                     for order in (parts[kind], parts[kind][::-1]))
    found = diff(loads(first), loads(second))
    assert [(s.name, s.before, s.after) for s in found.settings] == [(f"{kind}s", "a, b", "b, a")]
