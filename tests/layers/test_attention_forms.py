"""Attention in all its forms against torch's own layers, timm and the papers' modules, with mapped weights."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

import archlang
from tests.peers.libraries import timm

CLOSE = 1e-9


def model_of(inputs: str, flow: str) -> archlang.ArchModule:
    """A compiled network in float64, its weights drawn."""
    model = archlang.compile(archlang.loads(f"archlang 1\nnetwork N {{\n{inputs}\noutput {flow}\n}}\n"), seed=3)
    return model.double()


def numbers(*sizes: int, seed: int = 0) -> Tensor:
    """Normal numbers in float64, with a gradient."""
    drawn = torch.randn(sizes, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return drawn.requires_grad_()


def same(found: Tensor, wanted: Tensor, xs: list[Tensor]) -> None:
    """Equal results, and equal gradients of the inputs."""
    assert found.shape == wanted.shape
    assert float((found - wanted).detach().abs().max()) < CLOSE
    weight = torch.randn(found.shape, generator=torch.Generator().manual_seed(9), dtype=torch.float64)
    ours = torch.autograd.grad((found * weight).sum(), xs, retain_graph=True)
    theirs = torch.autograd.grad((wanted * weight).sum(), xs, retain_graph=True)
    for a, b in zip(ours, theirs, strict=True):
        assert float((a - b).abs().max()) < CLOSE


def multihead(model: nn.Module, features: int, heads: int) -> nn.MultiheadAttention:
    """torch's layer with the weights of ours."""
    ours = dict(model.named_parameters())
    peer = nn.MultiheadAttention(features, heads, batch_first=True).double()
    with torch.no_grad():
        peer.in_proj_weight.copy_(ours["attention.project.weight"])
        peer.in_proj_bias.copy_(ours["attention.project.bias"])
        peer.out_proj.weight.copy_(ours["attention.combine.weight"])
        peer.out_proj.bias.copy_(ours["attention.combine.bias"])
    return peer


@pytest.mark.parametrize("training", [True, False])
def test_a_mask_over_keys_is_torchs_padding_mask(training: bool) -> None:
    model = model_of("input x: [T, 8]\ninput m: [T] (range = 2)", "x -> attention(2, mask = m)").train(training)
    x, mask = numbers(3, 6, 8), torch.tensor([[1] * 6, [1, 1, 1, 0, 0, 0], [0, 1, 0, 1, 1, 0]])
    peer = multihead(model, 8, 2).train(training)
    same(model(x, mask), peer(x, x, x, key_padding_mask=mask == 0, need_weights=False)[0], [x])
    assert torch.equal(model(x, mask), model(x, mask.bool()))


@pytest.mark.parametrize("training", [True, False])
def test_a_mask_over_pairs_and_causal(training: bool) -> None:
    model = model_of("input x: [6, 8]\ninput m: [6, 6] (range = 2)",
                     "x -> attention(2, mask = m, causal = true)").train(training)
    x = numbers(1, 6, 8)
    mask = torch.randint(0, 2, (6, 6), generator=torch.Generator().manual_seed(1)) | torch.eye(6, dtype=torch.int64)
    seen = mask.bool().tril()
    peer = multihead(model, 8, 2).train(training)
    same(model(x, mask[None]), peer(x, x, x, attn_mask=~seen, need_weights=False)[0], [x])


def test_a_position_that_sees_nothing_gets_the_bias_alone() -> None:
    model = model_of("input x: [4, 8]\ninput m: [4] (range = 2)", "x -> attention(2, mask = m)")
    x = numbers(1, 4, 8)
    made = model(x, torch.zeros(1, 4, dtype=torch.bool))
    assert torch.allclose(made, model.get_parameter("attention.combine.bias").expand(1, 4, 8))
    made.sum().backward()
    assert bool(x.grad is not None and x.grad.isfinite().all())


def test_memory_of_other_features_is_torchs_cross_attention() -> None:
    model = model_of("input x: [5, 8]\ninput y: [P, 6]", "x -> attention(2, memory = y)")
    x, y = numbers(2, 5, 8), numbers(2, 7, 6, seed=1)
    ours = dict(model.named_parameters())
    peer = nn.MultiheadAttention(8, 2, kdim=6, vdim=6, batch_first=True).double()
    with torch.no_grad():
        assert peer.q_proj_weight is not None and peer.k_proj_weight is not None and peer.v_proj_weight is not None
        peer.q_proj_weight.copy_(ours["attention.project.weight"])
        keys, values = ours["attention.remember.weight"].chunk(2)
        peer.k_proj_weight.copy_(keys)
        peer.v_proj_weight.copy_(values)
        peer.in_proj_bias.copy_(torch.cat([ours["attention.project.bias"], ours["attention.remember.bias"]]))
        peer.out_proj.weight.copy_(ours["attention.combine.weight"])
        peer.out_proj.bias.copy_(ours["attention.combine.bias"])
    same(model(x, y), peer(x, y, y, need_weights=False)[0], [x, y])


class Llama(nn.Module):
    """The attention of LLaMA 2 as its authors' program has it: complex turns, keys repeated for groups of heads."""

    def __init__(self, features: int, heads: int, kv_heads: int, base: float) -> None:
        super().__init__()
        self.heads, self.kv_heads, self.size, self.base = heads, kv_heads, features // heads, base
        self.wq = nn.Linear(features, heads * self.size, bias=False)
        self.wk = nn.Linear(features, kv_heads * self.size, bias=False)
        self.wv = nn.Linear(features, kv_heads * self.size, bias=False)
        self.wo = nn.Linear(heads * self.size, features, bias=False)

    def turned(self, x: Tensor) -> Tensor:
        """[batch, P, heads, d] by complex numbers of length 1."""
        rates = 1.0 / self.base ** (torch.arange(0, self.size, 2, dtype=torch.float64) / self.size)
        angles = torch.outer(torch.arange(x.shape[1], dtype=torch.float64), rates)
        turns = torch.polar(torch.ones_like(angles), angles)[:, None]
        pairs = torch.view_as_complex(x.reshape(*x.shape[:-1], -1, 2))
        return torch.view_as_real(pairs * turns).flatten(3)

    def forward(self, x: Tensor) -> Tensor:
        """[batch, P, F] to the same."""
        q = self.turned(self.wq(x).unflatten(2, (self.heads, self.size))).transpose(1, 2)
        k = self.turned(self.wk(x).unflatten(2, (self.kv_heads, self.size)))
        v = self.wv(x).unflatten(2, (self.kv_heads, self.size))
        k, v = (t.repeat_interleave(self.heads // self.kv_heads, 2).transpose(1, 2) for t in (k, v))
        scores = q @ k.transpose(2, 3) / math.sqrt(self.size)
        scores = scores + torch.full(scores.shape[-2:], -torch.inf, dtype=torch.float64).triu(1)
        return self.wo((scores.softmax(3) @ v).transpose(1, 2).flatten(2))


def test_a_block_of_llama() -> None:
    model = model_of("input x: [T, 16]", """x -> residual { rms_norm(eps = 1e-5)
        -> attention(4, kv_heads = 2, causal = true, bias = false,
        positions = rotary(base = 500)) } -> residual { rms_norm(eps = 1e-5)
        -> linear(48, bias = false) -> glu(activation = silu) -> linear(16, bias = false) }""")
    ours = dict(model.named_parameters())
    peer = Llama(16, 4, 2, 500.0).double()
    with torch.no_grad():
        q, k, v = ours["residual.attention.project.weight"].split([16, 8, 8])
        out = ours["residual.attention.combine.weight"]
        for mine, theirs in ((q, peer.wq), (k, peer.wk), (v, peer.wv), (out, peer.wo)):
            theirs.weight.copy_(mine)

    x = numbers(2, 7, 16)
    h = x + peer(functional.rms_norm(x, (16,), ours["residual.rms_norm.weight"], 1e-5))
    inner = functional.rms_norm(h, (16,), ours["residual_2.rms_norm.weight"], 1e-5)
    up, gate = functional.linear(inner, ours["residual_2.linear.weight"]).chunk(2, 2)
    wanted = h + functional.linear(functional.silu(gate) * up, ours["residual_2.linear_2.weight"])
    same(model(x), wanted, [x])


def test_rotary_is_timms() -> None:
    layers = timm().layers
    turned = model_of("input x: [6, 8]", "x -> attention(2, positions = rotary(base = 100))")
    rotary = turned.get_submodule("attention.positions")
    x = numbers(2, 2, 6, 4)
    rates = 100.0 ** (-torch.arange(0, 4, 2, dtype=torch.float64) / 4)
    angles = torch.outer(torch.arange(6, dtype=torch.float64), rates).repeat_interleave(2, 1)
    wanted = layers.apply_rot_embed(x, angles.sin(), angles.cos())
    same(rotary.turned(x), wanted, [x])  # type: ignore[operator]


def written_out(model: nn.Module, x: Tensor, heads: int, added: Tensor, scale: float | None = None) -> Tensor:
    """softmax(scale Q K' + added) V, with the weights of a model's attention."""
    ours = {name.removeprefix("attention."): p for name, p in model.named_parameters()}
    q, k, v = (t.unflatten(2, (heads, -1)).transpose(1, 2) for t in functional.linear(
        x, ours["project.weight"], ours["project.bias"]).chunk(3, 2))
    scores = q @ k.transpose(2, 3) * (q.shape[3] ** -0.5 if scale is None else scale) + added
    return functional.linear((scores.softmax(3) @ v).transpose(1, 2).flatten(2), ours["combine.weight"],
                             ours["combine.bias"])


def test_alibi_of_eight_heads_has_the_slopes_of_the_paper() -> None:
    model = model_of("input x: [T, 16]", "x -> attention(8, causal = true, positions = alibi)")
    x = numbers(2, 6, 16)
    place = torch.arange(6, dtype=torch.float64)
    slopes = torch.tensor([1 / 2**n for n in range(1, 9)], dtype=torch.float64)
    added = slopes[:, None, None] * (place[None, :] - place[:, None])
    added = added + torch.full((6, 6), -torch.inf, dtype=torch.float64).triu(1)
    same(model(x), written_out(model, x, 8, added), [x])


def t5_bucket(relative: Tensor, bidirectional: bool, num_buckets: int, max_distance: int) -> Tensor:
    """`_relative_position_bucket` of the published T5 programs; `relative` is key minus query."""
    buckets = torch.zeros_like(relative)
    if bidirectional:
        num_buckets //= 2
        buckets += (relative > 0).long() * num_buckets
        relative = relative.abs()
    else:
        relative = -torch.min(relative, torch.zeros_like(relative))
    exact = num_buckets // 2
    share = torch.log(relative.float() / exact) / math.log(max_distance / exact)
    large = exact + (share * (num_buckets - exact)).long()
    large = torch.min(large, torch.full_like(large, num_buckets - 1))
    return buckets + torch.where(relative < exact, relative, large)


@pytest.mark.parametrize("causal", [True, False])
def test_buckets_are_those_of_t5(causal: bool) -> None:
    model = model_of("input x: [T, 8]",
                     f"x -> attention(2, scale = 1, causal = {str(causal).lower()}, positions = buckets)")
    x = numbers(1, 150, 8)
    place = torch.arange(150)
    bucket = t5_bucket(place[None, :] - place[:, None], not causal, 32, 128)
    added = model.get_parameter("attention.positions.weight")[bucket].permute(2, 0, 1)
    if causal:
        added = added + torch.full((150, 150), -torch.inf, dtype=torch.float64).triu(1)
    same(model(x), written_out(model, x, 2, added, 1.0), [x])


@pytest.mark.parametrize("causal", [True, False])
def test_a_window_sees_so_many_positions(causal: bool) -> None:
    model = model_of("input x: [T, 8]", f"x -> attention(2, window = 3, causal = {str(causal).lower()})")
    x, place = numbers(2, 7, 8), torch.arange(7)
    back = place[:, None] - place[None, :]
    seen = (back < 3) & (back >= 0 if causal else back > -3)
    assert int(seen[6].sum()) == 3
    added = torch.zeros(7, 7, dtype=torch.float64).masked_fill(~seen, -torch.inf)
    same(model(x), written_out(model, x, 2, added), [x])


@pytest.mark.parametrize("shift", [(0, 0), (2, 2), (1, 2)])
@pytest.mark.parametrize("training", [True, False])
def test_windows_are_those_of_timms_swin(shift: tuple[int, int], training: bool) -> None:
    timm()
    from timm.models.swin_transformer import SwinTransformerBlock

    model = model_of("input x: [16, H, W] where H % 4 == 0 and W % 4 == 0 and H >= 8 and W >= 8",
                     "x -> residual { layer_norm "
                     f"-> window_attention(4, 4x4, shift = size({shift[0]}, {shift[1]})) }} "
                     "-> residual { layer_norm -> conv(1x1, 64) -> gelu -> conv(1x1, 16) }").train(training)
    block = SwinTransformerBlock(16, (8, 12), num_heads=4, window_size=4, shift_size=shift).double().train(training)
    ours = dict(model.named_parameters())
    pairs = {
        "norm1.weight": "residual.layer_norm.weight", "norm1.bias": "residual.layer_norm.bias",
        "attn.qkv.weight": "residual.window_attention.project.weight",
        "attn.qkv.bias": "residual.window_attention.project.bias",
        "attn.proj.weight": "residual.window_attention.combine.weight",
        "attn.proj.bias": "residual.window_attention.combine.bias",
        "attn.relative_position_bias_table": "residual.window_attention.positions",
        "norm2.weight": "residual_2.layer_norm.weight", "norm2.bias": "residual_2.layer_norm.bias",
        "mlp.fc1.weight": "residual_2.conv.weight", "mlp.fc1.bias": "residual_2.conv.bias",
        "mlp.fc2.weight": "residual_2.conv_2.weight", "mlp.fc2.bias": "residual_2.conv_2.bias",
    }
    theirs = dict(block.named_parameters())
    assert set(pairs) == set(theirs)
    with torch.no_grad():
        for theirs_name, name in pairs.items():
            theirs[theirs_name].copy_(ours[name].reshape(theirs[theirs_name].shape))
    x = numbers(2, 16, 8, 12)
    same(model(x), block(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2), [x])
    assert model(numbers(1, 16, 12, 8)).shape == (1, 16, 12, 8)
