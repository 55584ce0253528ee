"""Printing a printed text changes nothing, wherever empty lines and comments stood."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from archlang.diagnostics import ArchError
from archlang.source import Source
from archlang.syntax import parse
from archlang.syntax.printer import print_file

ROOT = Path(__file__).parents[2]
FILES = sorted([*ROOT.glob("specs/*/*.arch"), *ROOT.glob("examples/*.arch"), *ROOT.glob("archlang/std/*.arch")])
PUT_IN = ("\n", "\n\n", "\n\n\n", " # why\n", "\n\n# alone\n\n")

PHASES = {
    "empty lines first": "phase all { \n\n\nepochs = 2 }",
    "empty lines last": "phase all { epochs = 2\n\n\n }",
    "empty lines between": "phase all { epochs = 2;\n\n lr = cosine }",
    "empty lines first of two": "phase all {\n\n epochs = 2; lr = cosine }",
    "a comment first": "phase all { # why\n epochs = 2 }",
    "a comment behind empty lines": "phase all {\n\n\n # why\n\n epochs = 2 }",
    "a step": "step em {\n\n loss = mse(scores, label); optimizer = sgd(lr = 0.1) }\n  phase all { epochs = 2 }",
    "two phases of a table": "phase a {\n\n epochs = 2; lr = cosine }\n phase long {\n\n epochs = 20; lr = cosine }",
}


def printed(text: str) -> str:
    """The canonical form."""
    return print_file(parse(Source("file.arch", text)))


@pytest.mark.parametrize("phase", PHASES.values(), ids=PHASES)
def test_phases_with_empty_lines(phase: str) -> None:
    text = f"archlang 1\n\nnetwork N {{\n  input x: [3]\n  output x\n}}\n\ntrain {{\n  {phase}\n}}\n"
    once = printed(text)
    assert printed(once) == once


def test_an_empty_line_before_the_first_setting_is_not_kept() -> None:
    train = "train {\n  phase all {\n\n    epochs = 2\n  }\n}\n"
    text = f"archlang 1\n\nnetwork N {{\n  input x: [3]\n  output x\n}}\n\n{train}"
    assert "phase all { epochs = 2 }" in printed(text)


@pytest.mark.parametrize("seed", range(300))
def test_files_with_lines_put_in(seed: int) -> None:
    r = random.Random(seed)
    text = r.choice(FILES).read_text()
    for _ in range(r.randint(1, 4)):
        at = r.choice([i for i, sign in enumerate(text) if sign in " \n{};(),"][2:]) + 1
        text = text[:at] + r.choice(PUT_IN) + text[at:]

    try:
        once = printed(text)
    except ArchError:
        return  # a line was put into a text or the first line
    assert printed(once) == once
