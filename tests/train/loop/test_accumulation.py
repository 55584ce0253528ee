"""A batch calculated in parts has the gradient of the whole, as torch gives it."""

from __future__ import annotations

import pytest
import torch

from archlang.compiler import compile as compile_network
from archlang.diagnostics import ArchError
from archlang.elaborate.network import loads
from archlang.train import Data, Tensors, fit

PLAIN = """archlang 1
network Plain(classes = 3) {
  input image: [1, 6, 6]
  logits = image -> conv(3x3, 4) -> relu -> flatten -> linear(classes)
  output logits
}
train {
  loss      = cross_entropy(logits, label) + 0.5 * mse(logits, label)
  optimizer = sgd(lr = 0.1)
  batch     = 24
  phase all { epochs = 2 }
}
"""


def data(count: int = 53) -> Data:
    generator = torch.Generator().manual_seed(5)
    images = torch.randn(count, 1, 6, 6, generator=generator)
    part = Tensors(images, torch.arange(count) % 3)
    return Data("noise", part, Tensors(images[:4], part.labels[:4]))


@pytest.mark.parametrize("parts", [2, 3, 24])
def test_parts_train_as_the_whole(parts: int) -> None:
    whole = fit(loads(PLAIN), data())
    found = fit(loads(PLAIN), data(), settings={"accumulate": parts})
    for name, value in whole.model.state_dict().items():
        assert torch.allclose(value, found.model.state_dict()[name], atol=1e-6)
    for mine, other in zip(whole.history, found.history, strict=True):
        assert mine.train_loss == pytest.approx(other.train_loss, rel=1e-5)
        assert mine.train_accuracy == other.train_accuracy
        assert mine.parts == pytest.approx(other.parts, rel=1e-5)


def test_one_step_against_torch() -> None:
    net, found = loads(PLAIN), data(24)
    model = compile_network(net)
    trained = fit(net, found, settings={"accumulate": 5}, epochs=1)

    images, labels = found.train.samples, found.train.labels
    mean, std = images.mean(), images.std(correction=0)
    logits = model((images - mean) / std)
    loss = torch.nn.functional.cross_entropy(logits, labels)
    loss = loss + 0.5 * torch.nn.functional.mse_loss(logits, torch.nn.functional.one_hot(labels, 3).float())
    loss.backward()
    for (name, weight), after in zip(model.named_parameters(), trained.model.parameters(), strict=True):
        assert torch.allclose(weight - 0.1 * weight.grad, after, atol=1e-5), name


@pytest.mark.parametrize(("settings", "said"), [
    ({"accumulate": 25}, "has no 25 parts"),
    ({"accumulate": 2, "loss": "dice(logits, label)"}, "is no mean over samples"),
    ({"accumulate": 2, "loss": "cross_entropy(logits, label, weights = [1, 2, 3])"}, "with `weights`"),
])
def test_what_cannot_be_done_in_parts(settings: dict[str, object], said: str) -> None:
    with pytest.raises(ArchError) as caught:
        fit(loads(PLAIN), data(), settings=settings)
    assert said in caught.value.diagnostics[0].message
