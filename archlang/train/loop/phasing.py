"""A phase put into force on a model: which weights train, which batch norms are frozen, what keys follow."""

from __future__ import annotations

from typing import Any

from torch import nn

from archlang.emit import module_name
from archlang.graph.ir import Graph
from archlang.graph.patterns import names_of, trained
from archlang.graph.plan import Phase
from archlang.layers.patch_experts.keys import Keyed


def named_weights(graph: Graph, model: nn.Module) -> dict[str, nn.Parameter]:
    """A model's weights by the names that its file gives them, which patterns are over."""
    keys = names_of(graph).items()
    return {name: model.get_parameter(f"{module_name(path)}.{weight}") for name, (path, weight) in keys}


def enter(phase: Phase, graph: Graph, model: nn.Module) -> None:
    """Let the weights that a phase trains take gradients, the others none, and the keys follow what it says."""
    weights = named_weights(graph, model)
    training = trained(weights, phase.only, phase.freeze)
    for name, weight in weights.items():
        weight.requires_grad_(name in training)

    decay: Any = None
    if phase.keys is not None:
        decay = phase.keys.args["decay"]
    for module in model.modules():
        if isinstance(module, Keyed):
            # Frozen keys neither learn nor follow; keys that follow a mean get no gradients beside it.
            is_frozen = not module.keys.requires_grad
            if is_frozen:
                module.follow(None)
                module.keys.requires_grad_(False)  # without a mean to follow they would learn
            else:
                module.follow(decay)


def freeze_statistics(model: nn.Module) -> None:
    """Put the batch norms whose weights are frozen into evaluation mode: their statistics are frozen with them."""
    # Without weights of its own (affine = false) nothing says that a norm is frozen.
    for module in model.modules():
        weights = list(module.parameters(recurse=False))
        if isinstance(module, nn.modules.batchnorm._BatchNorm) and weights:
            module.train(module.training and any(w.requires_grad for w in weights))
