"""Folders of images: how they are divided, made alike and decoded, and what is said of broken ones."""

from pathlib import Path

import numpy
import pytest
import torch
from PIL import Image

from archlang.elaborate.network import loads
from archlang.train.data.image_files import ImageFiles
from archlang.train.data.sources import find
from archlang.train.data.splits import Tensors
from archlang.train.fitting import AT_ONCE, fit_to
from archlang.train.loop.engine import fit
from tests.train.data import archives
from tests.train.data.test_published import refused

NET = """archlang 1

network Small {
  input image: [3, 8, 8]
  logits = image -> flatten -> linear(2)
  output logits
}
"""
TRAIN = """
train {
  loss = cross_entropy(logits, label)
  optimizer = sgd(lr = 0.1)
  batch = 4
  phase main { epochs = 5 }
}
"""


@pytest.mark.parametrize("test", ["test", "val"])
def test_folders_in_two_parts(tmp_path: Path, test: str) -> None:
    data = find(f"folder:{archives.images(tmp_path, ('train', test))}")
    assert (len(data.train), len(data.test), data.classes) == (12, 12, ("dark", "light"))
    images, labels = data.train.batch([0, 11])
    assert images.shape == (2, 3, 8, 8)
    assert (images * 255).round()[:, 1, 0, 0].tolist() == [20, 205]
    assert labels.tolist() == [0, 1]


def test_an_undivided_folder_keeps_a_fifth_of_each_class_for_the_test(tmp_path: Path) -> None:
    root = archives.images(tmp_path, ("",), count=10)
    data, again = find(f"folder:{root}"), find(f"folder:{root}")
    assert (len(data.train), len(data.test)) == (16, 4)
    assert data.test.batch(range(4))[1].tolist() == [0, 0, 1, 1]
    assert isinstance(data.train, ImageFiles) and isinstance(data.test, ImageFiles)
    assert data.train.names == again.train.names
    assert not set(data.train.names) & set(data.test.names)


def test_images_that_differ_in_size_are_cut_to_their_middle(tmp_path: Path) -> None:
    root = archives.images(tmp_path)
    wide = numpy.zeros((100, 300, 3), numpy.uint8)
    wide[:, 100:200] = 255
    Image.fromarray(wide).save(root / "train" / "dark" / "wide.png")
    data = find(f"folder:{root}")
    images, _ = data.train.batch(range(13))
    assert images.shape == (13, 3, 224, 224)
    assert float(images[6, :, :, 2:-2].min()) == 1.0


def test_imagenet_is_the_middle_of_256_rows(tmp_path: Path) -> None:
    root = archives.images(tmp_path, ("train", "val"), count=1)
    ramp = numpy.repeat(numpy.arange(256, dtype=numpy.uint8)[None, :, None], 256, 0).repeat(3, 2)
    Image.fromarray(ramp).save(root / "train" / "dark" / "ramp.png")
    data = find(f"imagenet:{root}")
    images, _ = data.train.batch([1])
    assert images.shape == (1, 3, 224, 224)
    assert torch.equal((images[0, 0, 0] * 255).round(), torch.arange(16.0, 240.0))
    assert refused(f"imagenet:{root / 'train'}")[0] == "unknown-data"


def test_all_kinds_of_images(tmp_path: Path) -> None:
    for part in ("train", "test"):
        (tmp_path / part / "a").mkdir(parents=True)
        for mode in ("1", "L", "I;16"):
            Image.new(mode, (6, 5), 1).save(tmp_path / part / "a" / f"{mode[0]}.png")
    assert find(f"folder:{tmp_path}").train.batch(range(3))[0].shape == (3, 1, 5, 6)
    Image.new("RGBA", (6, 5)).save(tmp_path / "train" / "a" / "c.png")
    Image.new("CMYK", (6, 5)).save(tmp_path / "train" / "a" / "d.jpg")
    assert find(f"folder:{tmp_path}").train.batch(range(5))[0].shape == (5, 3, 5, 6)


def test_only_what_is_asked_for_is_decoded(tmp_path: Path) -> None:
    root = archives.images(tmp_path)
    data = find(f"folder:{root}")
    raw = (root / "train" / "dark" / "3.png").read_bytes()
    (root / "train" / "dark" / "3.png").write_bytes(raw[:40])
    data.train.batch([0, 1, 2, 4])
    with pytest.raises(Exception, match=r"dark.3\.png"):
        data.train.batch([3])


def test_what_is_said_of_folders_that_are_no_data(tmp_path: Path) -> None:
    assert "no folders" in refused(f"folder:{tmp_path}")[1]
    (tmp_path / "dark").mkdir()
    assert "no images" in refused(f"folder:{tmp_path}")[1]
    (tmp_path / "dark" / "1.png").write_bytes(b"no image")
    name, said = refused(f"folder:{tmp_path}")
    assert name == "bad-data"
    assert "1.png" in said
    root = archives.images(tmp_path / "two")
    (root / "test" / "grey").mkdir()
    assert "grey" in refused(f"folder:{root}")[1]


def test_mean_and_deviation_are_those_of_all_at_once() -> None:
    samples = torch.rand(2 * AT_ONCE + 77, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    fitted = fit_to(loads(NET).graph, Tensors(samples, torch.zeros(len(samples))))
    std, mean = torch.std_mean(samples.double(), dim=[0, 2, 3], correction=0)
    assert fitted.mean == tuple(round(v, 6) for v in mean.tolist())
    assert fitted.std == tuple(round(v, 6) for v in std.tolist())


def test_a_network_learns_from_a_folder(tmp_path: Path) -> None:
    net = loads(NET + TRAIN)
    done = fit(net, f"folder:{archives.images(tmp_path)}", device="cpu")
    assert done.history[-1].test_accuracy == 1.0
