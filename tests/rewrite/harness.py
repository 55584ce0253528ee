"""One harness for every case of fusion: random statistics, float64, the source untouched, structure, reasons."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import torch
from torch import fx, nn

from archlang.rewrite import REASONS, fuse
from archlang.rewrite.calls import CONVOLUTIONS, NORMS, TRANSPOSED
from tests.rewrite.subjects import randomised


def example(shape: Sequence[int], seed: int = 3) -> torch.Tensor:
    """A batch of normal numbers in float64."""
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def assert_same(one: Any, other: Any) -> None:
    """The gate: the largest difference is at most 1e-10 (1 + the largest value)."""
    pairs = zip(*(list(x) if isinstance(x, tuple | list) else [x] for x in (one, other)), strict=True)
    for a, b in pairs:
        assert a.shape == b.shape and a.dtype == b.dtype
        if a.numel():
            assert (a - b).abs().max() <= 1e-10 * (1 + a.abs().max())


def convolutions(model: fx.GraphModule) -> int:
    """How many convolutions and dense maps a graph computes."""
    return _count(model, (nn.modules.conv._ConvNd, nn.Linear), {*CONVOLUTIONS, *TRANSPOSED})


def norms(model: fx.GraphModule) -> int:
    """How many norms a graph computes."""
    return _count(model, (nn.modules.batchnorm._NormBase,), set(NORMS))


def _count(model: fx.GraphModule, kinds: tuple[type, ...], functions: set[Any]) -> int:
    modules = [model.get_submodule(str(n.target)) for n in model.graph.nodes if n.op == "call_module"]
    called = [n.target for n in model.graph.nodes if n.op == "call_function"]
    return sum(isinstance(m, kinds) for m in modules) + sum(target in functions for target in called)


def snapshot(model: nn.Module) -> tuple[Any, ...]:
    """All that fusion may not touch."""
    state = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    flags = [(n, m.training, len(m._forward_hooks)) for n, m in model.named_modules()]
    grads = [(n, p.requires_grad, p.dtype) for n, p in model.named_parameters()]
    return state, flags, grads, torch.get_rng_state()


def assert_untouched(before: tuple[Any, ...], after: tuple[Any, ...]) -> None:
    """Two snapshots agree to the byte."""
    assert list(before[0]) == list(after[0]) and before[1:3] == after[1:3] and torch.equal(before[3], after[3])
    for name, tensor in before[0].items():
        assert torch.equal(tensor, after[0][name]) or not tensor.isfinite().all()


def check(model: nn.Module, shape: Sequence[int] | torch.Tensor, convs: int = 1, left: int = 0,
          reasons: Sequence[str] = (), known: bool | None = None, prepared: bool = False) -> fx.GraphModule:
    """Fuse and assert all common rules; the fused model.

    `convs` and `left` are the convolutions and norms that must be there then, `reasons` the names that the report must
    give for what stays. With and without an example input, unless `known` says which.
    """
    model = model if prepared else randomised(model)
    x = shape if isinstance(shape, torch.Tensor) else example(shape)
    made: Any = None
    for given in (False, True) if known is None else (known,):
        before = snapshot(model)
        made = fuse(model, [x] if given else None)
        assert_untouched(before, snapshot(model))
        with torch.no_grad():
            assert_same(model(x), made(x))
        assert (convolutions(made), norms(made)) == (convs, left), str(made.meta["report"])
        report = made.meta["report"]
        names = {skip.name for skip in report.skipped}
        assert set(reasons) <= names <= set(REASONS), str(report)
        assert left == 0 or report.skipped
    again = fuse(copy.deepcopy(made), [x] if given else None)
    assert not again.meta["report"].merges
    return made


def exported(model: nn.Module, shape: Sequence[int]) -> fx.GraphModule:
    """A model with random statistics as an aten graph of torch.export."""
    return torch.export.export(randomised(model), (example(shape),)).module()  # type: ignore[return-value]
