"""Operations that take the mean off along an axis, as the catalogue says it, against what modules do in training."""

from __future__ import annotations

import pytest
import torch

from archlang.ops import CATALOGUE
from tests.ops.cases import ALL, IDS, Case
from tests.ops.instantiate import inputs, lower, use


def changes(name: str, case: Case, axis: int) -> bool:
    """Whether other numbers for each index of an axis, added to what enters, change a result in training."""
    shapes, args = case
    op, call = use(name, *shapes, **args)
    tensors = [t.double() for t in inputs(call, batch=3)]
    size = [1] * tensors[0].dim()
    size[axis + 1] = tensors[0].shape[axis + 1]
    moved = tensors[0] + torch.randn(size, dtype=torch.float64)

    results = []
    for first in (tensors[0], moved):
        torch.manual_seed(1)
        module, run = lower(op, call)
        if module is not None:
            module.double().train()
        made = run(first, *tensors[1:])
        results.append(made if isinstance(made, tuple) else (made,))
    return not all(torch.allclose(a, b, rtol=0, atol=1e-6) for a, b in zip(*results, strict=True))


@pytest.mark.parametrize(("name", "case"), ALL, ids=IDS)
def test_what_is_said_to_be_taken_off_is(name: str, case: Case) -> None:
    shapes, args = case
    op, call = use(name, *shapes, **args)
    axis = op.centres(call)
    if axis is not None:
        assert not changes(name, case, axis)
    elif op.family == "normalisation":
        assert changes(name, case, 0)


GIVEN = {
    "linear": {"features": 7}, "conv": {"kernel": 3, "channels": 7}, "depthwise_conv1d": {"kernel": 3},
    "conv_transpose3d": {"kernel": 3, "channels": 7},
}


def test_a_bias_runs_along_the_axis_that_is_said() -> None:
    """A bias of its own, changed at one index, changes the result there and nowhere else."""
    for name, shape in (("conv", (4, 5, 6)), ("depthwise_conv1d", (4, 9)), ("conv_transpose3d", (4, 3, 4, 5)),
                        ("linear", (6,)), ("linear", (5, 8))):
        op, call = use(name, shape, **GIVEN[name])
        module, run = lower(op, call)
        assert module is not None
        (x,) = inputs(call)
        before = run(x)
        with torch.no_grad():
            module.bias[2] += 1  # type: ignore[index, operator]  # a parameter
        other = (run(x) - before).detach()
        axis = op.biased % (before.dim() - 1) + 1
        assert other.select(axis, 2).allclose(torch.ones(()), atol=1e-5)
        assert other.index_select(axis, torch.tensor([0, 1, 3])).abs().max() == 0


def test_no_other_operation_has_a_bias_left_open() -> None:
    """An open bias is settled by `centres`; whoever adds one says along which axis it runs."""
    open_biases = {op.name for op in CATALOGUE.ops.values() for arg in op.args
                   if arg.name == "bias" and arg.default is None}
    assert open_biases == {"linear", *(f"{kind}{rank}" for kind in ("conv", "depthwise_conv", "conv_transpose")
                                       for rank in ("", "1d", "3d"))}
