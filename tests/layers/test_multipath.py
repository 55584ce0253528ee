"""Routers against plain tensor code written from the thesis (Tissera 2023, chapter 3)."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.export import Dim, export

from archlang.layers import Gates, Mix, Stitch, combine

SHAPES = {"vector": (6,), "sequence": (5, 6), "map": (6, 4, 3), "volume": (6, 2, 3, 4)}


def paths(shape: tuple[int, ...], count: int, batch: int = 3, dtype: torch.dtype = torch.float64) -> list[Tensor]:
    generator = torch.Generator().manual_seed(1)
    return [torch.randn(batch, *shape, generator=generator, dtype=torch.float64).to(dtype) for _ in range(count)]


def gate_by_hand(gates: Gates, index: int, x: Tensor) -> Tensor:
    """Eq. 3.3 to 3.5 (3.9 without hidden units) for one input, [batch, C, ...] to [batch, n]."""
    if x.dim() == 2:
        z = x
    elif x.dim() == 3:
        z = x.sum(1) / x.shape[1]
    else:
        z = x.flatten(2).sum(2) / x[0, 0].numel()
    if gates.hidden:
        hidden = torch.clamp(z @ gates.squeeze[index].T, min=0)
        scores = hidden @ gates.excite[index].T
    else:
        scores = z @ gates.weight[index].T
    shares = torch.exp(scores)
    return shares / shares.sum(1, keepdim=True)


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("hidden", [0, 1, 16])
@pytest.mark.parametrize(("count", "outputs"), [(1, 1), (1, 3), (2, 2), (3, 2), (4, 5)])
def test_gates_and_sums_are_those_of_the_thesis(shape: tuple[int, ...], hidden: int, count: int, outputs: int) -> None:
    torch.manual_seed(0)
    gates = Gates(count, outputs, 6, hidden).double()
    xs = paths(shape, count)
    found = gates(*xs)
    by_hand = [gate_by_hand(gates, i, x) for i, x in enumerate(xs)]
    torch.testing.assert_close(found, torch.stack(by_hand, 1), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(found.sum(2), torch.ones(3, count, dtype=torch.float64))

    made = combine(found, *xs)
    outputs_found = made if isinstance(made, tuple) else (made,)
    assert len(outputs_found) == outputs
    for j, y in enumerate(outputs_found):
        column = torch.zeros_like(xs[0])
        for i, x in enumerate(xs):  # eq. 3.7
            column = column + by_hand[i][:, j].view(3, *[1] * len(shape)) * x
        torch.testing.assert_close(y, column, rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(combine(found, *xs, column=j), column, rtol=1e-12, atol=1e-12)


def test_the_gradient_is_that_of_equations_3_10_to_3_15() -> None:
    torch.manual_seed(0)
    gates = Gates(2, 3, 6, hidden=0).double()
    xs = [x.requires_grad_() for x in paths((6,), 2)]
    shares = gates(*xs)
    ys = combine(shares, *xs)
    assert isinstance(ys, tuple)
    wanted = [torch.randn(3, 6, dtype=torch.float64) for _ in ys]
    torch.autograd.backward(list(ys), wanted)
    for i, x in enumerate(xs):
        g = shares[:, i].detach()
        towards_gate = torch.stack([(d * x.detach()).sum(1) for d in wanted], 1)  # 3.10, 3.11
        jacobian = torch.diag_embed(g) - g[:, :, None] * g[:, None, :]  # 3.13
        towards_scores = (jacobian.transpose(1, 2) @ towards_gate[:, :, None])[:, :, 0]  # 3.12
        assert gates.weight.grad is not None and x.grad is not None
        torch.testing.assert_close(gates.weight.grad[i], towards_scores.T @ x.detach())  # 3.14
        direct = sum(g[:, j : j + 1] * wanted[j] for j in range(3))
        torch.testing.assert_close(x.grad, direct + towards_scores @ gates.weight[i].detach())  # 3.15


@pytest.mark.parametrize("hidden", [0, 16])
@pytest.mark.parametrize("fill", [0.0, 1e4, -1e4, 6e4])
def test_gates_stay_finite_at_the_edges(hidden: int, fill: float) -> None:
    for dtype in (torch.float32, torch.float16, torch.bfloat16):
        gates = Gates(2, 2, 8, hidden).to(dtype)
        xs = [torch.full((1, 8, 4, 4), fill, dtype=dtype, requires_grad=True) for _ in range(2)]
        found = gates(*xs)
        found.float().square().sum().backward()
        assert found.dtype is dtype
        assert torch.isfinite(found).all()
        assert all(x.grad is not None and torch.isfinite(x.grad).all() for x in xs)
        assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in gates.parameters())


def test_scores_are_computed_in_float32_under_autocast() -> None:
    torch.manual_seed(0)
    gates, xs = Gates(2, 2, 8), paths((8, 4, 4), 2, dtype=torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        assert gates.scores(*xs).dtype is torch.float32
        inside = gates(*xs)
    assert torch.equal(inside, gates(*xs))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("shape", [(6,), (3000, 6), (6, 60, 50), (6, 10, 15, 20)], ids=list(SHAPES))
@pytest.mark.parametrize("hidden", [0, 16])
def test_gates_in_half_precision_are_those_of_the_same_numbers_in_full(
    shape: tuple[int, ...], hidden: int, dtype: torch.dtype,
) -> None:
    """A mean over thousands of places, summed in half precision, stops growing (bfloat16) or overflows (float16)."""
    torch.manual_seed(0)
    half = Gates(2, 3, 6, hidden).to(dtype)
    xs = [x + 40 for x in paths(shape, 2, dtype=dtype)]
    full = copy.deepcopy(half).double()
    by_hand = torch.stack([gate_by_hand(full, i, x.double()) for i, x in enumerate(xs)], 1)

    assert half.scores(*xs).dtype is torch.float32
    torch.testing.assert_close(half.scores(*xs).softmax(2).double(), by_hand, rtol=1e-4, atol=1e-6)
    assert torch.equal(half(*xs), half.scores(*xs).softmax(2).to(dtype))


def test_one_path_and_one_output_pass_the_input_on() -> None:
    (x,) = paths((6, 4, 4), 1)
    assert torch.allclose(Gates(1, 1, 6).double()(x), torch.ones(3, 1, 1, dtype=torch.float64))
    assert torch.equal(combine(torch.ones(3, 1, 1, dtype=torch.float64), x), x)  # type: ignore[arg-type]


def test_maps_in_channels_last_stay_so() -> None:
    xs = [x.to(memory_format=torch.channels_last) for x in paths((6, 4, 5), 3)]
    shares = torch.rand(3, 3, 2, dtype=torch.float64)
    made, plain = combine(shares, *xs), combine(shares, *[x.contiguous() for x in xs])
    for y, z in zip(made, plain, strict=True):
        torch.testing.assert_close(y, z)
        assert y.stride()[1] == 1


def test_a_stitch_sums_with_its_weights_and_starts_near_the_identity() -> None:
    stitch, xs = Stitch(2, 2).double(), paths((6, 4, 4), 2)
    torch.testing.assert_close(stitch.weight.detach(), torch.tensor([[0.9, 0.1], [0.1, 0.9]], dtype=torch.float64))
    a, b = stitch(*xs)
    torch.testing.assert_close(a, 0.9 * xs[0] + 0.1 * xs[1])
    torch.testing.assert_close(b, 0.1 * xs[0] + 0.9 * xs[1])
    wide = Stitch(3, 2)
    torch.testing.assert_close(wide.weight.detach().sum(0), torch.ones(2))


def test_a_mix_is_a_plain_path_at_its_ends() -> None:
    x, f = paths((6,), 2)
    assert torch.equal(Mix(0)(x, f), x)
    torch.testing.assert_close(Mix(1)(x, f), f)
    learned = Mix().double()
    torch.testing.assert_close(learned(x, f), (x + f) / 2)
    learned(x, f).sum().backward()
    assert learned.logit.grad is not None
    torch.testing.assert_close(learned.logit.grad, 0.25 * (f - x).sum())


class Router(nn.Module):
    """A whole cross-connection."""

    def __init__(self) -> None:
        super().__init__()
        self.gates = Gates(2, 2, 6)
        self.stitch = Stitch(2, 2)

    def forward(self, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
        a, b = self.stitch(*combine(self.gates(a, b), a, b))
        return a, b


def same(f: Callable[..., tuple[Tensor, ...]], g: Callable[..., tuple[Tensor, ...]], xs: list[Tensor]) -> None:
    for y, z in zip(f(*xs), g(*xs), strict=True):
        torch.testing.assert_close(y, z)


@pytest.mark.parametrize("format", [torch.contiguous_format, torch.channels_last])
def test_routers_export_trace_and_copy(format: torch.memory_format) -> None:
    torch.manual_seed(0)
    router = Router().eval()
    xs = [x.to(memory_format=format) for x in paths((6, 4, 4), 2, dtype=torch.float32)]
    batch = Dim("batch", min=2)
    program = export(router, tuple(xs), dynamic_shapes=({0: batch}, {0: batch}))
    same(router, program.module(), xs)
    same(router, program.module(), [torch.cat([x, x]) for x in xs])
    same(router, torch.compile(router, backend="eager", fullgraph=True), xs)
    same(router, copy.deepcopy(router), xs)


def test_gates_are_restarted_alike_from_one_seed() -> None:
    gates = Gates(2, 3, 6)
    states = []
    for _ in range(2):
        torch.manual_seed(4)
        gates.reset_parameters()
        states.append([p.clone() for p in gates.parameters()])
    assert all(torch.equal(a, b) for a, b in zip(*states, strict=True))
    assert gates.squeeze.abs().max() <= 6**-0.5 and gates.excite.abs().max() <= 0.25


def test_gates_work_on_the_meta_device() -> None:
    gates = Gates(2, 3, 8, 4).to("meta")
    assert gates(*(torch.empty(5, 8, 2, 2, device="meta") for _ in range(2))).shape == (5, 2, 3)
