"""Stages that fit a type: each maker gives the text of a stage and the type that leaves it, or None where none fits."""

from __future__ import annotations

import random
from collections.abc import Callable

from tests.generate.rarer import Type, rarer

Made = tuple[str, Type] | None
Maker = Callable[[random.Random, Type], Made]

ELEMENTWISE = (
    "relu", "relu6", "leaky_relu", "leaky_relu(0.2)", "elu", "selu", "celu(0.5)", "gelu", "gelu(approximate = tanh)",
    "silu", "mish", "hardswish", "hardsigmoid", "sigmoid", "tanh", "softplus", "prelu", "identity", "dropout(0)",
    "drop_path(0.0)", "noise(std = 0)", "scale(-0.5)", "shift(0.5)",
    "relu -> for a in [for i in range(2) { 0.5 + i }] { scale(a) }",
)
CHANNELS = (1, 2, 3, 4, 6, 8)
KERNELS = ("1x1", "3x3", "3", "2x2", "1x3", "5x3", "4x4")


def plain(r: random.Random, t: Type) -> Made:
    """An activation."""
    return r.choice(ELEMENTWISE), t


def norm(r: random.Random, t: Type) -> Made:
    """A normalisation that any type of this rank can have."""
    found = ["layer_norm", "layer_norm(over = all)", "batch_norm", "batch_norm(scale = 0)",
             "batch_norm(affine = false)"]
    if len(t) == 2:
        found = found[:2]
    if len(t) >= 3 and t[1] * t[2] > 1:
        found += ["instance_norm", "instance_norm(affine = true, running = true)", "group_norm(1)"]
        found += [f"group_norm({g})" for g in (2, 3, 4) if t[0] % g == 0]
    return r.choice(found), t


def conv(r: random.Random, t: Type) -> Made:
    """A convolution over a map, with padding that keeps its size but for the stride."""
    c, stride, kernel = r.choice(CHANNELS), r.choice((1, 1, 1, 2)), r.choice(KERNELS)
    extra = [f"stride = {stride}"] if stride > 1 else []
    groups = r.choice([g for g in (1, 1, 2, 3, t[0]) if t[0] % g == 0 and c % g == 0])
    if groups > 1:
        extra.append(f"groups = {groups}")
    if r.random() < 0.2:
        extra.append(r.choice(("bias = true", "bias = false", "init = zeros", "init = normal(std = 0.1)")))
    if r.random() < 0.15:
        extra.append(r.choice(("padding_mode = replicate", "padding = same")))
    if r.random() < 0.15:
        extra.append("dilation = 2")
    r.shuffle(extra)
    return f"conv({', '.join([kernel, str(c), *extra])})", (c, -(-t[1] // stride), -(-t[2] // stride))


def boosted(r: random.Random, t: Type) -> Made:
    """A position-boosted convolution or a peer of it."""
    c, stride, kernel = r.choice(CHANNELS), r.choice((1, 1, 2)), r.choice(("3x3", "1x3", "4x3", "5x5"))
    kernels = r.choice(("acb", "dbb", "dbb(mean = false)", "none", f"propose(seed = {r.randrange(9)})",
                        "propose(types = 2, rules = scan)"))
    if kernel == "3x3" and r.random() < 0.5:
        kernels = "[3x2 at (1, 1), 3x1 at (1, 3), 1x1 at (2, 2)]"
    extra = [text for text in ("gamma = 0.5", "padding_mode = replicate", "norm = false") if r.random() < 0.2]
    if stride > 1:
        extra.append(f"stride = {stride}")
    if kernels != "dbb" and r.random() < 0.2:
        extra.append("dilation = 2")
    if t[0] == c and r.random() < 0.3:
        extra.append("groups = channels")
    arguments = ", ".join([kernel, str(c), f"kernels = {kernels}", *extra])
    return f"pbconv({arguments})", (c, -(-t[1] // stride), -(-t[2] // stride))


def bare_conv(r: random.Random, t: Type) -> Made:
    """A convolution without padding."""
    k, c = r.choice((2, 3)), r.choice(CHANNELS)
    return (f"conv({k}, {c}, padding = none)", (c, t[1] - k + 1, t[2] - k + 1)) if min(t[1:]) >= k else None


def depthwise(r: random.Random, t: Type) -> Made:
    """Every channel by itself."""
    times = r.choice((1, 2))
    if r.random() < 0.2:
        form = r.choice(("standardized", "scaled(gamma = 1.7)", "scaled(eps = 0.1)", "weight_norm", "masked",
                         "masked(centre = false)"))
        return f"depthwise_conv(3x3, multiplier = {times}, weights = {form})", (t[0] * times, *t[1:])
    return f"depthwise_conv(3x3, multiplier = {times})", (t[0] * times, *t[1:])


def transposed(r: random.Random, t: Type) -> Made:
    """A larger map."""
    c, stride = r.choice(CHANNELS), r.choice((1, 2))
    if max(t[1:]) * stride > 16:
        return None
    return f"conv_transpose(3x3, {c}, stride = {stride})", (c, t[1] * stride, t[2] * stride)


def pool(r: random.Random, t: Type) -> Made:
    """A smaller map."""
    kind = r.choice(("max_pool", "avg_pool"))
    if min(t[1:]) < 2:
        return None
    form = r.choice(("tile", "slide", "ceil"))
    if form == "tile":
        return f"{kind}(2x2)", (t[0], t[1] // 2, t[2] // 2)
    if form == "ceil":
        return f"{kind}(2, ceil = true)", (t[0], -(-t[1] // 2), -(-t[2] // 2))
    return f"{kind}(3x3, stride = 2)", (t[0], -(-t[1] // 2), -(-t[2] // 2))


def reform(r: random.Random, t: Type) -> Made:
    """The same numbers in another form, or a part of them."""
    c, h, w = t
    found: list[tuple[str, Type]] = [
        ("to_sequence", (h * w, c)), ("permute([channels, width, height])", (c, w, h)), ("global_avg_pool", (c,)),
        ("global_max_pool", (c,)), ("adaptive_avg_pool(2x3)", (c, 2, 3)), ("pyramid_pool(1, 2)", (5 * c,)),
        (f"reshape([{c}, {h * w}])", (c, h * w)), ("position_embedding", t), ("softmax", t),
    ]
    if c * h * w <= 400:
        found.append(("flatten", (c * h * w,)))
    if c > 1:
        found.append((f"slice(0, stop = {c - 1})", (c - 1, h, w)))
    found += [(f"pick([{c - 1}, 0])", (2, h, w)), ('einsum("a b c -> c a")', (w, c)),
              ("coordinates(align_corners = true)", (2, h, w))]
    if h > 1:
        found.append(("slice(1, axis = height)", (c, h - 1, w)))
        found.append(("slice(0, stride = 2, axis = height)", (c, -(-h // 2), w)))
    if h > 1 and w > 1:
        found.append(("unfold(2x2)", ((h // 2) * (w // 2), 4 * c)))
    if max(h, w) <= 8:
        found += [(f"upsample(factor = 2{mode})", (c, 2 * h, 2 * w))
                  for mode in ("", ", mode = bilinear", ", mode = bicubic, align_corners = true")]
        found.append(("upsample(factor = [1.5, 2.25], mode = bilinear)", (c, h * 3 // 2, w * 9 // 4)))
        if c % 4 == 0:
            found.append(("pixel_shuffle(2)", (c // 4, 2 * h, 2 * w)))
    if h % 2 == 0 and w % 2 == 0 and c <= 4:
        found.append(("pixel_unshuffle(2)", (4 * c, h // 2, w // 2)))
    return r.choice(found)


def excite(r: random.Random, t: Type) -> Made:
    """A gate for each channel."""
    return r.choice(("squeeze_excite", "squeeze_excite(ratio = 2, bias = true)", "squeeze_excite(hidden = 2)")), t


def dense(r: random.Random, t: Type) -> Made:
    """A dense map of a vector or sequence."""
    n = r.choice((1, 2, 4, 6))
    return r.choice((f"linear({n})", f"linear({n}, bias = false)")), (*t[:-1], n)


def of_vector(r: random.Random, t: Type) -> Made:
    """A vector in another form."""
    n = t[0]
    found: list[tuple[str, Type]] = [("softmax", t), ("log_softmax", t), ("reshape([1, -1])", (1, n))]
    if n % 2 == 0:
        found += [(f"reshape([2, {n // 2}])", (2, n // 2)), ("reshape([-1, 1, 2])", (n // 2, 1, 2))]
    return r.choice(found)


def of_sequence(r: random.Random, t: Type) -> Made:
    """What only sequences have."""
    p, f = t
    found: list[tuple[str, Type]] = [
        ("attention(1)", t), ("layer_norm", t), ("position_embedding", t), ("class_token", (p + 1, f)),
        ("lstm(2)", (p, 2)), ("gru(3, give = last)", (3,)), ("lstm(2, bidirectional = true, give = last)", (4,)),
        ("conv1d(3, 4)", (4, f)), ("global_avg_pool", (f,)), ("global_avg_pool1d", (p,)), ("flatten", (p * f,)),
        (f"to_map(1, {p})", (f, 1, p)), ("permute([features, positions])", (f, p)), ("slice(0, stop = 1)", (1, f)),
    ]
    found += [("rms_norm", t), ("attention(1, window = 2, positions = alibi)", t),
              (f"position_embedding(most = {p + 1})", t),
              ("attention(1, causal = true, positions = relative(2))", t), ("gru(2, give = states)", (1, 2))]
    if f % 2 == 0:
        found += [("attention(2, causal = true)", t), ("attention(1, positions = rotary)", t), ("glu", (p, f // 2)),
                  ("attention(2, kv_heads = 1)", t), ("sinusoidal_positions", t)]
    if f > 1:
        found += [("max_pool1d(2)", (p, f // 2)), ("avg_pool1d(2, stride = 1)", (p, f)), ("instance_norm", t)]
    return r.choice(found)


def of_volume(r: random.Random, t: Type) -> Made:
    """What volumes have."""
    c, d, h, w = t
    found: list[tuple[str, Type]] = [
        ("conv3d(3, 2)", (2, d, h, w)), ("global_avg_pool", (c,)), ("flatten", (c * d * h * w,)),
        (f"reshape([{c * d}, {h}, {w}])", (c * d, h, w)), ("to_sequence", (d * h * w, c)),
        ("max_pool3d(2, stride = 1)", t), ("adaptive_avg_pool3d(1x2x2)", (c, 1, 2, 2)),
    ]
    return r.choice(found)


MAKERS: dict[int, tuple[Maker, ...]] = {
    1: (plain, dense, dense, norm, of_vector, rarer),
    2: (plain, dense, of_sequence, of_sequence, rarer),
    3: (plain, norm, conv, conv, conv, boosted, bare_conv, depthwise, transposed, pool, reform, excite, rarer, rarer),
    4: (plain, of_volume, norm, rarer),
}
"""Makers of single operations by the rank of what enters."""


def single(r: random.Random, t: Type) -> tuple[str, Type]:
    """One operation that fits."""
    for _ in range(20):
        made = r.choice(MAKERS[len(t)])(r, t)
        if made is not None:
            return made
    return "identity", t


def keeping(r: random.Random, t: Type, channels: str | None = None) -> str:
    """One operation that leaves the type as it is; `channels` is how the text writes the first size of a map."""
    found = [r.choice(ELEMENTWISE)]
    if len(t) == 3:
        found += [f"conv(3x3, {channels or t[0]})", f"conv(1x1, {channels or t[0]})", "batch_norm", "squeeze_excite",
                  f"conv(3x3, {channels or t[0]}, bias = false)", "depthwise_conv(3)", "layer_norm"]
    if len(t) <= 2:
        found += [f"linear({t[-1]})", "layer_norm"]
    if len(t) == 1:
        found += ["batch_norm"]
    if len(t) == 4:
        found += [f"conv3d(3, {channels or t[0]})", "batch_norm"]
    return r.choice(found)


def over_rows(r: random.Random, t: Type, name: str) -> tuple[str, Type]:
    """A `for` over rows of a kernel and a width, on a map."""
    rows = [(r.choice((1, 3)), r.choice(CHANNELS)) for _ in range(r.randint(1, 3))]
    written = ", ".join(r.choice((f"({k}, {c})", f"[{k}, {c}]")) for k, c in rows)
    head = f"for ({name}k, {name}) in [{written}]"
    return f"{head} {{ conv(size({name}k, {name}k), {name}) }}", (rows[-1][1], *t[1:])


def prediction(r: random.Random, t: Type) -> Made:
    """The router that predicts each path from every other, with the type that it makes."""
    act = r.choice(("", ", act = tanh", ", hidden = 2", ", hidden = 0, act = identity"))
    if len(t) == 3:
        c = r.choice(CHANNELS)
        return f"cross_prediction(conv(3x3, {c}, bias = false) -> batch_norm{act})", (c, *t[1:])
    if len(t) <= 2:
        return f"cross_prediction(linear(3){act})", (*t[:-1], 3)
    return None


def spelled(value: int) -> list[str]:
    """Other spellings of a whole number from 1."""
    return [f"{value + 1} - 1", f"max({value}, 1)", f"{2 * value} / 2", f"({value} + 3) // 1 - 3",
            f"len({list(range(value))})", f"[0, {value}][-1]", f"{value} % {value + 1}",
            f"round({value}.4)", f"{value} ** 1", f"{value + 1} ** 0 * {value}", f"-(-{value}) ** 1",
            f"ceil({value} - 0.5)", f"floor(1.0 * {value})", f"round_to({value}, 1)",
            f"(if {value} > 0 {{ {value} }} else {{ 7 // 0 }})"]
