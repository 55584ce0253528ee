"""`for` over rows: several names for the members of each item."""

from __future__ import annotations

import pytest

from archlang.elaborate.network import check_text, loads
from archlang.source import Source
from archlang.syntax import parse
from archlang.syntax.printer import print_file
from tests.elaborate.texts import names, net, out, text, wrong

ROWS = "let rows = [(3, 16, 8), [1, 8, 4]]\n"
UNIT = "block unit(k, mid, c) = conv(size(k, k), mid) -> conv(1x1, c)\n"


@pytest.mark.parametrize("rows", ["rows", "[(3, 16, 8), [1, 8, 4]]", "(rows)", "[[3, 16, 8]] + [[1, 8, 4]]"])
def test_each_row_is_taken_apart(rows: str) -> None:
    network = net(f"output x -> for (k, mid, c) in {rows} {{ unit(k, mid, c) }}", ROWS * ("rows" in rows) + UNIT)
    written = net("output x -> for i in range(2) { unit([3, 1][i], [16, 8][i], [8, 4][i]) }", UNIT)
    assert names(network) == names(written)
    assert [str(n.outputs[0]) for n in network.graph] == [str(n.outputs[0]) for n in written.graph]
    assert network.parameters == (3 * 9 * 16 + 16) + (16 * 8 + 8) + (8 * 8 + 8) + (8 * 4 + 4)


def test_rows_hold_words_stages_sizes_and_blocks() -> None:
    body = ("output x -> for (unit_, act, pad, k) in [(wide, relu, same, 3x3), (narrow, gelu -> tanh, none, 1x3)] "
            "{ unit_(k, pad) -> act }")
    blocks = "block wide(k, pad) = conv(k, 8, padding = pad)\nblock narrow(k, pad) = conv(k, 4, padding = pad)\n"
    network = net(body, blocks)
    assert out(network) == "[4, 8, 6]"
    assert [n.op.name for n in network.graph] == ["input", "conv", "relu", "conv", "gelu", "tanh"]


def test_sizes_are_rows_too() -> None:
    assert out(net("output x -> for (h, w) in [3x1, 1x5] { max_pool(size(h, w), stride = 1) -> conv(1x1, h + w) }")) \
        == "[6, 8, 8]"


@pytest.mark.parametrize(("rows", "kind", "at"), [
    ("[(3, 8), (3, 8, 1)]", "wrong-count", "(3, 8, 1)"), ("[[3, 8], [3]]", "wrong-count", "[3]"),
    ("[(3, 8), 5]", "wrong-kind", "5"), ('[(3, 8), "ab"]', "wrong-kind", '"ab"'),
    ("range(2)", "wrong-kind", "range(2)"), ("3", "wrong-kind", "3"),
    ("[(3, 8)] + [[3]]", "wrong-count", "[(3, 8)] + [[3]]"), ("odd", "wrong-count", "(1, 2, 3)"),
    ("[(3, 8), (x, x)]", "wrong-kind", "(x, x)"),
])
def test_an_item_of_another_count_is_told_at_its_place(rows: str, kind: str, at: str) -> None:
    before = "let odd = [(3, 8), (1, 2, 3)]\n" * (rows == "odd")
    source = text(f"output x -> for (k, c) in {rows} {{ conv(size(k, k), c) }}", before)
    mistake = next(d for d in check_text(source) if d.severity == "error")
    assert mistake.name == kind
    assert mistake.primary is not None
    assert mistake.primary.span.text == at


def test_names_of_a_loop() -> None:
    assert wrong(text("output x -> for (k, c) in [(3, 8)] { conv(3x3, c) }")) == ["unused-name"]
    assert wrong(text("output x -> for (_k, c) in [(3, 8)] { conv(3x3, c) }")) == []
    assert wrong(text("output x -> for (c, c) in [(3, 8)] { conv(3x3, c) }")) == ["already-bound"]
    assert "shadowed-name" in wrong(text("output x -> for (k, n) in [(3, 8)] { conv(size(k, k), n) }", dials="(n = 3)"))
    assert wrong(text("output x -> for k, c in [(3, 8)] { conv(3x3, c) }")) == ["unexpected-token"]
    assert wrong(text("output x -> for (k) in [3] { conv(3x3, k) }")) == ["unexpected-token"]


def test_a_mistake_in_a_turn_shows_the_names() -> None:
    source = text("output x -> for (k, c) in [(3, 8), (99, 8)] { conv(size(k, k), c, padding = none) }")
    assert "with k = 99, c = 8" in check_text(source)[0].notes


def test_no_rows_leave_the_tensor_as_it_is() -> None:
    network = net("output x -> conv(1x1, 4) -> for (k, c) in [] { conv(size(k, k), c) }")
    assert out(network) == "[4, 8, 8]"
    assert "undefined-name" in wrong(text("output x -> for (k, c) in [] { conv(size(k, k), d) }"))


def test_the_text_comes_back() -> None:
    source = text("  output x -> for (k, mid, c) in rows { unit(k, mid, c) }", ROWS + UNIT)
    tree = parse(Source("x.arch", source))
    printed = print_file(tree)
    assert "for (k, mid, c) in rows { unit(k, mid, c) }" in printed
    assert parse(Source("x.arch", printed)) == tree
    assert loads(loads(source).text).parameters == loads(source).parameters
