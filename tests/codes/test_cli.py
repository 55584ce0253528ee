"""`archlang codes design` and `archlang codes check`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from archlang.codes import read
from tests.cli.conftest import Call

TEN = ("codes", "design", "--classes", "10", "--branches", "10", "--active", "3")


def test_a_design_is_reported_with_its_words(call: Call) -> None:
    done = call(*TEN)
    assert (done.status, done.err) == (0, "")
    lines = done.out.splitlines()
    assert lines[0] == "10 classes, 10 branches, 3 active: least distance 4"
    assert lines[2] == "columns    3 classes for each branch"
    assert "optimal    no such code has a larger distance" in lines
    assert any(line.startswith("how        ") and line.endswith("(seed 0)") for line in lines)
    assert len([line for line in lines if set(line) == {"0", "1"}]) == 10


def test_a_design_goes_to_a_file_and_is_judged(call: Call, tmp_path: Path) -> None:
    table, names = tmp_path / "ten.csv", tmp_path / "names.txt"
    names.write_text("\n".join(f"class number {i}" for i in range(10)) + "\n")
    assert call(*TEN, "-o", str(table), "--names", str(names)).status == 0
    code = read(table.read_bytes(), "ten.csv")
    assert code.names is not None and code.names[9] == "class number 9"
    promises = ("--classes", "10", "--branches", "10", "--active", "3", "--distance", "4", "--balanced", "--equal")
    done = call("codes", "check", str(table), *promises)
    assert done.status == 0 and done.out.startswith("10 classes, 10 branches, 3 active: least distance 4\n")


def test_the_table_alone_on_standard_output(call: Call) -> None:
    done = call(*TEN, "-o", "-")
    assert done.status == 0 and read(done.out.encode(), "-").distance == 4
    assert "least distance 4" in done.err
    assert call("codes", "check", "-", "--distance", "4", given=done.out.encode()).status == 0


def test_json(call: Call) -> None:
    done = call(*TEN, "--format", "json")
    found = json.loads(done.out)
    assert (found["format_version"], found["distance"], found["optimal"], found["seed"]) == (1, 4, True, 0)
    assert len(found["words"]) == 10 and sum(found["histogram"].values()) == 45
    assert {b["name"] for b in found["bounds"]} == {"mean distance", "Johnson", "weight"}
    done = call("codes", "check", "-", "--format", "json", given="\n".join(found["words"]).encode())
    assert json.loads(done.out)["columns"] == [3] * 10


def test_fresh_and_seed(call: Call) -> None:
    first, again = (call(*TEN, "--fresh", "--seed", "5").out for _ in range(2))
    assert first == again and "(seed 5)" in first


@pytest.mark.parametrize(("words", "status", "said"), [
    (("--classes", "10", "--branches", "10", "--active", "3", "--distance", "6"), 1, "4 is the most"),
    (("--classes", "10", "--branches", "10", "--active", "3", "--distance", "3"), 1, "even, not 3"),
    (("--classes", "10", "--branches", "10", "--active", "11"), 1, "11 active branches, but there are 10"),
    (("--classes", "10", "--branches", "10", "--active", "0"), 1, "no active branch"),
    (("--classes", "300", "--branches", "10", "--active", "3"), 1, "more words than there are: 120"),
    (("--classes", "ten", "--branches", "10", "--active", "3"), 2, "--classes"),
    (("--classes", "10"), 2, "--branches"),
    (("--classes", "-1", "--branches", "10", "--active", "3"), 2, "--classes"),
])  # fmt: skip
def test_designs_refused(call: Call, words: tuple[str, ...], status: int, said: str) -> None:
    done = call("codes", "design", *words)
    assert (done.status, done.out) == (status, "")
    assert said in done.err


def test_names_must_be_as_many_as_classes(call: Call, tmp_path: Path) -> None:
    names = tmp_path / "names.txt"
    names.write_text("cat\ndog\n")
    done = call(*TEN, "--names", str(names))
    assert done.status == 2 and "names 2 classes, not 10" in done.err


def test_the_forbidding_bound_is_shown(call: Call) -> None:
    done = call("codes", "design", "--classes", "1000", "--branches", "32", "--active", "16", "--distance", "14")
    assert done.status == 1 and "Johnson bound: at distance 14 there are at most" in done.err


@pytest.mark.parametrize(("text", "words", "said"), [
    ("a,110\nb,01\n", (), "t.csv:2"),
    ("a,110\nb,110\n", (), "same word"),
    ("a,110\nb,011\n", ("--distance", "4"), "the least distance is 2, not 4"),
    ("a,110\nb,011\n", ("--active", "1"), "has 2 active branches, not 1"),
    ("a,1101\nb,0111\nc,0101\n", ("--balanced",), "columns are uneven"),
    ("", (), "no words"),
])  # fmt: skip
def test_bad_tables_are_refused(call: Call, tmp_path: Path, text: str, words: tuple[str, ...], said: str) -> None:
    file = tmp_path / "t.csv"
    file.write_text(text)
    done = call("codes", "check", str(file), *words)
    assert (done.status, done.out) == (1, "")
    assert said in done.err


def test_declared_duplicates_and_unequal_weights(call: Call) -> None:
    done = call("codes", "check", "-", "--duplicates", given=b"a,110\nb,110\nc,001\n")
    assert done.status == 0
    assert "1 to 2 active" in done.out and "0: 1 pair," in done.out


def test_a_missing_table(call: Call) -> None:
    done = call("codes", "check", "nowhere.csv")
    assert done.status == 1 and "cannot read `nowhere.csv`" in done.err


def test_mistakes_as_json(call: Call) -> None:
    done = call("codes", "check", "-", "--format", "json", given=b"a,110\nb,01\n")
    (found,) = json.loads(done.out)["diagnostics"]
    assert done.status == 1 and (found["name"], found["line"]) == ("bad-code", 2)


def test_uneven_columns_are_said(call: Call) -> None:
    done = call("codes", "design", "--classes", "26", "--branches", "16", "--active", "6")
    assert "9 classes for 4, 10 classes for 12 branches (the closest there is: equal ones do not divide)" in done.out


def test_help(call: Call) -> None:
    assert "design" in call("codes", "--help").out
    assert call("codes", "nothing").status == 2
    assert "codes" in call("--help").out
