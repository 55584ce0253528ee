"""Operations that programs have now and then: arithmetic of single numbers, axes moved, what lines and volumes have."""

from __future__ import annotations

import random

Type = tuple[int, ...]
Made = tuple[str, Type]
AXES = {1: ("features",), 2: ("positions", "features"), 3: ("channels", "height", "width"),
        4: ("channels", "depth", "height", "width")}

SINGLE = (
    "abs", "neg", "square -> scale(0.1)", "tanh -> exp", "tanh -> exp -> log", "tanh -> exp -> sqrt",
    "tanh -> exp -> rsqrt", "tanh -> exp -> reciprocal", "sin", "cos", "tanh -> pow(3)", "clamp(low = -1.5, high = 2)",
    "clamp(high = 0.3)", "l2_normalize", "detach", "affine", "affine(scale = 0.5, shift = none)", "drop_channels(0)",
)
"""What keeps every type; what grows or has no value for every number stands behind something that bounds it."""


def rarer(r: random.Random, t: Type) -> Made:
    """One of them that fits a type of any rank."""
    found: list[Made] = [(one, t) for one in SINGLE if one != "drop_channels(0)" or len(t) > 1]
    found += _along_axes(r, t)
    found += {1: _of_vector, 2: _of_line, 3: _of_map, 4: _of_volume}[len(t)](t)
    return r.choice(found)


def _along_axes(r: random.Random, t: Type) -> list[Made]:
    """What takes an axis by its word."""
    dim = r.randrange(len(t))
    axis, size = AXES[len(t)][dim], t[dim]

    def with_size(changed: int) -> Type:
        return (*t[:dim], changed, *t[dim + 1 :])

    before, after = r.randint(0, 2), r.randint(0, 1)
    found: list[Made] = [
        (f"cumsum({axis})", t), (f"cumsum({axis}, decay = parameter([{', '.join('1' * len(t))}]))", t),
        (f"roll({r.randint(-3, 3)}, {axis})", t), (f"softmax(axis = {axis})", t),
        (f"l2_normalize(axis = {axis}, eps = 0.5)", t),
        (f"pad([{before}, {after}], axis = {axis})", with_size(before + size + after)),
        (f"pick([{size - 1}, 0], axis = {axis})", with_size(2)),
    ]
    if len(t) > 1:
        by = r.choice(("mean", "sum", "max", "min", "variance", "logsumexp"))
        found += [(f"reduce({axis}, by = {by})", (*t[:dim], *t[dim + 1 :])),
                  (f"reduce({axis}, by = {by}, keep = true)", with_size(1))]
    if size % 2 == 0:
        found.append((f"split(2, axis = {axis}) -> {r.choice(('sum', 'mean', 'minimum'))}", with_size(size // 2)))
    if size > 1:
        found.append((f"split([1, {size - 1}], axis = {axis}) -> each {{ relu }} -> concat(axis = {axis})", t))
    return found


def _of_vector(t: Type) -> list[Made]:
    n = t[0]
    return [("standardize", t), ("standardize(statistics = batch)", t),
            ('einsum("a, b -> b a", other = parameter([2]))', (2, n)),
            (f"experts(2, sparse_connection(hidden = 2, keep = 2)) {{ linear({n}) }}", t)]


def _of_line(t: Type) -> list[Made]:
    p, f = t
    found: list[Made] = [
        ("depthwise_conv1d(3, multiplier = 2)", (2 * p, f)), ("conv_transpose1d(3, 2, stride = 2)", (2, 2 * f)),
        ("conv1d(2, 3, padding = causal)", (3, f)), ("adaptive_avg_pool1d(2)", (p, 2)),
        ("adaptive_max_pool1d(3)", (p, 3)), ("global_max_pool1d", (p,)), ("global_max_pool", (f,)),
        (f"matmul(parameter([{f}, 3]))", (p, 3)),
        (f'einsum("p f, g f -> g p", other = parameter([3, {f}]))', (3, p)),
        ("residual { attention(1, added = in -> position_scores(1, alibi)) }", t),
        (f"residual {{ attention(1, added = in -> position_scores(1, relative({p}))) }}", t),
        ("residual { attention(1, added = in -> position_scores(1, buckets(count = 8, distance = 9), causal = true), "
         "causal = true) }", t),
    ]
    if p % 2 == 0:
        found.append(("channel_shuffle(2)", t))
    return found


def _of_map(t: Type) -> list[Made]:
    c, h, w = t
    found: list[Made] = [
        ("adaptive_max_pool(2)", (c, 2, 2)), ("pad(1)", (c, h + 2, w + 2)),
        ("coordinates", (2, h, w)),
        (f'einsum("c h w, d c -> d h w", other = parameter([3, {c}]))', (3, h, w)),
        (f"unfold(3x3, stride = 2) -> relu -> fold({h}x{w}, 3x3, stride = 2)", t),
        ("roll([1, -1], [height, width])", t), ("reduce([height, width], by = max)", (c,)),
    ]
    if h % 2 == 0 and w % 3 == 0:  # windows tile the map
        found += [("window_attention(1, 2x3)", t), ("window_attention(1, 2x3, shift = 1)", t)]
    if h > 1 and w > 1:
        found.append(("pad([1, 0], mode = reflect)", (c, h + 1, w + 1)))
    if h % 2 == 0 and w % 2 == 0:
        found.append((f"unfold(2x2) -> fold({h}x{w}, 2x2)", t))
    if c % 2 == 0:
        found += [("channel_shuffle(2)", t), ("glu", (c // 2, h, w))]
    if h > 2 and w > 2:
        found += _with_structure(t)
    return [*found, ("sobel", (2, h, w))]


def _with_structure(t: Type) -> list[Made]:
    """Patches, experts, branches of a code, layers that are brought together by attention."""
    c, h, w = t
    steps = f"layers {{ conv(3x3, {c}); relu }}"
    return [
        ("patches(3x2) -> shared { relu -> batch_norm } -> unpatch", t),
        ("patches(3x2) -> position -> unpatch", (c + 4, h, w)),
        (f"patches(2x3) -> experts(2, cross_connection(hidden = 2)) {{ conv(3x3, {c}) }} -> unpatch", t),
        ("experts(3, cosine_router(pyramid_pool(1, 2), start = random)) { conv(3x3, 2) -> batch_norm }", (2, h, w)),
        (f"{steps} -> attend(static_vector)", t), (f"{steps} -> attend(self_attention(heads = 1))", t),
        (f"{steps} -> attend(recurrent(3))", (3, h, w)), (f"{steps} -> attend(mean)", t),
        ('branches(words("110", "011")) { conv(1x1, 2) -> relu } -> energy_normalize -> sum', (2, h, w)),
    ]


def _of_volume(t: Type) -> list[Made]:
    c, d, h, w = t
    # A mean over more cells than a volume has is refused.
    cells = min(2, d, h, w)
    return [("depthwise_conv3d(3)", t), (f"avg_pool3d({cells}, stride = 1)", t),
            ("adaptive_max_pool3d(1x2x2)", (c, 1, 2, 2)),
            ("conv_transpose3d(1x2x2, 2, stride = size(1, 2, 2))", (2, d, 2 * h, 2 * w)),
            ("conv3d(1x3x3, 2, padding = tf_same)", (2, d, h, w))]
