"""A network with other values of its dials: what source with dials for arguments is found on, and tried with."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from archlang.diagnostics import ArchError
from archlang.elaborate.network import Network, loads
from archlang.emit.emit import written_loop
from archlang.emit.weights import build_modules
from archlang.exporting.checking import built
from archlang.exporting.scopes import beside_lists
from archlang.exporting.steps import Program, program_of
from archlang.graph.ir import Graph

PROBES = 4
"""Values of a dial that its expressions are found on, beside its own."""
FEWEST = 2
"""As few are enough where no others fit the network, as for what divides a width."""

Dials = Mapping[str, object]
"""The dials of a network by name."""
Variants = dict[str, list[tuple[Dials, Program]]]
"""For each dial the network with other values of it."""
Held = dict[str, tuple[Dials, Graph]]
"""For each dial the network with one more value."""


def program_of_graph(graph: Graph) -> Program:
    """The steps of a network, its members one by one; nothing is allocated."""
    modules = _modules(graph)
    return beside_lists(program_of(modules, written_loop(graph, modules), graph, fresh=True))


class _Undrawn(TorchFunctionMode):
    """The stretch in which no normal numbers are drawn: on the device `meta` torch loads its compiler for that."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = kwargs or {}
        if func in (Tensor.normal_, nn.init.normal_):
            return (*args, given.get("tensor"))[0]
        return func(*args, **given)


def _modules(graph: Graph) -> nn.Module:
    """The modules of a network, of which nothing is allocated."""
    with _Undrawn():
        return build_modules(graph, 0, "meta")


def variants(network: Network) -> tuple[Variants, Held]:
    """The network with other values of each number among its dials, and with one that is held back to try the rest."""
    found: Variants = {}
    held: Held = {}
    for name, value in network.dials.items():
        networks = list(_networks(network, name, value))
        # What is held back must not be missing elsewhere.
        if len(networks) > FEWEST:
            held[name] = networks.pop()
        if len(networks) >= FEWEST:
            found[name] = [(dials, program_of_graph(graph)) for dials, graph in networks]
    return found, held


def _networks(network: Network, name: str, value: object) -> Iterator[tuple[Dials, Graph]]:
    """The graphs for other values of a dial, of those that fit the network."""
    count = 0
    for other in others(value):
        dials = {**network.dials, name: other}
        given = {key: each for key, each in dials.items() if each != network.dials[key]}
        try:
            made = loads(network.text, given, limits=network.limits.of_whole, catalogue=network.catalogue)
        except ArchError:
            continue
        yield dials, made.graph
        count += 1
        if count > PROBES:
            return


def others(value: object) -> list[object]:
    """Other values of a dial, more than are needed: some may not fit the network.

    >>> others(True), others(0.5)[:2], others(2)[:4]
    ([], [0.25, 0.16666666666666666], [3, 4, 5, 6])
    """
    if type(value) is int:
        # A count leads to more of all, so that small ones come first; of a width whatever divides it.
        near = [*range(value + 1, value + 13), value + 18, value + 24, value + 27, value - 6, value - 9]
        far = [2 * value, 3 * value, 4 * value, value // 2, value // 4, value - 1]
        return [other for other in dict.fromkeys((*near, *far)) if other != value and other * value > 0]
    if type(value) is float:
        return [value / 2, value / 3, value / 4, value / 5, value / 6]
    return []


def fits(source: str, dials: Dials, graph: Graph) -> bool:
    """Tell whether the class of a source, built with these dials, has the weights of a graph by name and shape."""
    try:
        with _Undrawn(), torch.device("meta"):
            made = built(source, _taken(source, dials))
    except Exception:  # whatever it is: the source is not what it should be
        return False
    return _weights(made) == _weights(_modules(graph))


def _taken(source: str, dials: Dials) -> Dials:
    """The dials that are arguments of the network's class; others change nothing in it."""
    network = [node for node in ast.parse(source).body if isinstance(node, ast.ClassDef)][-1]
    makers = [node for node in network.body if isinstance(node, ast.FunctionDef) and node.name == "__init__"]
    names = {argument.arg for maker in makers for argument in maker.args.args}
    return {name: value for name, value in dials.items() if name in names}


def _weights(module: nn.Module) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}
