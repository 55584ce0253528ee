"""Dials: their kinds, values from outside, and what is refused."""

from __future__ import annotations

import pytest

from archlang.elaborate.network import check_text, loads
from archlang.ops.values import Size
from tests.elaborate.texts import net, out, text, wrong

BODY = "output x -> fork(n) -> each { conv(k, w) -> act } -> route(by) -> mean"
DIALS = "(n = 2, k = 3x3, w = 4, act = relu, by = cross_stitch)"


@pytest.mark.parametrize(("given", "shape"), [
    ({}, "[4, 8, 8]"), ({"n": 3}, "[4, 8, 8]"), ({"n": "3"}, "[4, 8, 8]"), ({"w": "2 * 3"}, "[6, 8, 8]"),
    ({"k": "5"}, "[4, 8, 8]"), ({"k": Size((1, 1))}, "[4, 8, 8]"), ({"act": "leaky_relu(0.1) -> tanh"}, "[4, 8, 8]"),
    ({"by": "cross_connection(hidden = 2)"}, "[4, 8, 8]"),
])
def test_values_from_outside(given: dict[str, object], shape: str) -> None:
    network = net(BODY, dials=DIALS, given=given)
    assert out(network) == shape
    assert set(network.dials) == {"n", "k", "w", "act", "by"}


@pytest.mark.parametrize(("given", "kind"), [
    ({"m": 2}, "unknown-dial"), ({"n": "two"}, "undefined-name"), ({"n": 2.5}, "bad-dial"), ({"n": True}, "bad-dial"),
    ({"k": "[3]"}, "bad-dial"), ({"act": 3}, "bad-dial"), ({"by": "relu"}, "unknown-word"),
    ({"by": "adam(0.1)"}, "bad-dial"),
    ({"n": ""}, "bad-dial"), ({"n": "1\nlet z = 2"}, "bad-dial"), ({"n": ") {"}, "bad-dial"),
    ({"n": 0}, "out-of-range"),
    ({"n": "x"}, "undefined-name"), ({"a\nb": 1}, "unknown-dial"), ({"by": "cross_conection"}, "unknown-word"),
])
def test_values_that_do_not_fit(given: dict[str, object], kind: str) -> None:
    assert kind in wrong(text(BODY, dials=DIALS), given)


def test_a_float_takes_whole_numbers_and_an_int_no_floats() -> None:
    assert not wrong(text("output x -> dropout(p)", dials="(p = 0.5)"), {"p": 1})
    assert wrong(text("output x -> conv(3x3, c)", dials="(c = 5)"), {"c": "4.0"}) == ["bad-dial"]


def test_a_dial_without_a_value() -> None:
    assert wrong(text("output x -> conv(3x3, c)", dials="(c)")) == ["bad-dial"]
    assert not wrong(text("output x -> conv(3x3, c)", dials="(c)"), {"c": 3})


def test_dials_of_a_file_without_a_network() -> None:
    assert [d.name for d in check_text("archlang 1\nblock b() = relu\n", {"n": 1})] == ["unknown-dial"]


def test_the_mistake_shows_what_was_given() -> None:
    problem = check_text(text("output x -> conv(3x3, c)", dials="(c = 5)"), {"c": "fiv"})[0]
    assert problem.primary is not None
    assert problem.primary.span.text == "fiv"


def test_blocks_that_a_dial_may_take_are_not_unused() -> None:
    text = ("archlang 1\nimport std.conv (separable)\nblock small(c) = conv(3x3, c)\nblock large(c) = conv(5x5, c)\n"
            "network N(part = small) {\n  input x: [3, 8, 8]\n  output x -> part(4)\n}\n")
    assert loads(text).warnings == ()
    assert [loads(text, {"part": name}).parameters for name in ("small", "large", "separable")] == [112, 304, 53]
    plain = text.replace("part = small", "c = 4").replace("part(4)", "small(c)")
    assert [warning.name for warning in loads(plain).warnings] == ["unused-import", "unused-name"]


def test_mean_and_deviation_are_floats() -> None:
    text = "archlang 1\nnetwork N {\n  input x: [1, 8, 8] (mean = 0, std = [1])\n  output x -> relu\n}\n"
    spec = loads(text).graph.inputs[0]
    assert [type(number) for number in (*(spec.mean or ()), *(spec.std or ()))] == [float, float]
