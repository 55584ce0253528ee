"""Each kind of attention against plain tensor code from its definition, its start, its gradients, its special cases."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from archlang.compiler import compile, loads
from archlang.layers import EqualAttention, InnateStatic, RecurrentAttention, SelfAttention, StaticVector

torch.set_num_threads(1)
LAYERS, SIZE = 3, 8


def inputs(*shape: int) -> list[Tensor]:
    """Three layers."""
    draw = torch.Generator().manual_seed(3)
    return [torch.randn(5, SIZE, *shape, generator=draw, dtype=torch.float64) for _ in range(LAYERS)]


def contracted(module: nn.Module, parts: list[Tensor]) -> Tensor:
    """`W [x_1, ..., x_L] + b`."""
    return torch.cat(parts, 1) @ module.contract.weight.T + module.contract.bias  # type: ignore[union-attr, operator]


def test_innate_static() -> None:
    module, xs = InnateStatic((SIZE,) * LAYERS, 6).double(), inputs()
    y, attention = module(*xs)
    torch.testing.assert_close(y, contracted(module, xs), rtol=0, atol=1e-10)
    norms = torch.stack([block.pow(2).sum().sqrt() for block in module.contract.weight.split(SIZE, 1)])
    torch.testing.assert_close(attention, (norms / norms.sum()).detach().expand(5, -1), rtol=0, atol=1e-10)


def test_static_vector() -> None:
    module, xs = StaticVector((SIZE,) * LAYERS, 6).double(), inputs()
    torch.testing.assert_close(module(*xs)[1], torch.full((5, LAYERS), 1 / LAYERS, dtype=torch.float64))
    nn.init.normal_(module.logits)
    a = module.logits.exp() / module.logits.exp().sum()
    y, attention = module(*xs)
    torch.testing.assert_close(y, contracted(module, [x * a[i] for i, x in enumerate(xs)]), rtol=0, atol=1e-10)
    torch.testing.assert_close(attention.sum(1), torch.ones(5, dtype=torch.float64))
    assert bool((attention > 0).all())


@pytest.mark.parametrize("heads", [1, 2, 8])
def test_self_attention(heads: int) -> None:
    module, xs = SelfAttention(LAYERS, SIZE, heads, 6).double(), inputs()
    query, key, value = (
        [x @ w.T + b for x in xs]
        for w, b in zip(module.project.weight.split(SIZE), module.project.bias.split(SIZE), strict=True)
    )
    taken, pairs = [], torch.zeros(5, heads, LAYERS, LAYERS, dtype=torch.float64)
    for i in range(LAYERS):
        parts = []
        for h in range(heads):
            part = slice(h * SIZE // heads, (h + 1) * SIZE // heads)
            scores = torch.stack([(query[i][:, part] * k[:, part]).sum(1) for k in key], 1) / math.sqrt(SIZE / heads)
            a = scores.exp() / scores.exp().sum(1, keepdim=True)
            pairs[:, h, i] = a.detach()
            parts.append(sum(v[:, part] * a[:, j : j + 1] for j, v in enumerate(value)))
        taken.append(torch.cat(parts, 1))  # type: ignore[arg-type]
    y, attention, found = module(*xs)
    torch.testing.assert_close(y, contracted(module, taken), rtol=0, atol=1e-10)
    torch.testing.assert_close(found, pairs, rtol=0, atol=1e-10)
    torch.testing.assert_close(attention, pairs.mean((1, 2)), rtol=0, atol=1e-10)


def test_recurrent() -> None:
    module, xs = RecurrentAttention(LAYERS, SIZE, 4).double(), inputs()
    lstm = module.lstm
    hidden = cell = torch.zeros(5, 4, dtype=torch.float64)
    states = []
    for x in xs:
        i, f, g, o = (
            x @ lstm.weight_ih_l0.T + lstm.bias_ih_l0 + hidden @ lstm.weight_hh_l0.T + lstm.bias_hh_l0
        ).chunk(4, 1)
        cell = f.sigmoid() * cell + i.sigmoid() * g.tanh()
        hidden = o.sigmoid() * cell.tanh()
        states.append(hidden)
    y, attention = module(*xs)
    torch.testing.assert_close(y, contracted(module, states), rtol=0, atol=1e-10)
    norms = torch.stack([block.pow(2).sum().sqrt() for block in module.contract.weight.split(4, 1)])
    torch.testing.assert_close(attention[0], (norms / norms.sum()).detach(), rtol=0, atol=1e-10)


KINDS = ["innate_static(8)", "static_vector", "self_attention(heads = 2)", "recurrent(8)", "mean"]
NET = """archlang 1
network N(by = static_vector) {{
  input image: [2, 6, 6]
  levels = image -> layers {{ conv(3x3, 3) -> relu; conv(3x3, 4, stride = 2) -> relu; conv(3x3, 5) -> relu }}
  logits = levels -> each {{ flatten -> linear(8) }} -> attend(by) -> linear(4)
  output logits
}}"""


@pytest.mark.parametrize("by", KINDS)
def test_the_gradient_reaches_every_layer_directly(by: str) -> None:
    """With the last layer's weights at zero nothing passes through it, and yet the first layer learns."""
    model = compile(loads(NET.format(), by=by))
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if name.startswith("levels.layers.2"):
                weight.zero_()
    torch.nn.functional.cross_entropy(model(torch.randn(6, 2, 6, 6)), torch.arange(6) % 4).backward()
    for number in (0, 1):
        gradient = model.get_parameter(f"levels.layers.{number}.conv.weight").grad
        assert gradient is not None and float(gradient.norm()) > 1e-6


@pytest.mark.parametrize("by", KINDS)
def test_half_precision_and_taps(by: str) -> None:
    model = compile(loads(NET.format(), by=by), taps=True)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y, taps = model(torch.randn(2, 2, 6, 6))
    attention = taps["logits.attend"]
    assert y.shape == (2, 4) and attention.shape == (2, 3) and attention.dtype == torch.float32
    torch.testing.assert_close(attention.sum(1), torch.ones(2))
    assert ("logits.attend.pairs" in taps) == by.startswith("self")


def test_maps_are_contracted_place_by_place() -> None:
    module, xs = InnateStatic((SIZE,) * LAYERS, 6).double(), inputs(3, 4)
    y = module(*xs)[0]
    for row in range(3):
        for column in range(4):
            alone = module(*(x[:, :, row, column] for x in xs))[0]
            torch.testing.assert_close(y[:, :, row, column], alone, rtol=0, atol=1e-10)


def test_equal_attention() -> None:
    xs = inputs(2, 2)
    torch.testing.assert_close(EqualAttention(3)(*xs)[0], torch.stack(xs).mean(0))


# --- special cases: with weights set by hand other networks come out (systems: plain and residual nets) -------------

PLAIN = """archlang 1
network P {
  input image: [2, 6, 6]
  trunk  = image -> conv(3x3, 3) -> relu -> conv(3x3, 4, stride = 2) -> relu -> conv(3x3, 5) -> relu
  logits = trunk -> flatten -> linear(8) -> linear(4)
  output logits
}"""


def plain_beside(by: str) -> tuple[nn.Module, nn.Module]:
    """The plain network and the attended one with its weights, in float64."""
    plain, attended = compile(loads(PLAIN)).double(), compile(loads(NET.format(), by=by)).double()
    pairs = [("trunk.conv", "levels.layers.0.conv"), ("trunk.conv_2", "levels.layers.1.conv"),
             ("trunk.conv_3", "levels.layers.2.conv"), ("logits.linear_2", "logits.linear")]
    for mine, yours in pairs:
        attended.get_submodule(yours).load_state_dict(plain.get_submodule(mine).state_dict())
    attended.get_submodule("logits.each.2.linear").load_state_dict(plain.get_submodule("logits.linear").state_dict())
    return plain, attended


@torch.no_grad()
@pytest.mark.parametrize("by", ["innate_static(8)", "static_vector"])
def test_the_plain_network_is_attention_to_the_last_layer(by: str) -> None:
    plain, attended = plain_beside(by)
    site = attended.get_submodule(f"logits.attend.{by.partition('(')[0]}")
    eye, nothing = torch.eye(8, dtype=torch.float64), torch.zeros(8, 8, dtype=torch.float64)
    others = nothing if by.startswith("innate") else torch.randn(8, 8, dtype=torch.float64)
    site.contract.weight.copy_(torch.cat([others, others, eye], 1))
    site.contract.bias.zero_()
    if by == "static_vector":
        site.logits.copy_(torch.tensor([0.0, 0.0, 1000.0]))
    x = torch.randn(4, 2, 6, 6, dtype=torch.float64)
    torch.testing.assert_close(attended(x), plain(x), rtol=0, atol=1e-12)
    torch.testing.assert_close(site(*[torch.zeros(1, 8, dtype=torch.float64)] * 3)[1],
                               torch.tensor([[0.0, 0.0, 1.0]], dtype=torch.float64), rtol=0, atol=1e-9)


@torch.no_grad()
@pytest.mark.parametrize("beta", [0.0, 0.3, 1.0])
def test_the_residual_network_is_attention_layer_by_layer(beta: float) -> None:
    text = """archlang 1
network R {{
  input x: [4, 6, 6]
  output x -> 3 * (residual({how}) {{ conv(3x3, 4) -> batch_norm -> relu }}) -> global_avg_pool -> linear(3)
}}"""
    joined = compile(loads(text.format(how="join = concat"))).double()
    mixed = compile(loads(text.format(how=f"mix = fixed({beta})"))).double()
    kept = {name: w for name, w in joined.state_dict().items() if "contract" not in name}
    mixed.load_state_dict(kept)
    eye = torch.eye(4, dtype=torch.float64)
    for name, weight in joined.named_parameters():
        if name.endswith("contract.weight"):
            weight.copy_(torch.cat([(1 - beta) * eye, beta * eye], 1))
    x = torch.randn(4, 4, 6, 6, dtype=torch.float64)
    torch.testing.assert_close(joined(x), mixed(x), rtol=0, atol=1e-12)
