"""What every rewriting of a torch.fx module promises, checked by the class that all of them share."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeGuard

import torch
from torch import fx, nn
from torch.fx.passes.shape_prop import ShapeProp

from archlang.diagnostics import ArchError, error
from archlang.emit.module import ArchModule
from archlang.rewrite.report import Report
from archlang.rewrite.tracing import traced


@dataclass(frozen=True)
class Rewritten:
    """A new module, and what was done to make it."""

    module: fx.GraphModule
    report: Report


@dataclass(frozen=True)
class Pass(ABC):
    """A rewriting: `requires -> run -> ensures`. Fields of a pass are its options.

    Called with a module it makes a new one; the old one, its weights and the random numbers stay as they were. The
    base class checks what all passes claim: inputs and the form of the result stay, and a second run changes nothing.
    """

    name: ClassVar[str]

    def __call__(self, module: nn.Module, inputs: Sequence[torch.Tensor] | None = None) -> Rewritten:
        """Rewrite a module that torch.fx can trace.

        Given `inputs`, an example, the pass knows all shapes; a compiled `.arch` file's it knows anyway.
        Raises ArchError: not-traceable, and whatever `requires` does.
        """
        self.requires(module)
        made = copied(module)
        if inputs is not None:
            with torch.random.fork_rng(devices=[]), torch.no_grad():
                ShapeProp(made).propagate(*inputs)
        signature = _signature(made)
        report = self.run(made)
        made.graph.lint()
        made.recompile()
        self.ensures(made, signature)
        return Rewritten(made, report)

    @abstractmethod
    def requires(self, module: nn.Module) -> None:
        """Raises `ArchError` where the pass makes no sense for a module."""

    @abstractmethod
    def run(self, module: fx.GraphModule) -> Report:
        """Change a module in place; it belongs to nobody else."""

    def ensures(self, module: fx.GraphModule, signature: object) -> None:
        """Compare what came out with what was promised; a broken promise is a mistake in archlang."""
        if _signature(module) != signature:
            raise ArchError(error("internal-error", f"the pass `{self.name}` changed what goes in or comes out"))
        if self.run(module):
            raise ArchError(error("internal-error", f"the pass `{self.name}` found work on its second run"))


def copied(module: nn.Module) -> fx.GraphModule:
    """A graph of its own for a module: traced where it is none, with the same names of nodes each time.

    Raises ArchError: not-traceable, unsupported-module.
    """
    hooks = (module._forward_hooks, module._forward_pre_hooks, module._backward_hooks, module._backward_pre_hooks)
    if exported(module):
        return _exported_copy(module)
    if any(hooks):
        raise ArchError(error("unsupported-module", "hooks on a whole model would be lost in rewriting it",
                              help="take them off, rewrite the model, and put them on the new one"))
    if isinstance(module, ArchModule) and "loop" in module.meta:
        return _ungrouped(module)
    # Old parametrisations keep weights that are calculated, which torch does not copy.
    values = [v for m in module.modules() for v in vars(m).values()]
    memo = {id(v): v.detach().clone() for v in values if isinstance(v, torch.Tensor) and not v.is_leaf}
    return copy.deepcopy(module if isinstance(module, fx.GraphModule) else traced(module), memo)


def exported(module: nn.Module) -> TypeGuard[fx.GraphModule]:
    """Whether a module is a graph of torch.export, whose operations say themselves whether they train."""
    inner = (m for m in module.modules() if m is not module)
    return isinstance(module, fx.GraphModule) and not isinstance(module, ArchModule) and all(
        type(m) is nn.Module or type(m).__name__ == "GuardsFn" for m in inner) and any(
        str(n.target).startswith("aten.") for n in module.graph.nodes)


def _exported_copy(module: fx.GraphModule) -> fx.GraphModule:
    """A copy with what torch.export checks of the inputs, which it keeps in hooks and attributes of the module."""
    made = copy.deepcopy(module)
    for name, value in vars(module).items():
        if name not in vars(made):
            setattr(made, name, value)
    for name in ("_forward_pre_hooks", "_forward_pre_hooks_with_kwargs", "_forward_hooks"):
        getattr(made, name).update(getattr(module, name))
    return made


def _ungrouped(module: ArchModule) -> ArchModule:
    """The same network with its parallel members one by one: that is where patterns are looked for."""
    twin = copy.deepcopy(module)
    made = ArchModule(twin, twin.meta.pop("loop"), type(module).__name__)
    made.meta.update(twin.meta)
    return made.train(module.training)


def _signature(module: fx.GraphModule) -> object:
    """What goes in, and the form of what comes out."""
    entering = [(n.target, n.args) for n in module.graph.nodes if n.op == "placeholder"]
    (last,) = (n for n in module.graph.nodes if n.op == "output")
    return entering, fx.map_arg(last.args, lambda node: None)
