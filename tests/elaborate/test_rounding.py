"""Whole numbers of numbers with a point: by their functions, and what is said where one is missing."""

from __future__ import annotations

import math

import pytest

from archlang.elaborate.network import check_text, loads
from tests.elaborate.texts import net, out, text, wrong
from tests.peers.libraries import timm

MULTIPLES = (0.1, 0.25, 0.35, 0.5, 0.75, 1.0, 1.1, 1.4, 2.0)
WIDTHS = [width * multiple for width in (1, 3, 8, 16, 24, 33, 64, 96, 320, 1280) for multiple in MULTIPLES]


def channels(value: str, given: dict[str, object] | None = None, dials: str = "(width = 0.25)") -> int:
    network = net(f"output x -> conv(3x3, {value})", dials=dials, given=given)
    return int(out(network)[1:].split(",")[0])


@pytest.mark.parametrize("divisor", [1, 2, 8, 10, 16])
def test_round_to_is_make_divisible(divisor: int) -> None:
    """The widths of MobileNets and EfficientNets, as timm works them out."""
    make_divisible = timm().layers.make_divisible
    for width in WIDTHS:
        expected = make_divisible(width, divisor)
        assert channels("round_to(w, d)", {"w": width, "d": divisor}, "(w = 1.0, d = 8)") == expected, width
        assert expected >= 0.9 * width


@pytest.mark.parametrize(("written", "expected"), [
    ("round(64 * width)", 16), ("round(2.5)", round(2.5)), ("round(3.5)", round(3.5)), ("floor(2.9)", math.floor(2.9)),
    ("ceil(2.1)", math.ceil(2.1)), ("ceil(2.0)", 2), ("round(7)", 7), ("floor(7 / 2.0)", 3), ("round(-2.6) + 9", 6),
    ("floor(-2.5) + 9", 6), ("ceil(-2.5) + 9", 7), ("max(round(0.2), 1)", 1), ("round_to(width * 100, 8)", 24),
])
def test_whole_numbers(written: str, expected: int) -> None:
    assert channels(written) == expected


def test_a_whole_number_counts_repetitions_and_items() -> None:
    network = net("output x -> ceil(3 * depth) * conv(3x3, 4) -> for i in range(floor(2.7)) { relu }",
                  dials="(depth = 1.1)")
    assert [node.op.name for node in network.graph].count("conv") == math.ceil(3 * 1.1)
    assert [node.op.name for node in network.graph].count("relu") == 2


def test_a_symbolic_size_is_whole_already() -> None:
    size = "[3, H, 4] where H % 8 == 0 and H >= 8"
    body = "output x -> reshape([3, round_to(H, 8), floor(4.9), ceil(H) - H + 1])"
    assert out(net(body, size=size)) == "[3, H, 4, 1]"
    assert wrong(text("output x -> reshape([3, round_to(H, 8), 4])", size="[3, H, 4]")) == ["unknown-size"]


@pytest.mark.parametrize(("written", "kind"), [
    ("round()", "wrong-kind"), ("round(1, 2)", "wrong-kind"), ('round("a")', "wrong-kind"),
    ("round(true)", "wrong-kind"),
    ("round_to(8)", "wrong-kind"), ("round_to(8, 0)", "out-of-range"), ("round_to(8, 2.0)", "out-of-range"),
    ("round_to(0, 8)", "out-of-range"), ("round_to(-3, 8)", "out-of-range"), ("round_to(8, true)", "wrong-kind"),
    ("floor([1])", "wrong-kind"), ("ceil(1e300)", "number-too-large"), ("round(x)", "foreign-form"),
    ("round(number = 2)", "unknown-argument"), ("round_to(1e17, 7)", "number-too-large"),
])
def test_what_is_no_number_to_round(written: str, kind: str) -> None:
    assert kind in wrong(text(f"output x -> conv(3x3, {written})"))


@pytest.mark.parametrize(("body", "mended"), [
    ("output x -> conv(3x3, 64 * width)", "round(64 * width)"),
    ("output x -> conv(3x3, (64 * width))", "(round(64 * width))"),
    ("output x -> conv(3x3, channels = 8 / 2.0)", "round(8 / 2.0)"),
    ("output x -> (8 * width) * relu", "(round(8 * width))"),
    ("output x -> reshape([3, 8 * 8 * width * 4, 1])", "round(8 * 8 * width * 4)"),
    ("output x -> conv(3x3, [4, 8][4 * width])", "round(4 * width)"),
    ("input y: [3, 32 * width, 8]\n  output (x, y) -> concat", "round(32 * width)"),
])
def test_the_mend_stands_in_the_message(body: str, mended: str) -> None:
    """Where rounding changes nothing, a program may apply the edit: the file is right then."""
    source = text(body, dials="(width = 0.25)", size="[3, 8, 8]")
    mistake = next(d for d in check_text(source) if d.severity == "error")
    assert mistake.name == "wrong-kind"
    assert mistake.fix is not None
    span = mistake.fix.span
    whole = source[: span.start] + mistake.fix.text + source[span.end :]
    assert mended in whole
    assert not [d for d in check_text(whole) if d.severity == "error"]


def test_a_number_between_two_whole_ones_has_no_edit() -> None:
    """Which way to round is the author's to say."""
    (mistake,) = check_text(text("output x -> conv(3x3, 64 * width)", dials="(width = 0.3)"))
    assert mistake.fix is None
    for way in ("round(64 * width)", "floor(64 * width)", "ceil(64 * width)", "round_to(64 * width, 8)"):
        assert f"`{way}`" in mistake.help[0]


@pytest.mark.parametrize(("elsewhere", "expected"), [
    ("int(64 * width)", 16), ("make_divisible(64 * width, 8)", 16), ("_make_divisible(100 * width, 8)", 24),
    ("math.ceil(4.1)", 5), ("math.floor(4.1)", 4),
])
def test_functions_of_python_are_mended(elsewhere: str, expected: int) -> None:
    source = text(f"output x -> conv(3x3, {elsewhere})", dials="(width = 0.25)")
    mistake = next(d for d in check_text(source) if d.severity == "error")
    assert mistake.fix is not None
    span = mistake.fix.span
    mended = source[: span.start] + mistake.fix.text + source[span.end :]
    assert out(loads(mended)) == f"[{expected}, 8, 8]"
