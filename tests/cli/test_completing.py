"""What a shell is offered when it completes a word, through the protocol of click's scripts for bash."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from archlang.cli.completing import DATA
from archlang.diagnostics import KINDS
from archlang.passes.catalogue import PASSES
from archlang.train.data.formats.catalogue import FORMATS
from archlang.train.data.made.catalogue import MADE
from tests.cli.conftest import Call

Complete = Callable[..., list[str]]


@pytest.fixture
def complete(call: Call, monkeypatch: pytest.MonkeyPatch) -> Complete:
    """`complete("draw", "a.arch", "-p", "pa")`: what is offered for the last word, each with its type in front."""
    def completing(*words: str) -> list[str]:
        monkeypatch.setenv("_ARCHLANG_COMPLETE", "bash_complete")
        monkeypatch.setenv("COMP_WORDS", " ".join(["archlang", *words]))
        monkeypatch.setenv("COMP_CWORD", str(len(words)))
        outcome = call()
        assert outcome.err == ""
        return outcome.out.split()

    return completing


@pytest.mark.parametrize(("words", "offered"), [
    (("dr",), ["plain,draw"]),
    (("new", "se"), ["plain,segment"]),
    (("explain", "shape-"), [f"plain,{name}" for name in KINDS if name.startswith("shape-")]),
    (("transform", "a.arch", "multi"), [f"plain,{name}" for name in PASSES.names if name.startswith("multi")]),
    (("train", "a.arch", "--data", "cifar"), ["plain,cifar10:", "plain,cifar100:", "plain,cifar20:"]),
    (("show", "ga"), ["plain,gates"]),
    (("ops", "global_max_pool1"), ["plain,global_max_pool1d"]),
    (("draw", "ne"), ["file,ne"]),
    (("predict", "m.safetensors", "im"), ["file,im"]),
    (("check", "a.arch", "--path", "la"), ["dir,la"]),
    (("codes", "che"), ["plain,check"]),
])
def test_words_are_completed_by_their_place(words: tuple[str, ...], offered: list[str], complete: Complete) -> None:
    assert complete(*words) == offered


def test_dials_of_the_file_are_offered_with_their_values(complete: Complete, demo: str) -> None:
    assert complete("info", demo, "-p", "") == ["plain,width=16"]
    assert complete("info", demo, "-p", "x") == []


@pytest.mark.parametrize("text", ["", "archlang 1\nnetwork {", "\0\0"])
def test_a_file_that_cannot_be_read_offers_nothing(text: str, complete: Complete, tmp_path: Path) -> None:
    file = tmp_path / "spoilt.arch"
    file.write_text(text, encoding="utf-8")
    assert complete("info", str(file), "-p", "") == []
    assert complete("info", str(tmp_path / "none.arch"), "-p", "") == []


def test_data_are_those_that_training_knows() -> None:
    assert set(DATA) == {*MADE, *(f"{name}:" for name in FORMATS)}
