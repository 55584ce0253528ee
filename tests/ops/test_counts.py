"""Every op against what it names in torch: shapes, weights, FLOPs, rows."""

from __future__ import annotations

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from archlang.ops import CATALOGUE
from archlang.ops.model import Module
from tests.ops.cases import ALL, CASES, IDS, Case
from tests.ops.instantiate import inputs, lower, use


def test_every_op_has_cases() -> None:
    assert set(CASES) == set(CATALOGUE.ops)


@pytest.mark.parametrize(("name", "case"), ALL, ids=IDS)
def test_shapes_weights_and_flops_are_torchs(name: str, case: Case) -> None:
    shapes, args = case
    op, call = use(name, *shapes, **args)
    module, run = lower(op, call)
    outputs = run(*inputs(call))
    found = outputs if isinstance(outputs, tuple) else (outputs,)
    assert [tuple(t.shape) for t in found] == [(2, *t.dims) for t in call.outputs]

    weights = op.weights(call)
    named = [(n, tuple(t.shape), True) for n, t in module.named_parameters()] if module else []
    named += [(n, tuple(t.shape), False) for n, t in module.named_buffers()] if module else []
    assert [(w.name, w.shape, w.trained) for w in weights] == named
    numbers = sum(p.numel() for p in module.parameters()) if module else 0
    assert sum(int(w.numel) for w in weights if w.trained) == numbers  # type: ignore[arg-type]
    state = module.state_dict() if module else {}
    assert {w.name: f"torch.{w.dtype}" for w in weights} == {n: str(t.dtype) for n, t in state.items()}

    if module is not None:
        module.eval().double()
    single = inputs(call, batch=1, dtype=torch.float64)
    # In double precision and by the mathematical form, so that nothing is hidden in a kernel that torch does not count.
    with FlopCounterMode(display=False) as counter, torch.no_grad(), sdpa_kernel(SDPBackend.MATH):
        run(*single)
    assert op.flops(call) == counter.get_total_flops()


@pytest.mark.parametrize(("name", "case"), ALL, ids=IDS)
def test_rows_are_as_independent_as_declared(name: str, case: Case) -> None:
    shapes, args = case
    op, call = use(name, *shapes, **args)
    module, run = lower(op, call)
    if module is not None:
        module.eval()
    tensors = inputs(call, batch=3, dtype=torch.float64)
    if module is not None:
        module.double()
    together, alone = run(*tensors), run(*[t[1:2] for t in tensors])
    pairs = zip(together, alone, strict=True) if isinstance(together, tuple) else [(together, alone)]
    same = all(torch.allclose(a[1:2], b, atol=1e-12, equal_nan=True) for a, b in pairs)
    assert same or not op.rows(call)


def test_batch_norm_says_that_rows_depend_on_each_other_without_running_statistics() -> None:
    op, call = use("batch_norm", (4, 3, 3), running=False)
    assert not op.rows(call)


def test_every_module_starts_the_same_from_the_same_seed() -> None:
    for name, cases in CASES.items():
        op, call = use(name, *cases[0][0], **cases[0][1])
        if not isinstance(op.torch, Module):
            continue
        states = []
        for _ in range(2):
            torch.default_generator.manual_seed(3)
            module, _ = lower(op, call)
            assert module is not None
            states.append(module.state_dict())
        assert all(torch.equal(states[0][key], states[1][key]) for key in states[0]), name
