"""All mistakes in one run, each once, none that only follows from another."""

from __future__ import annotations

import pytest

from archlang.elaborate.network import check_text
from tests.elaborate.texts import text, wrong


@pytest.mark.parametrize("body", [
    "output x -> if false { cnv(3x3, 4) }",
    "output x -> if true { relu } else { cnv(3x3, 4) }",
    "output x -> if true { relu } else if cnv { tanh }",
    "output x -> if true or cnv { relu }",
    "let unused = relu -> cnv\n output x",
    "output x -> for c in [] { cnv(c) }",
    "output x -> 0 * cnv",
    "output x -> nothing -> cnv",
    "output x -> fork(2) -> nothing { cnv } -> sum",
    "output x -> conv(3x3, nothing) -> residual { cnv }",
    "a = x -> nothing\n output a -> each { residual { fork(cnv) } }",
])
def test_code_that_is_not_reached_is_read(body: str) -> None:
    found = [d for d in check_text(text(body)) if d.severity == "error"]
    assert any("cnv" in d.message for d in found)
    assert all("nothing" in d.message or "cnv" in d.message for d in found)


def test_unused_blocks_are_read() -> None:
    assert "unknown-stage" in wrong(text("output x", "block b(c) = cnv(3x3, c)"))
    assert "undefined-name" in wrong(text("output x", "block b(c) { a = in -> conv(3x3, d)\n output a }"))


@pytest.mark.parametrize("body", [
    "a = x -> cnv\n b = a -> add(a) -> linear(a.channels)\n output (a, b) -> sum",
    "a = x -> cnv -> fork(2)\n output a[7] -> if a[0].height > 3 { relu }",
    "a = x -> cnv\n output x -> 3 * conv(3x3, a.channels) -> for i in range(a.width) { relu }",
    "let c = cnv(2)\n output x -> c -> c -> conv(3x3, 2)",
])
def test_one_mistake_is_one_report(body: str) -> None:
    assert [d.name for d in check_text(text(body)) if d.severity == "error"] in (["unknown-stage"], ["undefined-name"])


def test_copies_of_a_block_are_one_report() -> None:
    before = "block unit(c) = conv(3x3, c, groups = 5) -> relu"
    body = "a = x -> unit(10)\n b = x -> unit(20)\n c = x -> 3 * unit(10)\n output a -> concat(b, c)"
    found = check_text(text(body, before))
    assert [d.name for d in found] == ["not-divisible"]
    assert any("more cop" in note for note in found[0].notes)


def test_mistakes_come_in_the_order_of_the_text() -> None:
    found = check_text(text("a = x -> one\n b = x -> two\n c = x -> three\n output a", "block z() = zero"))
    places = [d.primary.span.start for d in found if d.primary]
    assert places == sorted(places)
    assert len(places) == 4


@pytest.mark.parametrize(("before", "body"), [
    ("let a = 3", "output x -> for a in [1] { conv(1x1, a) }"),
    ("block b(x) = relu", "x = x -> relu\n output x"),
    ("let b = 2", "b = x -> relu\n output b"),
    ("block b() { a = in -> residual { a = in -> relu\n output a }\n output a }", "output x -> b"),
])
def test_names_are_bound_once_and_not_hidden(before: str, body: str) -> None:
    assert {"shadowed-name", "already-bound"} & set(wrong(text(body, before)))


@pytest.mark.parametrize("patch", ["[48]", "[3, 16]", "[3, 2, 2, 4]"])
def test_patches_that_are_no_maps_any_more_are_not_put_back(patch: str) -> None:
    body = f"output x -> patches(4x4) -> shared {{ reshape({patch}) }} -> unpatch"
    assert wrong(text(body)) == ["shape-mismatch"]
