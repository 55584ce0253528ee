"""A model and what left archlang, compared in numbers: nothing is written that gives other results."""

from __future__ import annotations

import copy
import linecache
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from archlang.diagnostics import ArchError, error
from archlang.diagnostics.text import one_line
from archlang.emit import ArchModule
from archlang.graph.ir import Graph
from archlang.shapes import Symbol, substitute

TOLERANCE = 1e-9
"""Largest difference in float64 as a share of 1 + the largest value: what another order of sums may make."""
SAMPLES = 2


@dataclass(frozen=True)
class Check:
    """The outcome of a comparison: the largest difference, the largest value, how many gradients were compared."""

    error: float
    largest: float
    gradients: int = 0

    def __str__(self) -> str:
        compared = ""
        if self.gradients:
            compared = f" and {self.gradients} gradients"
        return f"outputs{compared} equal to {self.error:.1g}, the largest is {self.largest:.3g}"


def differs(message: str, *notes: str) -> ArchError:
    """The error of something that is not equal to its model (exit status 3)."""
    return ArchError(error("not-equal", message, notes=notes, help="nothing was written; please report it"))


def example_inputs(
    graph: Graph, samples: int = SAMPLES, seed: int = 0, dtype: torch.dtype = torch.float64
) -> list[Tensor]:
    """A batch for every input of a graph: normal numbers, or whole ones of its range.

    Open sizes get the smallest number from 32 on that their bounds allow.
    """
    return drawn_inputs(graph, {symbol.name: fitting(symbol) for symbol in graph.symbols}, samples, seed, dtype)


def drawn_inputs(
    graph: Graph, sizes: dict[str, int], samples: int, seed: int, dtype: torch.dtype = torch.float64
) -> list[Tensor]:
    """A batch for every input of a graph, whose symbols have these sizes."""
    generator = torch.Generator().manual_seed(seed)
    inputs = []
    for spec in graph.inputs:
        shape = (samples, *(substitute(size, sizes) for size in spec.type.dims))
        if spec.type.range is None:
            inputs.append(torch.randn(shape, generator=generator, dtype=dtype, device="cpu"))
        else:
            most = substitute(spec.type.range, sizes)
            inputs.append(torch.randint(0, most, shape, generator=generator, device="cpu"))
    return inputs


def fitting(symbol: Symbol, wanted: int = 32) -> int:
    """A number that a symbol may be, near the one that is wanted.

    >>> fitting(Symbol("H", divisor=7)), fitting(Symbol("H", high=16)), fitting(Symbol("H", low=100))
    (35, 16, 100)
    """
    near = max(symbol.low, min(wanted, symbol.high))
    up = -(-near // symbol.divisor) * symbol.divisor
    if up <= symbol.high:
        return up
    return symbol.high // symbol.divisor * symbol.divisor


def perturbed(model: nn.Module, seed: int = 0) -> nn.Module:
    """A copy of a model in float64 on the CPU, its numbers moved so that none are alike: equal by accident is nothing.

    Statistics stay positive where they were.
    """
    twin = copy.deepcopy(model).to("cpu").double()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for tensor in twin.state_dict().values():
            if tensor.is_floating_point():
                noise = torch.rand(tensor.shape, generator=generator, dtype=torch.float64, device="cpu")
                tensor.mul_(0.9 + 0.2 * noise).add_((noise - 0.25) * 0.05)
    return twin


# --- source ---------------------------------------------------------------------------------------------------------


def executed(source: str, name: str = "<exported>") -> dict[str, Any]:
    """The names that a source defines, once it ran."""
    # Python shows the failing line of what it finds here.
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    module = ModuleType("exported")
    code = compile(source, name, "exec", dont_inherit=True)
    # Dataclasses look their module up while they are made.
    before = sys.modules.get("exported")
    sys.modules["exported"] = module
    try:
        exec(code, vars(module))
    finally:
        del sys.modules["exported"]
        if before is not None:
            sys.modules["exported"] = before
    return vars(module)


def built(source: str, dials: Mapping[str, object] | None = None) -> nn.Module:
    """The network of a source: its last class."""
    space = executed(source)
    kinds = [value for value in space.values() if isinstance(value, type) and issubclass(value, nn.Module)
             and value.__module__ == "exported"]
    made: nn.Module = kinds[-1](**(dials or {}))
    return made


def check_source(source: str, model: ArchModule, dials: Mapping[str, object] | None = None) -> Check:
    """Run a source and compare it with its model: names of weights, outputs and gradients in float64, both modes.

    `dials` are arguments for the source's network, where the model has other ones than those it was written for. Raises
    ArchError (not-equal).
    """
    twin = perturbed(model)
    try:
        with torch.random.fork_rng(devices=[]):
            made = built(source, dials).double()
    except Exception as problem:
        raise differs(f"the source does not run: {one_line(f'{type(problem).__name__}: {problem}', 200)}") from problem
    _same_names(made, twin)
    made.load_state_dict(twin.state_dict(), strict=True)
    inputs = example_inputs(model.archlang.network.graph)

    # What a pass made is for inference: its batch norms are gone, and training it would mean something else.
    modes = [False, True]
    if model.archlang.passes:
        modes = [False]
    try:
        checks = [_compared(twin, made, inputs, mode) for mode in modes]
    except ArchError:
        raise
    except Exception as problem:
        raise differs(f"the source does not run: {one_line(f'{type(problem).__name__}: {problem}', 200)}") from problem
    return Check(max(c.error for c in checks), max(c.largest for c in checks), max(c.gradients for c in checks))


def _same_names(made: nn.Module, model: nn.Module) -> None:
    """Compare names and shapes of weights."""
    ours = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    theirs = {name: tuple(tensor.shape) for name, tensor in made.state_dict().items()}
    if ours != theirs:
        different = sorted(set(ours.items()) ^ set(theirs.items()))
        raise differs(f"the source has other weights than the model: `{different[0][0]}`")

    learned = {name for name, _ in model.named_parameters()} ^ {name for name, _ in made.named_parameters()}
    if learned:
        raise differs(f"`{sorted(learned)[0]}` is learned in one of them alone")


def _compared(model: nn.Module, made: nn.Module, inputs: Sequence[Tensor], training: bool) -> Check:
    """Compare outputs, gradients and what is remembered, in one mode."""
    results = []
    for module in (model, made):
        module.train(training)
        module.zero_grad()
        given = [x.clone().requires_grad_(x.is_floating_point()) for x in inputs]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            leaves = list(_tensors(module(*given)))
        _backward(leaves)
        gradients = {name: p.grad for name, p in module.named_parameters()}
        entering = [x.grad for x in given if x.is_floating_point()]
        buffers = {name: b.detach().clone() for name, b in module.named_buffers()}
        results.append((leaves, gradients, entering, buffers))

    (ours, our_grads, our_in, our_buffers), (theirs, their_grads, their_in, their_buffers) = results
    mode = "training" if training else "evaluation"
    errors = [_error(a, b, f"an output in {mode} mode") for a, b in zip(ours, theirs, strict=True)]
    errors += [_error(our_grads[n], their_grads[n], f"the gradient of `{n}`") for n in our_grads]
    errors += [_error(a, b, "the gradient of an input") for a, b in zip(our_in, their_in, strict=True)]
    errors += [_error(our_buffers[n], their_buffers[n], f"`{n}` after a step") for n in our_buffers]
    largest = max((float(t.detach().abs().max()) for t in ours if t.numel()), default=0.0)
    return Check(max(errors, default=0.0), largest, sum(g is not None for g in our_grads.values()))


def _tensors(result: Any) -> Iterator[Tensor]:
    """The tensors of a result in order; of a dict by its keys."""
    for leaf in pytree.tree_leaves(result):
        if isinstance(leaf, Tensor):
            yield leaf


def _backward(leaves: Sequence[Tensor]) -> None:
    """Send gradients back that differ from number to number."""
    generator = torch.Generator().manual_seed(1)
    total: Any = 0
    for leaf in leaves:
        if leaf.requires_grad:
            total = total + (leaf * torch.rand(leaf.shape, generator=generator, dtype=leaf.dtype, device="cpu")).sum()
    if isinstance(total, Tensor):
        torch.autograd.backward(total)


def _error(ours: Tensor | None, theirs: Tensor | None, what: str) -> float:
    """The largest difference of two tensors. Raises ArchError (not-equal) where it is more than rounding."""
    if ours is None or theirs is None:
        if ours is not theirs:
            raise differs(f"{what} is there in one of them alone")
        return 0.0
    if ours.shape != theirs.shape:
        raise differs(f"{what} has another shape")
    if not ours.numel():
        return 0.0

    one, other = ours.detach().double(), theirs.detach().double()
    if not torch.equal(one.isfinite(), other.isfinite()):
        raise differs(f"{what} is not finite in one of them alone")
    finite = one.isfinite()
    if not bool(finite.any()):
        return 0.0
    worst = float((one - other)[finite].abs().max())
    if worst > TOLERANCE * (1 + float(one[finite].abs().max())):
        raise differs(f"{what} differs by {worst:.2e}")
    return worst
