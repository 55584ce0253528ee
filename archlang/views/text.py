"""The graph as text, one line a node, nothing left out: the stair `--show graph` and what golden files hold."""

from __future__ import annotations

from collections.abc import Iterator

from archlang.graph.ir import Graph, Member, Node, Port
from archlang.graph.outline import HasGraph, graph_of
from archlang.ops.values import show


def dump(network: HasGraph | Graph) -> str:
    """Write all of a graph: dials, symbols, then `id op(arguments) inputs -> types @ path`, then the outputs.

    A port is its node's id, with `:1` for its second output. Members of something parallel follow in braces.
    """
    return "\n".join([*_lines(graph_of(network)), ""])


def _lines(graph: Graph) -> Iterator[str]:
    yield f"graph {graph.name}"
    for name, value in graph.dials.items():
        yield f"dial {name} = {show(value)}"
    for symbol in graph.symbols:
        yield f"symbol {symbol.name} from {symbol.low} to {symbol.high}, divisible by {symbol.divisor}"

    for node in graph:
        yield _node(graph, node)

    for output in graph.outputs:
        called = output.name or ""
        if output.member is not None:
            called = output.label
        yield f"output {called}".rstrip() + f" {_port(graph, output.port)}"


def _node(graph: Graph, node: Node) -> str:
    call = f"{node.id} {node.op.name}"
    if node.args:
        call += f"({', '.join(f'{name} = {show(value)}' for name, value in node.args.items())})"

    inputs = " ".join(_port(graph, port) for port in node.inputs)
    types = ", ".join(str(t) for t in node.outputs)
    members = "".join(f" {_member(member)}" for member in node.members)
    rows = ""
    if node.rows != 1:
        rows = f" ({node.rows} of each sample)"

    return f"{call} {inputs}".rstrip() + f" -> {types}{rows} @ {node.name}{members}"


def _port(graph: Graph, port: Port) -> str:
    # A node of one result is its result: `n3`, not `n3:0`.
    if len(graph.node(port.node).outputs) == 1:
        return port.node
    return f"{port.node}:{port.index}"


def _member(member: Member) -> str:
    return f"{{{member.kind} {member.index} of {member.count} in {'.'.join(member.region)}}}"
