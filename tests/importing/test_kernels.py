"""Kernels that a model calculates come in as what they are, and train as they do there."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import weight_norm

from archlang import ArchError
from archlang.importing import import_model


class Standardized(nn.Conv2d):
    """Written out by hand."""

    def forward(self, input: Tensor) -> Tensor:
        v = self.weight
        deviation = (v.var((1, 2, 3), keepdim=True, unbiased=False) + 1e-5).sqrt()
        return functional.conv2d(input, (v - v.mean((1, 2, 3), keepdim=True)) / deviation, self.bias, padding=1)


class Scaled(nn.Conv2d):
    """As timm writes it: a batch norm of the rows."""

    def __init__(self, c: int, out: int, groups: int) -> None:
        super().__init__(c, out, 3, groups=groups, bias=False)
        self.gain = nn.Parameter(torch.ones(out, 1, 1, 1))

    def forward(self, input: Tensor) -> Tensor:
        by = (self.gain * 1.7 * self.weight[0].numel() ** -0.5).view(-1)
        rows = functional.batch_norm(self.weight.reshape(1, self.out_channels, -1), None, None, by, None, True, 0, 1e-6)
        return functional.conv2d(input, rows.reshape_as(self.weight), None, padding=1, groups=self.groups)


class Squashed(nn.Conv2d):
    """A kernel that no formula of the language gives, with the deviation of n - 1 numbers."""

    def forward(self, input: Tensor) -> Tensor:
        v = self.weight
        return functional.conv2d(input, v / v.std((1, 2, 3), keepdim=True), self.bias)


def test_calculated_kernels_are_recognised_and_train_alike() -> None:
    model = nn.Sequential(
        weight_norm(nn.Conv2d(3, 8, 3, padding=1)), nn.ReLU(), Standardized(8, 6, 3), nn.ReLU(), Scaled(6, 6, 2),
        nn.ReLU(), Scaled(6, 6, 6), nn.Flatten(), nn.Linear(96, 3),
    ).double()
    found = import_model(model, (torch.zeros(2, 3, 4, 4, dtype=torch.float64),))
    assert not found.notes
    for text in ("weights = weight_norm", "weights = standardized(eps = 1e-5)", "scaled(gamma = 1.7, eps = 1e-6)"):
        assert text in found.text

    x = torch.randn(4, 3, 4, 4, dtype=torch.float64)
    (model(x).square().sum() + found.model.double()(x).square().sum()).backward()
    theirs, ours = dict(model.named_parameters()), dict(found.model.named_parameters())
    assert len(ours) == len(theirs) and "0.parametrizations.weight.original1" in theirs
    for name, (other,) in found.mapped.items():
        made, wanted = ours[name].grad, theirs[other].grad
        assert made is not None and wanted is not None
        assert torch.allclose(made.flatten(), wanted.flatten(), rtol=1e-8, atol=1e-10), name


def test_another_kernel_is_stored_as_it_comes_out_and_that_is_said() -> None:
    model = nn.Sequential(Squashed(3, 8, 3), nn.Flatten(), nn.Linear(32, 3))
    found = import_model(model, (torch.zeros(2, 3, 4, 4),))
    assert "weights" not in found.text.partition("train")[0]
    assert any("calculated from parameters is stored" in note for note in found.notes)


class Halfway(nn.Module):
    """A bias of which a part is overwritten before it is used, as in torchvision's Swin v2."""

    def __init__(self) -> None:
        super().__init__()
        self.map = nn.Linear(4, 6)

    def forward(self, x: Tensor) -> Tensor:
        bias = self.map.bias.clone()
        seen = bias[1:]
        bias[2:4].zero_()
        bias[4:5].mul_(3.0)
        return functional.linear(x, self.map.weight, bias) + seen.sum()


def test_a_write_into_a_part_of_what_is_calculated_is_followed() -> None:
    model = Halfway()
    found = import_model(model, (torch.zeros(2, 4),))
    assert any("calculated from parameters is stored" in note for note in found.notes)
    x = torch.randn(3, 4)
    torch.testing.assert_close(found.model(x), model(x))
    assert found.model.state_dict()[next(name for name in found.mapped if name.endswith("bias"))][2:4].abs().max() == 0


class Surrounded(nn.Module):
    """TensorFlow's padding of a max pool, as NASNet has it."""

    def __init__(self, then: nn.Module) -> None:
        super().__init__()
        self.conv, self.then = nn.Conv2d(3, 4, 1), then

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = self.then(functional.pad(self.conv(x), (0, 1, 1, 1), value=-torch.inf))
        return made


def test_minus_infinity_around_a_map_is_for_a_max_pool_alone() -> None:
    model = Surrounded(nn.MaxPool2d(3, 2))
    found = import_model(model, (torch.zeros(2, 3, 7, 8),))
    x = torch.randn(3, 3, 7, 8) - 5
    torch.testing.assert_close(found.model(x), model(x))

    with pytest.raises(ArchError, match=r"not-equal|differ"):
        import_model(Surrounded(nn.ReLU()), (torch.zeros(2, 3, 7, 8),))
