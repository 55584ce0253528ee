"""The verb of this room: a checked graph becomes a `torch.fx.GraphModule`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import fx, nn

from archlang.diagnostics import ArchError, error
from archlang.emit.audit import audit_module
from archlang.emit.grouped import GroupingBuilder
from archlang.emit.grouping import PARALLEL, Unit, Ways, as_written, nodes_of, plan
from archlang.emit.guard import Expected
from archlang.emit.module import ArchModule
from archlang.emit.weights import build_modules
from archlang.graph.ir import Graph, Port
from archlang.record import Record


def emit(
    graph: Graph, *, seed: int = 0, taps: bool = False, parallel: Ways = "auto",
    device: str | torch.device | None = None, dtype: torch.dtype | None = None,
) -> ArchModule:
    """Make the module of a checked graph, in training mode.

    Weights and their names are the same for every `parallel`. Members that run as one have their weights read and their
    modules not called: whoever hooks or exchanges members' modules (`SyncBatchNorm`) compiles with `loop`.

    Args:
        graph: the checked graph.
        seed: the seed of the weights.
        taps: add a dict of the values that can be looked at inside.
        parallel: run equal members of a parallel part one by one (`loop`), as one grouped or batched operation
            (`grouped`), or in the way that measured faster (`auto`); or one of these for each part by its module path.
        device: where its weights lie; torch's default device if None. They are the same on every device.
        dtype: their kind of numbers; torch's default one if None.

    Raises `ArchError` (internal-error) if the generated code holds more than it may.
    """
    place = torch.device(device if device is not None else torch.get_default_device())
    # Drawn on the CPU, whose generator is the same everywhere; on `meta` nothing is drawn.
    built_on = "cpu"
    if place.type == "meta":
        built_on = "meta"
    modules = build_modules(graph, seed, built_on).to(device=place, dtype=dtype)
    units = plan(graph, parallel)
    module = ArchModule(modules, _write(graph, modules, units, taps), _class_name(graph.name))

    # Passes that look at single operations start from the form without grouping.
    if not all(as_written(unit) for unit in units):
        module.meta["loop"] = _write(graph, modules, plan(graph, "loop"), taps)
    module.meta["inputs"] = _expected(graph)
    module.archlang = _record(graph, seed)

    problems = audit_module(module)
    if problems:
        raise ArchError(error("internal-error", f"the generated code holds {problems[0]}"))
    return module


def observing(model: nn.Module, graph: Graph, ports: Sequence[Port], parallel: Ways = "auto") -> ArchModule:
    """Make a module that shares the weights of a graph's model and gives `(outputs, (the values of ports, ...))`.

    It follows the model in everything: device, kind of numbers, mode, and what a training does to it. Patches of a map
    come as they run, the patches of all samples one after the other: [batch * patches, ...].
    """
    return around(model, graph, _write(graph, model, plan(graph, parallel), False, ports))


def around(model: nn.Module, graph: Graph, written: fx.Graph) -> ArchModule:
    """Make a module of code that is written for a graph's model: it shares the model's weights and its mode."""
    module = ArchModule(model, written, _class_name(graph.name))
    module.meta["inputs"] = _expected(graph)
    return module.train(model.training)


def rewritten(graph: Graph, model: nn.Module, ways: Ways, taps: bool = False) -> ArchModule:
    """Make a model of a graph whose parallel parts run in other ways, around the same weights.

    It knows its file and its inputs as the given one does.
    """
    units = plan(graph, ways)
    module = ArchModule(model, _write(graph, model, units, taps), _class_name(graph.name))
    if not all(as_written(unit) for unit in units):
        module.meta["loop"] = _write(graph, model, plan(graph, "loop"), taps)

    module.meta["inputs"] = _expected(graph)
    if isinstance(model, ArchModule):
        module.archlang = model.archlang
    return module.train(model.training)


def written_forms(graph: Graph, modules: nn.Module) -> Iterator[fx.Graph]:
    """Write every form that `emit` can give a model: without and with taps, its parallel members in each way."""
    for taps in (False, True):
        for parallel in PARALLEL:
            yield _write(graph, modules, plan(graph, parallel), taps)


def written_loop(graph: Graph, modules: nn.Module) -> fx.Graph:
    """Write the form that runs the members of parallel parts one by one: every operation by itself."""
    return _write(graph, modules, plan(graph, "loop"), False)


def _write(
    graph: Graph, modules: nn.Module, units: tuple[Unit, ...], taps: bool, ports: Sequence[Port] = ()
) -> fx.Graph:
    """Write all units of a graph, and the outputs."""
    builder = GroupingBuilder(graph, modules)
    inputs = {spec.node for spec in graph.inputs}  # written as placeholders already
    for unit in units:
        if nodes_of(unit)[0].id not in inputs:
            builder.unit(unit)
    return builder.finish(taps, ports)


def _expected(graph: Graph) -> tuple[Expected, ...]:
    """The inputs as the file declares them."""
    return tuple(Expected(spec.name, spec.type, graph.node(spec.node).span) for spec in graph.inputs)


def _class_name(name: str) -> str:
    """The name of the module's class; a name with other letters than Python's would not compile."""
    if name.isidentifier() and name.isascii():
        return name
    return "Network"


def _record(graph: Graph, seed: int) -> Record:
    """The record of a fresh model; what normalises the first input, and the class names of its training plan."""
    first = graph.inputs[0]
    labels = None
    if graph.plan is not None:
        labels = graph.plan.labels
    return Record(None, seed, labels=labels, mean=first.mean, std=first.std)
