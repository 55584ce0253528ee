"""Every argument of every operation, changed, changes what the operation does: nothing that is written is left aside.

What an operation does is all that can be seen of it: its weights and where they start, results and buffers over two
steps of training, results in evaluation. An argument that no longer reaches the module or the function leaves all
of it as it was.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch

from archlang.ops import CATALOGUE, Option
from archlang.ops.kinds import TensorKind
from archlang.ops.tables import Table
from archlang.shapes import Tensor
from tests.ops.instantiate import drawn, lower, size, use


def encoding(name: str, **args: Any) -> Option:
    """A way in which attention sees positions."""
    return Option(name, "encoding", args)


ADAPTIVE = {"max": 0.4, "entropy": 0.3, "gap": 0.3, "form": "document", "base": 1.0}
ZEROS = Option("zeros", "initialiser")
V, S, M, W = (6,), (5, 8), (4, 9, 12), (4, 5, 6, 7)
LINE = (4, 13)
BATCH = 4
CAUSAL: list[Any] = ["causal"]
"""What lines alone can have."""

Uses = tuple[tuple[tuple[int, ...], ...], dict[str, Any], dict[str, list[Any]]]
"""The sizes that enter, the arguments, other values for each argument: a dictionary where several change together."""


def convolution(*shape: int) -> Uses:
    """`conv` of this rank. Padding by the kernel; kernel 3 throughout."""
    other: dict[str, list[Any]] = {
        "kernel": [1, 5], "channels": [4], "stride": [2], "dilation": [2],
        "padding": ["none", 2, {"padding": "tf_same", "stride": 2}, *CAUSAL[: len(shape) == 2]],
        "groups": [2, "channels"], "padding_mode": ["reflect", "replicate", "circular"], "bias": [False],
        "init": [ZEROS], "weights": [Option("standardized", "weights", {"eps": 0.1}),
                                     Option("scaled", "weights", {"gamma": 2.0, "eps": 1e-6, "gain": 0.0}),
                                     Option("weight_norm", "weights"), Option("masked", "weights", {"centre": True}),
                                     Option("masked", "weights", {"centre": False})],
    }
    return (shape,), {"kernel": 3, "channels": 8}, other


def depthwise(*shape: int) -> Uses:
    """`depthwise_conv`."""
    _, _, other = convolution(*shape)
    kept = {name: values for name, values in other.items() if name not in ("channels", "groups")}
    return (shape,), {"kernel": 3}, {**kept, "multiplier": [2]}


def transposed(*shape: int) -> Uses:
    """`conv_transpose`."""
    other = {
        "kernel": [5], "channels": [4], "stride": [3], "padding": ["none", "same"], "output_padding": [1],
        "dilation": [2], "groups": [2, "channels"], "bias": [False], "init": [ZEROS],
    }
    return (shape,), {"kernel": 3, "channels": 8, "stride": 2, "padding": 1}, other


def pool(*shape: int, **more: list[Any]) -> Uses:
    """A pool whose windows do not divide the map."""
    other: dict[str, list[Any]] = {"size": [2], "stride": [1, 3], "ceil": [True], **more}
    other["padding"] = ["none", 2, "tf_same", *CAUSAL[: len(shape) == 2]]
    return (shape,), {"size": 4, "padding": 1, "stride": 2}, other


def state() -> Uses:
    """`lstm` and `gru`; dropout stands between layers."""
    other: dict[str, list[Any]] = {
        "hidden": [4], "layers": [2], "bidirectional": [True], "give": ["last", "states"], "bias": [False],
        "dropout": [0.5],
    }
    return (S,), {"hidden": 3, "layers": 3}, other


USES: dict[str, Uses] = {
    "conv": convolution(4, 9, 8), "conv1d": convolution(4, 9), "conv3d": convolution(4, 5, 6, 5),
    "depthwise_conv": depthwise(4, 9, 8), "depthwise_conv1d": depthwise(4, 9),
    "depthwise_conv3d": depthwise(4, 5, 6, 5),
    "conv_transpose": transposed(4, 3, 4), "conv_transpose1d": transposed(4, 5),
    "conv_transpose3d": transposed(4, 3, 2, 3),
    "batch_norm": ((M,), {}, {
        "scale": [0.0, 2.0], "eps": [0.1], "momentum": [0.5, 0.0], "affine": [False], "running": [False]}),
    "layer_norm": ((M,), {}, {"over": ["all"], "eps": [0.1], "affine": [False]}),
    "group_norm": ((M,), {"groups": 2}, {"groups": [4, 1], "eps": [0.1], "affine": [False]}),
    "instance_norm": ((M,), {"running": True}, {
        "eps": [0.1], "momentum": [0.5], "affine": [True], "running": [False]}),
    "standardize": ((V,), {}, {"statistics": ["batch"], "momentum": [0.5]}),
    "leaky_relu": ((M,), {}, {"negative_slope": [0.2]}),
    "prelu": ((M,), {}, {"params": ["channels"], "slope": [0.1]}),
    "elu": ((M,), {}, {"alpha": [0.5]}),
    "celu": ((M,), {}, {"alpha": [0.5]}),
    "gelu": ((M,), {}, {"approximate": ["tanh"]}),
    "softplus": ((M,), {}, {"beta": [2.0]}),
    "softmax": ((M,), {}, {"axis": ["height", "width"]}),
    "log_softmax": ((M,), {}, {"axis": ["height", "width"]}),
    "max_pool": pool(*M, dilation=[2]), "max_pool1d": pool(*LINE, dilation=[2]), "max_pool3d": pool(*W, dilation=[2]),
    "avg_pool": pool(*M, count_padding=[False]), "avg_pool1d": pool(*LINE, count_padding=[False]),
    "avg_pool3d": pool(*W, count_padding=[False]),
    "adaptive_avg_pool": ((M,), {"size": 2}, {"size": [3, size(2, 3)]}),
    "adaptive_max_pool": ((M,), {"size": 2}, {"size": [3, size(2, 3)]}),
    "adaptive_avg_pool1d": ((LINE,), {"size": 2}, {"size": [3]}),
    "adaptive_max_pool1d": ((LINE,), {"size": 2}, {"size": [3]}),
    "adaptive_avg_pool3d": ((W,), {"size": 2}, {"size": [3]}),
    "adaptive_max_pool3d": ((W,), {"size": 2}, {"size": [3]}),
    "pyramid_pool": ((M,), {"levels": (1, 2)}, {"levels": [(1, 3), (2,)], "mode": ["max"]}),
    "linear": ((V,), {"features": 5}, {"features": [4], "bias": [False], "init": [ZEROS]}),
    "parameter": ((V,), {"sizes": [3, 4]}, {"sizes": [[4, 3]], "init": [ZEROS], "trained": [False],
                                                "values": [[0.5] * 12]}),
    "affine": ((M,), {}, {"scale": [0.5, "none"], "shift": [0.5, "none"], "axis": ["height"]}),
    "pow": ((V,), {"p": 2}, {"p": [3]}),
    "clamp": ((M,), {"low": -0.5, "high": 0.5}, {"low": [0.0], "high": [0.1]}),
    "pad": ((M,), {"size": [1, 2]}, {
        "size": [2, [2, 1]], "axis": ["width"], "mode": ["reflect", "replicate", "circular"]}),
    "roll": ((M,), {"by": 1, "axis": "width"}, {"by": [2, -1], "axis": ["height", "channels"]}),
    "channel_shuffle": ((M,), {"groups": 2}, {"groups": [1]}),
    "reduce": (((4, 4),), {"axis": "features"}, {
        "axis": ["positions"], "by": ["sum", "max", "min", "variance", "logsumexp"], "keep": [True]}),
    "l2_normalize": ((M,), {}, {"axis": ["height"], "eps": [3.0]}),
    "cumsum": ((M,), {"axis": "width"}, {"axis": ["height"]}),
    "dropout": ((M,), {}, {"p": [0.1]}),
    "drop_channels": ((M,), {}, {"p": [0.1]}),
    "drop_path": ((M,), {}, {"p": [0.9]}),
    "noise": ((M,), {}, {"std": [0.5]}),
    "reshape": ((M,), {"sizes": [4, 108]}, {"sizes": [[8, 54]]}),
    "permute": ((S,), {"axes": ["positions", "features"]}, {"axes": [["features", "positions"]]}),
    "to_map": (((12, 5),), {"height": 3, "width": 4}, {
        "height": [{"height": 4, "width": 3}], "width": [{"height": 2, "width": 6}]}),
    "split": ((M,), {"parts": 2}, {"parts": [4, [1, 3]], "axis": ["width"]}),
    "slice": ((M,), {"start": 1}, {"start": [2], "stop": [3], "axis": ["height"], "stride": [2]}),
    "upsample": ((M,), {"factor": 2}, {
        "factor": [3], "size": [{"factor": None, "size": 7}], "mode": ["bilinear", "bicubic"],
        "align_corners": [{"mode": "bilinear", "align_corners": True}]}),
    "pixel_shuffle": ((M,), {"factor": 2}, {"factor": [1]}),
    "pixel_unshuffle": ((M,), {"factor": 3}, {"factor": [1]}),
    "scale": ((M,), {"by": 0.5}, {"by": [2.0]}),
    "shift": ((M,), {"by": 0.5}, {"by": [2.0]}),
    "concat": ((M, M), {}, {"axis": ["height", "width"]}),
    "attention": ((S,), {"heads": 2}, {
        "heads": [4], "bias": [False], "dropout": [0.3], "causal": [True], "kv_heads": [1], "window": [1, 2],
        "head_features": [6], "qkv_bias": [False], "scale": [1.0], "positions": [
            encoding("rotary", base=10000.0, features=None, pairs="neighbours"),
            encoding("rotary", base=100.0, features=None, pairs="neighbours"),
            encoding("rotary", base=10000.0, features=2, pairs="neighbours"),
            encoding("rotary", base=10000.0, features=None, pairs="halves"),
            encoding("alibi"), encoding("relative", distance=2), encoding("relative", distance=3),
            encoding("buckets", count=8, distance=5), encoding("buckets", count=8, distance=30),
            encoding("buckets", count=4, distance=3)]}),
    "window_attention": (((4, 6, 9),), {"heads": 2, "window": size(3, 3)}, {
        "heads": [4], "window": [size(2, 3)], "shift": [size(1, 0), size(0, 1)], "bias": [False], "qkv_bias": [False],
        "dropout": [0.3], "scale": [0.7]}),
    "position_embedding": ((S,), {}, {"most": [7]}),
    "rms_norm": ((M,), {}, {"eps": [0.1], "affine": [False]}),
    "glu": ((M,), {}, {"activation": ["silu", "gelu", "relu", "none"], "axis": ["width"]}),
    "unembed": ((S,), {"table": Table("t", ("t",), 9, 8)}, {"table": [Table("t", ("t",), 7, 8)]}),
    "above": ((S,), {}, {"limit": [0.4]}),
    "choose": ((S, Tensor(S, range=2)), {}, {"fill": [1.0]}),
    "argmax": ((M,), {}, {"axis": ["height", "width"]}),
    "position_scores": ((S,), {"heads": 2, "positions": encoding("relative", distance=2)}, {
        "heads": [1], "positions": [encoding("alibi"), encoding("relative", distance=1)], "causal": [True]}),
    "pick": ((M,), {"indices": [1, 0]}, {"indices": [[0], [1, 1]], "axis": ["height"]}),
    "gather": ((M, Tensor((2,), range=4)), {}, {"axis": ["height", "width"]}),
    "einsum": ((S,), {"axes": "a b -> a"}, {"axes": ["a b -> b", "a b -> b a"]}),
    "unfold": ((M,), {"size": 3, "stride": 1}, {
        "size": [2], "stride": [2], "padding": ["none", 2, {"padding": "tf_same", "stride": 2}], "dilation": [2]}),
    "fold": (((108, 36),), {"to": size(9, 12), "size": size(3, 3), "stride": 1}, {
        "to": [size(12, 9)], "size": [{"size": size(2, 3)}, {"size": size(3, 4)}], "stride": [
            {"stride": 2, "to": size(18, 24)}], "padding": [{"padding": "none", "to": size(11, 14)}, {
                "padding": 2, "to": size(7, 10)}], "dilation": [2]}),
    "coordinates": ((M,), {}, {"align_corners": [True]}),
    "grid_sample": ((M, (2, 5, 3)), {}, {
        "mode": ["nearest", "bicubic"], "outside": ["border", "reflection"], "align_corners": [True]}),
    "embedding": ((Tensor((5,), range=9),), {"features": 3}, {"features": [4], "init": [ZEROS]}),
    "length_mask": ((Tensor((1,), range=4),), {"positions": 5}, {"positions": [4]}),
    "sinusoidal_positions": ((S,), {}, {"base": [100.0]}),
    "squeeze_excite": ((M,), {"ratio": 2}, {"ratio": [4], "hidden": [3], "bias": [True]}),
    "lstm": state(), "gru": state(),
    "attend_innate_static": ((V, V), {"features": 6}, {"features": [4], "bypass": [True]}),
    "attend_static_vector": ((V, V), {}, {"features": [4]}),
    "attend_self_attention": ((V, V), {}, {"heads": [3], "features": [4]}),
    "attend_recurrent": ((V, V), {"hidden": 3}, {"hidden": [4]}),
    "gates": ((V, V), {"outputs": 2}, {"hidden": [0, 4], "outputs": [3]}),
    "combine": (((2, 2), V, V), {"outputs": 2}, {"column": [0, 1]}),
    "stitch": ((V, V), {"outputs": 2}, {"outputs": [3]}),
    "mix": ((V, V), {}, {"beta": [0.3]}),
    "energies": ((V, V), {"of": 2}, {"of": [3]}),
    "branch_mask": ((V,), {"branches": 5, "p": 0.5}, {"branches": [4], "p": [0.0]}),
    "pad_map": ((M,), {"rows": (1, 2), "columns": (2, 1)}, {
        "rows": [(2, 1)], "columns": [(1, 2)], "mode": ["reflect", "replicate", "circular"]}),
    "crop_map": ((M,), {"rows": (1, 2), "columns": (2, 1)}, {"rows": [(2, 1)], "columns": [(1, 2)]}),
    "cut_patches": ((M,), {"size": size(5, 6), "stride": size(4, 6), "rows": 2, "columns": 2}, {
        "size": [size(6, 6)], "stride": [size(5, 6)], "rows": [1], "columns": [1]}),
    "add_position": ((M,), {"rows": 1, "columns": 1}, {"rows": [2], "columns": [2]}),
    "put_back": ((M,), {"size": [18, 12], "stride": size(9, 12), "rows": 2, "columns": 1}, {
        "size": [[17, 12]], "stride": [size(8, 12)], "rows": [1], "columns": [2]}),
    "cosine": ((V,), {"experts": 5, "temperature": 0.5}, {
        "experts": [4], "steepness": [3.0], "temperature": [0.1], "start": ["random"],
        "threshold": [
            Option("none", "threshold"),
            *(Option("fixed", "threshold", {"value": value}) for value in (0.2, 0.4)),
            *(Option("adaptive", "threshold", {**ADAPTIVE, **one})
              for one in ({"max": 0.1}, {"entropy": 0.1}, {"gap": 0.1}, {"form": "authors"}, {"base": 0.5})),
        ],
        "keep": ["hard", Option("top", "filter", {"k": 1}), Option("top", "filter", {"k": 2})],
    }),
    "dispatch": (((3,), V), {"experts": 3}, {"experts": [2], "cut": [0.5, 0.9]}),
    "sparse_gates": ((V,), {"outputs": 4}, {"hidden": [0, 4], "keep": [2], "standardized": [True], "outputs": [3],
                                          "capacity": [0.3], "shares": ["whole", "divided"]}),
    "put_positions": ((V,), {"positions": 2}, {"positions": [1]}),
}
"""For every operation with arguments: a use of it, and other values for each of its arguments."""

ROWS = {"cut_patches", "put_back", "put_positions", "dispatch"}
"""Operations whose results have another number of rows than what enters."""

TOLD = {
    ("combine", "outputs"): "the type of the gates decides; it is checked against that",
    ("boosted_sum", "coverage"): "shown in reports and pictures",
    ("boosted_sum", "kernel"): "shown in reports and pictures",
    ("boosted_sum", "kernels"): "shown in reports and pictures, read by the search",
}
"""Arguments that say something to readers and to other rooms, and nothing to the module; with the reason."""


def arguments() -> list[tuple[str, str]]:
    """Every argument that is no tensor, of every operation."""
    return [(op.name, arg.name) for op in CATALOGUE.ops.values() for arg in op.args
            if not isinstance(arg.kind, TensorKind)]


def behaviour(name: str, shapes: tuple[tuple[int, ...], ...], args: dict[str, Any]) -> list[Any]:
    """All that can be seen of an operation; tensors as lists, so that two behaviours can be compared."""
    op, call = use(name, *shapes, **args)
    torch.default_generator.manual_seed(0)
    module, run = lower(op, call)
    chance = torch.Generator().manual_seed(1)

    # What the catalogue foretells may not stand in for what the module does: it is compared, and left out.
    state = module.state_dict() if module is not None else {}
    assert {w.name: w.shape for w in op.weights(call)} == {key: tuple(value.shape) for key, value in state.items()}
    seen: list[Any] = [str(w.init) for w in op.weights(call) if w.init is not None]
    if module is not None:
        module.double().train()
        seen.append([(key, value.tolist()) for key, value in state.items()])
    for step in range(3):
        if step == 2 and module is not None:
            module.eval()
        tensors = [drawn(x, tuple(map(int, x.dims)), BATCH, chance, torch.float64) for x in call.inputs]  # type: ignore[arg-type]
        if op.name == "dispatch":
            tensors[0] = tensors[0].softmax(1)
        torch.default_generator.manual_seed(step)
        results = run(*tensors)
        many = results if isinstance(results, tuple) else (results,)
        if op.name not in ROWS:
            assert [tuple(result.shape) for result in many] == [(BATCH, *t.dims) for t in call.outputs]
        seen += [result.tolist() for result in many]
        if step == 0 and module is not None:
            seen.append(_gradients(module, many))
        if module is not None:
            seen.append([(key, value.tolist()) for key, value in module.named_buffers()])
    return seen


def _gradients(module: torch.nn.Module, results: tuple[torch.Tensor, ...]) -> list[Any]:
    """What the parameters learn of a random sum of all results."""
    chance = torch.Generator().manual_seed(2)
    weights = [torch.randn(result.shape, generator=chance, dtype=torch.float64) for result in results]
    total = sum((result * weight).sum() for result, weight in zip(results, weights, strict=True))
    if not isinstance(total, torch.Tensor) or not total.requires_grad:
        return []
    found = torch.autograd.grad(total, [*module.parameters()], allow_unused=True)
    return [None if gradient is None else gradient.tolist() for gradient in found]


def test_every_argument_is_here() -> None:
    listed = {(name, arg) for name, (_, _, others) in USES.items() for arg in others} | set(TOLD)
    assert listed == set(arguments())
    assert all(values for _, _, others in USES.values() for values in others.values())


@pytest.mark.parametrize(("name", "argument"), [one for one in arguments() if one not in TOLD])
def test_another_value_makes_another_operation(name: str, argument: str) -> None:
    shapes, args, others = USES[name]
    before = behaviour(name, shapes, args)
    assert before == behaviour(name, shapes, args)
    every = [before]
    for value in others[argument]:
        together = value if isinstance(value, dict) else {argument: value}
        changed = {key: given for key, given in {**args, **together}.items() if given is not None}
        made = behaviour(name, shapes, changed)
        assert made not in every, f"{name}({argument} = {value}) does what another value does"
        every.append(made)


def test_every_word_is_tried() -> None:
    """Of an argument that takes words each is tried, or is the one that stands already; axes are tried by some."""
    for name, (_, args, others) in USES.items():
        for arg in CATALOGUE.ops[name].args:
            axes = set(arg.kind.words) & {"positions", "features"}
            if arg.name in others and not axes:
                values = [*others[arg.name], args.get(arg.name, arg.default)]
                values += [value[arg.name] for value in values if isinstance(value, dict)]
                tried = {value for value in values if isinstance(value, str)}
                assert set(arg.kind.words) - tried <= {"same"}, (name, arg.name, tried)
