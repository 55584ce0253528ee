"""Networks built node by node, so that pictures and counts are tested without the front end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from archlang.graph.ir import Graph, InputSpec, Member, Node, OutputSpec, Port
from archlang.ops.kinds import Int, Kind
from archlang.ops.model import REQUIRED, Arg, Function, Op, OpCall, Weight, no_weights
from archlang.shapes import Dim, Tensor


def op(
    name: str,
    family: str,
    args: Mapping[str, object] = {},
    weights: Callable[[OpCall], tuple[Weight, ...]] = no_weights,
    flops: Callable[[OpCall], Dim] = lambda call: 0,
    internal: bool = False,
    **drawn: Any,
) -> Op:
    kind: Kind = Int()
    shape: Callable[[OpCall], Tensor] = lambda call: call.x  # noqa: E731
    table = tuple(Arg(key, kind, default) for key, default in args.items())
    return Op(name, family, name, shape, Function("torch.relu"), table, weights, flops, internal=internal, **drawn)


def _conv(call: OpCall) -> tuple[Weight, ...]:
    size = call["size"]
    return (Weight("weight", (call["channels"], call.x.dims[0], size, size)),)


def _conv_flops(call: OpCall) -> Dim:
    return 2 * call.y.elements * call.x.dims[0] * call["size"] ** 2


def _norm(call: OpCall) -> tuple[Weight, ...]:
    c = call.x.dims[0]
    stats = (Weight("running_mean", (c,), False), Weight("running_var", (c,), False))
    return (Weight("weight", (c,)), Weight("bias", (c,)), *stats, Weight("num_batches_tracked", (), False, "int64"))


def _linear(call: OpCall) -> tuple[Weight, ...]:
    return (Weight("weight", (call["features"], call.x.dims[0])), Weight("bias", (call["features"],)))


def _gates(call: OpCall) -> tuple[Weight, ...]:
    m, n, h, c = len(call.inputs), call["outputs"], call["hidden"], call.x.dims[0]
    return (Weight("squeeze", (m, h, c)), Weight("excite", (m, n, h)))


INPUT = op("input", "multipath", internal=True, drawn="end")
CONV_ARGS = {"size": REQUIRED, "channels": REQUIRED, "stride": 1, "bias": None}
CONV = op("conv", "convolution", CONV_ARGS, _conv, _conv_flops)
NORM = op("batch_norm", "normalisation", {"eps": 1e-5}, _norm)
RELU = op("relu", "activation")
POOL = op("max_pool", "pooling", {"size": REQUIRED, "stride": None})
GAP = op("global_avg_pool", "pooling")
LINEAR = op("linear", "linear", {"features": REQUIRED}, _linear, lambda call: 2 * call.x.elements * call["features"])
ADD = op("add", "merging")
MEAN = op("mean", "merging")
FLATTEN = op("flatten", "reshaping")
GATES = op("gates", "multipath", {"hidden": REQUIRED, "outputs": REQUIRED}, _gates, internal=True, drawn="gates")
COMBINED = {"column": None, "outputs": REQUIRED}
COMBINE = op("combine", "multipath", COMBINED, internal=True, drawn="sum", weighted=True)


class Builder:
    """Adds nodes one by one; a path may use spaces between its parts."""

    def __init__(self, name: str) -> None:
        self.graph = Graph(name)
        self.names: set[str] = set()
        self.members: tuple[Member, ...] = ()

    def input(self, name: str, *dims: Dim) -> Port:
        port = self.node(INPUT, name, (), Tensor(tuple(dims)))
        self.graph.inputs += (InputSpec(name, Tensor(tuple(dims)), port.node),)
        return port

    def output(self, port: Port, name: str | None = None) -> None:
        self.graph.outputs += (OutputSpec(name, port),)

    def node(self, op: Op, path: str, inputs: tuple[Port, ...], *types: Tensor, **args: Any) -> Port:
        parts, serial = path.split(" "), 1
        while " ".join(parts) in self.names:
            serial += 1
            parts = [*path.split(" ")[:-1], f"{path.split(' ')[-1]}_{serial}"]
        self.names.add(" ".join(parts))
        full = {arg.name: args.get(arg.name, arg.default) for arg in op.args}
        node = Node(f"n{len(self.graph)}", op, full, inputs, types, tuple(parts), members=self.members)
        self.graph.add(node)
        return Port(node.id)

    def conv(self, x: Port, path: str, size: int, channels: int, stride: int = 1, name: str = "conv") -> Port:
        _, h, w = self.graph.type(x).dims
        out = Tensor((channels, (h - 1) // stride + 1, (w - 1) // stride + 1))
        at = f"{path} {name}".strip()
        return self.node(CONV, at, (x,), out, size=size, channels=channels, stride=stride, bias=False)

    def unit(self, x: Port, path: str, channels: int, size: int = 3, stride: int = 1, relu: bool = True) -> Port:
        x = self.conv(x, path, size, channels, stride)
        x = self.same(NORM, f"{path} batch_norm".strip(), x)
        return self.same(RELU, f"{path} relu".strip(), x) if relu else x

    def same(self, op: Op, path: str, *inputs: Port) -> Port:
        return self.node(op, path, inputs, self.graph.type(inputs[0]))

    def pool(self, x: Port, path: str, size: int = 2) -> Port:
        c, h, w = self.graph.type(x).dims
        return self.node(POOL, f"{path} max_pool", (x,), Tensor((c, h // 2, w // 2)), size=size, stride=2)

    def linear(self, x: Port, path: str, features: int) -> Port:
        return self.node(LINEAR, f"{path} linear", (x,), Tensor((features,)), features=features)

    def route(self, inputs: list[Port], path: str, n: int, hidden: int = 16) -> list[Port]:
        t = self.graph.type(inputs[0])
        gates = self.node(GATES, f"{path} gates", tuple(inputs), Tensor((len(inputs), n)), hidden=hidden, outputs=n)
        mix = self.node(COMBINE, f"{path} combine", (gates, *inputs), *([t] * n), outputs=n)
        return [Port(mix.node, i) for i in range(n)]

    def each(self, inputs: list[Port], path: str, body: Callable[[Port, str], Port]) -> list[Port]:
        outer, made = self.members, []
        for i, x in enumerate(inputs):
            self.members = (*outer, Member("each", tuple(path.split(" ")), i, len(inputs)))
            made.append(body(x, f"{path} {i}"))
        self.members = outer
        return made


def base_cnn_cc(paths: int = 2) -> Graph:
    """The two-path CNN with cross-connections."""
    b = Builder("BaseCNN_CC")
    x = b.route([b.input("image", 3, 32, 32)], "trunk fork", paths)
    for i, c in enumerate([32, 64]):
        at = f"trunk loop {i}"
        x = b.each(x, f"{at} each", lambda p, s, c=c: b.pool(b.unit(b.unit(p, f"{s} unit", c), f"{s} unit_2", c), s))
        x = b.route(x, f"{at} route", paths)
    x = b.each(x, "trunk each", lambda p, s: b.unit(b.unit(p, f"{s} unit", 128), f"{s} unit_2", 128))
    x = b.route(x, "trunk route", paths)

    def flat(p: Port, s: str) -> Port:
        p = b.node(FLATTEN, f"{s} flatten", (p,), Tensor((b.graph.type(p).elements,)))
        return b.same(RELU, f"{s} relu", b.linear(p, s, 32))

    x = b.route(b.each(x, "logits each", flat), "logits route", paths)
    x = b.each(x, "logits each_2", lambda p, s: b.linear(b.same(RELU, f"{s} relu", b.linear(p, s, 32)), s, 10))
    b.output(b.node(MEAN, "logits mean", tuple(x), Tensor((10,))))
    return b.graph


def bottleneck(b: Builder, x: Port, at: str, width: int, stride: int = 1) -> Port:
    """The block of ResNet-50."""
    body = b.unit(b.unit(x, f"{at} body", width, 1), f"{at} body", width, 3, stride)
    body = b.unit(body, f"{at} body", 4 * width, 1, relu=False)
    if stride != 1 or b.graph.type(x).dims[0] != 4 * width:
        x = b.unit(x, f"{at} shortcut", 4 * width, 1, stride, relu=False)
    return b.same(RELU, f"{at} relu", b.same(ADD, f"{at} add", body, x))


def resnet50() -> Graph:
    """ResNet-50 with its names."""
    b = Builder("ResNet50")
    x = b.pool(b.unit(b.input("image", 3, 224, 224), "stem", 64, 7, 2), "stem", 3)
    for layer, (width, count) in enumerate([(64, 3), (128, 4), (256, 6), (512, 3)], 1):
        at = f"layer{layer}"
        start = 0 if layer == 1 else 1
        if start:
            x = bottleneck(b, x, f"{at} bottleneck", width, 2)
        for i in range(count - start):
            x = bottleneck(b, x, f"{at} bottleneck{'_2' if start else ''} {i}", width)
    x = b.node(GAP, "logits global_avg_pool", (x,), Tensor((2048,)))
    b.output(b.linear(x, "logits", 1000))
    return b.graph
