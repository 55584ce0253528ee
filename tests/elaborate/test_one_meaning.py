"""In one network a name means one thing: inputs, symbolic sizes, dials, tensors, outputs."""

from __future__ import annotations

import pytest

from tests.elaborate.texts import text, wrong


def network(body: str, dials: str = "") -> str:
    return f"archlang 1\nnetwork N{dials} {{\n{body}\n}}\n"


@pytest.mark.parametrize("source", [
    network("input H: [3, H, 32]\noutput H -> relu"),
    network("input x: [3, H, 32]\ninput H: [3, 4, 4]\noutput (x -> relu, H)"),
    network("input x: [3, H, 32]\nlet H = 3\noutput x -> relu"),
    network("input x: [3, H, 32]\nH = x -> relu\noutput H"),
    network("input x: [3, 8, 8]\ninput x: [3, 8, 8]\noutput x -> relu"),
    network("input x: [3, 8, 8]\noutput x -> relu", "(n = 1, n = 2)"),
    network("input x: [3, 8, 8]\noutput x = x -> relu"),
    network("input x: [3, H, 8]\noutput H = x -> relu"),
    network("input x: [3, 8, 8]\noutput n = x -> conv(1x1, n)", "(n = 3)"),
    network("input x: [3, 8, 8]\ny = x -> relu\noutput y = y -> tanh"),
    network("input x: [3, 8, 8]\noutput y = x -> tanh\ny = x -> relu\noutput y"),
    network("input x: [3, 8, 8]\nlet y = 3\noutput y = x -> conv(1x1, y)"),
], ids=str)
def test_a_name_bound_twice(source: str) -> None:
    assert "already-bound" in wrong(source)


def test_what_hides_an_outer_name() -> None:
    assert "shadowed-name" in wrong(network("input x: [3, H, 8]\noutput x -> for H in [3] { conv(1x1, H) }"))
    assert "shadowed-name" in wrong(text("output x -> for x in [3] { conv(1x1, x) }"))


def test_an_output_may_have_the_name_of_what_it_hands_out() -> None:
    body = "y = x -> relu\n  pair = (x, y)\n  output y = y\n  output pair = pair\n  output x -> tanh"
    assert wrong(text(body)) == []
    assert wrong(network("input x: [3, S, S]\noutput x -> relu", "(S = 4)")) == []
