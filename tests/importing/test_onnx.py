"""ONNX files come in: built by hand, run by onnxruntime, and read beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

import archlang
from archlang.cli.main import run
from archlang.importing import import_source, open_source
from archlang.importing.onnx_file.operators import OPERATORS

EXAMPLES = Path(__file__).parents[2] / "examples"


def weights(**shapes: tuple[int, ...]) -> list[Any]:
    """Weights by name, drawn; deviations are positive."""
    draws = numpy.random.default_rng(0)
    made = []
    for name, shape in shapes.items():
        value = draws.normal(size=shape).astype(numpy.float32) * 0.5
        if name.endswith("var"):
            value = numpy.abs(value) + 0.5
        made.append(numpy_helper.from_array(value, name))
    return made


def whole(**values: list[int]) -> list[Any]:
    return [numpy_helper.from_array(numpy.asarray(value, dtype=numpy.int64), name) for name, value in values.items()]


def stored(path: Path, nodes: list[Any], held: list[Any], size: tuple[Any, ...] = (3, 8, 8), batch: Any = "n",
           opset: int = 18) -> Path:
    """A file of nodes from `x` to `y`."""
    entering = helper.make_tensor_value_info("x", TensorProto.FLOAT, [batch, *size])
    leaving = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    graph = helper.make_graph(nodes, "net", [entering], [leaving], held)
    domains = [helper.make_opsetid("", opset), helper.make_opsetid("own.domain", 1)]
    onnx.save(helper.make_model(graph, opset_imports=domains, ir_version=9), path)
    return path


def node(op: str, reads: str, makes: str, name: str = "", **attributes: Any) -> Any:
    return helper.make_node(op, reads.split(), makes.split(), name=name or f"{makes.split()[0]}/{op}", **attributes)


NETWORKS: dict[str, tuple[list[Any], list[Any], tuple[int, ...]]] = {
    "maps": ([
        node("Conv", "x w b", "stem", pads=[0, 0, 1, 1], strides=[2, 2]),
        node("BatchNormalization", "stem g h mean var", "normed", epsilon=1e-3),
        node("Clip", "normed zero six", "cut"),
        node("MaxPool", "cut", "pooled", kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
        node("AveragePool", "cut", "mean_", kernel_shape=[3, 3], pads=[1, 1, 1, 1], count_include_pad=1),
        node("Concat", "pooled mean_", "both", axis=1),
        node("GlobalAveragePool", "both", "squeezed"),
        node("Conv", "squeezed w2", "scores"),
        node("Sigmoid", "scores", "gate"),
        node("Mul", "both gate", "gated"),
        node("HardSwish", "gated", "active"),
        node("ReduceMean", "active axes", "vector", keepdims=0),
        node("Gemm", "vector w3 b3", "y", transB=1),
    ], [
        *weights(w=(4, 3, 3, 3), b=(4,), g=(4,), h=(4,), mean=(4,), var=(4,), w2=(8, 8, 1, 1), w3=(5, 8), b3=(5,)),
        numpy_helper.from_array(numpy.float32(0), "zero"), numpy_helper.from_array(numpy.float32(6), "six"),
        *whole(axes=[2, 3]),
    ], (3, 8, 8)),
    "shapes": ([
        node("Shape", "x", "shape"),
        node("Gather", "shape first", "samples", axis=0),
        node("Unsqueeze", "samples first_axis", "count"),
        node("Concat", "count rest", "wanted", axis=0),
        node("Transpose", "x", "turned", perm=[0, 2, 1]),
        node("MatMul", "turned w", "made"),
        node("LayerNormalization", "made g h", "normed", axis=-1),
        node("Softmax", "normed", "shares", axis=-1),
        node("Split", "shares sizes", "left right", axis=2),
        node("Sub", "left right", "difference"),
        node("Reshape", "difference wanted", "flat"),
        node("LeakyRelu", "flat", "y", alpha=0.2),
    ], [*weights(w=(6, 8), g=(8,), h=(8,)), *whole(first_axis=[0], rest=[-1], sizes=[4, 4]),
        numpy_helper.from_array(numpy.asarray(0), "first")], (6, 5)),
    "attributes": ([
        node("Pad", "x", "padded", pads=[0, 0, 1, 0, 0, 0, 1, 2], value=0.5),
        node("Conv", "padded w", "made"),
        node("Clip", "made", "cut", min=-0.4, max=0.3),
        node("Slice", "cut", "part", starts=[1, 0], ends=[6, 5], axes=[2, 3]),
        node("Split", "part", "left right", axis=1, split=[1, 3]),
        node("ReduceMean", "right", "mean_", axes=[1], keepdims=1),
        node("Add", "left mean_", "sum_"),
        node("Squeeze", "sum_", "flat", axes=[1]),
        node("Unsqueeze", "flat", "y", axes=[1]),
    ], weights(w=(4, 3, 3, 3)), (3, 8, 8)),
}
OPSETS = {"attributes": 9}
"""Old files give as attributes what newer ones hand in."""

"""Nodes, what they hold, and the size of a sample: maps with what convolutional networks have; shapes of shapes."""


@pytest.mark.parametrize("name", NETWORKS)
def test_a_file_becomes_a_network_with_its_weights(name, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    nodes, held, size = NETWORKS[name]
    stored(tmp_path / "net.onnx", nodes, held, size, opset=OPSETS.get(name, 18))
    assert run(["import", "net.onnx", "-o", "net.arch", "--weights", "net.safetensors"]) == 0, capsys.readouterr().err

    # Another batch than the one that it was read with.
    x = numpy.random.default_rng(1).normal(size=(5, *size)).astype(numpy.float32)
    session = onnxruntime.InferenceSession("net.onnx", providers=["CPUExecutionProvider"])
    right = torch.from_numpy(session.run(None, {"x": x})[0])
    torch.testing.assert_close(archlang.load_model("net.safetensors")(torch.from_numpy(x)), right, rtol=1e-4, atol=1e-5)
    assert archlang.load("net.arch").parameters > 0


@pytest.mark.parametrize(("name", "size", "words"), [
    ("04_paths", "1x8x8", ("einsum(",)),
    ("06_symbolic_sizes", "3x32x32", ("upsample(",)),
    ("15_tokens", "16", ("softmax", "embedding(64)")),
])
def test_an_example_comes_back(name, size, words, tmp_path, capsys, monkeypatch):
    """Routers that stack paths before the batch, maps that are resized by a factor, masks that are worked out."""
    model = archlang.compile(archlang.load(EXAMPLES / f"{name}.arch"), seed=3).eval()
    monkeypatch.chdir(tmp_path)
    archlang.export(model, "onnx", "net.onnx")
    words_in = ["import", "net.onnx", "--input", size, "-o", "net.arch", "--weights", "net.safetensors"]
    assert run(words_in) == 0, capsys.readouterr().err

    sizes = [int(one) for one in size.split("x")]
    x = torch.randn(5, *sizes, generator=torch.Generator().manual_seed(2))
    if name == "15_tokens":
        x = torch.randint(0, 256, (5, *sizes))
    torch.testing.assert_close(archlang.load_model("net.safetensors")(x), model(x), rtol=1e-4, atol=1e-5)
    text = (tmp_path / "net.arch").read_text(encoding="utf-8")
    for word in words:
        assert word in text


def test_a_mask_of_the_input_is_refused_by_name(tmp_path, capsys):
    nodes = [node("Less", "x zero", "low"), node("Where", "low zero x", "y")]
    path = stored(tmp_path / "net.onnx", nodes, [numpy_helper.from_array(numpy.float32(0), "zero")], size=(4,))
    assert run(["import", str(path)]) == 1
    assert "`Less` in `low/Less`: it is read where sizes and constants enter it" in capsys.readouterr().err


def test_open_sizes_are_asked_for(tmp_path, capsys):
    path = stored(tmp_path / "net.onnx", [node("Conv", "x w", "y")], weights(w=(4, 3, 3, 3)), size=(3, "h", "w"))
    assert run(["import", str(path)]) == 2
    assert "nothing tells the sizes that `x` takes" in capsys.readouterr().err
    assert run(["import", str(path), "--input", "3x8x8"]) == 0
    assert "conv(3x3, 4, padding = none, bias = false)" in capsys.readouterr().out


def test_a_weight_that_two_layers_read_becomes_two(tmp_path, capsys):
    nodes = [node("Conv", "x w", "a", pads=[1, 1, 1, 1]), node("Relu", "a", "b"), node("Conv", "b w", "c"),
             node("ReduceMean", "c axes", "y", keepdims=0)]
    path = stored(tmp_path / "net.onnx", nodes, [*weights(w=(3, 3, 3, 3)), *whole(axes=[2, 3])])
    assert run(["import", str(path)]) == 0
    told = capsys.readouterr()
    assert "weights that several nodes of the file read became weights of each: 1 copies" in told.err
    assert told.out.count("conv(3x3, ") == 2


CONV = {"held": [*weights(w=(4, 3, 3, 3)), *whole(start=[0], end=[7], axis=[2], back=[-1], around=[0, 0, 1, 1] * 2)]}


@pytest.mark.parametrize(("nodes", "said"), [
    ([helper.make_node("Fold", ["x"], ["y"], name="neck/fold", domain="own.domain")],
     "`Fold` in `neck/fold`: it is an operator of its own domain, `own.domain`"),
    ([node("NonZero", "x", "y", "head/where")], "`NonZero` in `head/where`: there is no reading of this operator"),
    ([node("Conv", "x w", "y", "stem/conv", auto_pad="SAME_UPPER")], "`Conv` in `stem/conv`: `auto_pad`"),
    ([node("Squeeze", "x", "y", "head/squeeze")], "`Squeeze` in `head/squeeze`: which axes go is not said"),
    ([node("Slice", "x end start axis back", "y", "turn/slice")], "`Slice` in `turn/slice`: it goes backwards"),
    ([node("Pad", "x around", "y", "wrapped/pad", mode="wrap")], "`Pad` in `wrapped/pad`: its border is of another"),
])
def test_what_is_not_read_is_refused_by_name(nodes, said, tmp_path, capsys):
    path = stored(tmp_path / "net.onnx", nodes, CONV["held"])
    assert run(["import", str(path), "-o", str(tmp_path / "net.arch")]) == 1
    told = capsys.readouterr().err
    assert "error[not-importable]" in told and said in told
    assert not (tmp_path / "net.arch").exists()


def test_what_torch_refuses_is_refused_by_name(tmp_path, capsys, monkeypatch):
    def refusing(given: Any, x: Any) -> Any:
        raise ValueError("no such form")

    monkeypatch.setitem(OPERATORS, "Relu", refusing)
    path = stored(tmp_path / "net.onnx", [node("Relu", "x", "y", "head/relu")], CONV["held"])
    assert run(["import", str(path), "-o", str(tmp_path / "net.arch")]) == 1
    assert "`Relu` in `head/relu`: this form of it is not read (ValueError: no such form)" in capsys.readouterr().err


def test_files_that_are_none(tmp_path, capsys):
    assert run(["import", str(tmp_path / "gone.onnx")]) == 1
    assert "there is no file" in capsys.readouterr().err
    (tmp_path / "net.onnx").write_bytes(b"\x08\x07 not a model")
    assert run(["import", str(tmp_path / "net.onnx")]) == 1
    assert "error[unreadable-file]" in capsys.readouterr().err
    one = stored(tmp_path / "one.onnx", [node("Relu", "x", "y")], [], batch=1)
    assert run(["import", str(one)]) == 1
    assert "takes a fixed number of samples" in capsys.readouterr().err


def test_a_wrong_reading_is_noticed(tmp_path, monkeypatch):
    path = stored(tmp_path / "net.onnx", [node("Relu", "x", "y")], [])
    monkeypatch.setitem(OPERATORS, "Relu", lambda _, x: x.clamp(min=0.01))
    with pytest.raises(archlang.ArchError, match="differs from onnxruntime"):
        import_source(open_source(str(path)))
