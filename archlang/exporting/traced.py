"""A model in the form that torch's exporters trace: one operation at a time, every one at its place in the file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, fx, nn

from archlang.elaborate.network import Network
from archlang.emit import ArchModule
from archlang.emit.builder import output_names
from archlang.emit.emit import written_loop
from archlang.emit.names import safe
from archlang.exporting.checking import drawn_inputs, example_inputs, fitting
from archlang.graph.ir import Graph
from archlang.shapes import Symbol


class Applied(nn.Module):
    """A function as a module: exporters name operations after the modules around them."""

    def __init__(self, function: Any) -> None:
        super().__init__()
        self.function = function

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function."""
        return self.function(*args, **kwargs)


def placed(model: ArchModule) -> nn.Module:
    """A module that shares the weights of a model; its functions are modules at their paths in the file.

    Parallel members run one by one: grouped operations have no place of their own.
    """
    network: Network = model.archlang.network
    graph = fx.Graph()
    source = model.graph
    # What a pass left is the only form there is; else members are taken one by one.
    if not model.archlang.passes:
        source = written_loop(network.graph, model)
    result = graph.graph_copy(source, {})
    graph.output(result)

    root = nn.Module()
    names: dict[str, nn.Module] = {}
    for node in list(graph.nodes):
        path = node.meta.get("archlang", {}).get("path", "")
        # Sizes and choices among results calculate nothing that a reader would look for.
        if node.op != "call_function" or not path or node.name.startswith("size") or node.target.__name__ == "getitem":
            continue
        name = _free(".".join(map(safe, path.split("."))), model, names)
        names[name] = Applied(node.target)
        node.op, node.target = "call_module", name

    for name, child in _tree(model, names).items():
        root.add_module(name, child)
    for name, parameter in model.named_parameters(recurse=False):
        root.register_parameter(name, parameter)
    for name, buffer in model.named_buffers(recurse=False):
        root.register_buffer(name, buffer)
    made = ArchModule(root, graph, type(model).__name__)
    return made.train(model.training)


def _free(name: str, model: nn.Module, taken: dict[str, nn.Module]) -> str:
    """A path that no module and no other function has."""
    present = {path for path, _ in model.named_modules()}
    candidate, count = name, 1
    while candidate in taken or candidate in present:
        count += 1
        candidate = f"{name}_{count}"
    return candidate


def _tree(model: nn.Module, added: dict[str, nn.Module]) -> dict[str, nn.Module]:
    """The modules right inside a model, with others added further in; the model's own folders stay as they are."""
    tops: dict[str, nn.Module] = {}
    for name, child in model.named_children():
        inside = {path.partition(".")[2]: m for path, m in added.items() if path.partition(".")[0] == name}
        # A folder is copied only where something is put into it: weights stay those of the model.
        tops[name] = child
        if inside:
            tops[name] = _copied(child, inside)
    for path, module in added.items():
        first, _, rest = path.partition(".")
        if first not in tops:
            tops[first] = _copied(nn.Module(), {p.partition(".")[2]: m for p, m in added.items()
                                                if p.partition(".")[0] == first}) if rest else module
    return tops


def _copied(module: nn.Module, added: dict[str, nn.Module]) -> nn.Module:
    """A folder of modules with the same contents and others beside them."""
    folder = nn.Module()
    # A module that is called keeps its class: only folders are made anew.
    if type(module) is not nn.Module:
        folder = module
    for name, child in _tree(module, added).items():
        folder.add_module(name, child)
    return folder


# --- inputs and outputs ---------------------------------------------------------------------------------------------


def dynamic_axes(network: Network) -> dict[str, dict[int, str]]:
    """For each input of the generated code its open axes, by what they are called in the file; the batch first."""
    axes: dict[str, dict[int, str]] = {}
    for spec in network.graph.inputs:
        named = {0: "batch"}
        for axis, size in enumerate(spec.type.dims, start=1):
            if not isinstance(size, int):
                named[axis] = str(size)
        axes[safe(spec.name)] = named
    return axes


def result_names(graph: Graph) -> list[str]:
    """The names of the tensors that a network hands out, in their order: of a bundle `levels.0`, `levels.1` ..."""
    groups = graph.output_groups
    names = output_names(graph)
    found: list[str] = []
    for name, group in zip(names, groups, strict=True):
        if group[0].member is None:
            found.append(name)
        else:
            found += [f"{name}.{member}" for member in range(len(group))]
    return found


def like_weights(model: nn.Module, inputs: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """Inputs in the kind of numbers that a model's weights have."""
    kind = next((p.dtype for p in model.parameters() if p.is_floating_point()), torch.float32)
    return tuple(x.to(kind) if x.is_floating_point() else x for x in inputs)


def batches(graph: Graph) -> list[list[Tensor]]:
    """Inputs of several sizes that a file must take: two batches, and other sizes where those are open."""
    found = [example_inputs(graph, 2), example_inputs(graph, 3, seed=1)]
    if graph.symbols:
        found.append(_larger(graph))
    return found


def _larger(graph: Graph) -> list[Tensor]:
    """Inputs with other numbers for the symbols than `example_inputs` has."""
    return drawn_inputs(graph, {symbol.name: _other(symbol) for symbol in graph.symbols}, 2, seed=2)


def _other(symbol: Symbol) -> int:
    """Another number for a symbol than `fitting` gives, where it may have one."""
    return fitting(symbol, wanted=48)
