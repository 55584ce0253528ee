"""Patch experts as compiled: equation 12, sparse against dense, rows of samples, taps, fusing, saving, exporting."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import archlang
from archlang.compiler import compile, fuse, loads
from archlang.diagnostics import ArchError
from archlang.emit import ArchModule
from archlang.layers import Dispatch, executed, set_cut
from tests.reference.compare import known_sizes

PATCHED = """archlang 1
import std.pce (pce)

network Small(n = 4, temperature = 0.05, drop = 0.1) {
  input image: [3, 10, 12]
  layer1 = image -> pce(6, 4x4, n, temperature, drop)
  layer2 = layer1 -> pce(5, 3x3, n, temperature, drop)
  output layer2 -> pyramid_pool(1, 2) -> linear(3)
}
"""
SAMPLES = """archlang 1
network Sparse(n = 3) {
  input x: [6]
  output x -> experts(n, cross_connection(hidden = 4)) { linear(8) -> relu -> linear(5) }
}
"""
BY_HAND = """archlang 1
network Two {
  input image: [1, 2, 4]
  output image -> patches(2x2)
               -> experts(3, cosine_router(flatten, start = random, temperature = 0.5)) { conv(1x1, 2) } -> unpatch
}
"""


def settled(text: str = PATCHED, rows: int = 8, **dials: object) -> tuple[ArchModule, Tensor]:
    """A model in float64 whose batch norms and keys have seen some data, in evaluation mode, and a batch."""
    net = loads(text, **dials)
    model = compile(net, seed=1).double()
    assert isinstance(model, ArchModule)
    shape = known_sizes(net.graph.inputs[0].type, {})
    torch.manual_seed(2)
    with torch.no_grad():
        for _ in range(3):
            model(torch.randn(rows, *shape, dtype=torch.float64))
    return model.eval(), torch.randn(rows, *shape, dtype=torch.float64)


def test_equation_12_by_hand_on_two_patches_and_three_experts() -> None:
    """Every expert on every patch, one at a time, weighted by what the router says."""
    model = compile(loads(BY_HAND), taps=True).double().eval()
    x = torch.randn(1, 1, 2, 4, dtype=torch.float64)
    made, taps = model(x)
    weights = taps["experts.router"]
    assert weights.shape == (1, 2, 3)
    for p, patch in enumerate((x[:, :, :, :2], x[:, :, :, 2:])):
        wanted = torch.zeros(1, 2, 2, 2, dtype=torch.float64)
        for e in range(3):
            expert = model.get_submodule(f"experts.{e}.conv")
            assert isinstance(expert, nn.Conv2d) and expert.bias is not None
            made_of = sum(patch * c for c in [expert.weight.reshape(1, 2, 1, 1)]) + expert.bias.reshape(1, 2, 1, 1)
            wanted += weights[0, p, e] * made_of
        assert torch.allclose(made[:, :, :, 2 * p : 2 * p + 2], wanted, rtol=0, atol=1e-10)


class Masked(nn.Module):
    """In place of a dispatch: every expert gets all rows, and weights that count as `cut` says are worked out here."""

    def __init__(self, experts: int, cut: float) -> None:
        super().__init__()
        self.experts, self.cut, self.pairs = experts, cut, 0

    def forward(self, weights: Tensor, x: Tensor) -> tuple[Tensor, ...]:
        rows = []
        for row in weights:
            kept = [w if w >= self.cut * max(row) and w > 0 else torch.zeros_like(w) for w in row]
            self.pairs += sum(bool(w > 0) for w in kept)
            rows.append(torch.stack(kept) / sum(kept))
        return (torch.stack(rows), *(x,) * self.experts)


@pytest.mark.parametrize("temperature", [0.02, 0.1, 1.0])
@pytest.mark.parametrize("cut", [0.0, 0.3, 0.7, 0.99, 1.0])
def test_sparse_is_dense_masked_by_the_same_choice(cut: float, temperature: float) -> None:
    model, x = settled(temperature=temperature)
    set_cut(model, cut)
    sparse = model(x)
    done = executed(model)
    assert set(done) == {"layer1.pce.experts.dispatch", "layer2.pce.experts.dispatch"}
    assert [site.rows for site in done.values()] == [8 * 9, 8 * 16]
    for name in done:
        model.set_submodule(name, Masked(4, cut))
    assert torch.allclose(model(x), sparse, rtol=0, atol=1e-12)
    pairs = {n: m.pairs for n, m in model.named_modules() if isinstance(m, Masked)}
    assert pairs == {name: site.pairs for name, site in done.items()}
    if cut == 0:
        assert all(site.share == 1 for site in done.values())
    if cut == 1:
        assert all(site.pairs == site.rows for site in done.values())


def test_a_cut_of_nothing_is_the_dense_form_and_training_knows_no_cut() -> None:
    model, x = settled(drop=0.0)
    dense = model(x)
    set_cut(model, 0.0)
    assert torch.allclose(model(x), dense, rtol=0, atol=1e-12)
    counted = executed(model)
    model.train()
    set_cut(model, 1.0)
    model(x)
    assert all(site.rows == 0 for site in executed(model).values())
    assert all(site.rows > 0 for site in counted.values())


@pytest.mark.parametrize("cut", [-0.1, 1.5, float("nan")])
def test_a_cut_lies_between_0_and_1(cut: float) -> None:
    with pytest.raises(ArchError) as caught:
        set_cut(nn.Module(), cut)
    assert [d.name for d in caught.value.diagnostics] == ["out-of-range"]


def test_samples_go_to_experts_as_patches_do() -> None:
    """A plain tensor and a router of gates: one row of weights for each sample."""
    model, x = settled(SAMPLES)
    dense = model(x)
    gates = model.get_submodule("experts.router.gates")(x)[:, 0]
    parts = []
    for e in range(3):
        first, second = (model.get_submodule(f"experts.{e}.{name}") for name in ("linear", "linear_2"))
        parts.append(second(first(x).relu()) * gates[:, e : e + 1])
    assert torch.allclose(dense, sum(parts, torch.zeros(())), rtol=0, atol=1e-10)
    set_cut(model, 1.0)
    one = model(x)
    best = gates.argmax(1)
    assert torch.allclose(one, torch.stack([parts[b][i] / gates[i, b] for i, b in enumerate(best)]), rtol=0, atol=1e-10)
    assert executed(model)["experts.dispatch"].pairs == 8


def test_an_expert_that_gets_nothing_and_one_expert() -> None:
    model, x = settled(temperature=1e-4)
    set_cut(model, 1.0)
    assert model(x[:1]).isfinite().all()
    model, x = settled(n=1)
    dense = model(x)
    set_cut(model, 1.0)
    assert torch.allclose(model(x), dense, rtol=0, atol=1e-12)


def test_batches_in_parts_are_the_same() -> None:
    model, x = settled()
    for cut in (None, 0.8):
        set_cut(model, cut)
        assert torch.allclose(model(x), torch.cat([model(x[:3]), model(x[3:])]), rtol=0, atol=1e-12)


def test_taps_have_an_axis_for_patches() -> None:
    net = loads(PATCHED)
    model = compile(net, taps=True).eval()
    shapes = {name: tuple(t.shape) for name, t in model(torch.randn(2, 3, 10, 12))[1].items()}
    assert shapes == {
        f"layer{layer}.pce.experts.router{part}": (2, patches, size)
        for layer, patches in ((1, 9), (2, 16)) for part, size in (("", 4), (".before", 4), (".threshold", 1),
                                                                   (".parts", 3))
    }


@pytest.mark.parametrize("cut", [None, 0.9])
def test_fused_and_saved(cut: float | None, tmp_path: Path) -> None:
    model, x = settled()
    small = fuse(model)
    assert not any(isinstance(m, nn.BatchNorm2d) for m in small.modules())
    assert any(isinstance(m, Dispatch) for m in small.modules())
    archlang.save(model.float(), tmp_path / "m.safetensors")
    again = archlang.load_model(tmp_path / "m.safetensors")
    for one in (model, small, again):
        one.double()
        set_cut(one, cut)
    wanted = model(x)
    assert torch.allclose(small(x), wanted, rtol=0, atol=1e-5)
    assert torch.equal(again(x), wanted)
    assert executed(small) == executed(model)


def test_counted_as_torch_counts() -> None:
    from torch.utils.flop_counter import FlopCounterMode

    for text in (PATCHED, SAMPLES, BY_HAND):
        net = loads(text)
        model = compile(net).eval()
        with FlopCounterMode(display=False) as counter:
            model(torch.randn(1, *known_sizes(net.graph.inputs[0].type, {})))
        assert counter.get_total_flops() == net.flops
        assert sum(p.numel() for p in model.parameters()) == net.parameters
        assert sum(b.numel() for b in model.buffers()) == net.buffers


def test_dense_can_be_exported_and_sparse_says_that_it_cannot() -> None:
    model, x = settled()
    batch = torch.export.Dim("batch", min=2, max=64)
    exported = torch.export.export(model, (x,), dynamic_shapes=({0: batch},))
    assert torch.allclose(exported.module()(x[:3]), model(x[:3]), rtol=0, atol=1e-12)
    set_cut(model, 0.5)
    with pytest.raises(Exception, match="known only at run time"):
        torch.export.export(model, (x,))


def test_compiled_in_both_forms() -> None:
    model, x = settled(BY_HAND)
    dense = torch.compile(model, backend="eager", fullgraph=True)
    assert torch.allclose(dense(x), model(x), rtol=0, atol=1e-12)
    torch._dynamo.reset()
    set_cut(model, 0.9)
    with torch.no_grad():
        assert torch.allclose(torch.compile(model, backend="eager")(x), model(x), rtol=0, atol=1e-12)


def test_half_precision_and_autocast() -> None:
    model, x = settled()
    plain = model(x)
    for cut in (None, 0.5):
        set_cut(model, cut)
        reference = model.double()(x) if cut else plain
        with torch.autocast("cpu", torch.bfloat16):
            assert torch.allclose(model.float()(x.float()).double(), reference, atol=0.1)
        assert torch.allclose(model.bfloat16()(x.bfloat16()).double(), reference, atol=0.2)
        model.double()


SYMBOLIC = """archlang 1
network Open {
  input image: [2, H, W] where H >= 4 and W >= 4
  output image -> patches(4x4, stride = 3) -> position -> shared { conv(3x3, 5) } -> unpatch
}
"""


@pytest.mark.parametrize("size", [(4, 4), (7, 9), (12, 5)])
def test_open_sizes(size: tuple[int, int]) -> None:
    model = compile(loads(SYMBOLIC)).eval()
    assert model(torch.randn(2, 2, *size)).shape == (2, 5, *size)


def test_patches_of_patches_and_patches_that_change_size() -> None:
    inner = "patches(2x2) -> shared { conv(1x1, 4) } -> unpatch"
    net = loads(f"archlang 1\nnetwork N {{\n  input x: [3, 8, 8]\n  output x -> patches(4x4) -> shared {{ {inner} }} "
                "-> shared { max_pool(2x2) } -> unpatch\n}\n")
    x = torch.randn(2, 3, 8, 8)
    model = compile(net)
    conv = next(m for m in model.modules() if isinstance(m, nn.Conv2d))
    assert torch.allclose(model(x), torch.max_pool2d(conv(x), 2), atol=1e-6)
    assert net.flops == 2 * 3 * 4 * 64
