"""Where data comes from, how it is divided, and what is said of data that is none."""

import sys
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import numpy
import pytest
import torch
from PIL import Image

from archlang.diagnostics import ArchError
from archlang.train.data.items import Items
from archlang.train.data.samples import as_sample
from archlang.train.data.sources import find
from archlang.train.data.splits import Data, Joined, Tensors, stratified


class Pairs(torch.utils.data.Dataset):
    classes = ("dark", "light")

    def __init__(self, count: int = 10) -> None:
        self.count = count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> tuple[Image.Image, int]:
        return Image.new("L", (5, 4), 255 * (index % 2)), index % 2


def refused(data: object) -> tuple[str, str]:
    with pytest.raises(ArchError) as caught:
        find(data)
    first = caught.value.diagnostics[0]
    return first.name, first.message + " ".join(first.help)


def assert_are_scikit_learns(data: Data) -> None:
    """All images and labels of both parts are those that scikit-learn itself reads."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    theirs = torch.cat((torch.from_numpy(bunch.images).flatten(1) / 16, torch.from_numpy(bunch.target)[:, None]), 1)
    ours: list[list[float]] = []
    for part in (data.train, data.test):
        images, labels = part.batch(range(len(part)))
        ours += torch.cat((images.flatten(1).double(), labels[:, None]), 1).tolist()
    assert sorted(ours) == sorted(theirs.tolist())


def test_the_digits() -> None:
    data = find("digits")
    images, labels = data.train.batch(range(5))
    assert (len(data.train), len(data.test)) == (1438, 359)
    assert images.shape == (5, 1, 8, 8)
    assert 0 <= float(images.min()) <= float(images.max()) <= 1
    assert labels.dtype == torch.int64
    assert data.classes == tuple("0123456789")
    assert_are_scikit_learns(data)
    again = find("digits")
    assert torch.equal(data.test.batch(range(359))[1], again.test.batch(range(359))[1])


def test_the_division_is_stratified_and_complete() -> None:
    labels = torch.tensor([0] * 50 + [1] * 20 + [2] * 5)
    train, test = stratified(labels)
    assert sorted(train + test) == list(range(75))
    assert [int((labels[test] == c).sum()) for c in range(3)] == [10, 4, 1]


def test_without_scikit_learn_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_: str) -> None:
        raise PackageNotFoundError

    monkeypatch.setattr("archlang.train.data.made.images.distribution", missing)
    with pytest.raises(ArchError) as caught:
        find("digits")
    assert caught.value.status == 4
    assert "pip install" in caught.value.diagnostics[0].help[0]


def test_a_misspelt_name_gets_a_suggestion() -> None:
    name, said = refused("digit")
    assert name == "unknown-data"
    assert "did you mean `digits`?" in said


def test_a_function_of_the_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("my_own_data.py").write_text(
        "import torch\n"
        "def good(): return torch.zeros(10, 3, 4, 4, dtype=torch.uint8) + 255, torch.arange(10) % 2\n"
        "def fails(): return 1 / 0\n"
        "def strange(): return 3\n"
    )
    data = find("my_own_data:good")
    assert data.name == "my_own_data:good"
    assert float(data.train.batch([0])[0].max()) == 1.0
    assert len(data.test) == 2
    assert refused("my_own_data:goood") == ("unknown-data", "`my_own_data:goood` names no functiondid you mean `good`?")
    assert refused("my_own_data:fails")[0] == "bad-data"
    assert "ZeroDivisionError" in refused("my_own_data:fails")[1]
    assert refused("my_own_data:strange")[0] == "bad-data"
    assert refused("no_such_module_here:f")[0] == "unknown-data"
    assert refused(":f")[0] == "unknown-data"
    assert str(tmp_path) not in sys.path


def test_escapes_in_a_name_are_not_repeated() -> None:
    assert "\x1b" not in refused("\x1b[31mred")[1]


def test_datasets_and_pairs_of_them() -> None:
    one, two = find(Pairs()), find((Pairs(6), Pairs(4)))
    assert (len(one.train), len(one.test), one.classes) == (8, 2, ("dark", "light"))
    assert (len(two.train), len(two.test)) == (6, 4)
    images, labels = two.train.batch([0, 1])
    assert images.shape == (2, 1, 4, 5)
    assert images[1].min() == 1.0
    assert labels.tolist() == [0, 1]


def test_pairs_of_pairs_of_tensors() -> None:
    data = find(((torch.zeros(4, 3), torch.arange(4)), (torch.zeros(2, 3), torch.arange(2))))
    assert (len(data.train), len(data.test)) == (4, 2)


@pytest.mark.parametrize("data", [
    torch.rand(10, 3, 4, 4),
    numpy.zeros((10, 3, 4, 4), numpy.float32),
    [torch.zeros(3, 4, 4)] * 10,
    ([Image.new("RGB", (4, 4))] * 8, [Image.new("RGB", (4, 4))] * 2),
])
def test_samples_without_labels(data: object) -> None:
    found = find(data)
    images, labels = found.train.batch(range(8))
    assert images.shape == (8, 3, 4, 4)
    assert labels.tolist() == [-1] * 8
    assert (len(found.test), found.classes) == (2, None)


def test_pairs_of_arrays() -> None:
    found = find((numpy.zeros((10, 5), numpy.float32), numpy.arange(10) % 2))
    assert (len(found.train), found.test.batch([0])[0].shape) == (8, (1, 5))


@pytest.mark.parametrize("data", [
    (torch.zeros(0, 1, 4, 4), torch.zeros(0, dtype=torch.int64)),
    (torch.zeros(5, 1), torch.zeros(4)),
    ([1, 2], 3),
    Data("tiny", Tensors(torch.zeros(1, 2), torch.zeros(1)), Tensors(torch.zeros(1, 2), torch.zeros(1))),
    object(),
])
def test_what_is_no_data(data: object) -> None:
    assert refused(data)[0] == "bad-data"


def test_items_that_do_not_fit_together() -> None:
    odd = [(torch.zeros(1, 2, 2), 0), (torch.zeros(1, 3, 3), 0)]
    with pytest.raises(ArchError, match="differ in size"):
        Items(odd, range(2)).batch([0, 1])
    with pytest.raises(ArchError, match="no pair"):
        Items([(torch.zeros(3), 0, 0)], range(1)).batch([0])
    with pytest.raises(ArchError, match="neither a tensor"):
        Items([("text", 0)], range(1)).batch([0])


def test_samples_of_all_kinds() -> None:
    assert as_sample(numpy.full((4, 5, 3), 255, numpy.uint8), "HWC").shape == (3, 4, 5)
    assert float(as_sample(numpy.full((4, 5), 255, numpy.uint8)).max()) == 1.0
    assert as_sample(Image.new("RGBA", (5, 4), "red")).tolist()[0][0][0] == 1.0
    assert as_sample(Image.new("I;16", (5, 4), 65535)).unique().tolist() == [1.0]
    assert as_sample(Image.new("1", (5, 4), 1)).shape == (1, 4, 5)
    assert as_sample(Image.new("P", (5, 4))).shape == (3, 4, 5)


def test_parts_joined_keep_samples_beside_their_labels() -> None:
    parts = [Tensors(torch.arange(start, stop).float()[:, None], torch.arange(start, stop)) for start, stop in
             ((0, 4), (4, 5), (5, 11))]
    joined = Joined(tuple(parts))
    assert len(joined) == 11
    for rows in ([3, 7, 0, 4, 10], [10, 9, 1], [4], range(11)):
        samples, labels = joined.batch(rows)
        assert labels.tolist() == list(rows) and samples.flatten().tolist() == list(rows)
