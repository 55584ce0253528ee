"""The picture of patches: the grid, the router, the experts, how many of each there are."""

from __future__ import annotations

import pytest

from archlang.elaborate import loads
from archlang.views.compose import compose

EXPERTS = """archlang 1
network N {{
  input image: [3, 8, 8]
  output image -> patches(4x4, stride = 2) -> position
               -> experts(3, cosine_router(conv(3x3, 2) -> flatten{router})) {{ conv(3x3, 5) }} -> unpatch
}}
"""


@pytest.mark.parametrize(("router", "shown"), [
    ("", "soft adaptive threshold"), (", keep = top(2)", "the 2 largest"), (", threshold = none", "no threshold"),
    (", keep = hard, threshold = fixed(0.25)", "hard fixed threshold 0.25"),
])
def test_grid_router_and_experts(router: str, shown: str) -> None:
    picture = compose(loads(EXPERTS.format(router=router)).graph)
    lines = [line for box in picture.boxes for line in box.lines]
    for wanted in ("grid 3 × 3 of 4x4, every 2x2", "x, y in the grid; x, y in the patch", "to 3 experts",
                   f"cosines with 3 keys, {shown}", "one map 8x8"):
        assert wanted in lines
    total = [box for box in picture.boxes if box.look == "sum"]
    entering = [arrow for arrow in picture.arrows if arrow.head == total[0].id]
    assert len(total) == 1 and sorted(arrow.line for arrow in entering) == ["fan"] * 3 + ["gate"]
    assert {arrow.label for arrow in picture.arrows if arrow.line == "flow"} >= {"9 × [3, 4, 4]", "9 × [7, 4, 4]"}
