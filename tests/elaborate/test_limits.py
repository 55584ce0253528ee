"""Every limit that the graph keeps: at it, one past it; and what would explode ends at once."""

from __future__ import annotations

import time

import pytest

from archlang.elaborate.network import check_text
from archlang.limits import DEFAULT, Limits
from tests.elaborate.texts import text


def found(source: str, limits: Limits = DEFAULT) -> list[str]:
    """The kinds of errors in a text."""
    return [d.name for d in check_text(source, limits=limits) if d.severity == "error"]


@pytest.mark.parametrize(("limit", "value", "body", "kind"), [
    ("nodes", 4, "output x -> 3 * relu", "too-many-nodes"),
    ("edges", 5, "output x -> relu -> add(x) -> relu -> tanh", "too-many-nodes"),
    ("dimension", 64, "output x -> conv(1x1, 64)", "dimension-too-large"),
    ("dimension", 192, "output x -> flatten", "dimension-too-large"),
    ("parameters", 12, "output x -> conv(1x1, 4, bias = false)", "too-many-parameters"),
    ("activation_bytes", 1536, "output x -> relu", "too-much-memory"),
    ("terms", 256, f"output x -> conv(1x1, {' + '.join('1' * 256)})", "expression-too-long"),
    ("integer", 50, "output x -> conv(1x1, 5 * 5 * 2)", "number-too-large"),
    ("name", 8, "abcdefgh = x -> relu\n output abcdefgh", "name-too-long"),
    ("nesting", 4, "output x -> residual { residual { tanh } }", None),
])
def test_at_the_limit_and_one_past_it(limit: str, value: int, body: str, kind: str | None) -> None:
    source = text(body)
    assert found(source, Limits(**{limit: value})) == []
    if kind is not None:
        assert set(found(source, Limits(**{limit: value - 1}))) == {kind}


def test_blocks_in_blocks_have_a_limit() -> None:
    for depth, kinds in ((64, []), (65, ["nesting-too-deep"])):
        chain = "".join(f"block b{i}() = b{i - 1}\n" for i in range(1, depth))
        assert found(text(f"output x -> b{depth - 1}", "block b0() = relu\n" + chain)) == kinds


def test_values_on_values_have_a_limit() -> None:
    for depth, kinds in ((64, []), (65, ["nesting-too-deep"])):
        chain = "".join(f"let a{i} = a{i + 1}\n" for i in range(depth - 1))
        assert found(text("output x -> conv(1x1, a0)", chain + f"let a{depth - 1} = 1"))[:1] == kinds


def _doubling(count: int, step: str) -> str:
    return "block b0() = relu\n" + "".join(f"block b{i}() = {step.format(f'b{i - 1}')}\n" for i in range(1, count + 1))


BOMBS = {
    "nested repeats": (text("output x -> 10000 * (10000 * (10000 * relu))"), "too-many-nodes"),
    "nested repeats of nothing": (
        text("output x -> 10000 * (10000 * (10000 * (if false { relu })))"), "too-many-nodes"),
    "nested repeats of zero": (text("output x -> 10000 * (10000 * (0 * relu))"), "too-many-nodes"),
    "nested repeats of empty loops": (
        text("output x -> 10000 * (10000 * (for i in [] { relu }))"), "too-many-nodes"),
    "a billion steps": (text("output x -> for i in range(1000000000) { relu }"), "number-too-large"),
    "a billion repeats": (text("output x -> 1000000000 * relu"), "out-of-range"),
    "nested loops": (text("output x -> for a in range(10000) { for b in range(10000) { relu } }"), "too-many-nodes"),
    "nested empty loops": (
        text("output x -> for a in range(10000) { for b in range(10000) { in } }"), "too-many-nodes"),
    "lists that double": (text("output x -> conv(1x1, len(a40))", "let a0 = [1]\n" + "".join(
        f"let a{i} = a{i - 1} + a{i - 1}\n" for i in range(1, 41))), "number-too-large"),
    "lists of lists that double": (text("output x -> conv(1x1, len(a40))", "let a0 = [1]\n" + "".join(
        f"let a{i} = [a{i - 1}, a{i - 1}]\n" for i in range(1, 41))), None),
    "numbers that double": (text("output x -> conv(1x1, a60)", "let a0 = 2\n" + "".join(
        f"let a{i} = a{i - 1} * a{i - 1}\n" for i in range(1, 61))), "number-too-large"),
    "blocks that double": (text("output x -> b30", _doubling(30, "{0} -> {0}")), "too-many-nodes"),
    "blocks in pairs": (text("output x -> b30", _doubling(30, "fork(2) -> each {{ {0} }} -> sum")), "too-many-nodes"),
    "bundles that double": (
        text("output x -> b30 -> sum", _doubling(30, "fork(2) -> each {{ {0} }}")), "too-many-nodes"),
    "bundles without nodes": (
        text("a = x -> b40\n output x", _doubling(40, "fork(2) -> each {{ {0} }}").replace("= relu", "= in")),
        "too-many-nodes"),
    "forks of forks": (
        text("a = x -> " + "fork(1000) -> each { " * 5 + "relu" + " }" * 5 + "\n output x"), "too-many-nodes"),
    "a wide fork": (text("output x -> fork(100000000) -> sum"), "too-many-nodes"),
    "a wide route": (text("output x -> fork(3) -> route(cross_stitch, to = 100000000) -> sum"), "too-many-nodes"),
    "a wide prediction": (text("output x -> fork(1000) -> route(cross_prediction(relu), to = 1000) -> sum"),
                          "too-many-nodes"),
    "a wide split": (text("output x -> split(100000000) -> sum"), "out-of-range"),
    "lets of flows that double": (text("output x -> f30", "let f0 = relu\n" + "".join(
        f"let f{i} = f{i - 1} -> f{i - 1}\n" for i in range(1, 31))), "too-many-nodes"),
    "stages handed on that double": (
        text("output x -> " + "twice(" * 30 + "relu" + ")" * 30, "block twice(f) = f -> f"),
                                     "too-many-nodes"),
    "ifs that double": (text("output x -> b30", _doubling(30, "if true {{ {0} -> {0} }} else {{ {0} -> {0} }}")),
                        "too-many-nodes"),
    "logic that doubles": (text("output x -> if a30 { relu }", "let a0 = true\n" + "".join(
        f"let a{i} = a{i - 1} and a{i - 1}\n" for i in range(1, 31))), None),
    "defaults that double": (text("output x -> b30", "block b0(f = relu) = f\n" + "".join(
        f"block b{i}(f = b{i - 1}, g = b{i - 1}) = f -> g\n" for i in range(1, 31))), "too-many-nodes"),
    "sizes that grow": (text("output x -> 40 * upsample(factor = 2)"), "dimension-too-large"),
    "symbols that grow": (text("a = x -> 30 * (reshape([in.height * in.width, 3, 1]))\n output a",
                               size="[3, H, W]"), None),
}


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_end_at_once(name: str) -> None:
    source, kind = BOMBS[name]
    begin = time.process_time()
    kinds = found(source)
    assert time.process_time() - begin < 4  # well under two seconds where nothing else runs
    if kind is not None:
        assert kind in kinds
        assert len(kinds) < 10
