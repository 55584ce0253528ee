"""Samples in tar archives and Parquet files, written by others: the same as from memory; what is cut is told."""

from __future__ import annotations

import io
import sys
import tarfile
from pathlib import Path

import numpy
import pytest
import torch
from PIL import Image

import archlang
from archlang.cli.main import run
from archlang.diagnostics import ArchError
from archlang.elaborate.network import loads
from archlang.train import Progress, fit
from archlang.train.data.formats import parquet as parquet_room
from archlang.train.data.sources import find
from archlang.train.data.whole import whole_data
from tests.train.nets import NETWORK, TRAIN, tiny

PARTS = {"train": (3, 16), "test": (1, 12)}
"""Shards of each part, and the samples of each shard."""


def pixels() -> dict[str, list[list[numpy.ndarray]]]:
    """The images of every shard: their class shows in their brightness."""
    chance = numpy.random.default_rng(3)
    return {part: [[chance.integers(60 * (n % 3), 60 * (n % 3) + 99, (6, 6), numpy.uint8) for n in range(size)]
                   for _ in range(count)] for part, (count, size) in PARTS.items()}


def png(image: numpy.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "png")
    return stream.getvalue()


def write_tar(path: Path, files: dict[str, bytes], format: int = tarfile.PAX_FORMAT) -> None:
    with tarfile.open(path, "w", format=format) as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("shards")
    for part, shards in pixels().items():
        for number, shard in enumerate(shards):
            files: dict[str, bytes] = {}
            for n, image in enumerate(shard):
                # A long name has a header of its own.
                name = f"{'deep/' * 30}{n:04}" if n == 5 else f"./{n:04}"
                files |= {f"{name}.png": png(image), f"{name}.cls": f"{n % 3}\n".encode()}
            write_tar(made / f"{part}-{number:04}.tar", files, tarfile.GNU_FORMAT if number else tarfile.PAX_FORMAT)
    return made


def in_memory(part: str) -> tuple[torch.Tensor, torch.Tensor]:
    images = [image for shard in pixels()[part] for image in shard]
    labels = [n % 3 for shard in pixels()[part] for n in range(len(shard))]
    return torch.from_numpy(numpy.stack(images)[:, None]).float() / 255, torch.tensor(labels)


def same(one, other) -> bool:
    mine, theirs = one.model.state_dict(), other.model.state_dict()
    return all(torch.equal(mine[name], theirs[name]) for name in mine)


@pytest.mark.parametrize("part", PARTS)
def test_archives_hold_what_was_written(folder: Path, part: str) -> None:
    split = getattr(find(f"shards:{folder}"), part)
    images, labels = in_memory(part)
    for rows in (range(len(labels)), [7, 3, 3, 11]):
        samples, classes = split.batch(rows)
        assert torch.equal(samples, images[list(rows)]) and torch.equal(classes, labels[list(rows)])


def test_a_training_from_archives_goes_on_bit_for_bit(folder: Path, tmp_path: Path) -> None:
    class Stop(Progress):
        def step(self, beat) -> None:
            if beat.done == 4:
                raise KeyboardInterrupt

    whole = fit(tiny(), f"shards:{folder}")
    with pytest.raises(KeyboardInterrupt):
        fit(tiny(), f"shards:{folder}", run=tmp_path / "run", callbacks=[Stop()], workers=2)
    assert same(whole, fit(tiny(), f"shards:{folder}", run=tmp_path / "run", start="resume", workers=1))


def test_several_inputs_and_arrays(tmp_path: Path) -> None:
    for part, count in (("train", 8), ("test", 4)):
        files: dict[str, bytes] = {}
        for n in range(count):
            array = io.BytesIO()
            numpy.save(array, numpy.full((4,), n, numpy.float32))
            files |= {f"{n}.image.png": png(numpy.full((6, 6), 9 * n, numpy.uint8)), f"{n}.more.npy": array.getvalue(),
                      f"{n}.cls": str(n % 3).encode()}
        write_tar(tmp_path / f"{part}-0.tar", files)

    text = NETWORK.replace("input image: [1, 6, 6]", "input image: [1, 6, 6]\n  input more: [4]")
    text = text.replace("linear(classes)", "linear(classes)\n  both = more -> linear(classes) -> add(logits)")
    text = text.replace("output logits", "output both")
    train = TRAIN.replace("logits", "both").replace("augment   = [shift(1), erase(p = 0.1)]", "")
    assert fit(loads(text + train), f"shards:{tmp_path}", epochs=1).best.number == 1


def broken(folder: Path, made: Path, spoil) -> ArchError:
    for file in folder.iterdir():
        (made / file.name).write_bytes(file.read_bytes())
    spoil(made)
    with pytest.raises(ArchError) as caught:
        fit(tiny(), f"shards:{made}", epochs=1)
    return caught.value


def cut(folder: Path) -> None:
    file = folder / "train-0001.tar"
    file.write_bytes(file.read_bytes()[:5_000])


def spoilt(folder: Path) -> None:
    write_tar(folder / "train-0001.tar", {"0.png": b"no image", "0.cls": b"0", "1.png": b"", "1.cls": b"1"})


def unnamed(folder: Path) -> None:
    write_tar(folder / "train-0001.tar", {"0.png": png(pixels()["test"][0][0]), "0.cls": b"a dog"})


def empty(folder: Path) -> None:
    write_tar(folder / "train-0001.tar", {})


def zipped(folder: Path) -> None:
    with tarfile.open(folder / "train-0001.tar", "w:gz") as archive:
        archive.addfile(tarfile.TarInfo("0.png"))


@pytest.mark.parametrize(("spoil", "name", "said"), [
    (cut, "bad-data", "cut off"), (spoilt, "bad-data", "train-0001.tar, sample"),
    (unnamed, "bad-data", "`a dog` is no class number"), (empty, "bad-data", "holds no samples"),
    (zipped, "bad-data", "train-0001.tar"), (lambda made: (made / "other.tar").touch(), "unknown-data", "no part"),
    (lambda made: (made / "test-0000.tar").unlink(), "unknown-data", "beside"),
])
def test_archives_that_cannot_be_read(folder: Path, tmp_path: Path, spoil, name: str, said: str) -> None:
    problem = broken(folder, tmp_path, spoil).diagnostics[0]
    assert problem.name == name
    assert said in problem.message


def test_an_archive_that_becomes_shorter(folder: Path, tmp_path: Path) -> None:
    class Cut(Progress):
        def start(self, outline) -> None:
            for file in tmp_path.glob("*.tar"):
                file.write_bytes(file.read_bytes()[:3_000])

    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    with pytest.raises(ArchError, match="has become shorter"):
        fit(tiny(), f"shards:{tmp_path}", callbacks=[Cut()])


# --- Parquet ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    made = tmp_path_factory.mktemp("parquet")
    for part, shards in pixels().items():
        for number, shard in enumerate(shards):
            cells = [{"bytes": png(image), "path": None} for image in shard]
            table = pyarrow.table({"image": cells, "label": [n % 3 for n in range(len(shard))]})
            parquet.write_table(table, made / f"{part}-{number:05}-of-00003.parquet", row_group_size=7)
    return made


@pytest.mark.parametrize("part", PARTS)
def test_tables_hold_what_was_written(tables: Path, part: str) -> None:
    split = getattr(find(f"parquet:{tables}"), part)
    images, labels = in_memory(part)
    samples, classes = split.batch(range(len(labels)))
    assert torch.equal(samples, images) and torch.equal(classes, labels)


def test_a_training_from_tables(tables: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = fit(tiny(), f"parquet:{tables}", epochs=2)
    monkeypatch.setattr(parquet_room, "KEPT_ROWS", 8)  # groups are dropped and read again
    assert same(whole, fit(tiny(), f"parquet:{tables}", epochs=2, workers=2))


def written(folder: Path, values: numpy.ndarray) -> str:
    """A column `x` of lists of an array's kind of numbers, beside classes."""
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    kind = pyarrow.from_numpy_dtype(values.dtype)
    for _ in values.shape[1:]:
        kind = pyarrow.list_(kind)
    columns = [pyarrow.array(values.tolist(), kind), pyarrow.array([n % 2 for n in range(len(values))])]
    for part in ("train", "test"):
        parquet.write_table(pyarrow.table(columns, ["x", "label"]), folder / f"{part}-0.parquet")
    return f"parquet:{folder}"


@pytest.mark.parametrize("kind", ["uint8", "uint16", "int16", "int64", "float16", "float32", "float64", "bool"])
def test_numbers_in_tables_are_those_of_an_array(kind: str, tmp_path: Path) -> None:
    """What a list holds is what numpy's array of that kind is: bytes of an image are 0 to 1, counts are counts."""
    values = numpy.random.default_rng(0).integers(0, 200, (10, 3, 4, 4)).astype(kind)
    network = archlang.loads("archlang 1\nnetwork N { input x: [3, 4, 4]\n output x -> flatten -> linear(2) }")
    model, classes = archlang.compile(network), numpy.arange(10) % 2
    found = archlang.evaluate(model, written(tmp_path, values))
    assert found == archlang.evaluate(model, ((values, classes), (values, classes)))


def test_tokens_in_tables_keep_all_their_digits(tmp_path: Path) -> None:
    """2^24 + 1 is no number of float32, which has the token beside it."""
    tokens = numpy.array([[2**24 + 1, 2**24 + 3]] * 10)
    network = archlang.loads("archlang 1\nnetwork N { input x: [2] (range = 20000000)\n output x -> embedding(1) }")
    data = whole_data(find(written(tmp_path, tokens)), network.graph)
    assert data.train.batch([0])[0].tolist() == [[2**24 + 1, 2**24 + 3]]


def test_tables_that_cannot_be_read(tables: Path, tmp_path: Path) -> None:
    for file in tables.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes()[:-9])
    with pytest.raises(ArchError) as caught:
        find(f"parquet:{tmp_path}")
    assert caught.value.diagnostics[0].name == "bad-data"


def test_without_pyarrow(tmp_path: Path, monkeypatch, capsys: pytest.CaptureFixture) -> None:
    (tmp_path / "net.arch").write_text(NETWORK + TRAIN)
    for part in PARTS:
        (tmp_path / f"{part}.parquet").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    assert run(["train", "net.arch", "--data", f"parquet:{tmp_path}"]) == 4
    assert "archlang[parquet]" in capsys.readouterr().err
