"""Symbolic sizes through the graph, fields of tensors, bundles."""

from __future__ import annotations

import pytest

from archlang import ArchError
from tests.elaborate.texts import net, out, text, wrong


@pytest.mark.parametrize(("where", "flow", "expected"), [
    ("H % 32 == 0 and W % 32 == 0", "conv(3x3, 8, stride = 2)", "[8, H/2, W/2]"),
    ("H % 32 == 0 and W % 32 == 0", "5 * max_pool(2x2)", "[3, H/32, W/32]"),
    ("H % 2 == 0 and W % 2 == 0", "max_pool(2x2) -> upsample(factor = 2)", "[3, H, W]"),
    ("H >= 8 and W >= 8", "conv(3x3, 8, padding = 0)", "[8, H - 2, W - 2]"),
    ("H >= 8 and W >= 8", "max_pool(2x2)", "[3, floor(H/2), floor(W/2)]"),
    ("H >= 8 and W == 16", "reshape([x.height, 48])", "[H, 48]"),
    ("H >= 8 and W >= 8", "concat(x -> relu, x -> tanh, axis = height)", "[3, 3*H, W]"),
    ("H >= 8 and W >= 8", "to_sequence", "[H*W, 3]"),
    ("H % 4 == 0 and W % 4 == 0", "pixel_unshuffle(4)", "[48, H/4, W/4]"),
    ("64 <= H and W > 63 and W <= 128", "slice(0, stop = 64, axis = height) -> slice(1, stop = 64, axis = width)",
     "[3, 64, 63]"),
])
def test_symbolic_sizes_survive(where: str, flow: str, expected: str) -> None:
    network = net(f"output x -> {flow}", size=f"[3, H, W] where {where}")
    assert out(network) == expected


@pytest.mark.parametrize(("flow", "expected"), [
    ("max_pool(2x2) -> max_pool(2x2)", "[3, floor(H/4), floor(W/4)]"),
    ("conv(3x3, 8, stride = 2) -> conv(3x3, 8, stride = 2)", "[8, floor((H + 3)/4), floor((W + 3)/4)]"),
    ("max_pool(2x2) -> upsample(size = x.size) -> add(x)", "[3, H, W]"),
    ("max_pool(2x2) -> upsample(size = size(x.height, 2 * x.width))", "[3, H, 2*W]"),
    ("adaptive_max_pool(size(x.height // 2, 7))", "[3, floor(H/2), 7]"),
    ("reshape([x.width, 3, x.height])", "[W, 3, H]"),
    ("to_sequence -> to_map(x.width, x.height)", "[3, W, H]"),
    ("slice(x.height // 2, axis = height)", "[3, H - floor(H/2), W]"),
    ("slice(0, stop = x.height - 2 * (x.height // 4), axis = height)", "[3, H - 2*floor(H/4), W]"),
    ("split([x.width // 2, x.width - x.width // 2], axis = width) -> concat(axis = width)", "[3, H, W]"),
])
def test_sizes_of_one_map_are_those_of_another(flow: str, expected: str) -> None:
    network = net(f"output x -> {flow}", size="[3, H, W] where H >= 8 and W >= 8")
    assert out(network) == expected


@pytest.mark.parametrize(("flow", "kind"), [
    ("upsample(size = x)", "wrong-kind"), ("upsample(size = x.size[0])", "shape-mismatch"),
    ("max_pool(x.size)", "symbolic-parameters"), ("conv(x.size, 3)", "symbolic-parameters"),
    ("conv(3x3, x.height)", "symbolic-parameters"), ("upsample(size = size(x.height - 8, 4))", "unknown-size"),
    ("upsample(size = size(x.height - 200, 4))", "out-of-range"),
    ("upsample(size = size(1, 2, x.width))", "wrong-kind"),
    ("slice(0, stop = x.height + 1, axis = height)", "out-of-range"),
    ("slice(0, stop = x.width, axis = height)", "unknown-size"),
    ("split([x.height // 2, x.height // 2], axis = height) -> sum", "wrong-count"),
    ("reshape([x.height, -1])", "unknown-size"), ("to_sequence -> to_map(x.height, x.height)", "wrong-count"),
])
def test_sizes_that_do_not_fit(flow: str, kind: str) -> None:
    assert wrong(text(f"output x -> {flow} -> add(x)", size="[3, H, W] where H >= 8 and H <= 100")) == [kind]


def test_a_bound_that_would_decide_is_named() -> None:
    with pytest.raises(ArchError) as caught:
        net("output x -> 2 * max_pool(2x2) -> upsample(factor = 4) -> add(x)", size="[3, H, 8] where H >= 8")
    assert "where H % 4 == 0" in str(caught.value)


@pytest.mark.parametrize(("other", "says"), [
    ("[3, G, 8]", "they are equal where both inputs say `H`, not `G` in one of them"),
    ("[3, 24, 8]", "they are equal where the input says `H == 24`"),
    ("[3, H, 8] -> conv(5x5, 3, padding = none) -> reshape([3, y.height - 4, 4])", None),
    ("[3, 6, 8]", None),  # H is at least 8
])
def test_sizes_that_could_be_equal_are_told_how(other: str, says: str | None) -> None:
    declared, _, flow = other.partition(" -> ")
    body = f"  input y: {declared} where G >= 8\n" if "G" in declared else f"  input y: {declared}\n"
    with pytest.raises(ArchError) as caught:
        net(f"{body}  z = y -> {flow or 'relu'}\n  output x -> add(z)", size="[3, H, 8] where H >= 8")
    assert ("they are equal where" in str(caught.value)) is (says is not None)
    assert says is None or says in str(caught.value)


@pytest.mark.parametrize("sizes", ["[H * W, 3]", "[H + W]", "[3, H // 2, W]"])
def test_a_symbol_must_be_told_by_an_input(sizes: str) -> None:
    assert "unknown-size" in wrong(text("output x", size=sizes))


def test_an_equal_bound_is_a_number() -> None:
    assert out(net("output x -> flatten -> linear(x.height // 2)", size="[3, H, 4] where H == 8")) == "[4]"


@pytest.mark.parametrize(("where", "kind"), [
    ("H >= 8 and H < 8", "out-of-range"), ("H % 0 == 0", "out-of-range"), ("G >= 3", "undefined-name"),
    ("H >= 2.5", "wrong-kind"), ("H + 1", "wrong-kind"), ("H % 7 == 0 and H < 7", "out-of-range"),
])
def test_bounds_that_say_nothing(where: str, kind: str) -> None:
    assert kind in wrong(text("output x", size=f"[3, H, 8] where {where}"))


@pytest.mark.parametrize("flow", [
    "conv(9x9, 4, padding = 0)", "slice(0, stop = 20, axis = height)", "split(3, axis = height) -> sum",
    "if x.height > 20 { relu }",
])
def test_what_is_not_known_is_not_accepted(flow: str) -> None:
    assert wrong(text(f"output x -> {flow}", size="[3, H, 8]")) == ["unknown-size"]


@pytest.mark.parametrize(("size", "expression", "expected"), [
    ("[5]", "x.features", "[5]"), ("[7, 5]", "x.positions", "[7]"), ("[7, 5]", "x.length", "[5]"),
    ("[2, 3, 4]", "x.channels * 100 + x.height * 10 + x.width", "[234]"),
    ("[2, 3, 4, 5]", "x.depth", "[3]"), ("[3]", "min(x.features, 2) + max([1, 4])", "[6]"),
    ("[3]", "7 % 4 + 7 // 2 - 6 / 3", "[4]"), ("[3]", "len(3x3) + len([1, 2]) + size(3, 5)[1]", "[9]"),
])
def test_fields_and_numbers(size: str, expression: str, expected: str) -> None:
    flow = "x -> flatten" if size.count(",") else "x"
    assert out(net(f"output {flow} -> linear({expression})", size=size)) == expected


@pytest.mark.parametrize(("flow", "expected"), [
    ("fork(2) -> each { conv(1x1, 4) } -> concat", "[8, 8, 8]"),
    ("parallel { conv(1x1, 4); max_pool(2x2) } -> each { flatten } -> concat", "[304]"),
    ("fork(2) -> each { fork(3) -> each { identity } } -> each { stack -> reshape([9, 8, 8]) } -> sum", "[9, 8, 8]"),
    ("split([1, 2]) -> each { conv(1x1, in.channels * 2) } -> concat", "[6, 8, 8]"),
    ("layers { max_pool(2x2); max_pool(2x2) } -> each { global_avg_pool } -> stack", "[2, 3]"),
])
def test_bundles(flow: str, expected: str) -> None:
    assert out(net(f"output x -> {flow}")) == expected


def test_several_inputs_and_outputs() -> None:
    network = net("input y: [3, 8, 8]\n a = x -> add(y)\n output a\n output aux = y -> conv(1x1, 2)")
    assert [spec.name for spec in network.graph.inputs] == ["x", "y"]
    assert [output.name for output in network.graph.outputs] == [None, "aux"]


def test_mean_and_deviation() -> None:
    spec = net("output x", size="[3, 8, 8] (mean = [0.1, 0.2, 0.3], std = 0.5)").graph.inputs[0]
    assert (spec.mean, spec.std) == ((0.1, 0.2, 0.3), (0.5,))
    assert wrong(text("output x", size="[3, 8, 8] (std = 0)")) == ["out-of-range"]
    assert wrong(text("output x", size="[3, 8, 8] (std = [1, 1])")) == ["wrong-count"]


@pytest.mark.parametrize("flow", [
    "linear(3)", "layer_norm", "affine", "attention(1)", "lstm(3)", "class_token", "position_embedding",
    "residual(join = concat) { relu }", "layers { relu; gelu } -> attend(self_attention)",
    "layers { relu; gelu } -> attend(static_vector)", "layers { relu; gelu } -> attend(recurrent(2))",
    "layers { relu; gelu } -> attend(innate_static(2))",
    "experts(2, cosine_router(identity), over = positions) { relu }",
    "reduce(positions) -> fork(2) -> route(cross_connection) -> sum", "reduce(positions) -> standardize",
    "reduce(positions) -> experts(2, cosine_router(identity)) { relu }",
])
def test_symbols_that_would_decide_how_many_weights_there_are(flow: str) -> None:
    assert wrong(text(f"output x -> reduce(width) -> {flow}", size="[3, H, W]")) == [
        "symbolic-parameters"]


def test_an_axis_that_is_not_1_is_named_where_another_was_meant_to_be_spread() -> None:
    with pytest.raises(ArchError) as caught:
        net("output x -> mul(x -> global_avg_pool -> linear(2) -> reshape([2, 1, 1]))", size="[3, 8, 8]")
    assert "on `channels` these have 3 and 2" in caught.value.diagnostics[0].help[0]
