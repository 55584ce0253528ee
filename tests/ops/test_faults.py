"""What ops have against wrong uses: the kind of mistake, where it is, and what to do."""

from __future__ import annotations

from typing import Any

import pytest

from archlang.diagnostics import KINDS
from archlang.ops import Fault, Option, Size
from archlang.ops.rules import bound_help
from archlang.shapes import Dim, Tensor, symbol
from tests.ops.instantiate import use

H, W, C = symbol("H"), symbol("W"), symbol("C")
S = tuple[Any, ...]
ZEROS = Option("zeros", "initialiser")

WRONG: list[tuple[str, str, list[S], dict[str, Any]]] = [
    ("wrong-rank", "conv", [(10,)], {"kernel": 3, "channels": 8}),
    ("wrong-rank", "conv", [(49, 64)], {"kernel": 3, "channels": 8}),
    ("wrong-rank", "conv1d", [(3, 8, 8)], {"kernel": 3, "channels": 8}),
    ("wrong-rank", "linear", [(3, 8, 8)], {"features": 8}),
    ("wrong-rank", "attention", [(8,)], {"heads": 2}),
    ("wrong-rank", "max_pool", [(8, 8)], {"size": 2}),
    ("wrong-rank", "global_avg_pool", [(8,)], {}),
    ("wrong-rank", "pyramid_pool", [(8, 8)], {"levels": (1,)}),
    ("wrong-rank", "drop_channels", [(8,)], {}),
    ("wrong-rank", "instance_norm", [(8,)], {}),
    ("wrong-rank", "upsample", [(8, 8)], {"factor": 2}),
    ("wrong-rank", "class_token", [(8,)], {}),
    ("wrong-rank", "matmul", [(3, 4), (4,)], {}),
    ("kernel-too-large", "conv", [(3, 4, 8)], {"kernel": 5, "channels": 8, "padding": "none"}),
    ("kernel-too-large", "conv", [(3, 4, 4)], {"kernel": 3, "channels": 8, "padding": "none", "dilation": 2}),
    ("kernel-too-large", "max_pool", [(3, 1, 1)], {"size": 2}),
    ("kernel-too-large", "conv", [(3, 1, 8)], {"kernel": 3, "channels": 8, "padding_mode": "reflect"}),
    ("kernel-too-large", "conv", [(3, 1, 8)], {"kernel": 5, "channels": 8, "padding_mode": "circular"}),
    ("not-divisible", "conv", [(3, 8, 8)], {"kernel": 3, "channels": 8, "groups": 2}),
    ("not-divisible", "conv", [(4, 8, 8)], {"kernel": 3, "channels": 9, "groups": 2}),
    ("not-divisible", "conv_transpose", [(3, 8, 8)], {"kernel": 3, "channels": 8, "groups": 2}),
    ("not-divisible", "group_norm", [(6, 8, 8)], {"groups": 4}),
    ("not-divisible", "attention", [(5, 6)], {"heads": 4}),
    ("not-divisible", "split", [(6, 8, 8)], {"parts": 4}),
    ("not-divisible", "pixel_shuffle", [(6, 8, 8)], {"factor": 2}),
    ("not-divisible", "pixel_unshuffle", [(6, 7, 8)], {"factor": 2}),
    ("empty-map", "conv_transpose", [(3, 1, 1)], {"kernel": 1, "channels": 8, "padding": 1}),
    ("empty-map", "instance_norm", [(8, 1, 1)], {}),
    ("empty-map", "group_norm", [(8,)], {"groups": 8}),
    ("out-of-range", "conv_transpose", [(3, 8, 8)], {"kernel": 2, "channels": 8}),
    ("out-of-range", "conv_transpose", [(3, 8, 8)], {"kernel": 3, "channels": 8, "padding": 1, "output_padding": 1}),
    ("out-of-range", "max_pool", [(3, 8, 8)], {"size": 2, "padding": 2}),
    ("out-of-range", "slice", [(6,)], {"start": 3, "stop": 3}),
    ("out-of-range", "slice", [(6,)], {"start": 3, "stop": 7}),
    ("out-of-range", "slice", [(6,)], {"start": 6}),
    ("out-of-range", "lstm", [(5, 6)], {"hidden": 4, "dropout": 0.5}),
    ("out-of-range", "dropout", [(6,)], {"p": 1.5}),
    ("out-of-range", "conv", [(3, 8, 8)], {"kernel": 0, "channels": 8}),
    ("out-of-range", "scale", [(3,)], {"by": float("nan")}),
    ("wrong-kind", "conv", [(3, 8, 8)], {"kernel": 3, "channels": "many"}),
    ("wrong-kind", "conv", [(3, 8, 8)], {"kernel": Size((3, 3, 3)), "channels": 8}),
    ("wrong-kind", "conv", [(3, 8, 8)], {"kernel": 3, "channels": 8, "init": Option("sgd", "optimizer")}),
    ("wrong-kind", "max_pool", [(3, 8, 8)], {"size": 2, "padding": "same", "ceil": True}),
    ("wrong-kind", "conv_transpose", [(3, 8, 8)], {"kernel": 3, "channels": 8, "output_padding": 0}),
    ("unknown-word", "conv", [(3, 8, 8)], {"kernel": 3, "channels": 8, "padding_mode": "mirror"}),
    ("unknown-word", "softmax", [(3, 8, 8)], {"axis": "rows"}),
    ("wrong-axis", "softmax", [(10,)], {"axis": "height"}),
    ("wrong-axis", "softmax", [(10,)], {"axis": 1}),
    ("wrong-axis", "concat", [(4, 8, 8), (4, 8, 8)], {"axis": "features"}),
    ("wrong-axis", "permute", [(4, 8, 8)], {"axes": ["channels", "height"]}),
    ("wrong-axis", "permute", [(4, 8, 8)], {"axes": ["channels", "height", "height"]}),
    ("wrong-axis", "permute", [(4, 8, 8)], {"axes": [0, 2, 1]}),
    ("wrong-axis", "softmax", [(4, 8, 8)], {"axis": 1}),
    ("wrong-count", "reshape", [(4, 8, 8)], {"sizes": [4, 63]}),
    ("wrong-count", "reshape", [(4, 8, 8)], {"sizes": [-1, 63]}),
    ("wrong-count", "reshape", [(4, 8, 8)], {"sizes": [-1, -1]}),
    ("wrong-count", "split", [(6, 8, 8)], {"parts": [2, 3]}),
    ("wrong-count", "to_map", [(12, 8)], {"height": 3, "width": 5}),
    ("wrong-count", "upsample", [(3, 8, 8)], {"factor": 2, "size": 4}),
    ("missing-argument", "upsample", [(3, 8, 8)], {}),
    ("conflicting-arguments", "upsample", [(3, 8, 8)], {"factor": 2, "align_corners": True}),
    ("out-of-range", "upsample", [(3, 8, 8)], {"factor": 0.1}),
    ("out-of-range", "upsample", [(3, 8, 8)], {"factor": 0.0}),
    ("out-of-range", "upsample", [(3, 8, 8)], {"factor": -1.5}),
    ("wrong-kind", "upsample", [(3, 8, 8)], {"factor": True}),
    ("out-of-range", "upsample", [(3, 8, 8)], {"factor": [1.5, 2.0, 3.0]}),
    ("unknown-size", "upsample", [(3, H, 8)], {"factor": 1.1}),
    ("unknown-size", "upsample", [(3, H, 8)], {"factor": 0.5}),
    ("shape-mismatch", "add", [(256, 56, 56), (64, 56, 56)], {}),
    ("shape-mismatch", "sub", [(6,), (7,)], {}),
    ("unknown-size", "conv", [(3, H, 8)], {"kernel": 3, "channels": 8, "stride": 2, "padding": "tf_same"}),
    ("unknown-size", "max_pool", [(3, H, 8)], {"size": 3, "stride": 2, "padding": "tf_same"}),
    ("unknown-word", "conv", [(3, 8, 8)], {"kernel": 3, "channels": 8, "padding": "causal"}),
    ("unknown-word", "max_pool", [(3, 8, 8)], {"size": 3, "padding": "causal"}),
    ("unknown-word", "conv_transpose", [(3, 8, 8)], {"kernel": 3, "channels": 8, "padding": "tf_same"}),
    ("kernel-too-large", "conv1d", [(3, 4)], {
        "kernel": 9, "channels": 8, "padding": "causal", "padding_mode": "reflect"}),
    ("wrong-kind", "max_pool1d", [(3, 8)], {"size": 3, "stride": 2, "padding": "causal", "ceil": True}),
    ("missing-argument", "clamp", [(8,)], {}),
    ("out-of-range", "clamp", [(8,)], {"low": 1, "high": 0}),
    ("out-of-range", "pow", [(8,)], {"p": float("inf")}),
    ("missing-argument", "pad", [(5, 8)], {"size": 1}),
    ("missing-argument", "pad", [(8,)], {"size": 1}),
    ("wrong-axis", "pad", [(8,)], {"size": 1, "axis": "width"}),
    ("out-of-range", "pad", [(3, 8, 8)], {"size": -1}),
    ("out-of-range", "pad", [(3, 8, 8)], {"size": [1, 2, 3]}),
    ("kernel-too-large", "pad", [(3, 4, 8)], {"size": 4, "mode": "reflect"}),
    ("kernel-too-large", "pad", [(3, 4, 8)], {"size": [0, 5], "axis": "height", "mode": "circular"}),
    ("unknown-size", "pad", [(3, H, 8)], {"size": 1, "mode": "reflect"}),
    ("too-much-memory", "pad", [(3, 8, 8)], {"size": 100000}),
    ("wrong-count", "roll", [(3, 8, 8)], {"by": [1, 2], "axis": "width"}),
    ("wrong-axis", "roll", [(3, 8, 8)], {"by": [1, 2], "axis": ["width", "width"]}),
    ("wrong-axis", "roll", [(3, 8, 8)], {"by": 1, "axis": 2}),
    ("not-divisible", "channel_shuffle", [(8, 4, 4)], {"groups": 3}),
    ("wrong-rank", "channel_shuffle", [(8,)], {"groups": 2}),
    ("unknown-size", "channel_shuffle", [(C, 4, 4)], {"groups": 2}),
    ("wrong-axis", "reduce", [(8,)], {"axis": "features"}),
    ("wrong-axis", "reduce", [(8, 4, 4)], {"axis": ["width", "width"]}),
    ("wrong-axis", "l2_normalize", [(8,)], {"axis": "height"}),
    ("wrong-axis", "cumsum", [(8,)], {"axis": "height"}),
    ("shape-mismatch", "cumsum", [(1, 4), (8, 4)], {"axis": "features"}),
    ("conflicting-arguments", "conv", [(3, 8, 8)], {
        "kernel": 4, "channels": 4, "weights": Option("masked", "weights", {"centre": True})}),
    ("conflicting-arguments", "conv", [(3, 8, 8)], {
        "kernel": 1, "channels": 4, "weights": Option("masked", "weights", {"centre": False})}),
    ("out-of-range", "shift", [(3,)], {"by": float("inf")}),
    ("shape-mismatch", "mul", [(8, 4, 4), (4,)], {}),
    ("symbolic-parameters", "parameter", [(8,)], {"sizes": [H, 8]}),
    ("out-of-range", "parameter", [(8,)], {"sizes": []}),
    ("out-of-range", "parameter", [(8,)], {"sizes": [0]}),
    ("symbolic-parameters", "affine", [(8, H, 8)], {"axis": "height"}),
    ("conflicting-arguments", "affine", [(8,)], {"scale": "none", "shift": "none"}),
    ("unknown-word", "affine", [(8,)], {"scale": "all"}),
    ("wrong-axis", "affine", [(8,)], {"axis": "width"}),
    ("shape-mismatch", "mul", [(8, 4, 4), (1,)], {}),
    ("shape-mismatch", "mul", [(8,), (1, 4, 4)], {}),
    ("shape-mismatch", "add", [(5, 8), (8,)], {}),
    ("shape-mismatch", "add", [(8,), (5, 8)], {}),
    ("shape-mismatch", "div", [(8, 4, 4), (4, 4)], {}),
    ("shape-mismatch", "add", [(8, 4, 4), (8, 4), (8,)], {}),
    ("shape-mismatch", "maximum", [(8, H, 4), (8, W, 4)], {}),
    ("shape-mismatch", "minimum", [(8, 4, 4), (2, 4, 4)], {}),
    ("shape-mismatch", "mix", [(6,), (7,)], {}),
    ("shape-mismatch", "matmul", [(3, 4), (5, 6)], {}),
    ("shape-mismatch", "concat", [(4, 8, 8), (4, 8, 9)], {}),
    ("shape-mismatch", "concat", [(4, 8, 8), (4,)], {}),
    ("unequal-members", "sum", [(6,), (7,)], {}),
    ("unequal-members", "stack", [(6,), (7,)], {}),
    ("unequal-members", "gates", [(6,), (7,)], {"outputs": 2}),
    ("unequal-members", "stitch", [(6,), (7,)], {"outputs": 2}),
    ("router-inputs", "combine", [(3, 2), (6,), (6,)], {"outputs": 2}),
    ("symbolic-parameters", "conv", [(C, 8, 8)], {"kernel": 3, "channels": 8}),
    ("symbolic-parameters", "conv", [(3, 8, 8)], {"kernel": 3, "channels": C}),
    ("symbolic-parameters", "linear", [(C,)], {"features": 8}),
    ("symbolic-parameters", "batch_norm", [(C, 8, 8)], {}),
    ("symbolic-parameters", "layer_norm", [(3, H, 8)], {"over": "all"}),
    ("symbolic-parameters", "position_embedding", [(H, 8)], {}),
    ("symbolic-parameters", "gates", [(C, 8, 8)], {"outputs": 2}),
    ("unknown-size", "max_pool", [(3, H, W)], {"size": 2}),
    ("unknown-size", "conv", [(3, H, 8)], {"kernel": 7, "channels": 8, "padding": 0}),
    ("unknown-size", "split", [(C, 8)], {"parts": 2}),
    ("unknown-size", "pixel_unshuffle", [(3, H, 8)], {"factor": 2}),
    ("unknown-size", "slice", [(H, 8)], {"start": 4}),
    ("unknown-size", "reshape", [(H, W)], {"sizes": [-1, H]}),
    ("unknown-size", "max_pool", [(3, symbol("H", low=8), 8)], {"size": 2, "stride": 3, "ceil": True}),
    ("shape-mismatch", "attention", [(5, 8), (5, 4)], {"heads": 2, "added": 1}),
    ("shape-mismatch", "attention", [(5, 8), (4, 5, 5)], {"heads": 2, "added": 1}),
    ("wrong-kind", "position_scores", [(5, 8)], {"heads": 2, "positions": Option("rotary", "encoding", {})}),
    ("wrong-count", "parameter", [(8,)], {"sizes": [2, 2], "values": [1, 2, 3]}),
    ("conflicting-arguments", "parameter", [(8,)], {"sizes": [1], "values": [1], "init": ZEROS}),
    ("whole-numbers", "argmax", [Tensor((5,), range=3)], {}),
    ("whole-numbers", "choose", [(5, 8), (5, 8)], {}),
    ("whole-numbers", "choose", [(5, 8), Tensor((5, 8), range=3)], {}),
    ("shape-mismatch", "choose", [(5, 8), Tensor((5, 7), range=2)], {}),
    ("conflicting-arguments", "conv", [(3, 5, 5)], {
        "kernel": 3, "channels": 4, "init": Option("zeros", "initialiser"),
        "weights": Option("weight_norm", "weights")}),
    ("conflicting-arguments", "conv", [(4, 5, 5)], {
        "kernel": 1, "channels": 4, "groups": 4, "weights": Option("standardized", "weights", {"eps": 1e-6})}),
    ("conflicting-arguments", "depthwise_conv", [(4, 5, 5)], {
        "kernel": 1, "weights": Option("scaled", "weights", {"gamma": 1.0, "eps": 1e-6, "gain": 1.0})}),
    ("conflicting-arguments", "noise", [(5,), (5,)], {"deviation": 1, "std": 1.0}),
    ("shape-mismatch", "noise", [(1, 5), (3, 5)], {"deviation": 1}),
    ("conflicting-arguments", "choose", [(5,), Tensor((5,), range=2), (5,)], {"other": 2, "fill": 1.0}),
    ("out-of-range", "pick", [(4, 8, 8)], {"indices": [0, 4]}),
    ("out-of-range", "pick", [(4, 8, 8)], {"indices": [-1]}),
    ("unknown-size", "pick", [(3, H, 8)], {"indices": [2], "axis": "height"}),
    ("whole-numbers", "gather", [(4, 8), (3,)], {}),
    ("out-of-range", "gather", [(4, 8), Tensor((3,), range=5)], {"axis": "positions"}),
    ("unknown-size", "gather", [(H, 8), Tensor((3,), range=5)], {"axis": "positions"}),
    ("shape-mismatch", "gather", [(4, 8), Tensor((4, 7), range=4)], {"axis": "positions"}),
    ("shape-mismatch", "gather", [(4, 8, 8), Tensor((4, 8), range=4)], {}),
    ("wrong-kind", "einsum", [(4, 8)], {"axes": "a b"}),
    ("wrong-kind", "einsum", [(4, 8)], {"axes": "a b ->"}),
    ("wrong-kind", "einsum", [(4, 8)], {"axes": "a b -> a, b"}),
    ("wrong-kind", "einsum", [(4, 4)], {"axes": "a a -> a"}),
    ("wrong-kind", "einsum", [(4, 8)], {"axes": "a ... -> a"}),
    ("wrong-count", "einsum", [(4, 8)], {"axes": "a b c -> a"}),
    ("wrong-count", "einsum", [(4, 8)], {"axes": "a b, b -> a"}),
    ("wrong-count", "einsum", [(4, 8), (8,)], {"axes": "a b -> a", "other": 1}),
    ("shape-mismatch", "einsum", [(4, 8), (1,)], {"axes": "a b, b -> a", "other": 1}),
    ("undefined-name", "einsum", [(4, 8)], {"axes": "a b -> c"}),
    ("kernel-too-large", "unfold", [(3, 4, 8)], {"size": 5}),
    ("too-much-memory", "unfold", [(3, 4, 8)], {"size": 5, "padding": 100000}),
    ("wrong-rank", "unfold", [(3, 8)], {"size": 2}),
    ("not-divisible", "fold", [(4, 15)], {"to": 8, "size": 4}),
    ("wrong-count", "fold", [(5, 16)], {"to": 8, "size": 4}),
    ("wrong-count", "fold", [(4, 16)], {"to": symbol("H", low=8), "size": 4}),
    ("shape-mismatch", "grid_sample", [(3, 8, 8), (3, 8, 8)], {}),
    ("wrong-rank", "grid_sample", [(3, 8, 8), (2, 8)], {}),
    ("unknown-size", "pad", [(3, H, W)], {"size": H - 3}),
    ("out-of-range", "pad", [(3, H, W)], {"size": [0, 0 * H - 1]}),
]


IDS = [f"{kind}-{name}-{i}" for i, (kind, name, *_) in enumerate(WRONG)]


@pytest.mark.parametrize(("kind", "name", "shapes", "args"), WRONG, ids=IDS)
def test_wrong_uses_are_faults(kind: str, name: str, shapes: list[S], args: dict[str, Any]) -> None:
    with pytest.raises(Fault) as caught:
        use(name, *shapes, **args)
    fault = caught.value
    assert fault.name == kind
    assert kind in KINDS
    assert fault.message and "None" not in fault.message
    if kind == "unknown-size":
        assert fault.help
    if fault.argument:
        assert fault.argument in args or fault.argument in {"padding", "padding_mode", "groups", "kernel"}


@pytest.mark.parametrize("name", ["add", "mix"])
def test_both_types_are_in_the_message_of_a_merge(name: str) -> None:
    with pytest.raises(Fault) as caught:
        use(name, (256, 56, 56), (64, 56, 56))
    # The first tensor first, as the flow is read.
    assert 0 <= caught.value.message.find("[256, 56, 56]") < caught.value.message.find("[64, 56, 56]")
    assert caught.value.input == 1


@pytest.mark.parametrize(("size", "bound", "help"), [
    (H, 7, "`where H >= 7`"),
    (symbol("H", divisor=2) // 2, 7, "`where H >= 14`"),
    ((H + -7) // 2 + 1, 3, "`where H >= 11`"),
    (H * 3 + -2, 8, "`where H >= 4`"),
    (H * W, 4, "bounds to the input's sizes"),
])
def test_the_missing_bound_is_named(size: Dim, bound: int, help: str) -> None:
    assert help in bound_help(size, bound)


def test_a_bound_that_is_named_is_enough() -> None:
    with pytest.raises(Fault) as caught:
        use("conv", (3, H, 8), kernel=7, channels=8, padding=0)
    assert caught.value.help == ("add a bound: `where H >= 7`",)
    use("conv", (3, symbol("H", low=7), 8), kernel=7, channels=8, padding=0)


@pytest.mark.parametrize(("name", "shape", "args", "out"), [
    ("conv", (3, H, W), {"kernel": 3, "channels": 8}, "[8, H, W]"),
    ("conv", (3, symbol("H", divisor=2), 8), {"kernel": 3, "channels": 8, "stride": 2}, "[8, H/2, 4]"),
    ("conv", (3, symbol("H", divisor=2), 8), {"kernel": 2, "channels": 8, "stride": 2}, "[8, H/2, 4]"),
    ("max_pool", (3, symbol("H", low=4, divisor=4), 8), {"size": 2}, "[3, H/2, 4]"),
    ("max_pool", (3, symbol("H", low=4, divisor=2), 8), {"size": 2, "ceil": True}, "[3, H/2, 4]"),
    ("max_pool", (3, symbol("H", low=4), 9), {"size": 3, "stride": 2, "padding": 0, "ceil": True},
     "[3, floor(H/2), 4]"),
    ("pick", (3, symbol("H", low=3), W), {"indices": [2, 0], "axis": "height"}, "[3, 2, W]"),
    ("slice", (3, symbol("H", low=2), W), {"start": 1, "axis": "height", "stride": 2}, "[3, floor(H/2), W]"),
    ("einsum", (H, W), {"axes": "a b -> b a"}, "[W, H]"),
    ("unfold", (3, symbol("H", low=2, divisor=2), 8), {"size": 2}, "[2*H, 12]"),
    ("coordinates", (3, H, W), {}, "[2, H, W]"),
    ("pad", (3, H, W), {"size": [0, H % 2], "axis": "height"}, "[3, 2*H - 2*floor(H/2), W]"),
    ("conv_transpose", (3, H, 8), {"kernel": 3, "channels": 8, "stride": 2}, "[8, 2*H, 16]"),
    ("upsample", (3, H, W), {"factor": 2}, "[3, 2*H, 2*W]"),
    ("upsample", (3, H, symbol("W", divisor=4)), {"factor": 1.5}, "[3, H + floor(H/2), 3*W/2]"),
    ("upsample", (3, symbol("H", low=8), 8), {"factor": [0.375, 1.1]}, "[3, floor(3*H/8), 8]"),
    ("flatten", (3, H, 8), {}, "[24*H]"),
    ("to_sequence", (3, H, W), {}, "[H*W, 3]"),
    ("to_map", (H * 4, 3), {"height": H, "width": 4}, "[3, H, 4]"),
    ("reshape", (3, H, 8), {"sizes": [-1, 24]}, "[H, 24]"),
    ("reshape", (3, H, 8), {"sizes": [24, H]}, "[24, H]"),
    ("slice", (symbol("H", low=5), 8), {"start": 4, "axis": "positions"}, "[H - 4, 8]"),
    ("split", (symbol("H", divisor=2), 8), {"parts": 2}, "[H/2, 8]"),
    ("global_avg_pool", (3, H, W), {}, "[3]"),
    ("adaptive_avg_pool", (3, H, W), {"size": 7}, "[3, 7, 7]"),
    ("pyramid_pool", (3, H, W), {"levels": (1, 2)}, "[15]"),
    ("attention", (H, 8), {"heads": 2}, "[H, 8]"),
    ("lstm", (H, 8), {"hidden": 5}, "[H, 5]"),
    ("class_token", (H, 8), {}, "[H + 1, 8]"),
    ("gates", (3, H, W), {"outputs": 2}, "[1, 2]"),
    ("pixel_unshuffle", (3, symbol("H", divisor=2), 8), {"factor": 2}, "[12, H/2, 4]"),
    ("affine", (3, H, W), {}, "[3, H, W]"),
    ("conv", (3, H, W), {"kernel": 5, "channels": 8, "padding": "tf_same"}, "[8, H, W]"),
    ("conv", (3, symbol("H", low=2, divisor=2), 7), {
        "kernel": 5, "channels": 8, "stride": 2, "padding": "tf_same"}, "[8, H/2, 4]"),
    ("conv1d", (3, H), {"kernel": 5, "channels": 8, "padding": "causal"}, "[8, H]"),
    ("pad", (3, H, W), {"size": [1, 2]}, "[3, H + 3, W + 3]"),
    ("pad", (3, symbol("H", low=3), 8), {"size": 2, "axis": "height", "mode": "reflect"}, "[3, H + 4, 8]"),
    ("roll", (3, H, W), {"by": 5, "axis": "height"}, "[3, H, W]"),
    ("channel_shuffle", (4, H, W), {"groups": 2}, "[4, H, W]"),
    ("reduce", (3, H, W), {"axis": "height"}, "[3, W]"),
    ("reduce", (3, H, W), {"axis": ["height", "width"], "keep": True}, "[3, 1, 1]"),
    ("l2_normalize", (H, W), {}, "[H, W]"),
    ("cumsum", (3, H, W), {"axis": "width"}, "[3, H, W]"),
])
def test_symbolic_sizes_go_through(name: str, shape: S, args: dict[str, Any], out: str) -> None:
    op, call = use(name, shape, **args)
    assert str(call.y) == out
    assert str(op.flops(call)) != ""
    op.weights(call)
    op.torch.arguments(call)


@pytest.mark.parametrize(("shapes", "out"), [
    ([(8, H, W), (8,)], "[8, H, W]"),
    ([(8,), (8, 1, W), (1, H, 1)], "[8, H, W]"),
    ([(C, H, W), (C,)], "[C, H, W]"),
    ([(H, 8), (1, 8)], "[H, 8]"),
    ([(H, 1), (1, W)], "[H, W]"),
])
def test_symbolic_sizes_spread(shapes: list[S], out: str) -> None:
    for order in (shapes, shapes[::-1]):
        _, call = use("add", *order)
        assert str(call.y) == out


def test_a_vector_beside_a_sequence_is_told_both_ways_to_be_spread() -> None:
    with pytest.raises(Fault) as caught:
        use("add", (49, 64), (64,))
    assert "`reshape([1, 64])`" in caught.value.help[0]
    assert "`reshape([64, 1])`" in caught.value.help[0]


def test_a_pool_with_a_stride_keeps_the_size_and_one_without_tiles() -> None:
    _, strided = use("max_pool", (64, 112, 112), size=3, stride=2)
    _, tiled = use("max_pool", (64, 112, 112), size=3)
    assert strided.y == Tensor((64, 56, 56))
    assert tiled.y == Tensor((64, 37, 37))


def test_a_patch_convolution_pads_nothing_that_no_window_reaches() -> None:
    op, call = use("conv", (3, 32, 32), kernel=2, channels=8, stride=2)
    assert op.pad is not None and op.pad(call) is None
    assert op.torch.arguments(call)["padding"] == (0, 0)
