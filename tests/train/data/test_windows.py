"""Windows cut out of larger images in training, the one in the middle elsewhere: the same pixels as torchvision's."""

from __future__ import annotations

import math
from pathlib import Path

import numpy
import pytest
import torch
from PIL import Image

from archlang.compiler import compile
from archlang.diagnostics import ArchError
from archlang.elaborate.network import Network, loads
from archlang.train import evaluate, fit, predict
from archlang.train.data.augmentation.augment import augment
from archlang.train.data.image_files import read_pixels
from archlang.train.data.sources import find
from archlang.train.fitting import Fit, fit_to
from archlang.train.loop.evaluation import data_of
from archlang.train.training_data import training_data
from tests.peers.libraries import torchvision_changes

peer = torchvision_changes()

NET = """archlang 1
network Small {{
  input image: [3, {size}] (mean = [0, 0, 0])
  logits = image -> conv(3x3, 4) -> relu -> flatten -> linear(2)
  output logits
}}
train {{
  loss = cross_entropy(logits, label)
  optimizer = sgd(lr = 0.1)
  batch = 4
  augment = [{changes}]
  phase main {{ epochs = 1 }}
}}
"""


def net(size: str = "28, 28", changes: str = "crop_from(32)") -> Network:
    return loads(NET.format(size=size, changes=changes))


def noise(rows: int, columns: int, seed: int = 0) -> Image.Image:
    """An image each of whose pixels differs from the next: a window at another place is another image."""
    numbers = numpy.random.default_rng(seed).integers(0, 256, (rows, columns, 3))
    return Image.fromarray(numbers.astype(numpy.uint8))


def folder(root: Path, rows: int = 64, columns: int = 64) -> Path:
    for part in ("train", "test"):
        for number, kind in enumerate("ab"):
            (root / part / kind).mkdir(parents=True)
            for n in range(3):
                noise(rows, columns, 10 * number + n).save(root / part / kind / f"{n}.png")
    return root


def trained_on(network: Network, data: object) -> tuple[torch.Tensor, Fit]:
    """The training samples of data before their windows are cut, and what fits them to the network."""
    assert network.graph.plan is not None
    ready = training_data(network, network.graph.plan, find(data))
    fitted = fit_to(network.graph, ready.train)
    return fitted.shape_for_training(ready.train.batch([0])[0]), fitted


def cut(samples: torch.Tensor, fitted: Fit, network: Network, seed: int, times: int = 1) -> torch.Tensor:
    assert network.graph.plan is not None
    changes = fitted.sized(network.graph.plan.augment)
    return augment(samples.expand(times, -1, -1, -1), changes, torch.Generator().manual_seed(seed))


def peers_windows(
    image: Image.Image, size: tuple[int, int], large: tuple[int, int]
) -> dict[tuple[int, int], torch.Tensor]:
    """Each window that torchvision's `Resize` and `RandomCrop` may give, by its first row and column."""
    rows, columns = size
    scaled = peer.resize(peer.to_dtype(peer.pil_to_tensor(image), scale=True), list(large), antialias=True)
    return {(top, left): peer.crop(scaled, top, left, rows, columns)
            for top in range(large[0] - rows + 1) for left in range(large[1] - columns + 1)}


@pytest.mark.parametrize(("size", "large", "own"), [
    ((28, 28), (32, 32), (64, 64)), ((28, 28), (32, 32), (20, 20)), ((28, 28), (32, 32), (101, 101)),
    ((20, 40), (32, 64), (50, 100)), ((28, 28), (32, 32), (64, 90)), ((28, 28), (32, 32), (90, 64)),
])
def test_files_are_cut_as_torchvision_resizes_and_crops(
    size: tuple[int, int], large: tuple[int, int], own: tuple[int, int], tmp_path: Path
) -> None:
    network = net(f"{size[0]}, {size[1]}", f"crop_from({min(large)})")
    root = folder(tmp_path, *own)
    samples, fitted = trained_on(network, f"folder:{root}")

    # Of other proportions, the middle is the image.
    image = Image.open(root / "train" / "a" / "0.png")
    if own[0] * large[1] != own[1] * large[0]:
        image = peer.center_crop(image, [min(own), min(own)])
    expected = peers_windows(image, size, large)

    # What is drawn tells where each window lies; both must say the same.
    generator = torch.Generator().manual_seed(5)
    top = torch.randint(0, large[0] - size[0] + 1, (500, 1), generator=generator).flatten().tolist()
    left = torch.randint(0, large[1] - size[1] + 1, (500, 1), generator=generator).flatten().tolist()
    windows = cut(samples, fitted, network, 5, times=500)
    assert windows.shape[1:] == (3, *size)
    for window, place in zip(windows, zip(top, left, strict=True), strict=True):
        torch.testing.assert_close(window, expected[place], rtol=0, atol=1e-6)
    assert set(top) == {row for row, _ in expected}
    assert set(left) == {column for _, column in expected}


@pytest.mark.parametrize("own", [(64, 64), (64, 90)])
def test_the_test_part_is_the_window_in_the_middle(own: tuple[int, int], tmp_path: Path) -> None:
    root = folder(tmp_path, *own)
    network = net()
    model = fit(network, f"folder:{root}", device="cpu").model
    assert model.archlang.image.crop == 28 / 32

    path = root / "test" / "a" / "0.png"
    seen = data_of(model, f"folder:{root}").test.batch([0])[0][0]
    assert torch.equal(seen, read_pixels(path, model.archlang.image))
    square = peer.center_crop(peer.to_dtype(peer.pil_to_tensor(Image.open(path)), scale=True), [56, 56])
    torch.testing.assert_close(seen, peer.resize(square, [28, 28], antialias=True), rtol=0, atol=1e-6)


def test_predict_and_evaluate_agree(tmp_path: Path) -> None:
    root = folder(tmp_path, 40, 61)
    model = fit(net(), f"folder:{root}", device="cpu").model
    files = sorted((root / "test").rglob("*.png"))
    losses = [-math.log(next(g.probability for g in found.guesses if g.name == file.parent.name))
              for file, found in zip(files, predict(model, files, device="cpu"), strict=True)]
    assert evaluate(model, f"folder:{root}", device="cpu").loss == pytest.approx(sum(losses) / len(losses), rel=1e-5)


def test_arrays_and_pillow_images_are_cut_alike(tmp_path: Path) -> None:
    root = folder(tmp_path)
    images = [Image.open(file) for file in sorted((root / "train").rglob("*.png"))]
    labels = [0, 0, 0, 1, 1, 1]
    arrays = torch.stack([peer.pil_to_tensor(image) for image in images])
    network = net()

    forms = [f"folder:{root}", [*zip(images, labels, strict=True)], (arrays, torch.tensor(labels))]
    first, *others = [cut(*trained_on(network, data), network, 3) for data in forms]
    assert len(others) == 2
    for other in others:
        torch.testing.assert_close(other, first, rtol=0, atol=1e-6)

    # In a test, an array is scaled as in training, and its middle is cut.
    fitted = trained_on(network, forms[2])[1]
    scaled = peer.resize(arrays[:1].float() / 255, [32, 32], antialias=True)
    torch.testing.assert_close(fitted.shape(arrays[:1].float() / 255), peer.center_crop(scaled, [28, 28]))


def test_an_array_as_small_as_a_window_is_refused() -> None:
    with pytest.raises(ArchError, match="out of larger images"):
        fit(net(), (torch.rand(8, 3, 28, 28), torch.arange(8) % 2), device="cpu")
    # A model that was trained takes it as it is: it may be a window already.
    model = compile(net())
    whole = torch.rand(4, 3, 28, 28)
    assert evaluate(model, (whole, torch.arange(4) % 2), device="cpu").samples == 1


def test_label_maps_are_refused() -> None:
    network = loads(NET.format(size="28, 28", changes="crop_from(32)").replace("flatten -> linear(2)", "conv(1x1, 2)"))
    maps = torch.zeros(10, 32, 32, dtype=torch.int64)
    with pytest.raises(ArchError, match="a map of classes cannot follow"):
        fit(network, (torch.rand(10, 3, 32, 32), maps), device="cpu")
