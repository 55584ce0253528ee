"""Completion, signatures, hover, hints, outline, folding, colours: each beside the catalogue or the compiler."""

from __future__ import annotations

from itertools import pairwise

import pytest

import archlang
from archlang.editor.calls import call_at
from archlang.editor.colours import coloured
from archlang.editor.completion import offers_at
from archlang.editor.forms import FUNCTIONS
from archlang.editor.hints import cost_notes, shape_hints
from archlang.editor.hover import explained_at
from archlang.editor.outline import folds_of, outline_of
from archlang.elaborate import scope
from archlang.ops import CATALOGUE
from tests.editor.client import ROOT
from tests.editor.opened import NETWORK, marked, opened

HEAD = NETWORK[: NETWORK.index("  logits")]
TRAIN = NETWORK[: NETWORK.index("  loss")]


def offered(text: str) -> list[str]:
    text, at = marked(text)
    files, document = opened(text)
    return [offer.label for offer in offers_at(files, document, at).offers]


@pytest.mark.parametrize("rest", ["", "\n  output high\n}\n"], ids=["at the end", "in the middle"])
@pytest.mark.parametrize(("line", "wanted", "unwanted"), [
    ("  x = |", {"image", "low", "unit", "conv", "in"}, {"x", "kernel", "train"}),
    ("  x = low -> |", {"unit", "basic", "conv", "each", "if"}, {"low", "image", "sgd"}),
    ("  x = low -> conv(|", {"kernel", "channels", "stride"}, {"image", "relu"}),
    ("  x = low -> conv(3x3, |", {"channels", "stride", "paths"}, {"kernel"}),
    ("  x = low -> conv(3x3, 8, padding = |", {"same", "none", "auto"}, {"stride", "relu"}),
    ("  x = low -> conv(3x3, 8, stride = 2, |", {"padding"}, {"stride"}),
    ("  x = low -> unit(|", {"c"}, {"kernel"}),
    ("  x = low -> basic(|", {"c", "stride"}, {"kernel"}),
    ("  x = low -> fork(2, |", {"cross_connection", "router"}, {"n"}),
    ("  x = low -> fork(2, cross_connection(|", {"hidden"}, {"router"}),
    ("  x = low -> add(|", {"low", "image"}, {"relu"}),
    ("  x = low -> each { |", {"conv", "in"}, {"input", "train"}),
    ("  x = low.|", {"channels", "height"}, {"relu"}),
    ("  |", {"let", "input", "output", "low"}, {"conv", "network"}),
    ("  let |", set(), {"let", "conv"}),
    ("  # low |", set(), {"conv"}),
])
def test_completion_goes_by_the_role_of_the_place(line: str, wanted: set[str], unwanted: set[str], rest: str) -> None:
    found = offered(HEAD + line + rest)
    assert wanted <= set(found)
    assert not unwanted & set(found)
    assert wanted or not found


@pytest.mark.parametrize(("line", "wanted", "unwanted"), [
    ("  |", {"loss", "optimizer", "phase"}, {"epochs"}),
    ("  loss = |", set(CATALOGUE.of_role("loss")), set(CATALOGUE.of_role("optimizer"))),
    ("  loss = cross_entropy(|", {"logits", "label", "label_smoothing"}, {"relu"}),
    ("  optimizer = |", set(CATALOGUE.of_role("optimizer")), {"mse"}),
    ("  augment = [flip, |", {"crop", "flip"}, {"sgd"}),
    ("  phase all { |", {"epochs", "lr"}, {"loss"}),
    ("  phase all { lr = |", set(CATALOGUE.of_role("schedule")), {"sgd"}),
])
def test_completion_in_a_train(line: str, wanted: set[str], unwanted: set[str]) -> None:
    found = set(offered(TRAIN + line))
    assert wanted <= found
    assert not unwanted & found


def test_completion_of_imports() -> None:
    assert "std.resnet" in offered("archlang 1\nimport |")
    assert "resnet" in offered("archlang 1\nimport std.|")
    assert {"basic", "bottleneck"} <= set(offered("archlang 1\nimport std.resnet (|"))
    assert offered("|") == ["archlang 1"]


def test_every_stage_is_offered_and_everything_offered_is_one() -> None:
    found = set(offered(HEAD + "  x = low -> |"))
    assert set(CATALOGUE.stages) <= found
    assert found - set(CATALOGUE.stages) == {"unit", "basic", "paths", "classes", "if", "for"}


def test_functions_are_those_of_the_language() -> None:
    assert set(FUNCTIONS) == set(scope.FUNCTIONS)


@pytest.mark.parametrize(("call", "label", "active"), [
    ("conv(|", "conv(kernel, channels, stride = 1x1", 0), ("conv(3x3, |", "conv(", 1),
    ("conv(3x3, 8, padding = |", "conv(", 3), ("unit(|", "unit(c)", 0),
    ("basic(8, stride = |", "basic(c, stride = 1)", 1), ("fork(2, cross_connection(|", "cross_connection(", 0),
])
def test_the_signature_and_the_argument_at_hand(call: str, label: str, active: int) -> None:
    text, at = marked(f"{HEAD}  x = low -> {call}")
    found = call_at(*opened(text), at)
    assert found is not None
    assert found.form.label.startswith(label)
    assert found.active == active


def explained(word: str, behind: int = 1) -> str:
    files, document = opened(NETWORK)
    found = explained_at(files, document, NETWORK.index(word) + behind)
    assert found is not None
    return found.text


def test_hover_says_types_and_costs_as_the_compiler_counts_them() -> None:
    text = explained("linear(classes)")
    assert "`[64]` -> `[10]`" in text
    assert "650 parameters, 1,280 FLOPs, 40 B of results" in text  # 64 * 10 + 10 numbers, 2 * 64 * 10 operations
    assert CATALOGUE.ops["linear"].doc in text
    assert "`2 * [16, 16, 16]` -> `2 * [32, 8, 8]`" in explained("each {")


def test_hover_explains_names_arguments_and_blocks() -> None:
    assert "is `2`" in explained("paths = 2")
    assert "is `[16, 16, 16]`" in explained("low  =")
    assert "block basic(c, stride = 1)" in explained("basic(64")
    assert "takes a number greater than 0" in explained("lr = 0.1")
    assert "parameters" in explained("unit(16)")


def test_hover_of_what_cannot_be_read_shows_no_type() -> None:
    text = NETWORK.replace("linear(classes)\n", "linear(classes\n")
    files, document = opened(text)
    found = explained_at(files, document, text.index("linear(") + 1)
    assert found is not None
    assert "->" not in found.text.split("```")[2].split("\n\n")[1]
    assert "linear(" in found.text


def test_hints_stand_behind_every_stage_with_what_leaves_it() -> None:
    _, document = opened(NETWORK)
    hints = {NETWORK[: hint.offset].rsplit("->", 1)[-1].strip(): hint.text for hint in shape_hints(document)}
    assert hints["unit(16)"] == "[16, 32, 32]"
    assert hints["linear(classes)"] == "[10]"
    assert hints["fork(paths)"] == "2 * [16, 16, 16]"
    assert hints["batch_norm"] == "[16, 32, 32] | [32, 16, 16]"


def test_code_lenses_count_as_info_does() -> None:
    path = ROOT / "specs" / "multipath" / "base_cnn_cc.arch"
    _, document = opened(path.read_text(encoding="utf-8"), path)
    notes = [note.text for note in cost_notes(document)]
    assert f"{archlang.load(path).parameters:,} parameters" in notes[1]
    assert "12 uses" in notes[0]


def test_the_outline_and_the_folds() -> None:
    _, document = opened("# one\n# two\n" + NETWORK)
    found = outline_of(document.now.reading)
    assert [one.name for one in found] == ["std.resnet", "unit", "N", "train"]
    assert [one.name for one in found[2].inner] == ["paths", "classes", "image", "low", "high", "logits", "output"]
    assert [(fold.first, fold.last) for fold in folds_of(document.now.reading)] == [(0, 1), (5, 10), (12, 15)]


def test_colours_tell_what_the_file_binds_from_the_catalogue() -> None:
    files, document = opened(NETWORK)
    found = [(one.span.text, one.type) for one in coloured(files, document.now)]
    for expected in (("unit", "class"), ("conv", "function"), ("each", "macro"), ("image", "variable"),
                     ("paths", "parameter"), ("sgd", "enumMember"), ("lr", "property"), ("network", "keyword")):
        assert expected in found
    spans = [(one.span.start, one.span.end) for one in coloured(files, document.now)]
    assert all(end <= start for (_, end), (start, _) in pairwise(spans))
