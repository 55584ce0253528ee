"""Patch experts compiled and in the reference: every filter and threshold, with and without batch statistics."""

from __future__ import annotations

import pytest

from tests.reference.compare import check_text

NETWORK = """archlang 1
network N {{
  input x: [3, 7, 8]
  let by = cosine_router(embed = conv(3x3, 4) -> pyramid_pool(1, 2), start = random{router})
  grid = x -> patches(4x4, stride = 3) -> position
  y = grid -> experts({n}, by) {{
    body = in -> conv(3x3, 5) -> batch_norm -> relu -> conv(3x3, 5) -> batch_norm
    output body -> add(in -> conv(1x1, 5))
  }}
  output y -> unpatch -> conv(3x3, 2) -> pyramid_pool(1, 2)
}}
"""


@pytest.mark.parametrize("training", [False, True], ids=["evaluation", "training"])
@pytest.mark.parametrize("router", [
    "", ", temperature = 0.1", ", steepness = 40", ", threshold = none", ", threshold = fixed(0.3), keep = hard",
    ", threshold = adaptive(max = 0.1, entropy = 0.2, gap = 0.7)", ", keep = hard", ", keep = top(2)",
    ", threshold = adaptive(form = authors, base = 0.5)",
])
def test_filters_and_thresholds(router: str, training: bool) -> None:
    check_text(NETWORK.format(router=router, n=4), training=training)


@pytest.mark.parametrize("n", [1, 2, 7])
def test_numbers_of_experts(n: int) -> None:
    check_text(NETWORK.format(router="", n=n))


def test_layers_of_experts() -> None:
    check_text("""archlang 1
import std.pce (pce)
network N {
  input image: [3, 8, 9]
  output image -> pce(4, 4x4, n = 3, temperature = 0.2, drop = 0) -> pce(5, 2x3, n = 2, drop = 0)
}
""")
