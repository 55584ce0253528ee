"""Published data sets read from files in their formats, and what is said of files that are no good."""

import pickle
from collections.abc import Callable
from pathlib import Path

import numpy
import pytest
import torch

from archlang.diagnostics import ArchError
from archlang.train.data.formats.catalogue import FORMATS
from archlang.train.data.sources import find
from tests.train.data import archives


def refused(data: str) -> tuple[str, str]:
    """The name of the error, and all that it says."""
    with pytest.raises(ArchError) as caught:
        find(data)
    first = caught.value.diagnostics[0]
    return first.name, " ".join((first.message, *first.help))


def test_cifar10_from_its_folder_one_above_it_and_the_archive(tmp_path: Path) -> None:
    root = archives.cifar10(tmp_path / "cifar")
    archive = archives.packed(root, tmp_path / "cifar-10-python.tar.gz")
    for place in (root, root / "cifar-10-batches-py", archive, tmp_path):
        data = find(f"cifar10:{place}")
        assert (data.name, len(data.train), len(data.test)) == ("cifar10", 20, 4)
        assert data.classes == tuple(f"kind{n}" for n in range(10))
        images, labels = data.train.batch([0, 5])
        assert torch.equal((images[1] * 255).round().byte(), torch.from_numpy(archives.pixels(4, 32, 2)[1]))
        assert labels.tolist() == [1, 3]


def test_cifar100_has_the_fine_labels(tmp_path: Path) -> None:
    data = find(f"cifar100:{archives.cifar100(tmp_path)}")
    assert (len(data.train), len(data.test), len(data.classes or ())) == (6, 3, 100)
    assert data.train.batch(range(6))[1].tolist() == [90, 91, 92, 93, 94, 95]


def test_cifar20_is_the_same_images_in_superclasses(tmp_path: Path) -> None:
    data = find(f"cifar20:{archives.cifar100(tmp_path)}")
    assert (len(data.train), data.classes) == (6, tuple(f"c{n}" for n in range(20)))
    assert data.train.batch(range(6))[1].tolist() == [18, 18, 18, 18, 18, 19]


@pytest.mark.parametrize("end", ["", ".gz"])
def test_mnist_zipped_or_not(tmp_path: Path, end: str) -> None:
    archives.mnist(tmp_path / "raw", end)
    for place in (tmp_path, tmp_path / "raw"):
        data = find(f"mnist:{place}")
        images, labels = data.train.batch(range(12))
        assert images.shape == (12, 1, 28, 28)
        assert torch.equal((images * 255).round().byte()[:, 0], torch.from_numpy(archives.pixels(12, 28)[:, 0]))
        assert labels.tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]


def test_stl10_is_turned_from_columns_to_rows_and_counts_from_zero(tmp_path: Path) -> None:
    root = archives.stl10(tmp_path / "stl")
    for place in (root, archives.packed(root, tmp_path / "stl10_binary.tar.gz")):
        data = find(f"stl10:{place}")
        images, labels = data.test.batch(range(3))
        assert torch.equal((images * 255).round().byte(), torch.from_numpy(archives.pixels(3, 96, 2)))
        assert labels.tolist() == [0, 9, 4]


def test_the_root_of_all_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ARCHLANG_DATA", raising=False)
    name, said = refused("mnist")
    assert name == "unknown-data"
    assert "mnist:PATH" in said and "ARCHLANG_DATA" in said and "train-images-idx3-ubyte" in said
    monkeypatch.setenv("ARCHLANG_DATA", str(tmp_path))
    archives.mnist(tmp_path / "mnist")
    assert len(find("mnist").train) == 12
    assert refused("cifar10")[0] == "unknown-data"


@pytest.mark.parametrize("name", FORMATS)
def test_no_such_place(name: str, tmp_path: Path) -> None:
    kind, said = refused(f"{name}:{tmp_path / 'none'}")
    assert kind == "unknown-data"
    assert "none" in said and "looked for" in said


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    (archives.cifar10(tmp_path) / "cifar-10-batches-py" / "data_batch_3").unlink()
    name, said = refused(f"cifar10:{tmp_path}")
    assert name == "unknown-data"
    assert "data_batch_3" in said
    (archives.mnist(tmp_path / "m") / "t10k-labels-idx1-ubyte").unlink()
    assert "t10k-labels-idx1-ubyte" in refused(f"mnist:{tmp_path / 'm'}")[1]
    (archives.stl10(tmp_path / "s") / "stl10_binary" / "test_y.bin").unlink()
    assert "test_y.bin" in refused(f"stl10:{tmp_path / 's'}")[1]


def one_batch(table: object) -> Callable[[Path], None]:
    """Write this over a batch."""
    return lambda path: archives.write(path, table)


class Bad:
    """Whose pickle calls something when it is read."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return exec, ("raise SystemExit('ran')",)


@pytest.mark.parametrize(("spoil", "word"), [
    (lambda path: path.write_bytes(path.read_bytes()[:-200]), "no table"),
    (lambda path: path.write_bytes(b"text"), "no table"),
    (one_batch([1, 2]), "no table"),
    (one_batch({b"data": Bad()}), "exec"),
    (one_batch({**archives.batch(4), b"labels": [1, 2, 3, 10]}), "label 10"),
    (one_batch({**archives.batch(4), b"labels": [1, 2, 3, -1]}), "label -1"),
    (one_batch({**archives.batch(4), b"labels": [1, 2, 3]}), "4 images and 3 labels"),
    (one_batch({**archives.batch(4), b"labels": [1, 2, 3, "a"]}), "whole numbers"),
    (one_batch({**archives.batch(4), b"data": numpy.zeros((4, 3071), numpy.uint8)}), "3072"),
    (one_batch({**archives.batch(4), b"data": numpy.zeros((4, 3072), numpy.float32)}), "3072"),
    (one_batch(archives.batch(0)), "empty array"),
])
def test_a_batch_that_is_no_good(tmp_path: Path, spoil: Callable[[Path], None], word: str) -> None:
    spoil(archives.cifar10(tmp_path) / "cifar-10-batches-py" / "data_batch_2")
    name, said = refused(f"cifar10:{tmp_path}")
    assert name == "bad-data"
    assert "data_batch_2" in said and word in said


def test_a_pickle_of_python_2_is_read(tmp_path: Path) -> None:
    row = bytes(n % 251 for n in range(3072))
    kind = b"cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    blank = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
    array = blank + b"(K\x01K\x01M\x00\x0c\x86" + kind + b"\x89T\x00\x0c\x00\x00" + row + b"tb"
    old = b"\x80\x02}(U\x04data" + array + b"U\x06labels]K\x03au."
    assert pickle.loads(old, encoding="bytes")[b"labels"] == [3]
    (archives.cifar10(tmp_path) / "cifar-10-batches-py" / "data_batch_1").write_bytes(old)
    images, labels = find(f"cifar10:{tmp_path}").train.batch([0])
    assert bytes((images * 255).round().byte().flatten().tolist()) == row
    assert labels.tolist() == [3]


@pytest.mark.parametrize("end", ["", ".gz"])
def test_an_idx_file_that_is_no_good(tmp_path: Path, end: str) -> None:
    path = archives.mnist(tmp_path, end) / f"train-images-idx3-ubyte{end}"
    good = path.read_bytes()
    for spoiled in (good[:-9], b"", b"rubbish"):
        path.write_bytes(spoiled)
        name, said = refused(f"mnist:{tmp_path}")
        assert name == "bad-data"
        assert "train-images" in said
    archives.idx(path, numpy.zeros((12, 28), numpy.uint8))
    assert refused(f"mnist:{tmp_path}")[0] == "bad-data"
    archives.idx(path, archives.pixels(11, 28)[:, 0])
    assert "11 images and 12 labels" in refused(f"mnist:{tmp_path}")[1]
    archives.mnist(tmp_path, end)
    archives.idx(tmp_path / f"t10k-labels-idx1-ubyte{end}", numpy.full(5, 11, numpy.uint8))
    assert "label 11" in refused(f"mnist:{tmp_path}")[1]


def test_stl10_that_is_no_good(tmp_path: Path) -> None:
    root = archives.stl10(tmp_path) / "stl10_binary"
    (root / "train_y.bin").write_bytes(bytes([1, 0, 5]))
    assert "label -1" in refused(f"stl10:{tmp_path}")[1]
    (root / "train_X.bin").write_bytes(b"1" * 30000)
    assert refused(f"stl10:{tmp_path}")[0] == "bad-data"
    (root / "train_X.bin").write_bytes(b"")
    assert "no images" in refused(f"stl10:{tmp_path}")[1]


def test_an_archive_that_is_no_good(tmp_path: Path) -> None:
    archive = archives.packed(archives.cifar10(tmp_path / "c"), tmp_path / "x.tar.gz")
    raw = archive.read_bytes()
    archive.write_bytes(raw[: len(raw) // 2])
    assert refused(f"cifar10:{archive}")[0] == "bad-data"
    archive.write_bytes(b"no archive")
    assert refused(f"cifar10:{archive}")[0] == "bad-data"


@pytest.mark.parametrize(("name", "kinds"), [("moons", 2), ("blobs", 4), ("rings", 2)])
def test_points_in_the_plane(name: str, kinds: int) -> None:
    data, again = find(name), find(name)
    points, labels = data.train.batch(range(len(data.train)))
    assert points.shape == (800, 2)
    assert torch.equal(points, again.train.batch(range(800))[0])
    assert sorted(labels.unique().tolist()) == list(range(kinds))
    assert len(data.classes or ()) == kinds
