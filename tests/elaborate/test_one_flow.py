"""A second flow in braces that take one is refused: nothing would pass through it."""

from __future__ import annotations

import pytest

from archlang.diagnostics import ArchError
from archlang.elaborate import loads

TWO = "conv(3x3, 4); relu"
ONE_FLOW = [
    f"residual {{ {TWO} }}", f"fork(2) -> each {{ {TWO} }} -> sum", f"fork(2) -> shared {{ {TWO} }} -> sum",
    f"if true {{ {TWO} }}", f"if false {{ {TWO} }} else {{ relu }}", f"if true {{ relu }} else {{ {TWO} }}",
    f"for c in [4, 4] {{ {TWO} }}", f"2 * (residual {{ {TWO} }})", "unit",
    f'branches(words("110", "011")) {{ {TWO} }} -> energy_normalize -> sum',
    f"patches(2x2) -> experts(2, cross_connection(hidden = 2)) {{ {TWO} }} -> unpatch",
    f"parallel {{ relu; residual {{ {TWO} }} }} -> sum",
]
SEVERAL = [f"parallel {{ {TWO} }} -> sum", f"layers {{ {TWO} }} -> sum",
           f"parallel {{ for c in [4, 4] {{ {TWO} }} }} -> sum"]


def text(flow: str) -> str:
    unit = f"block unit {{ {TWO} }}\n" if flow == "unit" else ""
    return f"archlang 1\n{unit}network N {{\n  input x: [4, 8, 8]\n  output x -> {flow}\n}}\n"


@pytest.mark.parametrize("flow", ONE_FLOW)
def test_a_second_flow_is_refused_with_the_arrow_that_was_meant(flow: str) -> None:
    with pytest.raises(ArchError) as caught:
        loads(text(flow))
    (mistake,) = caught.value.diagnostics
    assert mistake.name == "wrong-count" and mistake.primary is not None and mistake.fix is not None
    assert mistake.primary.span.text == "relu"

    # What is offered makes the file right.
    span = mistake.fix.span
    written = span.source.text
    loads(written[: span.start] + mistake.fix.text + written[span.end :])


@pytest.mark.parametrize("flow", SEVERAL)
def test_branches_and_layers_take_several(flow: str) -> None:
    assert loads(text(flow)).parameters == 148 * (1 + ("for" in flow))
