"""Networks built by hand, node by node, with a few operations that stand for the catalogue's."""

from __future__ import annotations

from typing import Any

import torch

from archlang.graph.ir import Graph, InputSpec, Member, Node, OutputSpec, Port
from archlang.ops.model import Function, Module, Op, OpCall, Weight
from archlang.shapes import Tensor
from archlang.source import Source, Span

TEXT = "archlang 1\nnetwork Small {\n" + "".join(f"  line {n}\n" for n in range(3, 60)) + "}\n"
SOURCE = Source("small.arch", TEXT)


def span(line: int) -> Span:
    """The third column of a line of the text above."""
    start = SOURCE.starts[line - 1] + 2
    return Span(SOURCE, start, start + 4)


def _conv_shape(call: OpCall) -> Tensor:
    _, rows, columns = call.x.dims
    stride = call["stride"]
    return Tensor((call["channels"], (rows + stride - 1) // stride, (columns + stride - 1) // stride))


def _conv_weights(call: OpCall) -> tuple[Weight, ...]:
    weight = Weight("weight", (call["channels"], call.x.dims[0], 3, 3), init=call["init"])
    return (weight, Weight("bias", (call["channels"],))) if call["bias"] else (weight,)


def _norm_weights(call: OpCall) -> tuple[Weight, ...]:
    size = (call.x.dims[0],)
    kept = [Weight(n, size, trained=False) for n in ("running_mean", "running_var")]
    counter = Weight("num_batches_tracked", (), trained=False, dtype="int64")
    return (Weight("weight", size), Weight("bias", size), *kept, counter)


def _gates_weights(call: OpCall) -> tuple[Weight, ...]:
    return (Weight("weight", (len(call.inputs), call["outputs"], call.x.dims[0])),)


class Gates(torch.nn.Module):
    """Per input, a distribution over the outputs, from its channel means."""

    def __init__(self, inputs: int, outputs: int, channels: int) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.randn(inputs, outputs, channels))

    def forward(self, *members: torch.Tensor) -> torch.Tensor:
        means = torch.stack([m.flatten(2).mean(2) if m.dim() > 2 else m for m in members], 1)
        return torch.einsum("bmc,mnc->bmn", means, self.weight).softmax(2)


def combine(gates: torch.Tensor, *members: torch.Tensor, outputs: int) -> tuple[torch.Tensor, ...]:
    """Output j is the sum of the members, each times its gate to j."""
    mixed = torch.einsum("bmn,bm...->bn...", gates, torch.stack(members, 1))
    return tuple(mixed[:, j] for j in range(outputs))


def mean(members: tuple[torch.Tensor, ...]) -> torch.Tensor:
    """The mean of the members."""
    return torch.stack(members).mean(0)


HERE = "tests.emit.graphs"
OPS = {op.name: op for op in (
    Op("input", "", "", lambda c: c.x, Function("operator.pos"), internal=True),
    Op("conv", "", "", _conv_shape, weights=_conv_weights, torch=Module("torch.nn.Conv2d", lambda c: {
        "in_channels": c.x.dims[0], "out_channels": c["channels"], "kernel_size": 3, "stride": c["stride"],
        "padding": 0 if c["shifted"] else 1, "bias": c["bias"]}),
        pad=lambda c: ((2, 0, 0, 2), "constant") if c["shifted"] else None),
    Op("batch_norm", "", "", lambda c: c.x, weights=_norm_weights, torch=Module(
        lambda c: f"torch.nn.BatchNorm{max(1, c.x.rank - 1)}d", lambda c: {"num_features": c.x.dims[0]})),
    Op("relu", "", "", lambda c: c.x, Module("torch.nn.ReLU")),
    Op("dropout", "", "", lambda c: c.x, Module("torch.nn.Dropout", lambda c: {"p": 0.5})),
    Op("max_pool", "", "", lambda c: Tensor((c.x.dims[0], *(d // 2 for d in c.x.dims[1:]))),
       Module("torch.nn.MaxPool2d", lambda c: {"kernel_size": 2})),
    Op("flatten", "", "", lambda c: Tensor((c.x.elements,)), Function("torch.flatten", lambda c: {"start_dim": 1})),
    Op("reshape", "", "", lambda c: Tensor(c["sizes"]), Function("tests.emit.graphs.reshape", lambda c: dict(c.args))),
    Op("pool", "", "", lambda c: Tensor((c.x.dims[0],)), Function("torch.mean", lambda c: {"dim": (2, 3)})),
    Op("linear", "", "", lambda c: Tensor((c["features"],)),
       Module("torch.nn.Linear", lambda c: {"in_features": c.x.dims[0], "out_features": c["features"]}),
       weights=lambda c: (Weight("weight", (c["features"], c.x.dims[0])), Weight("bias", (c["features"],)))),
    Op("add", "", "", lambda c: c.x, Function("torch.add")),
    Op("split", "", "", lambda c: (Tensor((c.x.dims[0] // 2, *c.x.dims[1:])),) * 2,
       Function("torch.chunk", lambda c: {"chunks": 2, "dim": 1})),
    Op("gates", "", "", lambda c: Tensor((len(c.inputs), c["outputs"])), weights=_gates_weights, taps=((0, ""),),
       torch=Module(f"{HERE}.Gates", lambda c: {
           "inputs": len(c.inputs), "outputs": c["outputs"], "channels": c.x.dims[0]})),
    Op("combine", "", "", lambda c: (c.inputs[1],) * c["outputs"],
       Function(f"{HERE}.combine", lambda c: {"outputs": c["outputs"]})),
    Op("mean", "", "", lambda c: c.x, Function(f"{HERE}.mean", packed=True), takes="bundle"),
)}
DEFAULTS: dict[str, dict[str, Any]] = {"conv": {"stride": 1, "bias": False, "shifted": False, "init": None}}


def reshape(x: torch.Tensor, *, sizes: tuple[int, ...]) -> torch.Tensor:
    """The same numbers in another shape; the batch stays."""
    return x.reshape(x.shape[0], *sizes)


class Maker:
    """Adds nodes to a graph; `line` counts up, so that every node has a line of its own."""

    def __init__(self, name: str = "Small") -> None:
        self.graph, self.line = Graph(name), 2

    def input(self, name: str, *dims: Any) -> Port:
        port = self.add("input", (), (name,), types=(Tensor(dims),))
        self.graph.inputs += (InputSpec(name, Tensor(dims), port.node),)
        return port

    def add(self, op: str, inputs: Any, path: Any, types: Any = None, members: Any = (), **args: Any) -> Any:
        self.line += 1
        inputs = (inputs,) if isinstance(inputs, Port) else tuple(inputs)
        path = tuple(path.split(".")) if isinstance(path, str) else tuple(path)
        args = {**DEFAULTS.get(op, {}), **args}
        if types is None:
            found = OPS[op].shape(OpCall(tuple(self.graph.type(p) for p in inputs), args))
            types = found if isinstance(found, tuple) else (found,)
        id = f"n{len(self.graph)}"
        self.graph.add(Node(id, OPS[op], args, inputs, types, path, span(self.line), members=tuple(members)))
        ports = [Port(id, i) for i in range(len(types))]
        return ports[0] if len(ports) == 1 else ports

    def each(self, inputs: list[Port], region: str, stages: list[tuple[str, dict[str, Any]]]) -> list[Port]:
        """A run of stages on every member, with weights of its own."""
        at, out = tuple(region.split(".")), []
        for index, port in enumerate(inputs):
            for number, (op, args) in enumerate(stages):
                member = Member("each", at, index, len(inputs))
                port = self.add(op, port, (*at, str(index), f"{op}_{number}"), members=(member,), **args)
            out.append(port)
        return out

    def route(self, inputs: list[Port], region: str, outputs: int) -> list[Port]:
        """A cross-connection."""
        gates = self.add("gates", inputs, f"{region}.gates", outputs=outputs)
        found = self.add("combine", [gates, *inputs], f"{region}.combine", outputs=outputs)
        return found if isinstance(found, list) else [found]

    def output(self, *ports: Port, **named: Port) -> Graph:
        self.graph.outputs = tuple(OutputSpec(None, p) for p in ports) + tuple(
            OutputSpec(n, p) for n, p in named.items())
        return self.graph
