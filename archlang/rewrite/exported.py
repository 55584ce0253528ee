"""Graphs of torch.export: which modules are one, how they are copied, and how a model becomes one."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Sequence
from typing import Any, TypeGuard

import torch
from torch import Tensor, fx, nn
from torch.utils import _pytree as pytree

from archlang.emit.module import ArchModule
from archlang.rewrite.copies import fresh, shadow
from archlang.rewrite.randomness import random_state

_HOOK_TABLES = ("_forward_pre_hooks", "_forward_pre_hooks_with_kwargs", "_forward_hooks")


def is_exported(module: nn.Module) -> TypeGuard[fx.GraphModule]:
    """Tell whether a module is a graph of torch.export, whose operations say themselves whether they train.

    It calls no modules but the guards of its inputs; a part under torch.no_grad or torch.autocast is a graph in it.
    """
    # archlang's own modules are graphs as well, but they are switched by `train` and `eval`.
    if not isinstance(module, fx.GraphModule) or isinstance(module, ArchModule):
        return False
    called = [module.get_submodule(str(n.target)) for n in module.graph.nodes if n.op == "call_module"]
    operations = [n.target for n in module.graph.nodes if n.op == "call_function"]
    plain = all(type(m).__name__ == "GuardsFn" for m in called)
    kinds = (torch._ops.OpOverload, torch._ops.HigherOrderOperator)
    return plain and any(isinstance(target, kinds) for target in operations)


def copied_export(module: fx.GraphModule) -> fx.GraphModule:
    """A copy with what torch.export checks of the inputs, which it keeps in hooks and attributes of the module."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # torch's own, of its trees
        made = copy.deepcopy(module)
    # A deep copy of a graph module keeps the graph and the tensors, and no other attribute.
    for name, value in vars(module).items():
        if name not in vars(made):
            setattr(made, name, value)
    for name in _HOOK_TABLES:
        getattr(made, name).update(getattr(module, name))
    return made


def exported_graph(module: nn.Module, inputs: Sequence[Any]) -> fx.GraphModule:
    """The graph that torch.export makes of a copy of a module, for inputs of other sizes too where the model allows.

    Raises whatever torch.export does.
    """
    example = fresh(inputs)
    open_sizes = pytree.tree_map(_open_sizes, example)
    with random_state(), warnings.catch_warnings():
        # torch warns of its own internals here, of which the caller can change nothing.
        warnings.simplefilter("ignore")
        try:
            program = torch.export.export(shadow(module), example, dynamic_shapes=open_sizes)
        except Exception:
            # A model that is written for one size: the graph then holds for that one.
            program = torch.export.export(shadow(module), example)
        made: Any = program.module()
    return made  # type: ignore[no-any-return]


def _open_sizes(leaf: Any) -> Any:
    """Every size of a tensor open, as far as the model lets it be."""
    if not isinstance(leaf, Tensor):
        return None
    return [torch.export.Dim.AUTO] * leaf.dim()

