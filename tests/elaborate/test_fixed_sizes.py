"""A symbolic size of an input that is given a number from outside."""

from __future__ import annotations

import pytest

from archlang.diagnostics import ArchError
from archlang.elaborate import check_text, loads

TEXT = """archlang 1
network N(width = 8) {
  input image: [3, H, W] where H % 4 == 0 and H >= 8
  output image -> conv(3x3, width, stride = 2) -> flatten_rows
}
block flatten_rows = relu
"""


def test_a_size_given_from_outside_is_a_number_in_the_graph() -> None:
    net = loads(TEXT, {"H": 32, "W": 16})
    assert str(net.graph.inputs[0].type) == "[3, 32, 16]"
    assert net.flops == 2 * 9 * 3 * 8 * 16 * 8


def test_one_size_can_stay_open() -> None:
    assert str(loads(TEXT, {"H": 32}).graph.inputs[0].type) == "[3, 32, W]"


def test_the_text_says_the_same_on_its_own() -> None:
    net = loads(TEXT, {"H": 32, "width": 4})
    again = loads(net.text)
    assert "where H % 4 == 0 and H >= 8 and H == 32" in net.text
    assert again.flops == net.flops
    assert again.graph.inputs[0].type == net.graph.inputs[0].type


@pytest.mark.parametrize(("value", "said"), [
    (30, "`H` lies from 8 to 1048576 and is divisible by 4, this is 30"),
    (4, "`H` lies from 8 to 1048576 and is divisible by 4, this is 4"),
    ("relu", "the size `H` is a whole number, this is"),
])
def test_a_number_that_the_file_rules_out_is_refused(value: object, said: str) -> None:
    found = check_text(TEXT, {"H": value})
    assert any(said in d.message for d in found), [d.message for d in found]


def test_a_misspelt_size_is_an_unknown_dial_with_a_proposal() -> None:
    with pytest.raises(ArchError) as caught:
        loads(TEXT, {"h": 32})
    (found,) = caught.value.diagnostics
    assert found.name == "unknown-dial"
    assert "did you mean `H`?" in found.help
