"""Torch modules of every form, imported: the text, the numbers, and what is refused."""

from __future__ import annotations

import warnings

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

import archlang
from archlang.diagnostics import ArchError
from archlang.importing import ImportedModel, import_model
from archlang.importing.aten import READERS
from archlang.importing.aten.elementwise import pointwise


class Basic(nn.Module):
    """Two convolutions beside a shortcut."""

    def __init__(self, entering: int, c: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(entering, c, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(c)
        self.act = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(c, c, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(c)
        self.down = None
        if stride > 1:
            self.down = nn.Sequential(nn.Conv2d(entering, c, 1, stride, bias=False), nn.BatchNorm2d(c))

    def forward(self, x: Tensor) -> Tensor:
        kept = x if self.down is None else self.down(x)
        x = self.act(self.bn1(self.conv1(x)))
        x = self.bn2(self.conv2(x))
        x += kept
        return self.act(x)


class Small(nn.Module):
    """A residual network of two stages."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(8)
        self.layer1 = nn.Sequential(Basic(8, 8), Basic(8, 8))
        self.layer2 = nn.Sequential(Basic(8, 16, 2), Basic(16, 16))
        self.layer3 = nn.Sequential(Basic(16, 32, 2), Basic(32, 32))
        self.head = nn.Linear(32, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.relu(self.bn(self.conv(x)))
        x = self.layer3(self.layer2(self.layer1(x)))
        return self.head(functional.adaptive_avg_pool2d(x, 1).flatten(1))


SMALL = '''archlang 1
"""Small, imported from torch."""
block basic = conv(3x3, in.channels) as conv1 -> batch_norm as bn1 -> relu
              -> conv(3x3, in.channels) as conv2 -> batch_norm as bn2 -> add(in) -> relu

block basic_2(c) {
  down = in -> conv(1x1, c, stride = 2) -> batch_norm
  output in -> conv(3x3, c, stride = 2) as conv1 -> batch_norm as bn1 -> relu
            -> conv(3x3, c) as conv2 -> batch_norm as bn2 -> add(down) -> relu
}

network Small(classes = 5, side = 16) {
  input image: [3, side, side]
  stem   = image  -> conv(3x3, 8) as conv -> batch_norm as bn -> relu
  layer1 = stem   -> 2 * basic
  layer2 = layer1 -> basic_2(16) -> basic
  layer3 = layer2 -> basic_2(32) -> basic
  logits = layer3 -> global_avg_pool -> linear(classes) as head
  output logits
}

train {
  loss      = cross_entropy(logits, label)
  optimizer = adamw(lr = 1e-4)
  phase tune { epochs = 10; lr = cosine }
}
'''


def taken_in(model: nn.Module, *sizes: tuple[int, ...]) -> ImportedModel:
    """Import a model; it must give what the model gives, in float32 and with the model's own weights."""
    inputs = tuple(torch.randn(2, *size, generator=torch.Generator().manual_seed(0)) for size in sizes)
    model.eval()
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # torch.export's own
        found = import_model(model, inputs)
        theirs, ours = model(*inputs), found.model(*inputs)
    torch.testing.assert_close(ours, theirs)
    return found


def test_a_residual_network_becomes_a_page() -> None:
    torch.manual_seed(0)
    model = Small()
    found = taken_in(model, (3, 16, 16))
    assert found.text == SMALL
    assert found.network.parameters == sum(weight.numel() for weight in model.parameters())
    assert found.mapped["layer2.basic_2.conv1.weight"] == ("layer2.0.conv1.weight",)
    assert (found.left, found.notes, found.difference < 1e-12) == ((), (), True)


def test_a_step_that_is_misread_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(READERS, "relu", lambda r, call: pointwise(r, r.tensor(call["self"]), "gelu"))  # type: ignore[index]
    with pytest.raises(ArchError, match="computes something else"):
        taken_in(nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU()), (3, 8, 8))


class Wide(nn.Module):
    """Layouts of every kind: channels last, tokens, a shuffle, growing joins, a gate."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 4, 4)
        self.norm = nn.LayerNorm(8)
        self.up = nn.Linear(8, 16)
        self.down = nn.Linear(16, 8)
        self.gamma = nn.Parameter(1e-6 * torch.ones(8))
        self.grow = nn.ModuleList(nn.Conv2d(8 + 4 * i, 4, 3, padding=1) for i in range(3))
        self.squeeze = nn.Conv2d(20, 4, 1)
        self.excite = nn.Conv2d(4, 20, 1)
        self.place = nn.Parameter(torch.randn(1, 16, 20))
        self.token = nn.Parameter(torch.randn(1, 1, 20))
        self.attend = nn.MultiheadAttention(20, 4, batch_first=True)
        self.head = nn.Linear(20, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        y = self.norm(x.permute(0, 2, 3, 1))
        y = self.gamma * self.down(functional.gelu(self.up(y)))
        x = x + y.permute(0, 3, 1, 2)

        found = [x]
        for layer in self.grow:
            found.append(layer(torch.cat(found, 1)))
        x = torch.cat(found, 1)
        b, c, h, w = x.shape
        x = x.view(b, 4, c // 4, h, w).transpose(1, 2).reshape(b, c, h, w)
        x = x * torch.sigmoid(self.excite(functional.relu(self.squeeze(x.mean((2, 3), keepdim=True)))))

        x = x.flatten(2).transpose(1, 2) + self.place
        x = torch.cat([self.token.expand(b, -1, -1), x], 1)
        x = x + self.attend(x, x, x, need_weights=False)[0]
        return self.head(x[:, 0])


def test_layouts_leave_no_reshaping_behind() -> None:
    text = taken_in(Wide(), (3, 16, 16)).text
    for word in ("layer_norm", "conv(1x1, 16)", "affine(scale = 1e-6, shift = none)", "channel_shuffle(4)",
                 "to_sequence", "position_embedding", "class_token", "attention(4)"):
        assert word in text
    assert "reshape" not in text and "permute" not in text
    assert text.count("concat") == 3


class Noisy(nn.Module):
    """Noise that evaluation never shows, and a weight that it never reads."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.drop = nn.Dropout2d(0.2, inplace=True)
        self.aux = nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        x = self.drop(self.conv(x))
        if self.training:
            return self.aux(x.mean((2, 3)))
        return functional.dropout(x.mean((2, 3)), 0.3, self.training)


def test_what_only_training_does_comes_along_or_is_said() -> None:
    found = taken_in(Noisy(), (3, 8, 8))
    assert "drop_channels(0.2)" in found.text and "dropout(0.3)" in found.text
    assert found.left == ("aux.weight", "aux.bias")


class Twice(nn.Module):
    """A head over two maps."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3, padding=1)
        self.head = nn.Sequential(nn.Conv2d(4, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 2, 1))

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        x = self.stem(x)
        return {"fine": self.head(x), "coarse": self.head(functional.max_pool2d(x, 2))}


def test_a_module_that_is_called_twice_is_a_layer() -> None:
    model = Twice()
    found = taken_in(model, (3, 8, 8))
    assert found.text.count("layer ") == 2
    assert found.network.parameters == sum(weight.numel() for weight in model.parameters())


class Tied(nn.Module):
    """One matrix, used as it is and turned."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(6, 6))

    def forward(self, x: Tensor) -> Tensor:
        return functional.linear(functional.relu(functional.linear(x, self.weight)), self.weight.t())


class Sorts(nn.Module):
    """Two things that no text says."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.sort(x, dim=1)[0] + torch.fft.rfft(x).abs().sum()


class Branches(nn.Module):
    """A branch on the values of a tensor."""

    def forward(self, x: Tensor) -> Tensor:
        if x.sum() > 0:
            return x
        return -x


class Rewrites(nn.Module):
    """Part of a tensor is written, and the whole is read."""

    def forward(self, x: Tensor) -> Tensor:
        y = x * 2
        y[:, :1].mul_(3)
        return y


@pytest.mark.parametrize(("model", "size", "said"), [
    (Tied(), (6,), "`weight` is a weight of `linear`"),
    (Sorts(), (4, 8, 8), "`sort` in the model"),
    (Branches(), (4, 8, 8), "torch.export does not take this Branches"),
    (Rewrites(), (4, 8, 8), "writes into a tensor that is read under another shape"),
])
def test_what_no_text_says_is_refused(model: nn.Module, size: tuple[int, ...], said: str) -> None:
    with pytest.raises(ArchError) as caught:
        taken_in(model, size)
    assert said in str(caught.value)
    assert {one.name for one in caught.value.diagnostics} == {"not-importable"}


def test_all_places_are_named_at_once() -> None:
    with pytest.raises(ArchError) as caught:
        taken_in(Sorts(), (4, 8, 8))
    named = " ".join(one.message for one in caught.value.diagnostics)
    assert "`sort`" in named and "fft" in named
    assert "test_import.py:" in caught.value.diagnostics[0].notes[0]


MAP, SEQUENCE = nn.Conv2d(3, 8, 3, padding=1), nn.Linear(6, 8)


@pytest.mark.parametrize(("before", "norm", "shape"), [
    (MAP, nn.BatchNorm2d(8, eps=0.02, momentum=0.3), (3, 6, 6)),
    (MAP, nn.InstanceNorm2d(8, eps=0.02, affine=True), (3, 6, 6)),
    (MAP, nn.GroupNorm(2, 8, eps=0.02), (3, 6, 6)),
    (SEQUENCE, nn.LayerNorm(8, eps=0.02), (5, 6)),
    (SEQUENCE, nn.RMSNorm(8, eps=0.02), (5, 6)),
], ids=lambda given: type(given).__name__)
def test_a_norm_keeps_its_own_numbers(before: nn.Module, norm: nn.Module, shape: tuple[int, ...]) -> None:
    """Small inputs, so that eps is not lost beside their variance; one pass of training moves statistics alike."""
    model = nn.Sequential(before, norm, nn.ReLU()).double().eval()
    found = import_model(model, (torch.zeros(2, *shape, dtype=torch.float64),)).model.double()

    x = 0.01 * torch.rand(4, *shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    for training in (False, True, False):
        made, wanted = found.train(training)(x), model.train(training)(x)
        torch.testing.assert_close(made, wanted, rtol=0, atol=1e-9)


class Grown(nn.Module):
    """A map beside itself, half as large and grown again, with a part that may fit one size alone."""

    def __init__(self, part: nn.Module) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)
        self.part = part

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        return x + functional.interpolate(self.part(functional.avg_pool2d(x, 2)), scale_factor=2)


class ByItsSize(nn.Module):
    """A number that code works out of the size of a map: it shows in no form."""

    def forward(self, x: Tensor) -> Tensor:
        return x * (x.shape[-1] / 8)


@pytest.mark.parametrize(("part", "size", "dials"), [
    (nn.ReLU(), (3, 16, 16), {"side": 24}),
    (nn.BatchNorm2d(4), (3, 8, 16), {"rows": 12, "columns": 10}),
    (ByItsSize(), (3, 16, 16), None),
    (nn.AdaptiveAvgPool2d(8), (3, 16, 16), None),  # does nothing at this size
    (nn.Upsample((8, 8)), (3, 16, 16), None),
], ids=["relu", "norm", "number", "cells", "resized"])
def test_the_size_of_maps_is_a_dial_where_every_size_is_equal(
    part: nn.Module, size: tuple[int, ...], dials: dict[str, int] | None
) -> None:
    model = Grown(part).eval()
    found = taken_in(model, size)
    assert [name for name in found.network.dials if name != "classes"] == list(dials or ())
    if dials is None:
        return

    # The same file and weights at another size, beside torch.
    other = archlang.compile(archlang.loads(found.text, **dials)).eval()
    other.load_state_dict(found.model.state_dict())
    x = torch.rand(2, 3, *(dials.get(name, dials.get("side", 0)) for name in ("rows", "columns")))
    torch.testing.assert_close(other(x), model(x))


@pytest.mark.parametrize("part", [nn.AdaptiveAvgPool2d(1), ByItsSize()])
def test_a_model_and_its_network_share_no_memory(part: nn.Module) -> None:
    """Both use one set of tensors while they are compared, and none afterwards."""
    model = nn.Sequential(nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3), part)
    x = torch.rand(2, 3, 16, 16)
    model(x)  # statistics of its own
    model.eval()
    expected = model(x)
    found = taken_in(model, (3, 16, 16))

    assert all(value.dtype is torch.float32 for value in found.model.parameters())
    torch.testing.assert_close(found.model(x), expected)
    with torch.no_grad():
        for value in (*model.parameters(), *model.buffers()):
            value.zero_()
    torch.testing.assert_close(found.model(x), expected)
    assert all(value.requires_grad for value in found.model.parameters())


class Split(nn.Module):
    """A part that hands on two values; with `shared`, one of its layers is used in all parts."""

    def __init__(self, shared: nn.Module | None) -> None:
        super().__init__()
        self.one, self.two = nn.Conv2d(4, 4, 3, padding=1), nn.Conv2d(4, 4, 1)
        self.norm = nn.BatchNorm2d(4)
        self.shared = shared

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = self.norm(self.one(x)).relu()
        if self.shared is not None:
            x = self.shared(x).relu()
            return x, x
        return x, self.two(x).tanh()


class Splits(nn.Module):
    """Three such parts in a row, whose values are brought together behind each."""

    def __init__(self, is_shared: bool) -> None:
        super().__init__()
        shared = nn.Conv2d(4, 4, 3, padding=1) if is_shared else None
        self.parts = nn.ModuleList(Split(shared) for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:
        for part in self.parts:
            a, b = part(x)
            x = a * 0.5 + b.sigmoid()
        return x


@pytest.mark.parametrize("is_shared", [False, True])
def test_equal_modules_with_two_results_or_a_layer_in_common_keep_both(is_shared: bool) -> None:
    model = Splits(is_shared).eval()
    for value in model.state_dict().values():
        if value.is_floating_point():
            torch.nn.init.uniform_(value, 0.1, 0.9)
    x = torch.rand(2, 4, 8, 8)
    made = import_model(model, (x,))
    assert torch.allclose(made.model.eval()(x), model(x), atol=1e-5)
    # The layer that is in common is there once, and counts once.
    assert made.network.parameters == sum(p.numel() for name, p in model.named_parameters() if "two" not in name
                                          or not is_shared)

