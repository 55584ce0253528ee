"""A graph of one's own for a model: copied where the model is a graph, traced and checked where it is none."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from torch import fx, nn

from archlang.diagnostics import ArchError, error
from archlang.emit.module import ArchModule
from archlang.rewrite.copies import shadow
from archlang.rewrite.example_inputs import guessed_inputs
from archlang.rewrite.exported import copied_export, exported_graph, is_exported
from archlang.rewrite.stored import hooked
from archlang.rewrite.tracing import TraceOptions, traced
from archlang.rewrite.witness import Witness, witness_of

Preparation = Callable[[nn.Module], bool]
"""A change of a copy of a model before it is traced; whether something was changed."""


@dataclass(frozen=True)
class OwnGraph:
    """A graph that belongs to nobody else, and the model's own results where it could be run."""

    module: fx.GraphModule
    witness: Witness | None = None


def copied(module: nn.Module) -> fx.GraphModule:
    """A graph of its own for a module, with the same names of nodes each time. Raises ArchError as `own_graph` does."""
    return own_graph(module).module


def own_graph(module: nn.Module, inputs: Sequence[Any] | None = None,
              prepared: Preparation = lambda module: False) -> OwnGraph:
    """A graph of its own for a module. A model that is no graph is traced, and the graph is run beside it.

    `inputs` is an example of its inputs; without one, inputs are guessed. With one, torch.export is tried where
    torch.fx makes no graph, or another one.

    Raises ArchError: not-traceable, unsupported-module, input-shape.
    """
    module = unwrapped(module)
    # Before hooks are looked at: torch.export keeps its checks of the inputs as hooks.
    if is_exported(module):
        return _witnessed(module, copied_export(module), inputs, prepared)
    if hooked(module):
        raise ArchError(error("unsupported-module", "hooks on a whole model would be lost in rewriting it",
                              help="take them off, rewrite the model, and put them on the new one"))
    # Members that run as one grouped operation have no nodes of their own; the loop over them has.
    if isinstance(module, ArchModule) and "loop" in module.meta:
        return _witnessed(module, _ungrouped(module), inputs, prepared)
    if isinstance(module, fx.GraphModule):
        return _witnessed(module, _graph_copy(module), inputs, prepared)
    return _Attempts(module, inputs, prepared).best()


def unwrapped(module: nn.Module) -> nn.Module:
    """The model inside torch.compile's and the parallel wrappers, which compute nothing of their own.

    Raises ArchError (unsupported-module) for hooks on a wrapper.
    """
    wrappers = (nn.DataParallel, nn.parallel.DistributedDataParallel)
    while isinstance(module, wrappers) or hasattr(module, "_orig_mod"):
        if hooked(module):
            raise ArchError(error("unsupported-module", "hooks on the wrapper of a model would be lost"))
        inner: Any = module.module if isinstance(module, wrappers) else module._orig_mod
        module = inner
    return module


def _witnessed(model: nn.Module, graph: fx.GraphModule, inputs: Sequence[Any] | None,
               prepared: Preparation) -> OwnGraph:
    """A copy of a graph, with the results of the original where an example of its inputs is given."""
    prepared(graph)
    if inputs is None:
        return OwnGraph(graph)
    return OwnGraph(graph, witness_of(model, inputs, list))


def _graph_copy(module: fx.GraphModule) -> fx.GraphModule:
    """A deep copy, of tensors that are results too."""
    made: Any = shadow(module)
    return made  # type: ignore[no-any-return]


def _ungrouped(module: ArchModule) -> ArchModule:
    """The same network with its parallel members one by one: that is where patterns are looked for."""
    twin = copy.deepcopy(module)
    made = ArchModule(twin, twin.meta.pop("loop"), type(module).__name__)
    made.meta.update(twin.meta)
    return made.train(module.training)


class _Attempts:
    """Ways to make a graph of a model, one after the other, until one of them computes what the model does."""

    def __init__(self, model: nn.Module, inputs: Sequence[Any] | None, prepared: Preparation) -> None:
        self.model, self.inputs = model, inputs
        self.source = shadow(model)
        # Baked weights are those of the copy; the model itself stays the witness.
        if not prepared(self.source):
            self.source = model
        self.witness: Witness | None = None
        self.failures: list[ArchError] = []
        self.differences: list[str] = []

    def best(self) -> OwnGraph:
        """The first graph that computes what the model does. Raises ArchError: not-traceable, input-shape."""
        waiting = [TraceOptions(given=len(self.inputs or ()))]
        # Optional numbers are traced values first; where they decide what is computed, their defaults are a second try.
        if _has_optional_numbers(self.model):
            waiting.append(replace(waiting[0], numbers=True))
        tried: set[TraceOptions] = set()
        while waiting:
            options = waiting.pop(0)
            tried.add(options)
            graph, moves_buffers = self._traced(options)
            if graph is not None:
                return OwnGraph(graph, self.witness)

            # Read once while tracing, a buffer that the model changes would be a constant of the graph.
            again = replace(options, buffers=True)
            if (moves_buffers or any(True for _ in self.model.buffers())) and again not in {*tried, *waiting}:
                waiting.append(again)

        # torch.export runs the model, so it needs an example, and guessed inputs are no promise.
        if self.inputs is not None:
            graph = self._exported(self.inputs)
            if graph is not None:
                return OwnGraph(graph, self.witness)
        raise self._refusal()

    def _traced(self, options: TraceOptions) -> tuple[fx.GraphModule | None, bool]:
        """The graph of one attempt, None where it is none or another; whether buffers moved while it was traced."""
        try:
            trace = traced(self.source, options)
        except ArchError as failure:
            self.failures.append(failure)
            return None, False

        if trace.moves_buffers and not options.buffers:
            self.differences.append("it changes its buffers")
            return None, True
        if trace.doubts:
            self.differences += trace.doubts
            return None, False

        graph = trace.module(type(self.model).__name__)
        if self.witness is None:
            self.witness = witness_of(self.model, self.inputs, lambda: guessed_inputs(graph))
        if self.witness is None:
            return graph, False  # no inputs were given and none could be guessed

        said = self.witness.difference(graph)
        # Results without gradients agree in numbers and still cannot be trained on.
        if not said and trace.without_grad and not self.witness.same_gradients(graph):
            said = "its gradients differ"
        if said:
            self.differences.append(said)
            return None, False
        return graph, False

    def _exported(self, inputs: Sequence[Any]) -> fx.GraphModule | None:
        """The graph of torch.export, None where there is none or it computes something else."""
        if any(hooked(inner) for inner in self.source.modules()):
            return None  # torch.export would call hooks and forget them
        try:
            graph = exported_graph(self.source, inputs)
        except Exception as failure:
            said = (str(failure).strip().partition("\n")[0] or type(failure).__name__)[:200]
            self.differences.append(f"torch.export fails: {said}")
            return None

        graph.training = self.model.training  # its own `eval` refuses to say so
        if self.witness is None:
            self.witness = witness_of(self.model, inputs, list)
        if self.witness is None:
            said = ""
        else:
            said = self.witness.difference(graph)
        if said:
            self.differences.append(f"the graph of torch.export: {said}")
            return None
        return graph

    def _refusal(self) -> ArchError:
        """The reasons of all attempts as one error; the first that failed has a place."""
        # Without an example, torch.export was not tried: the first failure is the most telling.
        if self.failures and (not self.differences or self.inputs is None):
            first = self.failures[0].diagnostics[0]
            return ArchError(replace(first, notes=(*first.notes, *self.differences)))

        first_said, *others = self.differences
        help = "torch.export takes more: give an example of its inputs, `fuse(model, inputs)`"
        return ArchError(error(
            "not-traceable", f"a graph of this {type(self.model).__name__} computes something else: {first_said}",
            notes=list(dict.fromkeys(others)), help=() if self.inputs is not None else help))


def _has_optional_numbers(model: nn.Module) -> bool:
    """Tell whether a model's `forward` has optional arguments that are numbers."""
    try:
        given = inspect.signature(type(model).forward).parameters.values()
    except (TypeError, ValueError):
        return False
    # True and False are numbers to Python, but choices to a model.
    defaults = [p.default for p in given if p.default is not inspect.Parameter.empty]
    return any(isinstance(d, int | float) and not isinstance(d, bool) for d in defaults)

