"""Rewritings: torch.fx module in, torch.fx module out, the same results computed with less."""

from __future__ import annotations

import copy
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, fx, nn
from torch.fx.passes.shape_prop import ShapeProp

from archlang.diagnostics import ArchError, error
from archlang.emit.module import ArchModule
from archlang.passes.base import Pass
from archlang.rewrite.copies import fresh
from archlang.rewrite.exported import copied_export, is_exported
from archlang.rewrite.graphs import OwnGraph, own_graph
from archlang.rewrite.randomness import random_state
from archlang.rewrite.report import FusionReport
from archlang.rewrite.stored import hooked
from archlang.rewrite.witness import without_hooks

_SHAPES = ("tensor_meta", "type")


@dataclass(frozen=True)
class Rewritten:
    """A new module, and what was done to make it. `interface`: the inputs, and the form of the outputs, before that."""

    module: fx.GraphModule
    report: FusionReport
    interface: object = field(default=None, repr=False)


@dataclass(frozen=True)
class Rewriting(Pass[nn.Module, Rewritten]):
    """Base of all rewritings. Called with a model it makes a new one; the old one, its weights, hooks, buffers, the
    example of its inputs and the random numbers stay as they were.

    The base class checks what all rewritings claim: inputs and the form of outputs stay, a second run changes nothing,
    and where the model can be run (on the example, or on inputs that are guessed) the results are the same.
    """

    subject: ClassVar[Literal["network", "model"]] = "model"
    replayed: ClassVar[bool] = True

    verb: ClassVar[str] = "changed"
    """The verb for each part that the report of the pass lists: `folded`."""

    @abstractmethod
    def run(self, module: fx.GraphModule) -> FusionReport:
        """Change a graph in place; it belongs to nobody else."""

    def prepare(self, module: nn.Module) -> bool:  # noqa: ARG002 - most rewritings prepare nothing
        """Change a copy of the model before it becomes a graph; whether something was changed."""
        return False

    def __call__(self, subject: nn.Module, inputs: Sequence[Any] | None = None) -> Rewritten:
        """Rewrite a module that torch.fx or torch.export takes.

        Given `inputs`, an example, the pass knows all shapes; a compiled `.arch` file's it knows anyway. One tensor
        stands for a tuple of one.

        Raises ArchError: what `requires` says; not-traceable, unsupported-module, input-shape; not-equal.
        """
        # A tensor is a sequence too, and would be taken for a batch of inputs.
        if isinstance(inputs, Tensor):
            inputs = (inputs,)
        return super().__call__(subject, inputs)

    def applied(self, subject: nn.Module, inputs: Sequence[Any] | None) -> Rewritten:
        """Run the pass on a graph of the model, and compare results."""
        own = own_graph(subject, inputs, self.prepare)
        module = own.module
        # Shapes are noted before the pass runs: it may ask for the rank of any node.
        if inputs is not None:
            note_shapes(module, inputs)

        interface = _interface(module)
        report = replace(self.run(module), verb=self.verb)
        module.graph.lint()
        module.recompile()

        if _interface(module) == interface:  # else `ensures` has more to say than that results differ
            report = replace(report, compared=_compared(self.name, own))
        module.meta["report"] = report
        if isinstance(module, ArchModule):
            self._record(module, report)
        return Rewritten(module, report, interface)

    def ensures(self, before: nn.Module, after: Rewritten) -> list[str]:  # noqa: ARG002 - see `interface`
        """Inputs and the form of outputs stay, and a second run finds nothing to do."""
        claims = []
        if _interface(after.module) != after.interface:
            claims.append("it changed what goes in or comes out")
        elif self.run(after.module):
            claims.append("it found work on its second run")
        return claims

    def _record(self, module: ArchModule, report: FusionReport) -> None:
        """Write into the model's record what was done, as a model file names it and repeats it."""
        name = str(self)
        if not report.repeatable:

            name += " by the state of one model"  # no file can repeat that, and none will say that it could
        # A second run of the same pass has nothing to add.
        if module.archlang.passes[-1:] != (name,):
            module.archlang = module.archlang.after(name)


def note_shapes(module: fx.GraphModule, inputs: Sequence[Any]) -> None:
    """Note in a graph's nodes the shapes of what they give for an example of inputs.

    A copy is run, for running may change buffers, and without the hooks of its modules; behind one with hooks, which
    may change shapes, nothing is known.
    """
    if is_exported(module):
        twin = copied_export(module)
    else:
        twin = copy.deepcopy(module)
    nodes = list(zip(module.graph.nodes, twin.graph.nodes, strict=True))
    unknown = _behind_hooks(module)
    # The pairs were formed before: without hooks the copy's graph is the same, but running may replace it.
    without_hooks(twin)

    with random_state(), torch.no_grad():
        ShapeProp(twin).propagate(*fresh(inputs))
    for node, other in nodes:
        if node not in unknown:
            node.meta.update({key: other.meta[key] for key in _SHAPES if key in other.meta})


def _behind_hooks(module: fx.GraphModule) -> set[fx.Node]:
    """The nodes that read, over however many others, what a module with hooks gives; and that module's call."""
    unknown: set[fx.Node] = set()

    for node in module.graph.nodes:
        if node.op == "call_module":
            called = module.get_submodule(str(node.target))
        else:
            called = None
        here = called is not None and any(hooked(inner) for inner in called.modules())
        if here or unknown & set(node.all_input_nodes):
            unknown.add(node)
    return unknown


def _compared(name: str, own: OwnGraph) -> bool:
    """Tell whether the rewritten graph was compared with the model. Raises ArchError (not-equal) where they differ."""
    if own.witness is None:
        return False
    said = own.witness.doubt(own.module)
    if said:
        raise ArchError(error("not-equal", f"after the pass `{name}` {said}",
                              help="this is a mistake in archlang; nothing was changed"))
    return True


def _interface(module: fx.GraphModule) -> object:
    """The inputs, and the form of the outputs."""
    entering = [(n.target, n.args) for n in module.graph.nodes if n.op == "placeholder"]
    # The nodes themselves are new ones; only the form (tuples, names, None) must stay.
    (last,) = (n for n in module.graph.nodes if n.op == "output")
    return entering, fx.map_arg(last.args, lambda node: None)
