"""Scores become probabilities by the losses that they were trained with, in `predict` as among several models."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from PIL import Image

from archlang import compile, predict
from archlang.comparison.answers import answers
from archlang.elaborate.network import loads

NET = """archlang 1
network N {
  input x: [1, 8, 8]
  scores = x -> flatten -> linear(4)
  output scores
}
train { loss = %s; optimizer = sgd(lr = 0.1); phase all { epochs = 1 } }
"""


@pytest.mark.parametrize(("loss", "one_each"), [
    ("cross_entropy(scores, label)", False), ("focal(scores, label)", False), ("bce(scores, label)", True),
    ("cross_entropy(scores, label) + bce(scores, label)", True),
    ("bce(scores, label) + cross_entropy(scores, label)", True),
])
def test_predict_and_several_models_agree(loss: str, one_each: bool, tmp_path: Path) -> None:
    model = compile(loads(NET % loss), seed=3)
    image = torch.randint(0, 256, (8, 8), generator=torch.Generator().manual_seed(1), dtype=torch.uint8)
    Image.fromarray(image.numpy()).save(tmp_path / "a.png")

    scores = model((image / 255)[None, None]).detach()[0].double()
    wanted = scores.softmax(0)
    if one_each:
        wanted = scores.sigmoid()

    guesses = sorted(predict(model, [tmp_path / "a.png"], top=4)[0].guesses, key=lambda guess: guess.index)
    torch.testing.assert_close(torch.tensor([guess.probability for guess in guesses], dtype=torch.double), wanted,
                               rtol=0, atol=1e-6)

    pixels = (image / 255)[None, None].repeat(4, 1, 1, 1)
    told = answers(model, ((pixels, torch.arange(4)), (pixels, torch.arange(4))))
    torch.testing.assert_close(told.probabilities[0].double(), wanted, rtol=0, atol=1e-6)
