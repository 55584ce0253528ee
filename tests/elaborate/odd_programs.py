"""Small programs that combine parts of the language oddly, and what the checker must say of each (`""`: nothing)."""

from __future__ import annotations


def _net(body: str, before: str = "", dials: str = "", size: str = "[3, 8, 8]") -> str:
    return f"archlang 1\n{before}\nnetwork N{dials} {{\n  input x: {size}\n{body}\n}}\n"


ODD: dict[str, tuple[str, str]] = {
    "if around fork": ("", _net("output x -> if in_two { fork(2) -> each { relu } -> mean }", "let in_two = true")),
    "if that makes a bundle": ("", _net(
        "output x -> if true { parallel { relu; tanh } } else { fork(2) } -> mean")),
    "if whose branches differ": ("", _net(
        "output x -> if x.height > 4 { conv(3x3, 4) } else { flatten -> linear(2) }")),
    "if false without else": ("", _net("output x -> if false { flatten }")),
    "else if chain": ("", _net(
        "output x -> if x.channels == 1 { relu } else if x.channels == 3 { conv(1x1, 5) } else { tanh }")),
    "if of an if": ("", _net("output x -> if true { if false { relu } else { tanh } } -> conv(1x1, 2)")),
    "route inside each": ("", _net(
        "output x -> fork(2) -> each { fork(3) -> each { conv(1x1, 4) } -> route(cross_stitch) -> sum } -> mean")),
    "route to one": ("", _net(
        "output x -> fork(3) -> each { conv(1x1, 4) } -> route(cross_connection, to = 1) -> mean")),
    "route to more": ("", _net("output x -> fork(2) -> route(cross_connection(hidden = 0), to = 5) -> sum")),
    "route of a single member": ("", _net("output x -> fork(1) -> route(cross_connection(hidden = 2)) -> sum")),
    "route of vectors": ("", _net(
        "output x -> fork(2) -> each { flatten -> linear(6) } -> route(cross_connection) -> sum")),
    "route of sequences": ("", _net("output x -> to_sequence -> fork(2) -> each { linear(6) } "
                                    "-> route(cross_connection(hidden = 2)) -> sum")),
    "two routes share a let": ("", _net("output x -> fork(2, gate) -> route(gate) -> route(gate, to = 3) -> sum",
                                        "let gate = cross_connection(hidden = 2)")),
    "router as a dial": ("", _net("output x -> fork(2) -> route(by) -> sum", dials="(by = cross_stitch)")),
    "router as a block argument": ("", _net(
        "output x -> paths(cross_connection(hidden = 2)) -> paths(cross_stitch)",
        "block paths(by) = fork(2) -> each { conv(3x3, 4) } -> route(by) -> mean")),
    "router let in a block": ("", _net("output x -> paths(2) -> paths(0)",
        "block paths(h) { let by = cross_connection(hidden = h)\n output in -> fork(2, by) -> route(by) -> mean }")),
    "prediction with a block": ("", _net("output x -> fork(2) -> route(cross_prediction(unit(4), hidden = 2)) -> mean",
        "block unit(c) = conv(3x3, c) -> batch_norm")),
    "prediction of other size": ("", _net(
        "output x -> fork(2) -> route(cross_prediction(flatten -> linear(5), act = tanh), to = 3) -> sum")),
    "prediction of unequal members": ("", _net(
        "output x -> parallel { conv(3x3, 4); conv(3x3, 4, stride = 2) -> upsample(factor = 2) } "
        "-> route(cross_prediction(conv(1x1, 2))) -> sum")),
    "prediction that is a bundle": ("expected-tensor", _net(
        "output x -> fork(2) -> route(cross_prediction(fork(2))) -> sum")),
    "prediction, act is a flow": ("", _net(
        "output x -> fork(2) -> route(cross_prediction(conv(3x3, 4), act = (batch_norm -> relu))) -> sum")),
    "fork with prediction": ("", _net("output x -> fork(3, cross_prediction(conv(3x3, 4), hidden = 0)) -> sum")),
    "residual around each": ("expected-tensor", _net("output x -> fork(2) -> residual { each { relu } } -> mean")),
    "residual inside each": ("", _net("output x -> fork(2) -> each { residual { conv(3x3, 3) } } -> mean")),
    "residual around a fork": ("", _net("output x -> residual { fork(2) -> each { conv(3x3, 3) } -> mean }")),
    "residual of nothing": ("same-twice", _net("output x -> residual { in }")),
    "mixed residual of nothing": ("same-twice", _net("output x -> residual(mix = learned) { if false { relu } }")),
    "residual of a copy": ("", _net("output x -> residual { identity }")),
    "residual with statements": ("", _net(
        "output x -> residual(mix = learned) { a = in -> conv(1x1, 3)\n output a -> add(in) }")),
    "nested residuals": ("", _net("output x -> residual { residual { residual(mix = fixed(0.5)) { relu } } }")),
    "nested bundles": ("", _net(
        "output x -> fork(2) -> each { fork(2) -> each { conv(1x1, 2) } } -> each { sum } -> mean")),
    "index into nested bundle": ("", _net(
        "a = x -> fork(2) -> each { fork(3) -> each { conv(1x1, 2) } }\n output a[1][2]")),
    "negative index": ("", _net("a = x -> parallel { conv(1x1, 2); conv(1x1, 7) }\n output a[-1]")),
    "unused members": ("", _net("a = x -> fork(3) -> each { conv(3x3, 4) -> batch_norm }\n output a[0]")),
    "unused member of a route": ("", _net("a = x -> fork(2) -> route(cross_connection(hidden = 2))\n output a[1]")),
    "unused member of a split": ("", _net("a = x -> conv(1x1, 6) -> split(3)\n output a[2] -> relu")),
    "shared over unequal": ("unequal-members", _net(
        "output x -> parallel { relu; conv(1x1, 2) } -> shared { relu } -> sum")),
    "shared weights": ("", _net("output x -> fork(3) -> shared { conv(3x3, 4) -> batch_norm -> relu } -> mean")),
    "shared inside each": ("", _net(
        "output x -> fork(2) -> each { fork(2) -> shared { conv(3x3, 4) } -> sum } -> sum")),
    "each inside shared": ("", _net(
        "output x -> fork(2) -> shared { fork(2) -> each { conv(3x3, 4) } -> sum } -> sum")),
    "route inside shared": ("", _net(
        "output x -> fork(2) -> shared { fork(2) -> route(cross_connection(hidden = 2)) -> sum } -> sum")),
    "zero repeats": ("", _net("output x -> 0 * conv(3x3, 8) -> relu")),
    "zero repeats by a dial": ("", _net("output x -> (depth - 3) * unit(8) -> relu", "block unit(c) = conv(3x3, c)",
                                        dials="(depth = 3)")),
    "empty for": ("", _net("output x -> for c in [] { conv(3x3, c) } -> relu")),
    "repeat of a flow": ("", _net("output x -> 2 * (conv(3x3, 3) -> relu) -> 2 * (conv(3x3, 3) -> relu)")),
    "repeat of a repeat": ("", _net("output x -> 2 * (3 * conv(3x3, 3))")),
    "repeat of an if": ("", _net(
        "output x -> b() -> b", "block b() = 2 * (relu -> if in.channels == 3 { conv(1x1, 4) })")),
    "for inside for": ("", _net("output x -> for a in [2, 4] { for c in range(a) { conv(1x1, a + c) } }")),
    "for over sizes": ("", _net("output x -> for k in [1x1, 3x3, size(1, 5)] { conv(k, 2) }")),
    "for over stages": ("", _net("output x -> for act in [relu, tanh, conv(3x3, 2)] { act }")),
    "list of lists": ("", _net("output x -> for row in [[4, 3], [2, 1]] { conv(size(row[1], row[1]), row[0]) }")),
    "dial-valued size": ("", _net("output x -> conv(k, 4) -> max_pool(k)", dials="(k = 2x2)")),
    "dial list": ("", _net("output x -> for w in widths { conv(3x3, w) }", dials="(widths = [4, 6])")),
    "dial stage": ("", _net("output x -> conv(3x3, 4) -> act -> act", dials="(act = leaky_relu(0.2))")),
    "dial of a dial": ("", _net("output x -> conv(3x3, b)", dials="(a = 2, b = 2 * a)")),
    "bundle by hand": ("", _net("a = x -> conv(1x1, 2)\n output (x, a, x -> conv(1x1, 4)) -> concat")),
    "bundle of one": ("", _net("output x -> parallel { conv(1x1, 2) } -> stack -> reshape([2, 8, 8])")),
    "the same tensor twice": ("", _net("output (x, x) -> each { conv(1x1, 2) } -> sum")),
    "add to itself": ("same-twice", _net("output x -> add(x)")),
    "add many": ("", _net("a = x -> relu\n output x -> add(a, a -> tanh)")),
    "add one of many twice": ("same-twice", _net("a = x -> relu\n output x -> add(a, a)")),
    "add a list": ("", _net("a = x -> relu\n b = x -> tanh\n output x -> add([a, b], x -> silu)")),
    "concat with itself": ("same-twice", _net("output x -> concat(x, axis = width)")),
    "concat with a copy": ("", _net("output x -> concat(x -> identity, axis = width)")),
    "bundle flows into concat with more": ("expected-tensor", _net("output x -> fork(2) -> concat(x)")),
    "output is the input": ("", _net("output x")),
    "the same output twice": ("", _net("a = x -> conv(1x1, 2)\n output a\n output again = a\n output direct = x")),
    "only a named output": ("", _net("output aux = x -> relu")),
    "unused conv before a norm": ("", _net("a = x -> conv(1x1, 4)\n dead = a -> tanh\n output a -> batch_norm")),
    "conv read twice": ("", _net("a = x -> conv(1x1, 4)\n output a -> batch_norm -> add(a)")),
    "conv is output and normalised": ("", _net("a = x -> conv(1x1, 4)\n output a -> batch_norm\n output raw = a")),
    "shared conv, one normalised": ("", _net(
        "a = x -> fork(2) -> shared { conv(1x1, 4) }\n output (a[0] -> batch_norm, a[1]) -> sum")),
    "split, each, concat": ("", _net(
        "output x -> conv(1x1, 8) -> split([2, 6]) -> each { conv(3x3, in.channels) } -> concat")),
    "split of split": ("", _net(
        "output x -> conv(1x1, 8) -> split(2) -> each { split(2) -> each { relu } -> concat } -> sum")),
    "layers with if": ("", _net(
        "output x -> layers { conv(1x1, 4); if in.channels == 4 { relu }; conv(1x1, 4) } -> sum")),
    "layers of unequal": ("", _net(
        "output x -> layers { conv(3x3, 4); max_pool(2x2) } -> each { global_avg_pool } -> concat")),
    "layers of bundles": ("", _net(
        "output x -> layers { fork(2) -> each { tanh }; each { relu } } -> each { sum } -> sum")),
    "parallel of bundles": ("", _net(
        "output x -> parallel { fork(2); fork(3) } -> each { each { relu } -> sum } -> sum")),
    "parallel of passing": ("", _net("output x -> parallel { in; in -> relu } -> concat")),
    "parallel of passing twice": ("same-twice", _net("output x -> parallel { in; if false { tanh } } -> concat")),
    "each on nothing new": ("same-twice", _net("output x -> fork(2) -> each { in } -> sum")),
    "copies alone": ("same-twice", _net("output x -> fork(3) -> stack")),
    "copies of a member": ("same-twice", _net("a = x -> fork(2) -> each { relu }\n output (a[0], a[1], a[0]) -> mean")),
    "copies behind a router": ("", _net("output x -> fork(2) -> route(cross_stitch) -> maximum")),
    "copies under attention": ("same-twice", _net("a = x -> flatten\n output (a, a) -> attend(static_vector)")),
    "times itself": ("same-twice", _net("a = x -> conv(1x1, 1) -> reshape([8, 8])\n output a -> matmul(a)")),
    "as on everything": ("", _net(
        "output x -> fork(2) as f -> each { conv(3x3, 4) as c -> (batch_norm -> relu) as post } as paths "
        "-> route(cross_stitch) as r -> mean as m -> (2 * conv(3x3, 4)) as twice "
        "-> (if true { relu } else { tanh }) as choice -> (for c in [2, 3] { conv(1x1, c) }) as widen")),
    "as twice": ("", _net("output x -> conv(1x1, 2) as a -> conv(1x1, 2) as a -> relu as a")),
    "as a digit-like name": ("", _net("output x -> conv(1x1, 2) as _1 -> conv(1x1, 2) as _")),
    "as like the generated": ("", _net(
        "output x -> conv(1x1, 2) -> conv(1x1, 2) as conv_2 -> conv(1x1, 2) -> conv(1x1, 2)")),
    "bound like an op": ("", _net("conv = x -> conv(1x1, 2)\n output conv -> relu")),
    "block with a tensor": ("", _net("a = x -> conv(1x1, 4)\n output x -> gate(a) -> gate(other = a)",
        "block gate(other) = conv(1x1, 4) -> mul(other -> sigmoid)")),
    "block with a bundle": ("", _net("a = x -> fork(2) -> each { conv(1x1, 3) }\n output x -> merge(a)",
        "block merge(others) = in -> add(others[0], others[1])")),
    "block with a stage of its own": ("", _net("output x -> twice(conv(3x3, 4) -> relu) -> twice(tanh)",
        "block twice(f) = f -> f")),
    "block handed a block": ("", _net("output x -> twice(unit) -> twice(unit(c = 2)) -> twice(twice(relu))",
        "block unit(c = 3) = conv(3x3, c)\nblock twice(f) = conv(1x1, 3) -> f -> f")),
    "block that returns a bundle": ("", _net(
        "output x -> paths(3) -> mean", "block paths(n) = fork(n) -> each { conv(1x1, n) }")),
    "block that takes a bundle": ("", _net(
        "output x -> fork(2) -> join", "block join() = each { conv(1x1, 2) } -> sum")),
    "block that does nothing": ("", _net("output x -> nothing -> nothing() -> relu", "block nothing() = in")),
    "block that drops its input": ("", _net("a = x -> relu\n output x -> other(a) -> conv(1x1, 2)",
        "block other(t) { output t -> tanh }")),
    "block local names": ("", _net("output x -> b -> b",
        "block b() { let n = 2\n a = in -> conv(1x1, 3)\n c = a -> n * relu\n output c -> add(a) }")),
    "default that uses another parameter": ("", _net(
        "output x -> b(4) -> b(3, 2)", "block b(c, d = 2 * c) = conv(1x1, d)")),
    "default that uses in": ("in-without-braces", _net("output x -> b", "block b(c = in.channels) = conv(1x1, c)")),
    "in.channels of a bundle": ("unknown-field", _net("output x -> fork(2) -> b -> sum", "block b() = each { relu } -> "
                                                       "if in.channels == 3 { each { tanh } }")),
    "count of a bundle": ("", _net("a = x -> fork(3)\n output a -> each { conv(1x1, a.count) } -> sum")),
    "len of a bundle": ("", _net("a = x -> fork(3)\n output x -> conv(1x1, len(a) + len([1, 2]))")),
    "let of a flow": ("", _net("let f = conv(3x3, 4) -> relu\n output x -> f -> f")),
    "let before it is used at the top": ("", _net("output x -> conv(1x1, b)", "let b = a + 1\nlet a = 3")),
    "let that uses itself": ("recursive-block", _net("output x -> conv(1x1, a)", "let a = a + 1")),
    "vector through pool": ("wrong-rank", _net("output x -> flatten -> max_pool(2x2)")),
    "one by one map": ("", _net("output x -> conv(8x8, 4, padding = 0) -> conv(3x3, 4) -> squeeze_excite(ratio = 2)")),
    "even kernel": ("", _net("output x -> conv(2x2, 4) -> conv(4x2, 4, stride = 2) -> max_pool(2x2, stride = 1)")),
    "padding larger than the map": ("", _net("output x -> conv(3x3, 4, padding = 20)")),
    "stride larger than the map": ("", _net("output x -> conv(3x3, 4, stride = 100)")),
    "depth of a volume": ("", _net("output x -> conv3d(3, 4) -> global_avg_pool", size="[2, 4, 4, 4]")),
    "line": ("", _net("output x -> conv1d(3, 4) -> max_pool1d(2) -> batch_norm", size="[2, 16]")),
    "no network inputs used": ("", _net("output y", "", size="[3]\n  input y: [4]")),
    "symbolic through everything": ("", _net(
        "a = x -> conv(3x3, 4, stride = 2) -> upsample(factor = 2)"
        "\n output (x, a) -> concat -> global_avg_pool -> linear(2)",
        size="[3, H, W] where H % 2 == 0 and W % 2 == 0 and H >= 8 and W >= 8")),
    "unequal symbols": ("shape-mismatch", _net("output x -> add(y)", size="[3, H, W]\n  input y: [3, G, W]")),
    "lets that lead to each other": ("recursive-block", _net("output x -> a", "let a = b\nlet b = a")),
    "flow that uses itself": ("recursive-block", _net("output x -> f", "let f = relu -> f")),
    "braces of a let that use it": ("recursive-block", _net(
        "output x -> g", "let f = tanh -> g\nlet g = residual { f }")),
    "let of a stage's own name": ("recursive-block", _net("let relu = tanh -> relu\n output x -> relu")),
    "flow of a body that uses itself": ("unknown-stage", _net("let f = relu -> f\n output x -> f")),
    "recursion through a let": ("recursive-block", _net("output x -> f", "let f = relu -> b\nblock b() = tanh -> f")),
    "recursion through an if in a let": ("recursive-block", _net(
        "output x -> f", "let f = if true { b }\nblock b() = f")),
    "recursion through a default": ("recursive-block", _net("output x -> b", "block b(f = b) = relu -> f")),
    "recursion through an argument": ("recursive-block", _net("output x -> b(relu)", "block b(f) = f -> b(f)")),
    "recursion through a router": ("recursive-block", _net("output x -> b",
        "block b() = fork(2) -> route(cross_prediction(b)) -> sum")),
    "recursion through braces": ("recursive-block", _net("output x -> b",
        "block b() = residual { fork(2) -> each { layers { b } -> sum } -> sum }")),
    "recursion through a repeat": ("recursive-block", _net("output x -> b(2)", "block b(n) = relu -> n * b(n - 1)")),
    "recursion that is never used": ("recursive-block", _net("output x -> relu", "block b(n) = relu -> 0 * b(n)")),
    "a block handed to itself": ("", _net("output x -> twice(twice(twice(relu) -> tanh))", "block twice(f) = f -> f")),
    "symbols of two inputs": ("", _net("output x -> add(y)", size="[3, H, W]\n  input y: [3, H, W]")),
}
