"""Programs whose inputs have symbolic sizes: what may stand in them is what fits every size."""

from __future__ import annotations

import random

from tests.generate.programs import Program

_KEEPING = ("conv(3x3, {c})", "conv(1x1, {c}, bias = true)", "batch_norm", "relu", "gelu", "layer_norm",
            "group_norm(1)", "residual {{ conv(3x3, {c}) -> batch_norm }}", "squeeze_excite(ratio = 2)",
            "2 * conv(3x3, {c})", "parallel {{ relu; max_pool(2x2) -> upsample(size = in.size) }} -> sum",
            "parallel {{ relu; avg_pool(3x3, stride = 2) -> upsample(size = size(in.height, in.width), mode = bilinear)"
            " }} -> mean",
            "fork(2, cross_connection(2)) -> each {{ conv(3x3, {c}) }} -> route(cross_stitch) -> mean",
            "parallel {{ conv(1x1, {c}); relu }} -> sum", "if in_test {{ conv(3x3, {c}) }}")
_HALVING = ("max_pool(2x2)", "conv(3x3, {c}, stride = 2)", "avg_pool(2x2, stride = 2)", "max_pool(3x3, stride = 2)")


def symbolic(seed: int) -> Program:
    """A network on [channels, H, W] that ends in a vector."""
    r = random.Random(seed)
    c = r.choice((1, 3))
    steps, channels = [], c
    for _ in range(r.randint(1, 3)):
        if r.random() < 0.5:
            channels = r.choice((2, 4))
            steps.append(f"conv(3x3, {channels})")
        chosen = [*(r.choice(_KEEPING) for _ in range(r.randint(0, 2))), r.choice(_HALVING)]
        steps += [one.format(c=channels).replace("in_test", "x.height >= 32") for one in chosen]
    classes = r.randint(1, 5)
    bounds = r.choice((
        "H % 8 == 0 and W % 8 == 0 and H >= 32 and W >= 32",
        "H >= 32 and W >= 40",
        "32 <= H and W > 39",
    ))
    text = (f"archlang 1\nnetwork Symbolic {{\n  input x: [{c}, H, W] where {bounds}\n"
            f"  y = x -> {' -> '.join(steps)}\n  output y -> global_avg_pool -> linear({classes})\n}}\n")
    return Program(seed, text, {None: (classes,)}, {"H": r.choice((32, 40)), "W": r.choice((40, 48))})
