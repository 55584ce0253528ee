"""A model run as it is: what graphs made of it must give too."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from archlang.diagnostics import ArchError, error
from archlang.diagnostics.text import one_line
from archlang.rewrite.copies import fresh, shadow
from archlang.rewrite.exported import copied_export, is_exported
from archlang.rewrite.randomness import random_state, seed_all
from archlang.rewrite.stored import HOOKS

SEED = 20
CALLS = 2
"""A model that counts its calls, or follows its inputs with a running mean, differs in the second one."""

SAME_GRAPH = {torch.float64: 1e-9, torch.float32: 1e-4, torch.float16: 1e-2, torch.bfloat16: 5e-2}
"""Largest difference, as a share of 1 + the largest result, between a model and a graph of the same operations."""
FOLDED = {torch.float64: 1e-8, torch.float32: 1e-3, torch.float16: 3e-2, torch.bfloat16: 2e-1}
"""The same between a model and one whose weights were folded and rounded anew."""
EXACT = 1e-6
"""The same in float64, where the first comparison leaves a doubt."""


@dataclass(frozen=True)
class Results:
    """The tensors that some calls gave, and the buffers afterwards."""

    outputs: tuple[tuple[Tensor, ...], ...]
    buffers: dict[str, Tensor] = field(default_factory=dict)


class Witness:
    """A model's own results on one example of its inputs."""

    def __init__(self, model: nn.Module, inputs: Sequence[Any]) -> None:
        self.model, self.inputs = model, tuple(inputs)
        self.results = run(_twin(model), self.inputs)

    def difference(self, other: nn.Module, allowed: dict[torch.dtype, float] = SAME_GRAPH) -> str:
        """The way in which another module computes something else, in words; empty where it computes the same."""
        try:
            theirs = run(_twin(other), self.inputs)
        except Exception as failure:
            return f"it fails: {one_line(f'{type(failure).__name__}: {failure}', 200)}"
        return _compared(self.results, theirs, allowed)

    def doubt(self, folded: nn.Module) -> str:
        """The way in which a folded module differs from the model by more than rounding; empty where it does not.

        Where weights of few digits leave a doubt, both are run in float64.
        """
        said = self.difference(folded, FOLDED)
        if not said:
            return ""

        inputs = pytree.tree_map(_widened, self.inputs)
        try:
            one, other = (run(_twin(m).double(), inputs) for m in (self.model, folded))
        except Exception:
            return said  # it insists on its dtype

        exact = dict.fromkeys(FOLDED, EXACT)
        # Folded weights were rounded to their dtype; in float64 that rounding alone is left.
        dtype = next((p.dtype for p in folded.parameters() if p.dtype in FOLDED), torch.float64)
        return _compared(one, other, exact | {torch.float64: max(EXACT, SAME_GRAPH[dtype])})

    def same_gradients(self, other: nn.Module) -> bool:
        """Tell whether the same results of two modules can be differentiated."""
        def flags(module: nn.Module) -> list[bool]:
            # The same draws for both, and random numbers that belong to the caller stay where they are.
            with random_state(), torch.enable_grad():
                seed_all(SEED)
                return [t.requires_grad for t in _tensors(without_hooks(module)(*fresh(self.inputs)))]

        return flags(_twin(self.model)) == flags(_twin(other))


def _twin(module: nn.Module) -> nn.Module:
    """A copy that may be run, which changes its buffers."""
    if is_exported(module):
        return copied_export(module)
    return shadow(module)


def run(module: nn.Module, inputs: Sequence[Any]) -> Results:
    """The results of some calls of a module of one's own, its hooks left out; the inputs stay as they are.

    Hooks belong to the caller, who would see them called; a graph keeps modules with hooks whole.
    """
    plain = without_hooks(module)
    with random_state():
        seed_all(SEED)
        try:
            outputs = _called(plain, inputs)
        except RuntimeError as failure:
            # Anything else is the model's own failure.
            if "grad" not in str(failure):
                raise
            with torch.enable_grad():  # a model that differentiates inside needs gradients
                outputs = [_tensors(plain(*fresh(inputs))) for _ in range(CALLS)]

    buffers = {name: buffer.detach().clone() for name, buffer in plain.named_buffers()}
    return Results(tuple(tuple(t.detach() for t in one) for one in outputs), buffers)


def _called(module: nn.Module, inputs: Sequence[Any]) -> list[list[Tensor]]:
    with torch.no_grad():
        # Copied: the second call may overwrite what the first gave.
        return [[t.clone() for t in _tensors(module(*fresh(inputs)))] for _ in range(CALLS)]


def witness_of(model: nn.Module, inputs: Sequence[Any] | None,
               guesses: Callable[[], Iterable[Sequence[Any]]]) -> Witness | None:
    """The model's results on the inputs that are given, or on the first guessed ones that it takes; None for no luck.

    Raises ArchError (input-shape) where the model itself does not take the inputs that are given.
    """
    if any(map(nn.parameter.is_lazy, (*model.parameters(), *model.buffers()))):
        return None  # running it would draw weights
    if inputs is not None:
        try:
            return Witness(model, inputs)
        except Exception as failure:
            said = one_line(f"{type(failure).__name__}: {failure}", 300)
            raise ArchError(error("input-shape", f"the model itself fails on the example of its inputs: {said}",
                                  help="`inputs` is a tuple of what the model is called with")) from failure

    for guess in guesses():
        try:
            return Witness(model, guess)
        except Exception:
            continue  # another shape may fit
    return None


def without_hooks(module: nn.Module) -> nn.Module:
    """The module itself, a copy that belongs to nobody else, without the hooks that its caller put on it."""
    for inner in module.modules():
        for name in HOOKS:
            hooks = getattr(inner, name)
            # A list first: entries go while it is walked through.
            for key in [key for key, hook in hooks.items() if not _calculates_weights(hook)]:
                del hooks[key]
    return module


def _calculates_weights(hook: Any) -> bool:
    """Tell whether a hook is torch's own: weight norm, spectral norm, pruning, and the checks of exported graphs."""
    return str(getattr(hook, "__module__", "") or type(hook).__module__).startswith("torch.")


def _widened(leaf: Any) -> Any:
    if isinstance(leaf, Tensor) and leaf.is_floating_point():
        return leaf.double()
    return leaf


def _tensors(value: Any) -> list[Tensor]:
    """All tensors of a model's results, whatever holds them."""
    # transformers' results are their own dataclasses, which torch's trees do not open.
    if hasattr(value, "to_tuple"):
        plain = value.to_tuple()
    else:
        plain = value
    return [leaf for leaf in pytree.tree_leaves(plain) if isinstance(leaf, Tensor)]


def _compared(one: Results, other: Results, allowed: dict[torch.dtype, float]) -> str:
    """The first difference, in words."""
    for number, (ours, theirs) in enumerate(zip(one.outputs, other.outputs, strict=True)):
        # A difference in the second call only is one of state: it helps to say so.
        if number == 0:
            in_call = ""
        else:
            in_call = " in a second call"
        if len(ours) != len(theirs):
            return f"it gives {len(theirs)} tensors, the model {len(ours)}"
        for a, b in zip(ours, theirs, strict=True):
            said = _differing(a, b, allowed)
            if said:
                return said + in_call

    for name, buffer in one.buffers.items():
        # A buffer that the other one does not have has no part in what it computes.
        if name in other.buffers and _differing(buffer, other.buffers[name], allowed):
            return f"the buffer `{name}` moves otherwise"
    return ""


def _differing(one: Tensor, other: Tensor, allowed: dict[torch.dtype, float]) -> str:
    """The difference of two tensors in words; empty for none."""
    if one.shape != other.shape:
        return f"a result is {list(other.shape)}, of the model {list(one.shape)}"
    if one.dtype != other.dtype:
        return f"a result is {other.dtype}, of the model {one.dtype}"
    # Tensors on the meta device have no numbers, and empty ones none to compare.
    if one.is_meta or other.is_meta or not one.numel():
        return ""
    if not one.is_floating_point():
        if torch.equal(one, other):
            return ""
        return "results differ"

    a, b = one.double(), other.double()
    # Infinite or missing in the same places: they agree there.
    if not torch.equal(a.isfinite(), b.isfinite()):
        return "results are finite in other places"
    finite = a.isfinite()
    error_, largest = (float(t[finite].abs().max()) if bool(finite.any()) else 0.0 for t in (a - b, a))
    if error_ <= allowed.get(one.dtype, 1e-4) * (1 + largest):
        return ""
    return f"results differ by up to {error_:.2g} (the largest is {largest:.2g})"
