"""Codes, their contracts, and their tables: round trips and every bad input with its line."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archlang.codes import Code, Contract, faults, read, read_text, write
from archlang.diagnostics import ArchError

SLIDE = """class,code
airplane,1001001000
automobile,0110001000
bird,1010000001
cat,0000001110
deer,0001010100
dog,0010100100
frog,0000110010
horse,0100010001
ship,0001100001
truck,1100000010
"""


def refused(text: str, contract: Contract | None = None) -> list[tuple[str, int, str]]:
    """Kind, line and message of every mistake in a table."""
    with pytest.raises(ArchError) as caught:
        read_text(text, "t.csv", contract)
    return [(d.name, d.primary.span.line if d.primary else 0, d.message) for d in caught.value.diagnostics]


def test_the_code_of_the_slides() -> None:
    code = read_text(SLIDE)
    assert (code.distance, code.columns, code.active, code.balanced, code.optimal) == (4, (3,) * 10, 3, True, True)
    assert sum(code.histogram.values()) == 45
    assert code.names is not None and code.names[3] == "cat"
    assert faults(code, Contract(10, 10, 3, 4, balanced=True, equal=True)) == []
    assert write(code) == SLIDE


@pytest.mark.parametrize("text", [
    "10\n01\n", "code\n10\n01\n", "1,0\n0,1\n", "a,1,0\nb,0,1\n", "class,first,second\na,1,0\nb,0,1\n",
    "class,0,1\na,1,0\nb,0,1\n", "a;10\nb;01\n", "a\t10\nb\t01\n", "a 10\nb 01\n", "# a remark\n\na,10\n\nb,01\n",
    "\ufeffa,10\r\nb,01\r\n", '"a",10\n"b","01"\n', "a,1,0,\nb,0,1,\n", " a , 10\n b , 01",
])  # fmt: skip
def test_forms_of_tables(text: str) -> None:
    code = read(text.encode(), "t.csv")
    assert code.words == ("10", "01")
    assert code.names in (None, ("a", "b"))


def test_names_that_look_like_words() -> None:
    assert read_text("class,code\n10,01\n11,10\n").names == ("10", "11")


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_what_is_written_is_read_again(data: st.DataObject) -> None:
    length = data.draw(st.integers(2, 12))
    words = data.draw(st.lists(st.text("01", min_size=length, max_size=length), min_size=2, max_size=8, unique=True))
    name = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp")), min_size=1)
    names = data.draw(st.lists(name.map(str.strip).filter(bool), min_size=len(words), max_size=len(words), unique=True))
    code = Code(tuple(words), tuple(names) if data.draw(st.booleans()) else None)
    if 0 in code.columns:
        return
    assert read(write(code).encode(), "t.csv") == code


@pytest.mark.parametrize(("text", "kind", "line", "words"), [
    ("", "bad-code", 1, "no words"),
    ("class,code\n", "bad-code", 1, "no words"),
    ("a,10\n", "bad-code", 1, "at least two"),
    ("a,110\nb,011\nc,01\n", "bad-code", 3, "2 symbols, others 3"),
    ("a,110\nb,012\n", "bad-code", 2, "`2` is neither"),
    ("a,110\nb,\n", "bad-code", 2, "without a word"),
    ("a,110\n,011\n", "bad-code", 2, "without a name"),
    ("a,110\na,011\n", "bad-code", 2, "two classes are called `a`"),
    ("a,110\nb,011\nc,110\n", "bad-code", 3, "same word"),
    ("a,110\nb,100\n", "bad-code", 1, "no class uses branch 2"),
    ('a,110\n"b,011\n', "bad-code", 2, "not closed"),
])  # fmt: skip
def test_bad_tables(text: str, kind: str, line: int, words: str) -> None:
    found = refused(text)
    assert any(k == kind and at == line and words in said for k, at, said in found), found


def test_every_mistake_of_a_table_is_told() -> None:
    assert [line for _, line, _ in refused("a,110\nb,01\na,011\nc,0x1\n")] == [2, 3, 4]


def test_a_table_that_is_no_text() -> None:
    with pytest.raises(ArchError, match="not UTF-8"):
        read(b"a,10\n\xff,01\n", "t.csv")
    with pytest.raises(ArchError, match="larger than"):
        read(b"a" * (1 << 21), "t.csv")


def test_what_is_repeated_of_a_table_is_safe() -> None:
    assert "\x1b" not in str(refused("a\x1b[31m,110\na\x1b[31m,011\n"))


@pytest.mark.parametrize(("contract", "line", "words"), [
    (Contract(classes=4), 1, "3 classes, not 4"),
    (Contract(branches=5), 1, "4 branches, not 5"),
    (Contract(active=2), 3, "`c` has 3 active branches, not 2"),
    (Contract(equal=True), 3, "`c` has 3 active branches, not 2"),
    (Contract(balanced=True), 1, "columns are uneven: branch 3 works for 3 classes, branch 0 for 1"),
])  # fmt: skip
def test_broken_contracts(contract: Contract, line: int, words: str) -> None:
    found = refused("a,1001\nb,0011\nc,0111\n", contract)
    assert any(k == "code-contract" and at == line and words in said for k, at, said in found), found


def test_the_near_pair_is_named() -> None:
    code = Code(("1100", "0011", "1010"), ("cat", "dog", "cow"))
    (found,) = faults(code, Contract(distance=4))
    assert found.message == "the least distance is 2, not 4: cat and cow are that near"
    assert found.notes


def test_declared_duplicates_are_allowed() -> None:
    code = Code(("10", "01", "10"))
    assert code.duplicates == ((0, 2),)
    assert [d.name for d in faults(code)] == ["bad-code"]
    assert faults(code, Contract(duplicates=True)) == []


@pytest.mark.parametrize(("words", "names"), [
    (("10",), None), ((), None), (("10", "1"), None), (("10", "0a"), None), (("", ""), None),
    (("10", "01"), ("a",)), (("10", "01"), ("a", "a")), (("10", "01"), ("a", "b\nc")), (("10", "01"), ("a", " ")),
])  # fmt: skip
def test_what_is_no_code(words: tuple[str, ...], names: tuple[str, ...] | None) -> None:
    with pytest.raises(ArchError) as caught:
        Code(words, names)
    assert {d.name for d in caught.value.diagnostics} == {"bad-code"}


def test_words_of_different_weights_are_judged_by_the_mean_distance() -> None:
    code = Code(("1110", "0001", "1000"))
    assert (code.active, [b.name for b in code.bounds]) == (None, ["mean distance"])
    assert code.distance <= code.bounds[0].distance
