"""The meaning of `in` in every place where it can stand, by the number that comes out of a network that is fed ones."""

from __future__ import annotations

import pytest
import torch

import archlang
from tests.elaborate.texts import net, out, text, wrong


def fed_with_one(network: archlang.Network) -> float:
    """Compile a network without weights, feed it ones, and return the one number that it gives."""
    model = archlang.compile(network).eval()
    given = model(torch.ones(1, 1)).unique()
    assert given.numel() == 1
    return float(given)


@pytest.mark.parametrize(("body", "expected"), [
    # An `if` is chosen while compiling: neither its head nor its braces rebind `in`.
    ("output in -> scale(2) -> if true { add(in) }", 2 + 1),
    ("output in -> scale(2) -> if true { scale(3) -> add(in) }", 6 + 1),
    ("output scale(2) -> if false { relu } else { add(in) }", 2 + 1),
    ("output scale(2) -> if false { relu } else if true { add(in) }", 2 + 1),
    ("output scale(2) -> if true { if true { add(in) } }", 2 + 1),
    ("output scale(2) -> if true { in -> scale(5) }", 5),
    ("output scale(2) -> if true { in }", 1),
    ("output scale(2) -> if true { a = scale(3); output a -> add(in) }", 6 + 1),
    ("output scale(2) -> if true { let tail = add(in) ; output scale(3) -> tail }", 6 + 1),
    ("output scale(2) -> if in.features == 1 { add(in) }", 2 + 1),
    ("let tail = if true { add(in) }\n output scale(2) -> tail", 2 + 1),
    ("a = scale(2)\n output a -> if true { add(in, a -> scale(5)) }", 2 + 1 + 10),
    # Whatever applies its braces to a value rebinds it.
    ("output scale(2) -> residual { scale(3) -> add(in) }", 2 + 6 + 2),
    ("output scale(2) -> parallel { scale(3) -> add(in); in } -> sum", 6 + 2 + 2),
    ("output scale(2) -> layers { scale(3) -> add(in); scale(5) -> add(in) } -> sum", 8 + 48),
    ("output scale(2) -> fork(2) -> each { scale(3) -> add(in) } -> sum", 8 + 8),
    ("output scale(2) -> fork(2) -> shared { scale(3) -> add(in) } -> sum", 8 + 8),
    ("output scale(2) -> for k in [3, 5] { scale(k) -> add(in) }", 2 * 4 * 6),
    ("output scale(2) -> 2 * (scale(3) -> add(in))", 2 * 4 * 4),
    ("output scale(2) -> 2 * add(in -> scale(3))", 2 * 4 * 4),
    ("output scale(2) -> 2 * (in -> scale(3))", 2 * 3 * 3),
    ("output scale(2) -> 2 * ((scale(3) -> add(in)) as again)", 2 * 4 * 4),
    ("output scale(2) -> 2 * (scale(3) -> add(in)) as again", 2 * 4 * 4),
    ("output scale(2) -> 2 * 2 * (scale(3) -> add(in))", 2 * 4**4),
    ("output scale(2) -> 0 * (scale(3) -> add(in))", 2),
    ("output scale(2) -> 2 * one(in -> scale(3))", 2 * 4 * 4),
    ("output scale(2) -> one(in)", 2 + 1),
    ("output scale(2) -> tail(add(in))", 2 * 7 + 1),
    # The innermost of them counts, with an `if` between or not.
    ("output scale(2) -> residual { scale(3) -> if true { scale(5) -> add(in) } }", 2 + 30 + 2),
    ("output scale(2) -> 2 * (scale(3) -> if true { add(in) })", 2 * 4 * 4),
    ("output scale(2) -> for k in [3] { scale(k) -> if true { add(in) } }", 8),
    ("output scale(2) -> if true { scale(3) -> residual { scale(5) -> add(in) } }", 6 + 30 + 6),
    ("output scale(2) -> if true { for k in [3] { scale(k) -> add(in) } }", 2 * 4),
    ("output scale(2) -> fork(2) -> each { if true { scale(3) -> add(in) } } -> sum", 8 + 8),
])
def test_in_means(body: str, expected: float) -> None:
    blocks = ("block one(other) = add(other)\nblock tail(then) = scale(7) -> then\n"
              f"block b {{\n {body}\n}}")
    used = [line for line in blocks.split("\n") if not line.startswith("block one") or "one(" in body]
    used = [line for line in used if not line.startswith("block tail") or "tail(" in body]
    assert fed_with_one(net("output x -> b", "\n".join(used), size="[1]")) == expected


@pytest.mark.parametrize(("flow", "expected"), [
    ("scale(2) -> if true { scale(3) }", 6),
    ("scale(2) -> 2 * (scale(3) -> add(in))", 2 * 4 * 4),
    ("scale(2) -> for k in [3] { scale(k) -> add(in) }", 8),
    ("scale(2) -> 2 * (in -> scale(3) -> add(in))", 2 * 4 * 4),
])
def test_a_network_has_no_in_but_what_is_applied_in_it_has(flow: str, expected: float) -> None:
    assert fed_with_one(net(f"output x -> {flow}", size="[1]")) == expected


@pytest.mark.parametrize("flow", [
    "output x -> relu -> if true { add(in) }",
    "output x -> relu -> if false { add(in) }",
    "output x -> relu -> if true { in -> relu }",
    "output x -> relu -> if in.channels == 3 { relu }",
    "output x -> relu -> if true { a = in -> tanh; output a }",
])
def test_in_stands_for_nothing_in_a_network(flow: str) -> None:
    assert wrong(text(flow)) == ["in-without-braces"]


@pytest.mark.parametrize("default", ["in.channels", "in.height // 2", "conv(1x1, in.channels)"])
@pytest.mark.parametrize("use", ["b", "relu", "b(1)"])
def test_in_stands_for_nothing_in_a_default(default: str, use: str) -> None:
    block = f"block b(c = {default}) {{\n conv(1x1, c)\n}}"
    assert "in-without-braces" in wrong(text(f"output x -> {use}", block))


def test_a_number_of_in_is_multiplied_and_a_stage_repeated() -> None:
    block = "block b {\n output conv(1x1, 2 * in.channels) -> 2 * conv(1x1, 2 * in.channels)\n}"
    assert out(net("output x -> b", block)) == "[24, 8, 8]"


def test_a_turn_is_called_as_a_repeated_stage_is() -> None:
    block = "block unit(c) = conv(1x1, c) -> relu\nblock b = 2 * unit(in.channels) -> 2 * (relu -> add(in))"
    found = [node.name for node in net("output x -> b", block).graph][1:]
    assert found == ["b.unit.0.conv", "b.unit.0.relu", "b.unit.1.conv", "b.unit.1.relu",
                     "b.repeat.0.relu", "b.repeat.0.add", "b.repeat.1.relu", "b.repeat.1.add"]


def test_mistakes_in_a_turn_are_found_once_and_where_they_stand() -> None:
    assert wrong(text("output x -> 2 * (conv(3x3, 8) -> add(in))")) == ["shape-mismatch"]
    assert wrong(text("output x -> 2 * (rely -> add(in))")) == ["unknown-stage"]
    assert wrong(text("output x -> 2 * add(in, nothing)")) == ["undefined-name"]
    assert wrong(text("output x -> true * (relu -> add(in))")) == ["wrong-kind"]


@pytest.mark.parametrize("call", ["inverted(8, expand = 2)", "inverted(8, expand = 1)"])
def test_an_inverted_residual_gives_its_input_back_when_its_branch_is_nothing(call: str) -> None:
    """Sandler et al. 2018, section 3.3: the shortcut joins the narrow ends, so it is what enters the block."""
    model = archlang.compile(net(f"output x -> {call}", "import std.conv (inverted)", size="[8, 8, 8]")).eval()
    last = [module for module in model.modules() if isinstance(module, torch.nn.BatchNorm2d)][-1]
    torch.nn.init.zeros_(last.weight)
    x = torch.randn(2, 8, 8, 8)
    assert torch.equal(model(x), x)
