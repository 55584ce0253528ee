"""Top-k, ensembles and ten crops beside plain computations over the same models."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy
import pytest
import torch
from PIL import Image
from sklearn.metrics import log_loss, top_k_accuracy_score
from torch.nn.functional import interpolate

import archlang
from archlang.cli.main import run
from archlang.comparison.crops import Crops
from archlang.comparison.ensembles import judge_together
from archlang.diagnostics import ArchError
from archlang.train import fit
from archlang.train.data.sources import find

TEXT = """archlang 1
network Small {
  input image: [CHANNELS, 8, 8]
  logits = image -> conv(3x3, 4) -> batch_norm -> relu -> flatten -> linear(10)
  output logits
}
train { loss = cross_entropy(logits, label); optimizer = sgd(lr = 0.1); batch = 30; phase all { epochs = 2 } }
"""
DATA = "digits:train=300"


def trained(seed: int, data: object = DATA, channels: int = 1) -> torch.fx.GraphModule:
    net = archlang.loads(TEXT.replace("CHANNELS", str(channels)))
    return fit(net, data, seed=seed).model


@pytest.fixture(scope="module")
def models() -> list[torch.fx.GraphModule]:
    return [trained(seed) for seed in range(3)]


def whole_test() -> tuple[torch.Tensor, torch.Tensor]:
    split = find(DATA).test
    return split.batch(range(len(split)))


def plain(model: torch.fx.GraphModule, images: torch.Tensor) -> torch.Tensor:
    """Probabilities of images as the network wants them, computed by hand."""
    record = model.archlang
    mean, std = torch.tensor(record.mean)[:, None, None], torch.tensor(record.std)[:, None, None]
    with torch.no_grad():
        return model.eval()((images - mean) / std).double().softmax(1)


def plain_crops(images: torch.Tensor, size: int) -> list[torch.Tensor]:
    large = interpolate(images, (size, size), mode="bilinear", antialias=True, align_corners=False)
    middle = round((size - 8) / 2)
    places = [(0, 0), (0, size - 8), (size - 8, 0), (size - 8, size - 8), (middle, middle)]
    cut = [large[:, :, y : y + 8, x : x + 8] for y, x in places]
    return [*cut, *(view.flip(3) for view in cut)]


def test_top_k_of_an_ensemble(models: Sequence[torch.fx.GraphModule]) -> None:
    images, labels = whole_test()
    each = [plain(model, images) for model in models]
    mean = sum(each) / 3
    found = judge_together(models, DATA, top=(2, 5))
    assert found.accuracy == pytest.approx(float((mean.argmax(1) == labels).double().mean()), abs=1e-12)
    assert found.each == pytest.approx([float((one.argmax(1) == labels).double().mean()) for one in each], abs=1e-12)
    for k in (2, 5):
        theirs = top_k_accuracy_score(labels.numpy(), mean.numpy(), k=k)
        assert found.top[k] == pytest.approx(theirs, abs=1e-12)
    assert found.loss == pytest.approx(log_loss(labels.numpy(), mean.numpy()), rel=1e-5)
    assert found.accuracy > min(found.each)


@pytest.mark.parametrize("sizes", [(9,), (10, 12)])
def test_ten_crops(models: Sequence[torch.fx.GraphModule], sizes: tuple[int, ...]) -> None:
    images, labels = whole_test()
    views = [view for size in sizes for view in plain_crops(images, size)]
    mean = torch.stack([plain(models[0], view) for view in views]).mean(0)
    found = judge_together(models[:1], DATA, crops=Crops(sizes))
    assert found.loss == pytest.approx(log_loss(labels.numpy(), mean.numpy()), rel=1e-5)
    assert found.accuracy == pytest.approx(float((mean.argmax(1) == labels).double().mean()), abs=1e-12)


def test_ten_crops_of_image_files(tmp_path: Path) -> None:
    generator = numpy.random.default_rng(0)
    pixels: dict[str, list[numpy.ndarray]] = {"a": [], "b": []}
    for part in ("train", "test"):
        for kind, shade in (("a", 80), ("b", 170)):
            folder = tmp_path / part / kind
            folder.mkdir(parents=True)
            for number in range(6):
                image = (generator.normal(shade, 60, (20, 20, 3))).clip(0, 255).astype(numpy.uint8)
                Image.fromarray(image).save(folder / f"{number}.png")
                if part == "test":
                    pixels[kind].append(image)

    data = f"folder:{tmp_path}"
    model = trained(0, data, channels=3)
    images = torch.from_numpy(numpy.stack(pixels["a"] + pixels["b"])).permute(0, 3, 1, 2).float() / 255
    mean = torch.stack([plain(model, view) for view in plain_crops(images, 10)]).mean(0)[:, :10]
    found = judge_together([model], data, crops=Crops((10,)))
    labels = numpy.array([0] * 6 + [1] * 6)
    assert found.loss == pytest.approx(log_loss(labels, mean.numpy(), labels=list(range(10))), rel=1e-4)


def test_the_command(models: Sequence[torch.fx.GraphModule], tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    files = [str(tmp_path / f"{n}.safetensors") for n in range(2)]
    for model, file in zip(models, files, strict=False):
        archlang.save(model, file)
    assert run(["eval", *files, "--data", DATA, "--top", "3", "--crops", "9", "--format", "json"]) == 0
    document = json.loads(capfd.readouterr().out)
    found = judge_together(models[:2], DATA, top=(3,), crops=Crops((9,)))
    assert document["accuracy"] == found.accuracy and document["top"] == {"3": found.top[3]}
    assert run(["eval", *files, "--data", DATA]) == 0
    assert "  alone " in capfd.readouterr().out
    assert run(["eval", files[0], "--data", DATA, "--top", "1"]) == 0
    assert run(["eval", *files, "--data", DATA, "--cut", "0.5"]) == 2
    assert run(["eval", files[0], "--data", DATA, "--top", "11"]) == 2
    assert run(["eval", files[0], "--data", DATA, "--crops", "7"]) == 2
    assert "`--crops 9`" in capfd.readouterr().err


def test_what_has_no_mean(models: Sequence[torch.fx.GraphModule]) -> None:
    def refused(*call: torch.fx.GraphModule, data: object = DATA, crops: Crops | None = None) -> str:
        with pytest.raises(ArchError) as caught:
            judge_together(call, data, crops=crops)
        assert caught.value.diagnostics[0].name == "bad-data"
        return caught.value.diagnostics[0].message

    head = "archlang 1\nnetwork N {\n  input image: [1, 8, 8]\n  logits = image -> flatten -> linear"
    tail = "\n  output logits\n}\n"
    fewer = archlang.compile(archlang.loads(f"{head}(12){tail}"))
    assert "tells 12 apart" in refused(models[0], fewer)
    numbers = archlang.compile(archlang.loads(f"{head}(10){tail}train {{ loss = mse(logits, label); "
                                              "optimizer = sgd(lr = 0.1); phase all { epochs = 1 } }\n"))
    assert "probabilities" in refused(numbers)
    points = archlang.compile(archlang.loads("archlang 1\nnetwork N {\n  input x: [2]\n  output x -> linear(2)\n}\n"))
    assert "takes none" in refused(points, data="moons", crops=Crops((9,)))
    assert "a label has 2 numbers" in refused(models[0], data="digits:pairs")
