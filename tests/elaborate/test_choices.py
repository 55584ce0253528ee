"""`if test { value } else { value }` as a value: numbers, lists, words, stages, settings and tensors."""

from __future__ import annotations

import pytest

from archlang.elaborate.network import loads
from archlang.source import Source
from archlang.syntax import parse
from archlang.syntax.printer import print_file
from tests.elaborate.texts import names, net, out, text, wrong


@pytest.mark.parametrize(("value", "big", "small"), [
    ("if big { 16 } else { 4 }", "16", "4"),
    ("(if big { 16 } else { 4 })", "16", "4"),
    ("2 * (if big { 8 } else { 2 })", "16", "4"),
    ("if big { 8 } else { 2 } + 8", "16", "10"),
    ("if not big { 4 } else if big { 16 } else { 99 }", "16", "4"),
    ("[1, if big { 16 } else { 4 }][1]", "16", "4"),
    ("(if big { [1, 16] } else { [1, 4] })[1]", "16", "4"),
    ("max(if big { 16 } else { 4 }, 3)", "16", "4"),
    ("len(if big { range(16) } else { [3, 3, 3, 3] })", "16", "4"),
    ("if big { 16 } else { 10 // (4 - 4) }", "16", ""),
    ("if big { if true { 16 } else { 1 } } else { 4 }", "16", "4"),
])
def test_numbers(value: str, big: str, small: str) -> None:
    for given, expected in ((True, big), (False, small)):
        for body in (f"output x -> conv(3x3, {value})", f"let c = {value}\n  output x -> conv(3x3, c)"):
            if expected:
                assert out(net(body, dials="(big = true)", given={"big": given})) == f"[{expected}, 8, 8]"
            else:
                assert wrong(text(body, dials="(big = true)"), {"big": given}) == ["division-by-zero"]


@pytest.mark.parametrize("body", [
    "output x -> conv(3x3, 4, padding = if big { none } else { same })",
    "let pad = if big { none } else { same }\n  output x -> conv(3x3, 4, padding = pad)",
    "output x -> conv(if big { 3x3 } else { 1x1 }, 4, padding = none)",
    "output x -> conv(3x3, 4, padding = (if big { 0 } else { same }))",
])
def test_words_and_sizes(body: str) -> None:
    big, small = (net(body, dials="(big = true)", given={"big": given}) for given in (True, False))
    assert out(big) == "[4, 6, 6]"
    assert out(small) == "[4, 8, 8]"


@pytest.mark.parametrize("body", [
    "let act = if big { relu } else { gelu }\n  output x -> act",
    "let act = if big { relu } else { conv(1x1, 3) -> gelu }\n  output x -> act",
    "output x -> unit(if big { relu } else { gelu })",
    "output x -> unit(act = if big { relu } else { tanh -> gelu })",
    "output x -> [if big { relu } else { gelu }, tanh][0]",
    "output x -> for (act, n) in [(if big { relu } else { gelu }, 1)] { n * act }",
])
def test_stages(body: str) -> None:
    unit = "block unit(act) = act\n" if "unit" in body else ""
    big, small = (net(body, unit, "(big = true)", given={"big": given}) for given in (True, False))
    assert [n.op.name for n in big.graph][-1] == "relu"
    assert [n.op.name for n in small.graph][-1] == "gelu"


def test_a_stage_is_called_as_before() -> None:
    """What a `let` chooses has the names that a chosen stage has where it is written in the flow."""
    body = "let act = if big { conv(1x1, 4) -> relu } else { tanh }\n  y = x -> act\n  output y"
    network = net(body, dials="(big = true)")
    assert names(network) == ["y.act.conv", "y.act.relu"]


def test_settings_and_losses() -> None:
    body = "output x -> fork(2, if big { cross_stitch } else { cross_connection(hidden = 3) }) -> sum"
    big, small = (net(body, dials="(big = true)", given={"big": given}) for given in (True, False))
    assert "stitch" in [n.op.name for n in big.graph]
    assert "gates" in [n.op.name for n in small.graph]

    file = text("  y = x -> flatten -> linear(3)\n  output y", dials="(soft = true)") + (
        "train { loss = cross_entropy(y, label, label_smoothing = if soft { 0.1 } else { 0 })\n"
        "  optimizer = if soft { adam(0.1) } else { sgd(0.5) }\n  phase main { epochs = if soft { 1 } else { 2 } } }\n")
    for given, name in ((True, "adam"), (False, "sgd")):
        plan = loads(file, {"soft": given}).graph.plan
        assert plan is not None
        assert plan.optimizer is not None
        assert plan.optimizer.name == name


def test_tensors() -> None:
    """In a network, where nothing flows in, an `if` between tensors is the one that it chooses."""
    body = "y = x -> conv(1x1, 4)\n  z = if big { y -> relu } else { x }\n  output z -> tanh"
    assert names(net(body, dials="(big = true)")) == ["y.conv", "z.relu", "tanh"]
    assert names(net(body, dials="(big = true)", given={"big": False})) == ["tanh"]
    assert wrong(text("z = if big { x -> relu }\n  output z", dials="(big = true)")) == ["missing-else"]

    merged = "y = x -> conv(1x1, 3)\n  w = x -> tanh\n  output x -> relu -> add(if big { y } else { w })"
    assert "y.conv" in names(net(merged, dials="(big = true)"))
    assert "w.tanh" in names(net(merged, dials="(big = true)", given={"big": False}))


@pytest.mark.parametrize(("body", "kinds"), [
    ("output x -> conv(3x3, if big { 3 })", ["missing-else"]),
    ("output x -> conv(3x3, if big { 3 } else if big { 4 })", ["missing-else"]),
    ("let c = if big { 3 }\n  output x -> conv(3x3, c)", ["missing-else"]),
    ("output x -> conv(3x3, if 3 { 3 } else { 4 })", ["wrong-kind"]),
    ('output x -> conv(3x3, if big { "a" } else { 4 })', ["wrong-kind"]),
    ("output x -> conv(3x3, if big { 3 } else { wdth })", ["undefined-name"]),
    ("output x -> conv(3x3, if big { 3 } else if wdth { 3 } else { 4 })", ["undefined-name"]),
    ("output x -> conv(3x3, if big { 3; 4 } else { 4 })", ["wrong-count"]),
    ("output x -> conv(3x3, if big { let a = 3; output a } else { 4 })", ["wrong-count"]),
    ("output x -> conv(3x3, 4, padding = if big { same } else { smae })", ["unknown-word"]),
    ("output x -> if big { 3 } else { 4 }", ["wrong-kind", "wrong-kind"]),
    ("output x -> if big { relu } == 3 { tanh }", ["brace-in-head"]),
])
def test_what_is_refused(body: str, kinds: list[str]) -> None:
    assert wrong(text(body, dials="(big = true)")) == kinds


def test_a_branch_that_is_not_taken_may_hold_what_its_test_keeps_away() -> None:
    body = "let c = if len(list) > 0 { list[0] } else { 4 }\n  output x -> conv(3x3, if n > 0 { 8 // n } else { c })"
    assert wrong(text(body, "let list = []\n", "(n = 0)")) == []


def test_the_text_comes_back() -> None:
    body = "  output x -> conv(3x3, if big { 8 } else { 2 } + 8) -> (if big { relu } else { tanh })"
    source = text(body, dials="(big = true)")
    tree = parse(Source("x.arch", source))
    printed = print_file(tree)
    assert "conv(3x3, if big { 8 } else { 2 } + 8)" in printed
    assert parse(Source("x.arch", printed)) == tree
    assert print_file(parse(Source("x.arch", printed))) == printed
    assert out(loads(loads(source, {"big": False}).text)) == "[10, 8, 8]"
