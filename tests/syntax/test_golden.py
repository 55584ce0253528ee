"""The flagship files of the language: their trees and their canonical forms, as golden files.

`ARCHLANG_UPDATE_GOLDEN=1 pytest tests/syntax/test_golden.py` writes the golden files anew.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from archlang.source import Source
from archlang.syntax import comments_of, dump, parse, print_file
from tests.golden import check_golden

GOLDEN = Path(__file__).parent.parent / "golden" / "syntax"
FILES = sorted(GOLDEN.glob("*.arch"))


def read(path: Path) -> Source:
    return Source(path.name, path.read_text(encoding="utf-8"))


def test_all_flagship_files_are_there() -> None:
    assert {path.stem for path in FILES} == {
        "base_cnn_cc", "boosted", "clustering", "coded", "layer_attended", "pce", "resnet50",
    }  # fmt: skip


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_tree_is_the_golden_one(path: Path) -> None:
    check_golden(path.with_suffix(".tree"), dump(parse(read(path))))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_canonical_form_is_the_golden_one(path: Path) -> None:
    check_golden(path.with_suffix(".formatted"), print_file(parse(read(path))))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_canonical_form_means_the_same_and_is_stable(path: Path) -> None:
    file = parse(read(path))
    text = print_file(file)
    again = parse(Source("again.arch", text))
    assert again == file
    assert print_file(again) == text
    assert sorted(c.text for c in comments_of(again)) == sorted(c.text for c in comments_of(file))
