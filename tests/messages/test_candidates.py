"""Mends of which several are likely: the one that is told is right in its place, for every member of a kind."""

from __future__ import annotations

import pytest

from archlang.diagnostics import Diagnostic
from archlang.elaborate.network import check_text

HEAD = "archlang 1\nnetwork N(k = 3) {{\n  input x: {input}\n"


def first(body: str, entering: str = "[16, 8, 8]") -> Diagnostic:
    """The first error of a network with this body."""
    text = HEAD.format(input=entering) + "".join(f"  {line}\n" for line in body.split("\n")) + "}\n"
    return next(one for one in check_text(text) if one.severity == "error")


@pytest.mark.parametrize(("entering", "stage", "told"), [
    ("[5]", "conv(1x1, 16)", "linear(16)"),
    ("[9, 5]", "conv(3x3, 16)", "conv1d(3, 16)"),
    ("[9, 5]", "conv(5x5, 16, stride = 2)", "conv1d(5, 16, stride = 2)"),
    ("[1, 8, 16, 16]", "conv(3x3, 8, stride = 2)", "conv3d(3x3x3, 8, stride = 2)"),
    ("[3, 8, 8]", "conv1d(3, 16)", "conv(3x3, 16)"),
    ("[3, 8, 8]", "conv3d(3x3x3, 16)", "conv(3x3, 16)"),
    ("[3, 8, 8]", "depthwise_conv1d(3)", "depthwise_conv(3x3)"),
    ("[2, 8, 8, 8]", "depthwise_conv(3x3)", "depthwise_conv3d(3x3x3)"),
    ("[2, 8, 8, 8]", "conv_transpose(2x2, 4, stride = 2)", "conv_transpose3d(2x2x2, 4, stride = 2)"),
    ("[2, 8, 8, 8]", "max_pool(2x2)", "max_pool3d(2x2x2)"),
    ("[2, 8]", "avg_pool(2x2)", "avg_pool1d(2)"),
    ("[3, 8, 8]", "max_pool1d(2)", "max_pool(2x2)"),
    ("[3, 8, 8]", "global_avg_pool1d", "global_avg_pool"),
    ("[3, 8, 8]", "adaptive_avg_pool1d(2)", "adaptive_avg_pool(2x2)"),
    ("[64, 3, 32, 32]", "conv(3x3, 16)", "input x: [3, 32, 32]"),  # a batch of images, and no volume
])  # fmt: skip
def test_a_stage_of_another_rank(entering: str, stage: str, told: str) -> None:
    assert f"`{told}`" in first(f"output x -> {stage} -> relu", entering).help[0]


@pytest.mark.parametrize(("wrong", "told"), [
    ("conv(3x3, 16 stride = 2)", "conv(3x3, 16, stride = 2)"),
    ("conv(3x3, k stride = 2)", "conv(3x3, k, stride = 2)"),
    ("conv(3x3, 16, stride = 2 groups = 4)", "conv(3x3, 16, stride = 2, groups = 4)"),
    ("conv(3x3, 16, padding = same stride = 2)", "conv(3x3, 16, padding = same, stride = 2)"),
    ("conv(kxk, 16)", "size(k, k)"),
    ("conv(1xk, 16)", "size(h, w)"),
    ("conv(3x3, 16, padding = valid)", "none"),
    ("conv(3x3, 16, strides = 2)", "conv(3x3, 16, stride = 2)"),
    ("conv(3x3, 16, groups = 3)", "write `4`"),
    ("flatten -> reshape([64, 16, 16])", "[64, 4, 4]"),
    ("flatten -> reshape([7, 8, 8])", "[16, 8, 8]"),
    ("conv(3x3, 3) -> pixel_shuffle(2)", "conv(3x3, 12)"),
    ("conv(3x3, 10) -> pixel_shuffle(2)", "conv(3x3, 40)"),
])  # fmt: skip
def test_arguments(wrong: str, told: str) -> None:
    assert told in first(f"output x -> {wrong} -> relu").help[0]


def test_renamed_arguments_keep_the_axes_of_the_stage() -> None:
    assert "`conv1d(9, 16, stride = 4)`" in first("output x -> conv1d(9, 16, strides = 4)", "[1, 64]").help[0]
    assert "`conv3d(3x3x3, 4, stride = 2)`" in first("output x -> conv3d(3, 4, strides = 2)", "[1, 8, 8, 8]").help[0]


def test_a_flow_without_a_start_begins_with_what_was_bound_before() -> None:
    found = first("a = conv(3x3, 8) -> relu\nb = a -> relu\noutput b")
    assert "write `a = x -> conv(3x3, 8) -> relu`" in found.help[0]
    found = first("a = x -> relu\nb = conv(3x3, 8)\nc = b -> relu\noutput c")
    assert "write `b = a -> conv(3x3, 8)`" in found.help[0]
    found = first("b = conv(3x3, 8)\noutput x -> b")
    assert "write `let b = conv(3x3, 8)`" in found.help[0]


@pytest.mark.parametrize(("entering", "flow", "told"), [
    ("[T, 32]", "linear(64)", "`-> linear(32)`"),
    ("[8]", "linear(4)", "`-> linear(8)`"),
    ("[4, 64]", "conv1d(3, 8)", "`-> conv1d(1, 4)`"),
    ("[4, 8, 8]", "conv(3x3, 8)", "end the flow with 4 channels"),
])  # fmt: skip
def test_a_residual_names_its_features(entering: str, flow: str, told: str) -> None:
    assert told in first(f"output x -> residual {{ {flow} }}", entering).help[0]


@pytest.mark.parametrize(("wrong", "right"), [("Width", "W"), ("width", "W"), ("Hight", "H"), ("h", "H"), ("Q", "")])
def test_a_symbol_of_the_input(wrong: str, right: str) -> None:
    help = first("output x -> relu", f"[3, H, W] where {wrong} >= 16").help
    assert help[-1] == "its symbols are H, W"
    assert not right or help[0] == f"write `{right}`"


@pytest.mark.parametrize("head", ["block b(c, s = 1):", "block b(c, s = 1)", "block b:", "network M:"])
def test_a_head_without_its_brace_is_the_place(head: str) -> None:
    text = f"archlang 1\n{head}\n  a = in -> relu\n  output a\n}}\nlet x = 3\n"
    (found,) = check_text(text)
    assert found.primary is not None
    assert found.primary.span.line == 2
    assert found.fix is not None
    assert found.help == (f"write `{head.rstrip(':')} {{`",)


def test_one_misspelt_import_is_one_mistake() -> None:
    text = "archlang 1\nimport std.resnet (basic_block)\nnetwork N {\n  input x: [3, 8, 8]\n  output x -> basic(8)\n}\n"
    (found,) = check_text(text)
    assert found.name == "unknown-import"


TRAIN = """archlang 1
network N {{
  input x: [1, 4, 4]
  seen = x -> flatten -> linear(3)
  remade = seen -> linear(16) -> reshape([1, 4, 4])
  logits = seen -> linear(2)
  output remade
  output scores = logits
}}
train {{
  loss = {loss}
  optimizer = adam(lr = 1e-3)
  batch = 8
  labels = {labels}
  phase main {{ epochs = 1; lr = constant }}
}}
"""


@pytest.mark.parametrize(("labels", "told"), [
    ('[yes, "no"]', '"yes"'), ("[yes, no]", '["yes", "no"]'), ("[cat, dog]", '["cat", "dog"]'),
])  # fmt: skip
def test_words_among_texts(labels: str, told: str) -> None:
    found = check_text(TRAIN.format(loss="cross_entropy(logits, label)", labels=labels))
    assert told in next(one for one in found if one.severity == "error").help[0]


@pytest.mark.parametrize("loss", ["mse(seen, x)", "l1(logits, x)"])
def test_a_tensor_of_the_right_size_is_named(loss: str) -> None:
    found = check_text(TRAIN.format(loss=loss, labels='["a", "b"]'))
    assert "did you mean `remade`?" in next(one for one in found if one.severity == "error").help[0]


def test_metrics_of_a_network_without_an_output() -> None:
    text = TRAIN.format(loss="cross_entropy(logits, label)", labels='["a", "b"]').replace("  output remade\n", "")
    text = text.replace("  output scores = logits\n", "").replace("batch = 8", "metrics = [top_k(1)]\n  batch = 8")
    assert "missing-output" in {one.name for one in check_text(text)}
