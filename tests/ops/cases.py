"""Many uses of every operation: the sizes that enter, and the arguments."""

from __future__ import annotations

from typing import Any

from archlang.ops import Option
from archlang.ops.tables import Table
from archlang.shapes import Tensor as Type
from tests.ops.casing import Case, M, S, V, W, one, several
from tests.ops.instantiate import size
from tests.ops.piece_cases import PIECES


def _conv(x: tuple[int, ...], kernel: Any, even: Any, **more: Any) -> list[Case]:
    variants: list[dict[str, Any]] = [
        {},
        {"bias": False},
        {"bias": True},
        {"stride": 2},
        {"stride": 3},
        {"dilation": 2},
        {"padding": "none"},
        {"padding": 1},
        {"padding": 0, "stride": 2},
        {"groups": 2},
        {"groups": "channels"},
        {"stride": 2, "dilation": 2, "groups": 4},
        {"padding_mode": "reflect"},
        {"padding_mode": "replicate"},
        {"padding_mode": "circular"},
        {"init": Option("zeros", "initialiser")},
        {"padding": "tf_same", "stride": 2},
        {"padding": "tf_same", "stride": 3, "dilation": 2},
        *([{"padding": "causal"}, {"padding": "causal", "stride": 2, "dilation": 2}] if len(x) == 2 else []),
    ]
    found = [case for variant in variants for case in one(x, kernel=kernel, channels=8, **variant)]
    for variant in [
        {},
        {"stride": 2},
        {"padding_mode": "circular"},
        {"padding_mode": "replicate", "stride": 2},
        {"padding": "same", "dilation": 1},
    ]:
        found += one(x, kernel=even, channels=8, **variant)
    return found


def _depthwise(x: tuple[int, ...], kernel: Any) -> list[Case]:
    variants: list[dict[str, Any]] = [
        {},
        {"stride": 2},
        {"multiplier": 3, "bias": False},
        {"padding": "none", "dilation": 2},
    ]
    return [case for variant in variants for case in one(x, kernel=kernel, **variant)]


def _transposed(x: tuple[int, ...]) -> list[Case]:
    variants: list[dict[str, Any]] = [
        {"kernel": 3},
        {"kernel": 3, "stride": 2},
        {"kernel": 4, "stride": 2},
        {"kernel": 2, "stride": 2},
        {"kernel": 1, "stride": 3},
        {"kernel": 5, "stride": 3, "bias": False},
        {"kernel": 3, "stride": 2, "groups": 2},
        {"kernel": 3, "stride": 2, "padding": 1},
        {"kernel": 3, "stride": 2, "padding": 1, "output_padding": 1},
        {"kernel": 3, "padding": "none"},
        {"kernel": 3, "dilation": 2, "stride": 2},
        {"kernel": 3, "groups": "channels"},
    ]
    return [case for variant in variants for case in one(x, channels=8, **variant)]


def _windows(x: tuple[int, ...], **more: tuple[Any, ...]) -> list[Case]:
    variants: list[dict[str, Any]] = [
        {"size": 2},
        {"size": 3},
        {"size": 3, "stride": 2},
        {"size": 2, "stride": 2},
        {"size": 2, "stride": 1},
        {"size": 3, "stride": 1},
        {"size": 3, "stride": 2, "padding": 1},
        {"size": 3, "stride": 2, "padding": "none"},
        {"size": 4, "stride": 3},
        {"size": 4, "stride": 1},
        {"size": 2, "stride": 3, "ceil": True},
        {"size": 3, "stride": 2, "ceil": True},
        {"size": 3, "stride": 2, "padding": 1, "ceil": True},
        {"size": 2, "padding": "same"},
        {"size": 3, "stride": 2, "padding": "tf_same"},
        *([{"size": 4, "stride": 2, "padding": "causal"}] if len(x) == 2 else []),
        {"size": 2, "ceil": True},
    ]
    found = [case for variant in variants for case in one(x, **variant)]
    for name, values in more.items():
        found += [((x,), {**variant, name: value}) for variant in variants[:10] for value in values]
    return found


_PLAIN = one(V, S, M, W)
_AXES = [*_PLAIN, *one(M, axis="width"), *one(M, axis="height"), *one(S, axis="positions"), *one(W, axis="width")]
_MERGE = [*several(M, M), *several(V, V, V), *several(S, S, S, S)]
_BUNDLE = [*_MERGE, *several(W)]
_SPREAD = [
    *several(M, (4,)), *several((4,), M), *several(W, (4,)), *several(M, (4, 1, 1)), *several((1, 9, 12), M),
    *several((4, 1, 1), (1, 9, 12)), *several(S, (1, 8)), *several((5, 1), S), *several(V, (1,)),
]
_SPREAD_MORE = [*several(M, (4,), (1, 9, 1)), *several((4,), (1, 9, 12), M), *several(S, (1, 8), (5, 1))]
_STATE: list[dict[str, Any]] = [
    {"hidden": 7},
    {"hidden": 7, "give": "last"},
    {"hidden": 4, "layers": 2, "bidirectional": True},
    {"hidden": 4, "layers": 3, "bidirectional": True, "give": "last", "bias": False},
    {"hidden": 3, "layers": 2, "dropout": 0.2},
    {"hidden": 3, "layers": 2, "bidirectional": True, "give": "states"},
]
_RECURRENT: list[Case] = [case for variant in _STATE for case in one(S, (1, 3), **variant)]

_SCALED = Option("scaled", "weights", {"gamma": 1.7, "eps": 1e-6, "gain": 1.0})
_ROTARY = Option("rotary", "encoding", {"base": 10000.0, "features": None, "pairs": "neighbours"})

CASES: dict[str, list[Case]] = {
    "conv": [
        *_conv(M, 3, 2),
        *_conv(M, size(3, 5), size(4, 3)),
        *one((3, 32, 32), kernel=7, channels=64, stride=2),
        *one((3, 32, 32), kernel=4, channels=8, stride=4),
        *one((3, 32, 32), kernel=1, channels=8, stride=2),
        *one(M, kernel=3, channels=8, groups=2, weights=_SCALED),
        *one(M, kernel=3, channels=8, bias=False, weights=Option("weight_norm", "weights")),
        *one(M, kernel=3, channels=8, weights=Option("masked", "weights", {"centre": False})),
        *one(M, kernel=3, channels=8, padding_mode="circular",
             weights=Option("standardized", "weights", {"eps": 1e-5})),
    ],
    "conv1d": _conv((4, 12), 3, 4),
    "conv3d": _conv((4, 5, 6, 7), 3, 2),
    "depthwise_conv": _depthwise(M, 3),
    "depthwise_conv1d": _depthwise((4, 12), 3),
    "depthwise_conv3d": _depthwise((4, 5, 6, 7), 3),
    "conv_transpose": _transposed(M),
    "conv_transpose1d": _transposed((4, 12)),
    "conv_transpose3d": _transposed((4, 3, 4, 3)),
    "batch_norm": [
        *_PLAIN,
        *one(M, W, V, affine=False),
        *one(M, running=False),
        *one(S, scale=0, eps=0.1, momentum=0.5),
        *one(M, affine=False, running=False),
    ],
    "layer_norm": [
        *_PLAIN,
        *one(V, S, M, W, over="all"),
        *one(S, M, affine=False, eps=0.1),
        *one(M, over="all", affine=False),
    ],
    "group_norm": [
        *one(M, W, groups=2),
        *one(M, groups=4),
        *one(M, groups=1, affine=False),
        *one(V, groups=3),
        *one(S, groups=5),
    ],
    "instance_norm": [*one(S, M, W), *one(S, M, W, affine=True), *one(M, running=True, momentum=0.5)],
    "relu": _PLAIN,
    "relu6": _PLAIN,
    "leaky_relu": [*_PLAIN, *one(M, negative_slope=0.2)],
    "prelu": [*_PLAIN, *one(V, M, W, params="channels"), *one(M, params="channels", slope=0.1)],
    "elu": [*_PLAIN, *one(M, alpha=0.5)],
    "selu": _PLAIN,
    "celu": [*_PLAIN, *one(M, alpha=0.5)],
    "gelu": [*_PLAIN, *one(M, approximate="tanh")],
    "silu": _PLAIN,
    "mish": _PLAIN,
    "hardswish": _PLAIN,
    "hardsigmoid": _PLAIN,
    "sigmoid": _PLAIN,
    "tanh": _PLAIN,
    "softplus": [*_PLAIN, *one(V, beta=2)],
    "softmax": _AXES,
    "log_softmax": _AXES,
    "identity": _PLAIN,
    **dict.fromkeys(("abs", "neg", "sign", "square", "exp", "log", "sqrt", "rsqrt", "reciprocal"), _PLAIN),
    **dict.fromkeys(("sin", "cos", "floor", "round"), _PLAIN),
    "pow": [*one(V, S, M, W, p=2), *one(M, p=-1.5), *one(V, p=0)],
    "clamp": [*one(V, S, M, W, low=-1, high=0.5), *one(M, low=0), *one(M, high=0), *one(V, low=1, high=1)],
    "pad": [
        *one(M, W, size=1), *one(M, size=[0, 2], axis="width"), *one(V, size=[1, 0], axis="features"),
        *one(S, size=2, axis="positions"), *one(M, size=0), *one(W, size=[1, 2], axis="channels", mode="reflect"),
        *one(M, W, size=[2, 1], mode="reflect"), *one(M, size=3, mode="circular"), *one(M, size=20, mode="replicate"),
        *one(S, size=[0, 3], axis="positions", mode="circular"), *one(V, size=1, axis="features", mode="replicate"),
    ],
    "roll": [
        *one(M, by=1, axis="width"), *one(M, by=[-3, 14], axis=["height", "channels"]), *one(V, by=0, axis="features"),
        *one(W, by=[1], axis="depth"),
    ],
    "channel_shuffle": [*one(M, W, groups=2), *one(M, groups=4), *one(S, groups=5), *one(M, groups=1)],
    "reduce": [
        *one(M, axis="width"), *one(M, axis=["height", "width"], by="max"), *one(S, axis="positions", by="sum"),
        *one(W, axis=["channels", "depth"], by="min"), *one(V, axis="features", keep=True),
        *one(M, axis=["channels"], keep=True, by="max"), *one(S, axis="positions", by="variance"),
        *one(M, axis=["height", "width"], by="logsumexp", keep=True),
    ],
    "l2_normalize": [*_AXES, *one(M, eps=3)],
    "cumsum": [*one(V, axis="features"), *one(M, axis="height"), *one(W, axis="channels")],
    "max_pool": [*_windows(M, dilation=(2,)), *_windows((3, 112, 112)), *one(M, size=size(2, 3), stride=size(1, 2))],
    "max_pool1d": _windows((4, 13), dilation=(2,)),
    "max_pool3d": _windows((2, 8, 9, 10)),
    "avg_pool": [*_windows(M, count_padding=(False,)), *one(M, size=size(2, 3))],
    "avg_pool1d": _windows((4, 13), count_padding=(False,)),
    "avg_pool3d": _windows((2, 8, 9, 10), count_padding=(False,)),
    "global_avg_pool": one(S, M, W),
    "global_max_pool": one(S, M, W),
    "global_avg_pool1d": one(S),
    "global_max_pool1d": one(S),
    "adaptive_avg_pool": [*one(M, size=1), *one(M, size=size(2, 5)), *one(M, size=20)],
    "adaptive_max_pool": [*one(M, size=1), *one(M, size=size(2, 5)), *one(M, size=20)],
    "adaptive_avg_pool1d": one(S, size=3),
    "adaptive_max_pool1d": one(S, size=3),
    "adaptive_avg_pool3d": one(W, size=2),
    "adaptive_max_pool3d": one(W, size=size(1, 2, 3)),
    "pyramid_pool": [*one(M, levels=(1, 2, 4)), *one(M, levels=(3,), mode="max"), *one((2, 3, 3), levels=(1, 4))],
    "linear": [
        *one(V, S, features=10),
        *one(V, S, features=3, bias=False),
        *one(V, features=3, init=Option("orthogonal", "initialiser", {"gain": 1.0})),
    ],
    "parameter": [
        *one(M, sizes=[7, 8]), *one(V, sizes=[3]), *one(S, sizes=[1, 2, 3, 4], trained=False),
        *one(V, sizes=[5], init=Option("zeros", "initialiser")),
        *one(V, sizes=[2, 1], values=[1, 0.5]),
    ],
    "affine": [*_PLAIN, *one(M, S, scale=1e-6, shift="none"), *one(M, axis="width"), *one(W, scale="none", shift=2)],
    "matmul": [*several((3, 4), (4, 5)), *several((1, 1), (1, 7))],
    "dropout": [*_PLAIN, *one(M, p=0), *one(M, p=1)],
    "drop_channels": [*one(S, M, W), *one(M, p=0.2)],
    "drop_path": [*_PLAIN, *one(M, p=0), *one(M, p=1)],
    "noise": [*_PLAIN, *one(M, std=0.5), *several(M, M, deviation=1), *several(M, (M[0],), deviation=1)],
    "flatten": _PLAIN,
    "reshape": [
        *one(M, sizes=[4, 108]),
        *one(M, sizes=[432]),
        *one(V, sizes=[2, 3, 1]),
        *one(M, sizes=[4, -1]),
        *one(V, sizes=[-1]),
    ],
    "permute": [
        *one(S, axes=["features", "positions"]),
        *one(M, axes=["height", "width", "channels"]),
        *one(W, axes=["width", "depth", "height", "channels"]),
    ],
    "to_sequence": one(M, W),
    "to_map": [*one((12, 5), height=3, width=4), *one((12, 5), height=12, width=1)],
    "split": [
        *one(M, parts=2),
        *one(M, parts=[1, 3]),
        *one(M, parts=3, axis="width"),
        *one(S, parts=[3, 5], axis="features"),
    ],
    "slice": [
        *one(M, start=1, stop=3),
        *one(M, start=2),
        *one(M, start=0, stop=9, axis="height"),
        *one(S, start=0, stop=1),
        *one(M, start=1, stop=8, stride=3, axis="height"),
        *one(V, start=5),
    ],
    "upsample": [
        *one(M, factor=2),
        *one(M, factor=size(1, 3), mode="bilinear"),
        *one(M, size=size(7, 30), mode="bicubic"),
        *one(M, size=5),
        *one(M, factor=1.5),
        *one(M, factor=(1.3, 0.6), mode="bilinear", align_corners=True),
    ],
    "pixel_shuffle": [*one(M, factor=2), *one(M, factor=1)],
    "pixel_unshuffle": [*one(M, factor=3), *one(M, factor=1)],
    "add": [*_MERGE, *_SPREAD, *_SPREAD_MORE],
    "mul": [*_MERGE, *_SPREAD, *_SPREAD_MORE],
    "sub": [*several(M, M), *several(V, V), *_SPREAD],
    "div": [*several(M, M), *several(V, V), *_SPREAD],
    "scale": [*one(M, V, by=0.5), *one(S, by=-2)],
    "shift": [*one(M, V, by=0.5), *one(S, by=-2)],
    "sum": _BUNDLE,
    "mean": _BUNDLE,
    "product": _BUNDLE,
    "maximum": [*_BUNDLE, *_SPREAD, *_SPREAD_MORE],
    "minimum": [*_BUNDLE, *_SPREAD, *_SPREAD_MORE],
    "concat": [
        *_MERGE,
        *several(M, (7, 9, 12)),
        *several(M, (4, 2, 12), M, axis="height"),
        *several(S, (5, 1), axis="features"),
        *several(W),
    ],
    "stack": _BUNDLE,
    "attention": [
        *one(S, heads=1),
        *one(S, heads=4),
        *one(S, heads=2, bias=False),
        *one(S, heads=8, causal=True),
        *one(S, heads=2, dropout=0.3),
        *one(S, heads=4, kv_heads=2),
        *one(S, heads=4, kv_heads=1, causal=True, bias=False),
        *one(S, heads=3, head_features=6, qkv_bias=False),
        *one(S, heads=2, bias=False, qkv_bias=True, window=2),
        *one(S, heads=2, window=2, causal=True, scale=1.0),
        *one(S, heads=2, positions=_ROTARY),
        *one(S, heads=2, positions=_ROTARY, causal=True, kv_heads=1, window=3),
        *one(S, heads=3, head_features=4, positions=Option("alibi", "encoding"), causal=True),
        *one(S, heads=2, positions=Option("relative", "encoding", {"distance": 2})),
        *one(S, heads=2, positions=Option("relative", "encoding", {"distance": 9}), causal=True),
        *one(S, heads=2, positions=Option("buckets", "encoding", {"count": 4, "distance": 3})),
        *one(S, heads=2, positions=Option("buckets", "encoding", {"count": 8, "distance": 16}), causal=True),
        *several(S, Type((5,), 2), heads=2, mask=1),
        *several(S, (5, 5), Type((5,), 2), heads=2, added=1, mask=2),
        *several(S, (2, 5, 5), heads=2, added=1, causal=True),
        *several(S, Type((5, 5), 2), heads=2, mask=1, causal=True, positions=_ROTARY),
        *several(S, (3, 6), heads=2, memory=1),
        *several(S, (3, 8), Type((3,), 2), heads=4, kv_heads=2, memory=1, mask=2, bias=False),
        *several(S, Type((5, 3), 2), (3, 8), heads=2, mask=1, memory=2, head_features=3),
    ],
    "position_scores": [
        *one(S, heads=2, positions=Option("buckets", "encoding", {"count": 4, "distance": 3})),
        *one(S, heads=3, positions=Option("relative", "encoding", {"distance": 2}), causal=True),
        *one(S, heads=2, positions=Option("alibi", "encoding")),
    ],
    "window_attention": [
        *one((4, 6, 9), heads=2, window=size(3, 3)),
        *one((4, 6, 9), heads=4, window=size(2, 3), shift=size(1, 2), bias=False),
        *one((4, 6, 9), heads=1, window=3, shift=1, qkv_bias=False, dropout=0.2),
        *one((4, 3, 3), heads=1, window=3, shift=1),
    ],
    "unembed": [case for x in (V, S) for case in one(x, table=Table("t", ("t",), 9, x[-1]))],
    "above": [*one(V, M), *one(S, limit=0.5)],
    "choose": [
        *several(M, Type(M, 2)),
        *several(M, Type((4,), 2), (1, 9, 12), other=2),
        *several(S, Type((5, 1), 2), fill=-1.5),
    ],
    "pick": [*one(V, M, indices=[3, 0, 3]), *one(M, indices=[11], axis="width")],
    "gather": [
        *several(V, Type((2,), 6)),
        *several(M, Type((5,), 12), axis="width"),
        *several(M, Type((4, 2, 12), 9), axis="height"),
        *several(Type(S, 3), Type((3,), 4), axis="positions"),
    ],
    "argmax": [*one(V, S, M), *one(M, axis="width")],
    "detach": _PLAIN,
    "einsum": [
        *one(M, axes="c h w -> w c"), *one(S, axes="a b -> a"),
        *several((2, 5, 3), (2, 4, 3), axes="h q f, h k f -> h q k", other=1),
        *several(M, (12, 3), axes="c h w, w n -> n c h", other=1), *several(S, S, axes="a b, a b -> a b", other=1),
        *several(S, (8, 3, 2), axes="a b, b c d -> a d", other=1), *several(V, S, axes="a, b c -> a b", other=1),
    ],
    "unfold": [
        *one(M, size=3), *one(M, size=size(2, 3), stride=size(1, 2), padding="none", dilation=2),
        *one(M, size=size(4, 2), stride=2), *one(M, size=3, stride=2, padding="tf_same"),
    ],
    "fold": [
        *one((12, 36), to=size(9, 12), size=3),
        *one((28, 16), to=size(9, 12), size=size(4, 2), stride=size(2, 2), padding=1),
        *one((108, 9), to=size(9, 12), size=3, stride=1, dilation=2),
    ],
    "coordinates": [*one(M, (1, 1, 1)), *one(M, align_corners=True)],
    "grid_sample": [
        *several(M, (2, 5, 3)), *several(M, (2, 1, 1), mode="bicubic", outside="border", align_corners=True),
    ],
    "embedding": [*one(Type((5,), 9), features=3), *one(Type((2, 3), 2), features=4),
                  *one(Type((1, 2, 3), 4), features=1, init=Option("zeros", "initialiser"))],
    "length_mask": one(Type((1,), 6), positions=5),
    "masked_mean": [*several(S, Type((5,), 2)), *several((1, 1), Type((1,), 2))],
    "sinusoidal_positions": [*one(S, (1, 2)), *one(S, base=100.0)],
    "rms_norm": [*one(V, S, M, W), *one(V, S, M, affine=False, eps=0.1)],
    "glu": [*one(V, S, M, W), *one(M, axis="width"), *one(S, activation="silu"), *one(S, activation="none")],
    "squeeze_excite": [*one(M, W, ratio=2), *one(M), *one(M, hidden=3, bias=True), *one(S, hidden=2)],
    "position_embedding": [*one(V, S, M), *one(S, most=7), *one(S, most=5)],
    "class_token": one(S, (1, 1)),
    "lstm": [*_RECURRENT, *several(S, (3,), (3,), hidden=3, state=1, cell=2), *several(S, (2, 3), hidden=3, layers=2,
             cell=1, give="last")],
    "gru": [*_RECURRENT, *several(S, Type((1,), 6), (4, 3), hidden=3, layers=2, bidirectional=True, lengths=1,
                                  state=2)],
    "input": _PLAIN,
    **PIECES,
}


def number(case: Case) -> str:
    """A name for a case in reports."""
    shapes, args = case
    sizes = [str(s) if isinstance(s, Type) else "x".join(map(str, s)) for s in shapes]
    return "-".join(sizes + [f"{k}={v}" for k, v in args.items()])


ALL = [(name, case) for name, cases in CASES.items() for case in cases]
IDS = [f"{name}-{number(case)}" for name, case in ALL]
