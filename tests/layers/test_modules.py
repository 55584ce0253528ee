"""The other modules against plain tensor code, in training and evaluation, in every number type."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from archlang.layers import (
    GRU,
    LSTM,
    Attention,
    ChannelNorm,
    ClassToken,
    DropPath,
    PositionEmbedding,
    PyramidPool,
    SqueezeExcite,
    UnevenAvgPool,
    average,
    fill,
    largest,
    times,
    total,
)
from archlang.ops import CATALOGUE, Option


def noise(*sizes: int, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(*sizes, generator=torch.Generator().manual_seed(1), dtype=torch.float64).to(dtype)


def test_squeeze_excite_gates_each_channel() -> None:
    module, x = SqueezeExcite(8, 3, bias=True).double(), noise(2, 8, 4, 5)
    z = x.sum((2, 3)) / 20
    hidden = torch.clamp(z @ module.squeeze.weight.T + module.squeeze.bias, min=0)
    gate = 1 / (1 + torch.exp(-(hidden @ module.excite.weight.T + module.excite.bias)))
    torch.testing.assert_close(module(x), x * gate[:, :, None, None])


@pytest.mark.parametrize("causal", [False, True])
def test_attention_is_the_formula_head_by_head(causal: bool) -> None:
    module, x = Attention(6, 2, causal=causal).double(), noise(2, 5, 6)
    query, key, value = (x @ module.project.weight.T + module.project.bias).split(6, 2)
    heads = []
    for part in (slice(0, 3), slice(3, 6)):
        scores = query[..., part] @ key[..., part].transpose(1, 2) / 3**0.5
        if causal:
            scores = scores.masked_fill(torch.ones(5, 5).triu(1).bool(), -torch.inf)
        heads.append(scores.softmax(2) @ value[..., part])
    expected = torch.cat(heads, 2) @ module.combine.weight.T + module.combine.bias
    torch.testing.assert_close(module(x), expected)


def test_attention_drops_weights_in_training_alone() -> None:
    module, x = Attention(6, 2, dropout=0.5), noise(2, 5, 6, dtype=torch.float32)
    torch.manual_seed(0)
    assert not torch.equal(module(x), module(x))
    module.eval()
    assert torch.equal(module(x), module(x))


def test_drop_path_leaves_whole_samples_out_and_keeps_the_mean() -> None:
    torch.manual_seed(0)
    module, x = DropPath(0.25), torch.ones(4000, 2, 3)
    found = module(x)
    torch.testing.assert_close(found.unique(), torch.tensor([0.0, 4 / 3]))
    assert torch.equal(found.flatten(1).amin(1), found.flatten(1).amax(1))
    assert abs(found.mean() - 1) < 0.05
    assert torch.equal(DropPath(1.0)(x), torch.zeros_like(x))
    assert torch.equal(module.eval()(x), x)


def test_channel_norm_normalises_each_place() -> None:
    module, x = ChannelNorm(6).double(), noise(2, 6, 4, 5)
    mean = x.mean(1, keepdim=True)
    variance = ((x - mean) ** 2).mean(1, keepdim=True)
    torch.testing.assert_close(module(x), (x - mean) / (variance + 1e-5).sqrt())
    assert not list(ChannelNorm(6, affine=False).parameters())


@pytest.mark.parametrize("kind", [LSTM, GRU])
def test_the_last_state_is_that_of_both_ends(kind: type[LSTM] | type[GRU]) -> None:
    module, x = kind(6, 4, 2, bidirectional=True, give="last"), noise(3, 5, 6, dtype=torch.float32)
    plain = (nn.LSTM if kind is LSTM else nn.GRU)(6, 4, 2, batch_first=True, bidirectional=True)
    plain.load_state_dict(module.state_dict())
    _, state = plain(x)
    hidden = state[0] if kind is LSTM else state
    torch.testing.assert_close(module(x), torch.cat([hidden[-2], hidden[-1]], 1))


def test_a_token_comes_first_and_positions_are_added() -> None:
    x = noise(2, 5, 6, dtype=torch.float32)
    token, position = ClassToken(6), PositionEmbedding((5, 6))
    made = token(x)
    assert made.shape == (2, 6, 6)
    torch.testing.assert_close(made[:, 0], token.weight.expand(2, -1))
    torch.testing.assert_close(made[:, 1:], x)
    torch.testing.assert_close(position(x) - x, position.weight.expand(2, -1, -1), atol=1e-6, rtol=1e-4)


def test_a_pyramid_holds_its_levels_one_after_the_other() -> None:
    x = noise(2, 3, 4, 4)
    found = PyramidPool((1, 2))(x)
    torch.testing.assert_close(found[:, :3], x.mean((2, 3)))
    torch.testing.assert_close(found[:, 3], x[:, 0, :2, :2].mean((1, 2)))
    torch.testing.assert_close(PyramidPool((1,), "max")(x), x.amax((2, 3)))


def test_merges() -> None:
    a, b, c = noise(3), noise(3) + 1, noise(3) * 2
    torch.testing.assert_close(total(a, b, c), a + b + c)
    torch.testing.assert_close(average(a, b, c), (a + b + c) / 3)
    torch.testing.assert_close(times(a, b, c), a * b * c)
    torch.testing.assert_close(largest(a, b, c), torch.stack([a, b, c]).amax(0))


MODULES = [
    (SqueezeExcite(8, 2), (8, 4, 4)), (Attention(8, 2), (5, 8)), (DropPath(0.5), (8, 4, 4)),
    (ChannelNorm(8), (8, 4, 4)),
    (LSTM(8, 4), (5, 8)), (GRU(8, 4, give="last"), (5, 8)), (PositionEmbedding((5, 8)), (5, 8)),
    (ClassToken(8), (5, 8)),
    (PyramidPool((1, 2)), (8, 4, 4)),
]


@pytest.mark.parametrize(("module", "shape"), MODULES, ids=[type(m).__name__ for m, _ in MODULES])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_modules_work_in_every_number_type(module: nn.Module, shape: tuple[int, ...], dtype: torch.dtype) -> None:
    copied = copy.deepcopy(module).to(dtype)
    x = noise(2, *shape, dtype=dtype).requires_grad_()
    made = copied(x)
    made.float().sum().backward()
    assert made.dtype is dtype
    assert torch.isfinite(made).all() and x.grad is not None and torch.isfinite(x.grad).all()


# torch's own recurrent layers keep a list of their weights, and export says so
@pytest.mark.filterwarnings("ignore:The tensor attributes self._flat_weights")
@pytest.mark.parametrize(("module", "shape"), MODULES, ids=[type(m).__name__ for m, _ in MODULES])
def test_modules_work_under_autocast_and_without_graph_breaks(module: nn.Module, shape: tuple[int, ...]) -> None:
    x = noise(2, *shape, dtype=torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.isfinite(module(x)).all()
    module.eval()
    program = torch.export.export(module, (x,))
    torch.testing.assert_close(program.module()(x), module(x))
    module.train()


DEVIATIONS = {
    "zeros": 0.0, "ones": 0.0, "constant": 0.0, "normal": 0.01, "uniform": 0.2 / 12**0.5, "truncated_normal": 0.0176,
    "kaiming_normal": (2 / 288) ** 0.5, "kaiming_uniform": (2 / 288) ** 0.5, "xavier_normal": (2 / 864) ** 0.5,
    "xavier_uniform": (2 / 864) ** 0.5, "orthogonal": 1 / 288**0.5,
}


def test_every_initialiser_fills_a_weight() -> None:
    for name in CATALOGUE.of_role("initialiser"):
        setting = CATALOGUE.setting("initialiser", name)
        assert setting is not None
        args = {arg.name: 0.25 if arg.name == "value" else arg.default for arg in setting.args}
        weight = nn.Parameter(torch.full((64, 32, 3, 3), 7.0))
        torch.manual_seed(0)
        fill(weight, Option(name, "initialiser", args))
        assert not (weight == 7).any() and weight.requires_grad
        assert abs(float(weight.detach().std()) - DEVIATIONS[name]) < 0.02 * max(DEVIATIONS[name], 0.01), name


def test_an_average_over_part_of_a_window_is_torchs_where_padding_is_even() -> None:
    x = noise(2, 3, 8, 8)
    module = UnevenAvgPool((3, 3), (2, 2), ((1, 1), (1, 1)), count_include_pad=False)
    torch.testing.assert_close(module(x), functional.avg_pool2d(x, 3, 2, 1, count_include_pad=False))
