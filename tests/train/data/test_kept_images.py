"""Image files are decoded once in a training, by whichever process, and come back bit for bit."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path

import numpy
import pytest
import torch
from PIL import Image

from archlang.train import fit
from archlang.train.data import image_files, kept_images
from archlang.train.data.kept_images import KeptImages
from archlang.train.data.reading import batches_of
from archlang.train.data.sources import find
from tests.train.nets import tiny


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made, chance = tmp_path_factory.mktemp("images"), numpy.random.default_rng(0)
    for part, count in (("train", 12), ("test", 4)):
        for label in "abc":
            (made / part / label).mkdir(parents=True)
            for number in range(count):
                pixels = chance.integers(0, 255, (9, 9), numpy.uint8)
                Image.fromarray(pixels).save(made / part / label / f"{number}.png")
    return made


def test_each_file_is_decoded_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    real = image_files.read_pixels

    def counting(path, preparation):
        read.append(str(path))
        return real(path, preparation)

    monkeypatch.setattr(image_files, "read_pixels", counting)
    fit(tiny(), f"folder:{folder}", epochs=3)
    trained = [path for path in read if "train" in path]
    # Looking at the data reads some of them before anything is kept.
    assert len(trained) <= 2 * 36
    assert len(read) - len(trained) <= 2 * 12


def test_kept_images_are_those_of_the_files(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = find(f"folder:{folder}").train
    kept = replace(plain).keeping()
    for _ in range(2):
        assert torch.equal(plain.batch(range(36))[0], kept.batch(range(36))[0])

    # What a worker has decoded is there for the others, and for this process.
    shared = plain.keeping()
    rows = [list(range(start, start + 6)) for start in range(0, 36, 6)]
    feed = batches_of(shared, rows, range(6), workers=2)
    given = torch.cat([samples for samples, _ in feed])
    feed.close()
    monkeypatch.setattr(image_files, "read_pixels", lambda *_: pytest.fail("it was decoded again"))
    assert torch.equal(shared.batch(range(36))[0], given)


def test_no_more_is_kept_than_there_is_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_images, "MOST_BYTES", 5 * 4 * 6)
    room = KeptImages(100, (1, 2, 3))
    assert room.count == 5
    images = torch.rand(8, 1, 2, 3)
    for number in (0, 4, 7, 0, 7):
        assert torch.equal(room.get(number, lambda n=number: images[n]), images[number])
    assert torch.equal(room.get(4, lambda: pytest.fail("it is there")), images[4])
    with pytest.raises(ZeroDivisionError):  # one without room is decoded again
        room.get(7, lambda: 1 / 0)


def test_a_row_that_is_being_written_counts_for_nothing() -> None:
    room, image = KeptImages(2, (1, 2, 2)), torch.rand(1, 2, 2)
    room.get(0, lambda: image)
    room._rows[0, 0, 1, 1] = 0  # as in memory that nothing was written to
    assert torch.equal(room.get(0, lambda: image), image)


def test_black_images_are_kept_too() -> None:
    room, black = KeptImages(1, (1, 2, 2)), torch.zeros(1, 2, 2)
    assert torch.equal(room.get(0, lambda: black), black)
    assert torch.equal(room.get(0, lambda: pytest.fail("it is there")), black)


def test_a_process_that_is_not_forked_keeps_none() -> None:
    assert pickle.loads(pickle.dumps(KeptImages(3, (1, 2, 2)))).count == 0
