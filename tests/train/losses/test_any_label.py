"""Every loss with outputs and labels of every form: it trains to a loss that is no less than 0, or is bad-data."""

from __future__ import annotations

import math

import pytest
import torch

from archlang.diagnostics import ArchError
from archlang.elaborate import loads
from archlang.train import evaluate, fit
from archlang.train.data.splits import Data, Tensors

COUNT = 12
CHANCE = torch.Generator().manual_seed(0)
NETWORKS = {
    "vector": "flatten -> linear(3)", "one": "flatten -> linear(1)", "map": "conv(1x1, 3)", "mask": "conv(1x1, 1)",
    "sequence": "to_sequence -> linear(3)", "line": "reshape([8, 4]) -> conv1d(1, 3)",
}


def whole(*shape: int, high: int = 3) -> torch.Tensor:
    return torch.randint(0, high, (COUNT, *shape), generator=CHANCE)


LABELS = {
    "classes": whole(), "classes of int32": whole().int(), "bytes": whole().byte(), "column": whole(1),
    "booleans": whole(high=2).bool(), "two classes": whole(high=2), "signs": 2 * whole(high=2) - 1,
    "nine": whole() + 9, "none": torch.full((COUNT,), -1), "some": whole() - 1, "ignored": whole() * 0 - 100,
    "floats": whole().float(), "fractions": torch.rand(COUNT, generator=CHANCE), "halves": whole().half(),
    "doubles": whole().double(), "nan": torch.full((COUNT,), float("nan")), "infinite": torch.full((COUNT,), math.inf),
    "one-hot": torch.eye(3)[whole()], "one-hot of int64": torch.eye(3)[whole()].long(),
    "one-hot of 255": 255 * torch.eye(3)[whole()], "shares": torch.rand(COUNT, 3, generator=CHANCE).softmax(1),
    "scores": torch.randn(COUNT, 3, generator=CHANCE), "negative": -torch.rand(COUNT, 3, generator=CHANCE),
    "masks": whole(4, 4), "masks with a channel": whole(1, 4, 4), "masks of 255": 255 * whole(4, 4, high=2),
    "masks of floats": whole(4, 4, high=2).float(), "masks of booleans": whole(4, 4, high=2).bool(),
    "three maps": torch.rand(COUNT, 3, 4, 4, generator=CHANCE), "bytes of maps": whole(3, 4, 4, high=256).byte(),
    "shares of maps": torch.randn(COUNT, 3, 4, 4, generator=CHANCE).softmax(1),
    "channels last": torch.rand(COUNT, 4, 4, 3),
    "positions": whole(16), "positions of a line": whole(4), "rows of positions": torch.randn(COUNT, 16, 3).softmax(2),
    "rows of a line": torch.randn(COUNT, 3, 4).softmax(1), "empty": torch.zeros(COUNT, 0), "larger": whole(5, 5),
    "complex": torch.complex(torch.rand(COUNT), torch.rand(COUNT)),
}


@pytest.mark.parametrize("loss", ["cross_entropy", "mse", "bce", "kl"])
@pytest.mark.parametrize("output", NETWORKS)
def test_a_label_of_any_form(output: str, loss: str) -> None:
    torch.set_num_threads(1)
    text = (f"archlang 1\nnetwork N {{\n input x: [2, 4, 4]\n y = x -> {NETWORKS[output]}\n output y\n}}\n"
            f"train {{ loss = {loss}(y, label); optimizer = sgd(lr = 0.01); batch = 4; phase all {{ epochs = 2 }} }}")
    if loss == "cross_entropy" and output in ("one", "mask"):
        with pytest.raises(ArchError, match="over one class is always 0"):
            loads(text)
        return

    network, trained = loads(text), []
    for name, labels in LABELS.items():
        samples = torch.rand(COUNT, 2, 4, 4, generator=torch.Generator().manual_seed(1))
        try:
            data = Data("any", Tensors(samples, labels), Tensors(samples, labels))
            result = fit(network, data, device="cpu", seed=0)
            tested = evaluate(result.model, data, device="cpu")
        except ArchError as problem:
            assert problem.diagnostics[0].name == "bad-data", f"{name}: {problem}"
            continue
        trained.append(name)
        figures = [result.history[-1].train_loss, result.history[-1].test_loss, tested.loss]
        assert all(figure >= 0 and math.isfinite(figure) for figure in figures), f"{name}: {figures}"
        assert tested.loss == pytest.approx(result.history[-1].test_loss), name
    assert trained or loss == "kl"
    if loss in ("cross_entropy", "bce"):
        assert not {"nine", "signs", "some", "masks of 255", "one-hot of 255"} & set(trained)
    assert not {"none", "nan", "infinite", "empty", "complex", "larger"} & set(trained)
