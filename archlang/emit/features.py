"""Inner results of a network, by the names that its file gives them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor, fx, nn

from archlang.diagnostics import ArchError, did_you_mean, error
from archlang.diagnostics.text import one_line
from archlang.emit.emit import observing
from archlang.emit.module import ArchModule
from archlang.graph.ir import Graph, Port


class Features(nn.Module):
    """A model that gives a dict of inner results: `features(image)["maps"]`.

    A bundle is a tuple of its members. It shares the weights and the mode of the model that it was made of.
    """

    def __init__(self, model: ArchModule, groups: Mapping[str, tuple[int, bool]]) -> None:
        super().__init__()
        self.model, self.groups = model, dict(groups)

    def forward(self, *args: Tensor, **kwargs: Tensor) -> dict[str, Any]:
        """Run the model, and hand out what was asked for."""
        values = self.model(*args, **kwargs)[1]
        found: dict[str, Any] = {}
        start = 0
        for name, (count, is_bundle) in self.groups.items():
            found[name] = tuple(values[start : start + count])
            if not is_bundle:
                found[name] = values[start]
            start += count
        return found


def features(model: fx.GraphModule, names: Sequence[str]) -> Features:
    """Make a module that gives inner results of a compiled model by the names of its file.

    Args:
        model: a model that archlang compiled or read.
        names: names that the network binds (`maps`), or places of operations (`maps.each.0.relu`).

    Raises ArchError: unsupported-module, unknown-name.
    """
    record: Any = getattr(model, "archlang", None)
    network = getattr(record, "network", None)
    if network is None:
        raise ArchError(error("unsupported-module", "only a model that archlang compiled from a file has its names"))

    graph: Graph = network.graph
    asked = {name: _ports(graph, name) for name in names}
    ports = [port for group in asked.values() for port in group]
    groups = {name: (len(group), _is_bundle(graph, name)) for name, group in asked.items()}
    if not record.passes:
        made = observing(model, graph, ports)
    else:
        made = _observing_passed(model, ports, [name for name, group in asked.items() for _ in group])
    return Features(made, groups).train(model.training)


def _ports(graph: Graph, name: str) -> tuple[Port, ...]:
    """The values that a name stands for. Raises ArchError (unknown-name)."""
    if name in graph.bound:
        return tuple(graph.bound[name])
    for spec in graph.inputs:
        if spec.name == name:
            return (Port(spec.node),)

    at = [node for node in graph if node.name == name]
    if at:
        # The last of several uses of one module.
        return tuple(Port(at[-1].id, index) for index in range(len(at[-1].outputs)))

    known = [*graph.bound, *(node.name for node in graph)]
    near = did_you_mean(name, known) or (f"the network binds {', '.join(graph.bound)}",)
    raise ArchError(error("unknown-name", f"the network has no `{one_line(name, 80)}`", help=near))


def _is_bundle(graph: Graph, name: str) -> bool:
    if name in graph.bound:
        return len(graph.bound[name]) > 1
    return len(_ports(graph, name)) > 1


def _observing_passed(model: Any, ports: Sequence[Port], names: Sequence[str]) -> ArchModule:
    """The same for a model that went through passes: values that are left as they were.

    Raises ArchError (unknown-name) for one that a pass merged into another.
    """
    graph = fx.Graph()
    copies: dict[fx.Node, fx.Node] = {}
    result = graph.graph_copy(model.graph, copies)

    values = []
    for port, name in zip(ports, names, strict=True):
        found = [node for node in model.graph.nodes if node.meta.get("archlang", {}).get("node") == port.node
                 and node.op != "output" and not node.name.endswith("_pad")]
        if len(found) != 1 or port.index:
            message = f"`{name}` is no value of its own after {', '.join(model.archlang.passes)}"
            raise ArchError(error("unknown-name", message, help="ask the model before it went through that"))
        values.append(copies[found[0]])
    graph.output((result, tuple(values)))
    made = ArchModule(model, graph, type(model).__name__)
    made.meta["inputs"] = model.meta.get("inputs", ())
    return made
