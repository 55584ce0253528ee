"""Weights of a torch model under the names of the file that was made of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor

from archlang.diagnostics import ArchError, error
from archlang.elaborate.network import Network
from archlang.emit import module_name
from archlang.importing.steps import Origin, State, Step


def origins(network: Network, steps: Sequence[Step]) -> dict[str, Origin]:
    """For each weight of a network, by its name in the `state_dict`, where its numbers come from.

    The steps are those of the file, in its order. Raises `ArchError` (internal-error) where they are not.
    """
    # The file has its modules in the order of its steps; that both agree is checked for each.
    weighted = [step for step in steps if step.weights]
    modules = network.graph.modules()
    if len(weighted) != len(modules):
        raise _unlike(f"{len(modules)} modules with weights, and the torch model has {len(weighted)}")

    found: dict[str, Origin] = {}
    for step, (path, node) in zip(weighted, modules.items(), strict=True):
        wanted = {weight.name for weight in network.graph.weights(node)}
        if node.op.name != step.op or wanted != set(step.weights):
            raise _unlike(f"`{module_name(path)}` is `{node.op.name}` with {sorted(wanted)}, where the torch model has "
                          f"`{step.op}` with {sorted(step.weights)}")
        found |= {f"{module_name(path)}.{name}": origin for name, origin in step.weights.items()}
    return found


def taken(origins: Mapping[str, Origin], state: State) -> dict[str, Tensor]:
    """The tensors of a network, read from the state of the torch model, with whose tensors they may share memory."""
    return {name: origin.read(state).detach() for name, origin in origins.items()}


def _unlike(said: str) -> ArchError:
    return ArchError(error("internal-error", f"the imported file has {said}"))
