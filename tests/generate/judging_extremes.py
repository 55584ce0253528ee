"""Refused by `check`, or accepted, compiled and run: with the shape and the numbers of weights that were predicted."""

from __future__ import annotations

import time
import warnings
from dataclasses import dataclass

import torch

import archlang
from archlang.elaborate import Network
from archlang.graph.plan import Plan
from archlang.train.optimization.optimizers import optimizer, set_rate
from tests.generate.extremes import Trial

LARGEST = 2_000_000
"""Parameters and numbers in any tensor of a sample up to which a network is run."""

SLOW = 5.0
"""Seconds that a check may take."""


@dataclass(frozen=True)
class Verdict:
    """`refused` (by which mistakes), `large` (accepted, not run), `ran`, or `failed` (and why)."""

    what: str
    why: str = ""


def judged(trial: Trial) -> Verdict:
    """Put a trial through everything."""
    begun = time.process_time()
    try:
        net = archlang.loads(trial.text)
    except archlang.ArchError as problem:
        names = sorted({d.name for d in problem.diagnostics})
        return Verdict("failed", "internal error") if "internal-error" in names else Verdict("refused", " ".join(names))
    except Exception as problem:
        return Verdict("failed", f"check: {type(problem).__name__}: {problem}")

    if time.process_time() - begun > SLOW:
        return Verdict("failed", f"check took {time.process_time() - begun:.1f} s")
    if _size(net) > LARGEST:
        return Verdict("large")

    try:
        ran(net)
    except Exception as problem:
        return Verdict("failed", f"{type(problem).__name__}: {str(problem).splitlines()[0] if str(problem) else ''}")
    return Verdict("ran")


def _size(net: Network) -> int:
    """The largest of parameters, buffers and tensors."""
    numbers = [net.parameters, net.buffers, *(port.elements for node in net.graph for port in node.outputs)]
    return max((n for n in numbers if isinstance(n, int)), default=0)


def ran(net: Network) -> None:
    """Compile, and run: one sample and two in evaluation mode, two in training mode with gradients; step, if the file
    trains."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = archlang.compile(net)

    assert sum(p.numel() for p in model.parameters()) == net.parameters, "parameters differ from the predicted ones"
    assert sum(b.numel() for b in model.buffers()) == net.buffers, "buffers differ from the predicted ones"
    for name, weight in model.state_dict().items():
        assert bool(weight.isfinite().all()), f"{name} does not start finite"

    dims = net.graph.inputs[0].type.dims
    predicted = [net.graph.type(output.port).dims for output in net.graph.outputs]
    sizes = [d if isinstance(d, int) else 8 for d in dims]

    for batch, training in ((1, False), (2, False), (2, True)):
        x = torch.randn(batch, *sizes, generator=torch.Generator().manual_seed(0)).requires_grad_()
        result = model.train(training)(x)
        left = result if isinstance(result, tuple) else (result,)  # the members of a bundle
        assert len(left) == len(predicted), f"{len(left)} tensors left, {len(predicted)} were predicted"
        for made, wanted in zip(left, predicted, strict=True):
            if all(isinstance(d, int) for d in wanted):
                assert made.shape == (batch, *wanted), f"{tuple(made.shape[1:])} left, {wanted} was predicted"
        if any(made.requires_grad for made in left):
            sum(made.sum() for made in left).backward()

    if net.graph.plan is not None:
        stepped(net.graph.plan, model)


def stepped(plan: Plan, model: torch.nn.Module) -> None:
    """Step along the declared curve; numbers may overflow, nothing may be raised."""
    assert plan.optimizer is not None
    (phase,) = plan.phases
    moving = optimizer(plan.optimizer, dict(model.named_parameters()))

    for at in range(phase.length):
        rate = set_rate(moving, phase.lr, at, phase.length)
        assert rate >= 0, f"the learning rate is {rate}"
        moving.step()
