"""A compiled network beside its reference: outputs, gradients, statistics, names and numbers of weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from archlang.elaborate import Network, loads
from archlang.emit import emit
from archlang.emit.names import safe
from archlang.shapes import Tensor as Type
from archlang.shapes import substitute
from tests.ops.instantiate import drawn
from tests.reference.machine import Plan, Reference

OUTPUTS, GRADIENTS = 1e-9, 1e-7
VARIANCES = ("running_var", ".variance")


def key(path: tuple[str, ...], name: str) -> str:
    """A weight's name in a `state_dict`."""
    return ".".join((*map(safe, path), name))


def filled(model: nn.Module, seed: int = 0) -> nn.Module:
    """The model in float64, every weight and statistic drawn anew, so that none of them is at a convenient value."""
    draw = torch.Generator().manual_seed(seed)
    model.double()
    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            if not tensor.dtype.is_floating_point:
                continue
            fresh = torch.randn(tensor.shape, generator=draw, dtype=torch.float64)
            fan = max(1, tensor.numel() // max(1, tensor.shape[0])) if tensor.dim() > 1 else 4
            tensor.copy_(fresh / fan**0.5 + (1 if name.endswith(VARIANCES) else 0))
            if name.endswith(VARIANCES):
                tensor.abs_().add_(0.1)
    return model


def inputs_for(net: Network, batch: int = 3, seed: int = 1, sizes: Mapping[str, int] | None = None) -> list[Tensor]:
    """Random inputs of the declared types; `sizes` stand for symbols."""
    draw = torch.Generator().manual_seed(seed)
    return [drawn(spec.type, known_sizes(spec.type, sizes or {}), batch, draw, torch.float64,
                  range=None if spec.type.range is None else substitute(spec.type.range, dict(sizes or {})))
            for spec in net.graph.inputs]


def known_sizes(type: Type, sizes: Mapping[str, int]) -> tuple[int, ...]:
    """An input's sizes in numbers; `sizes` stand for symbols."""
    return tuple(size if isinstance(size, int) else sizes[str(size)] for size in type.dims)


def reference_of(net: Network, dials: Mapping[str, str] | None = None, folder: Path | None = None) -> Reference:
    """The reference of a network as its file says it, imports and all."""
    return Reference(net.project.main.file, dials, folder)


def check_weights(plan: Plan, net: Network, model: nn.Module) -> None:
    """Names, shapes and counts of weights are those that the reference predicts."""
    predicted = {
        key(path, name): weight for path, held in plan.weights.items() for name, weight in held.items()
    }
    parameters = {name: (tuple(p.shape), True) for name, p in model.named_parameters()}
    buffers = {name: (tuple(p.shape), False) for name, p in model.named_buffers()}
    assert predicted == parameters | buffers
    assert set(model.state_dict()) == set(predicted)
    assert (net.parameters, net.buffers) == (plan.total(True), plan.total(False))
    assert net.parameters == sum(p.numel() for p in model.parameters())
    assert net.buffers == sum(b.numel() for b in model.buffers())


def close(found: Tensor, wanted: Tensor, tolerance: float, what: str) -> None:
    """Equal shapes, the same NaN mask, and numbers within the tolerance (relative to the largest)."""
    assert found.shape == wanted.shape, f"{what}: {tuple(found.shape)} is not {tuple(wanted.shape)}"
    assert torch.equal(found.isnan(), wanted.isnan()), f"{what}: the NaNs differ"
    a, b = found.detach().nan_to_num(), wanted.detach().nan_to_num()
    scale = max(1.0, float(b.abs().max())) if b.numel() else 1.0
    worst = float((a - b).abs().max()) / scale if b.numel() else 0.0
    assert worst <= tolerance, f"{what} differs by {worst:.3g}"


Outputs = Tensor | tuple[Tensor, ...]


def named(made: Outputs | Mapping[str, Outputs], wanted: Mapping[str | None, Tensor]) -> dict[str | None, Tensor]:
    """A model's outputs under the names that the reference has for them: a bundle's members are `output[0]` ..."""
    if isinstance(made, Tensor):
        return dict.fromkeys(wanted, made)
    if isinstance(made, tuple):
        made = {"output": made}

    found: dict[str | None, Tensor] = {}
    for name, value in made.items():
        if isinstance(value, tuple):
            found |= {f"{name}[{i}]": member for i, member in enumerate(value)}
        else:
            found[name if name in wanted else None] = value
    assert set(found) == set(wanted)
    return found


class Pair:
    """A compiled network and its reference with the same weights."""

    def __init__(self, net: Network, reference: Reference, parallel: str = "auto",
                 sizes: Mapping[str, int] | None = None, model: nn.Module | None = None) -> None:
        self.net, self.reference, self.sizes = net, reference, sizes
        self.plan = reference.plan(tuple(known_sizes(spec.type, sizes or {}) for spec in net.graph.inputs))
        self.model = filled(emit(net.graph, parallel=parallel) if model is None else model)  # type: ignore[arg-type]
        check_weights(self.plan, net, self.model)

    def compare(self, *, training: bool = False, gradients: bool = True, batch: int = 3, nan: bool = False) -> None:
        """Compute both, on the same input. Raises AssertionError where anything differs."""
        inputs = inputs_for(self.net, batch, sizes=self.sizes)
        if nan:
            for x in inputs:
                if x.is_floating_point():
                    x.view(-1)[0] = float("nan")
        self.model.train(training)
        leaves = dict(self.model.named_parameters())
        state = leaves | {name: buffer.clone() for name, buffer in self.model.named_buffers()}
        xs = [x.requires_grad_(gradients and x.is_floating_point()) for x in inputs]
        wanted = self.reference.run(tuple(xs), lambda path, name: state[key(path, name)], training)
        found = named(self.model(*xs), wanted)
        for name in wanted:
            close(found[name], wanted[name], OUTPUTS, f"output {name or ''}")
        _statistics(self.reference, self.model)
        if gradients:
            numbers = [x for x in xs if x.requires_grad]  # tokens have no gradient
            _gradients(found, wanted, [*numbers, *leaves.values()], ["input"] * len(numbers) + list(leaves))


def check(net: Network, *, dials: Mapping[str, str] | None = None, folder: Path | None = None, training: bool = False,
          gradients: bool = True, parallel: str = "auto", batch: int = 3,
          sizes: Mapping[str, int] | None = None) -> Plan:
    """Compile, compute, compare; raises AssertionError where anything differs."""
    pair = Pair(net, reference_of(net, dials, folder), parallel, sizes)
    pair.compare(training=training, gradients=gradients, batch=batch)
    return pair.plan


def _statistics(reference: Reference, model: nn.Module) -> None:
    held = dict(model.named_buffers())
    for (path, name), value in reference.updates.items():
        close(held[key(path, name)].double(), value.double(), OUTPUTS, key(path, name))


def _gradients(found: Mapping[str | None, Tensor], wanted: Mapping[str | None, Tensor], leaves: Sequence[Tensor],
               names: Sequence[str]) -> None:
    def of(outputs: Mapping[str | None, Tensor]) -> Sequence[Tensor | None]:
        draw = torch.Generator().manual_seed(2)
        weights = [torch.randn(outputs[n].shape, generator=draw, dtype=torch.float64) for n in wanted]
        total = sum((outputs[n] * w).sum() for n, w in zip(wanted, weights, strict=True))
        if not isinstance(total, Tensor) or not total.requires_grad:
            return [None] * len(leaves)
        return torch.autograd.grad(total, list(leaves), allow_unused=True)

    for leaf, name, a, b in zip(leaves, names, of(found), of(wanted), strict=True):
        empty = torch.zeros_like(leaf)
        close(empty if a is None else a, empty if b is None else b, GRADIENTS, f"gradient of {name}")


def pair_of(text: str, dials: Mapping[str, str] | None = None, parallel: str = "auto") -> Pair:
    """A text compiled, with its reference."""
    net = loads(text, dials)
    return Pair(net, reference_of(net, dials), parallel)


def check_text(text: str, *, dials: Mapping[str, str] | None = None, training: bool = False, gradients: bool = True,
               parallel: str = "auto", batch: int = 3) -> Plan:
    """`check` for a text."""
    pair = pair_of(text, dials, parallel)
    pair.compare(training=training, gradients=gradients, batch=batch)
    return pair.plan
