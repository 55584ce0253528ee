"""The verb of this room: a checked graph becomes a `torch.fx.GraphModule`."""

from __future__ import annotations

from collections.abc import Sequence

from torch import fx, nn

from archlang.diagnostics import ArchError, error
from archlang.emit.audit import audit_module
from archlang.emit.grouped import GroupingBuilder
from archlang.emit.grouping import Parallel, Unit, plan
from archlang.emit.guard import Expected
from archlang.emit.module import ArchModule
from archlang.emit.record import Record
from archlang.emit.weights import build_modules
from archlang.graph.ir import Graph, Port


def emit(graph: Graph, *, seed: int = 0, taps: bool = False, parallel: Parallel = "auto") -> ArchModule:
    """The module of a checked graph, in training mode, float32, on the CPU.

    `taps` adds a dict of what can be looked at inside. `parallel` says how equal members of a parallel part run: one
    by one (`loop`), as one grouped or batched operation (`grouped`), or whichever measured faster (`auto`); weights
    and their names are the same in all three. What runs as one reads the members' weights and does not call their
    modules: whoever hooks or exchanges members' modules (`SyncBatchNorm`) compiles with `loop`.
    """
    modules, units = build_modules(graph, seed), plan(graph, parallel)
    module = ArchModule(modules, _write(graph, modules, units, taps), _class_name(graph.name))
    if any(len(unit) > 1 for unit in units):
        module.meta["loop"] = _write(graph, modules, plan(graph, "loop"), taps)
    module.meta["inputs"] = tuple(Expected(i.name, i.type, graph.node(i.node).span) for i in graph.inputs)
    module.archlang = _record(graph, seed)
    strange = audit_module(module)
    if strange:
        raise ArchError(error("internal-error", f"the generated code holds {strange[0]}"))
    return module


def observing(model: nn.Module, graph: Graph, ports: Sequence[Port], parallel: Parallel = "auto") -> ArchModule:
    """A module that shares the weights of a graph's model and gives `(outputs, (the values of ports, ...))`.

    It follows the model in everything: device, kind of numbers, mode, and what a training does to it. What is cut into
    patches comes as it runs, the patches of all samples one after the other: [batch * patches, ...].
    """
    made = ArchModule(model, _write(graph, model, plan(graph, parallel), False, ports), _class_name(graph.name))
    made.meta["inputs"] = tuple(Expected(i.name, i.type, graph.node(i.node).span) for i in graph.inputs)
    return made.train(model.training)


def _write(graph: Graph, modules: nn.Module, units: tuple[Unit, ...], taps: bool,
           ports: Sequence[Port] = ()) -> fx.Graph:
    builder = GroupingBuilder(graph, modules)
    for unit in units:
        if unit[0].op.name != "input":
            builder.unit(unit)
    return builder.finish(taps, ports)


def _class_name(name: str) -> str:
    return name if name.isidentifier() and name.isascii() else "Network"


def _record(graph: Graph, seed: int) -> Record:
    first = graph.inputs[0]
    labels = graph.plan.labels if graph.plan is not None else None
    return Record(None, seed, labels=labels, mean=first.mean, std=first.std)
