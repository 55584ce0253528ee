"""One result for training, evaluation, prediction and the bare model, whatever the network is made of."""

from __future__ import annotations

from pathlib import Path

import numpy
import pytest
import torch
from PIL import Image
from torch.nn import functional

import archlang
from archlang.train import evaluate, fit, predict

TRAIN = """train {
  loss      = cross_entropy(logits, label)
  optimizer = adam(lr = 0.01)
  batch     = 5
  phase all { epochs = 1 }
}
"""
IMAGES = {
    "windows that are picked": "seen = image -> unfold(4x4, stride = 4) -> pick([2, 0], axis = positions) -> flatten",
    "choices": "seen = image -> choose(image -> above(0), other = image -> neg) -> conv(3x3, 8) -> global_avg_pool",
    "argmax of a map": """y = image -> conv(3x3, 5) -> relu -> global_avg_pool
      seen = y -> concat(y -> argmax(axis = features) -> embedding(6) -> flatten, axis = features)""",
    "numbers that are written": """w = parameter([3], values = [0.5, -1, 2])
      seen = image -> mul(w) -> conv(3x3, 8) -> batch_norm -> relu -> global_avg_pool""",
    "a value by an `if`": "seen = image -> conv(3x3, if wide { 16 } else { 8 }) -> relu -> global_avg_pool",
    "sparse experts": """seen = image -> patches(4x4)
      -> experts(4, sparse_connection(keep = 1)) { conv(3x3, 8) -> relu } -> unpatch -> global_avg_pool""",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("images")
    random = numpy.random.default_rng(0)
    for part in ("train", "test"):
        for name in ("ant", "bee", "cat"):
            (root / part / name).mkdir(parents=True)
            for number in range(4):
                pixels = random.integers(0, 256, (8, 8, 3)).astype(numpy.uint8)
                Image.fromarray(pixels).save(root / part / name / f"{number}.png")
    return root


@pytest.mark.parametrize("body", IMAGES.values(), ids=IMAGES)
def test_prediction_and_evaluation_are_one(body: str, folder: Path, tmp_path: Path) -> None:
    dial = "(wide = true)" * ("wide" in body)
    text = (f"archlang 1\nnetwork N{dial} {{\n  input image: [3, 8, 8]\n  {body}\n  logits = seen -> linear(3)\n"
            f"  output logits\n}}\n{TRAIN}")
    fit(archlang.loads(text), f"folder:{folder}", run=tmp_path / "run")
    model = archlang.load_model(tmp_path / "run" / "last.safetensors")

    files = sorted((folder / "test").rglob("*.png"))
    told = predict(model, files, top=3)
    right = sum(one.guesses[0].name == file.parent.name for one, file in zip(told, files, strict=True))
    chances = [next(g.probability for g in one.guesses if g.name == file.parent.name)
               for one, file in zip(told, files, strict=True)]
    found = evaluate(model, f"folder:{folder}")
    assert found.accuracy == right / len(files)
    assert found.loss == pytest.approx(-float(numpy.mean(numpy.log(chances))), abs=1e-6)


def test_evaluation_of_images_and_tokens_is_what_the_model_gives(tmp_path: Path) -> None:
    text = ("archlang 1\nnetwork N {\n  input image: [3, 8, 8]\n  input tokens: [6] (range = 20)\n"
            "  a = image -> conv(3x3, 8) -> relu -> global_avg_pool\n"
            "  logits = tokens -> embedding(8) -> flatten -> concat(a, axis = features) -> linear(4)\n"
            f"  output logits\n}}\n{TRAIN}")
    random = torch.Generator().manual_seed(0)
    whole = {"tokens": torch.randint(0, 20, (40, 6), generator=random), "label": torch.arange(40) % 4,
             "image": torch.rand(40, 3, 8, 8, generator=random)}
    data = {part: {name: value[rows] for name, value in whole.items()}
            for part, rows in (("train", slice(0, 25)), ("test", slice(25, 40)))}
    fit(archlang.loads(text), data, run=tmp_path / "run")
    model = archlang.load_model(tmp_path / "run" / "last.safetensors")
    found = evaluate(model, data)

    test = data["test"]
    with torch.no_grad():
        scores = model.eval()(test["image"], test["tokens"])
    assert found.loss == pytest.approx(float(functional.cross_entropy(scores, test["label"])), abs=1e-6)
    assert found.accuracy == float((scores.argmax(1) == test["label"]).double().mean())
