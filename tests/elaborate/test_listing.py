"""Lists that a `for` calculates: `[for i in range(4) { 2 ** i }]`."""

from __future__ import annotations

import pytest

from archlang import ArchError
from archlang.elaborate.network import check_text
from archlang.transform.unroll import unrolled
from tests.elaborate.texts import names, net, out, text, wrong


@pytest.mark.parametrize(("calculated", "written"), [
    ("[for i in range(3) { 4 * 2 ** i }]", "[4, 8, 16]"),
    ("[2, for i in range(2) { i + 1 }, 3]", "[2, 1, 2, 3]"),
    ("[for (a, b) in [(1, 2), (3, 4)] { a * b }]", "[2, 12]"),
    ("[for k in [1, 3] { if k > 2 { 6 } else { 5 } }]", "[5, 6]"),
    ("[for i in range(0) { i }] + [4]", "[4]"),
    ("[for i in range(2) { len([for j in range(i + 3) { j }]) }]", "[3, 4]"),
])
def test_a_list_is_that_which_is_written_out(calculated: str, written: str) -> None:
    body = "output x -> for c in {} {{ conv(1x1, c) }}"
    one, other = net(body.format(calculated)), net(body.format(written))
    assert names(one) == names(other) and one.parameters == other.parameters
    assert net(f"output if {calculated} == {written} {{ x }} else {{ x -> relu }}").parameters == 0


def test_rows_and_numbers_with_a_point() -> None:
    rows = "[for (k, c) in [(1, 3), (3, 5)] { (k, c, 2 * c) }]"
    assert out(net(f"output x -> for (k, c, d) in {rows} {{ conv(size(k, k), c) -> conv(1x1, d) }}")) == "[10, 8, 8]"
    values = "[for i in range(3) { 1e3 ** (-i / 3.0) }]"
    network = net(f"output x -> mul(parameter([3], values = {values}, trained = false))")
    told = next(n for n in network.graph if n.op.name == "parameter").args["values"]
    assert told == pytest.approx((1, 0.1, 0.01))


def test_a_loop_of_stages_stays_one_stage() -> None:
    network = net("let two = [for c in [3, 5] { conv(1x1, c) }]\n  output x -> for stage in two { stage }")
    assert out(network) == "[5, 8, 8]"


@pytest.mark.parametrize(("body", "kind"), [
    ("output x -> for c in [for i in range(2) { j }] { conv(1x1, c) }", "undefined-name"),
    ("output x -> for c in [for i in 3 { i }] { conv(1x1, c) }", "wrong-kind"),
    ("output x -> for c in [for i in range(2) { i / 2 }] { relu }", "inexact-division"),
    ("output x -> for c in [for x in range(2) { x }] { relu }", "shadowed-name"),
    ("output x -> for c in [for i in range(200) { len([for j in range(6000) { j }]) }] { relu }", "too-much-work"),
    ("output x -> for c in [for i in range(6000) { i }, for i in range(6000) { i }] { relu }", "number-too-large"),
])
def test_what_is_wrong_with_a_calculated_list(body: str, kind: str) -> None:
    assert kind in wrong(text(body))


def test_it_is_not_written_out_as_if_it_were_a_single_item() -> None:
    with pytest.raises(ArchError):
        unrolled(net("output x -> for c in [for i in range(3) { 4 + i }] { conv(1x1, c) }"))


@pytest.mark.parametrize(("body", "says"), [
    # An activation of its own behind the gate would be another network.
    ("output x -> conv(1x1, 4) -> glu(act = silu)", "it is called `activation` here: write `glu(activation = silu)`"),
    ("let width = 4\n  output x -> reduce(width) -> linear(width)", "hides the axis of that name"),
    ("output x -> to_sequence -> to_map(x.size)", "`to_map(maps.height, maps.width)`"),
])
def test_what_newcomers_write_is_mended_rightly(body: str, says: str) -> None:
    told = [help for problem in check_text(text(body), {}) for help in problem.help]
    assert any(says in help for help in told), told
