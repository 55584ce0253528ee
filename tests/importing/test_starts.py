"""Initialisers come along: each is found from weights that torch drew, and nothing else is taken for one."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import init

import archlang
from archlang.importing import ImportedModel, import_model


class Drawn(nn.Module):
    """Convolutions and dense maps of different sizes, whose kernels a function draws."""

    def __init__(self, draw: Callable[[Tensor], object]) -> None:
        super().__init__()
        self.one = nn.Conv2d(3, 32, 3, bias=False)
        self.two = nn.Conv2d(32, 64, 3, bias=False)
        self.by = nn.Conv2d(64, 64, 3, groups=64, bias=False)
        self.wide = nn.Linear(64, 300, bias=False)
        self.head = nn.Linear(300, 20, bias=False)
        for layer in self.children():
            draw(layer.weight)

    def forward(self, x: Tensor) -> Tensor:
        x = self.by(torch.relu(self.two(torch.relu(self.one(x)))))
        return self.head(torch.relu(self.wide(x.mean((2, 3)))))


def taken_in(model: nn.Module, untrained: nn.Module | None = None) -> ImportedModel:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch.export's own
        return import_model(model, (torch.zeros(2, 3, 8, 8),), untrained=untrained)


def lecun(weight: Tensor) -> None:
    init.kaiming_normal_(weight, nonlinearity="linear")


DRAWS: dict[str, tuple[Callable[[Tensor], object], str]] = {
    "fan out": (lambda w: init.kaiming_normal_(w, mode="fan_out", nonlinearity="relu"),
                "kaiming_normal(mode = fan_out)"),
    "fan in": (lambda w: init.kaiming_uniform_(w, nonlinearity="relu"), "kaiming_uniform"),
    "lecun": (lecun, "kaiming_normal(nonlinearity = linear)"),
    "xavier normal": (init.xavier_normal_, "xavier_normal"),
    "xavier uniform": (init.xavier_uniform_, "xavier_uniform"),
    "normal": (lambda w: init.normal_(w, std=0.05), "normal(std = 0.05)"),
    "uncut": (lambda w: init.trunc_normal_(w, std=0.02), "normal(std = 0.02)"),
    "cut": (lambda w: init.trunc_normal_(w, std=0.02, a=-0.04, b=0.04), "truncated_normal(std = 0.02)"),
    "even": (lambda w: init.uniform_(w, -0.08, 0.08), "uniform(low = -0.08, high = 0.08)"),
    "orthogonal": (init.orthogonal_, "orthogonal"),
    "zeros": (init.zeros_, "zeros"),
    "constant": (lambda w: init.constant_(w, 0.25), "constant(0.25)"),
}


@pytest.mark.parametrize("name", DRAWS)
def test_an_initialiser_is_found(name: str) -> None:
    draw, said = DRAWS[name]
    torch.manual_seed(0)
    text = taken_in(Drawn(draw)).text.replace("value = ", "")

    # Every kernel has it, by name where it has arguments.
    stated = text.count(f"init = {said}") + text.count("init = start")
    assert stated == 5, text
    assert f"= {said}" in text
    assert "init = start" not in text or f"let start = {said}" in text


def test_weights_drawn_afresh_are_as_wide_as_those_of_torch() -> None:
    torch.manual_seed(1)
    found = taken_in(Drawn(DRAWS["fan out"][0]))
    fresh = archlang.compile(found.network, seed=5).state_dict()
    for name, value in found.model.state_dict().items():
        assert float(fresh[name].std() / value.std()) == pytest.approx(1, rel=8 / math.sqrt(value.numel())), name
        assert not torch.equal(fresh[name], value)


def test_the_start_of_torchs_own_layers_needs_no_word() -> None:
    torch.manual_seed(0)
    found = taken_in(Drawn(lambda w: w))
    assert "init" not in found.text
    assert found.notes == ()


def uneven(weight: Tensor) -> None:
    """Rows of different sizes, as a training leaves them."""
    rows = torch.exp(torch.randn(len(weight), *(1,) * (weight.dim() - 1)))
    with torch.no_grad():
        weight.copy_(torch.randn(weight.shape) * rows * 0.05)


def test_trained_weights_tell_no_initialiser() -> None:
    torch.manual_seed(0)
    found = taken_in(Drawn(uneven))
    assert "init" not in found.text
    assert "look trained" in " ".join(found.notes)

    # Where the model is known as it was before, that tells.
    torch.manual_seed(0)
    found = taken_in(Drawn(uneven), untrained=Drawn(DRAWS["fan out"][0]))
    assert "let start = kaiming_normal(mode = fan_out)" in found.text
    assert found.notes == ()


def scaled(width: float) -> Callable[[Tensor], object]:
    """A normal distribution of a deviation that no rule of the language gives for a weight's sizes."""
    def draw(weight: Tensor) -> None:
        entering = weight[0].numel()
        init.normal_(weight, std=width / math.sqrt(entering))

    return draw


def spread(weight: Tensor) -> None:
    """Heavier tails than a normal distribution of the same variance."""
    with torch.no_grad():
        weight.copy_(torch.distributions.Laplace(0.0, 0.05 / math.sqrt(2)).sample(weight.shape))


@pytest.mark.parametrize("draw", [scaled(1.2), scaled(0.31), spread], ids=["wide", "narrow", "tails"])
def test_what_is_near_an_initialiser_is_none(draw: Callable[[Tensor], object]) -> None:
    torch.manual_seed(0)
    found = taken_in(Drawn(draw))
    assert "init" not in found.text


class Gated(nn.Module):
    """A branch that starts silent, and biases that start at 0."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 16, 3, padding=1)
        self.norm = nn.BatchNorm2d(16)
        self.gamma = nn.Parameter(torch.full((16, 1, 1), 1e-6))
        self.head = nn.Linear(16, 4)
        init.zeros_(self.norm.weight)
        init.zeros_(self.head.bias)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        return self.head((x + self.gamma * self.norm(x)).mean((2, 3)))


def test_scales_start_as_they_do_and_other_starts_are_said() -> None:
    torch.manual_seed(0)
    found = taken_in(Gated())
    assert "batch_norm(scale = 0)" in found.text
    assert "affine(scale = 1e-6, shift = none)" in found.text
    assert "init" not in found.text

    # A bias has no initialiser in the language: the note says which one starts otherwise.
    (note,) = found.notes
    assert "begins otherwise" in note
    assert "head.bias` (at 0 there)" in note
