"""Folders of images: which are parts and which are classes, which classes a part has, on what the best epoch is chosen;
from the command line, as a user types it."""

from __future__ import annotations

import csv
import json
import os
import shutil
from pathlib import Path

import numpy
import pytest
from PIL import Image

from archlang.cli.main import run
from archlang.diagnostics import ArchError
from archlang.train import Data, Tensors, fit
from archlang.train.data.image_files import ImageFiles
from archlang.train.data.parts import PART_WORDS, names_a_part, part_of
from archlang.train.data.sources import find
from tests.train.nets import bars, tiny

NET = """archlang 1
network Pics(classes = 2) {
  input image: [3, 16, 16]
  logits = image -> conv(3x3, 8) -> relu -> global_avg_pool -> flatten -> linear(classes)
  output logits
}
train { loss = cross_entropy(logits, label); optimizer = adam(lr = 0.02); batch = 8; %s phase all { epochs = 4 } }
"""
KINDS = ("cat", "dog", "horse")


def pictures(folder: Path, kinds: tuple[str, ...] = KINDS, count: int = 10, seed: int = 0) -> None:
    """Images of one colour for each kind, in a folder for each."""
    random = numpy.random.default_rng(seed)
    for kind in kinds:
        (folder / kind).mkdir(parents=True, exist_ok=True)
        for n in range(count):
            pixels = random.integers(0, 60, (16, 16, 3)).astype(numpy.uint8)
            pixels[..., KINDS.index(kind) % 3] += 190
            Image.fromarray(pixels).save(folder / kind / f"{n}.png")


def refused(place: Path) -> str:
    with pytest.raises(ArchError) as caught:
        find(f"folder:{place}")
    first = caught.value.diagnostics[0]
    assert first.name == "bad-data"
    return first.message + " ".join(first.help)


def archlang(*words: object) -> int:
    return run([*map(str, words)])


# --- parts -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("train", [*PART_WORDS["train"], "Train", "TRAINING", "train_set", "training-images"])
@pytest.mark.parametrize("other", [*PART_WORDS["val"], *PART_WORDS["test"], "Test", "Valid", "test_set", "Validation"])
def test_words_for_parts(train: str, other: str, tmp_path: Path) -> None:
    pictures(tmp_path / train, count=3)
    pictures(tmp_path / other, count=2)
    data = find(f"folder:{tmp_path}")
    assert (len(data.train), len(data.test), data.classes, data.validation) == (9, 6, KINDS, None)


@pytest.mark.parametrize("name", [
    "train2017", "val2017", "test1", "trainval", "eval", "evaluation", "holdout", "test_2", "val_v2", "train_set_1",
])
def test_what_reads_like_a_part_is_no_class(name: str, tmp_path: Path) -> None:
    pictures(tmp_path, ("cat",))
    pictures(tmp_path / name)
    assert f"`{name}`" in refused(tmp_path)
    assert names_a_part(name) and part_of(name) is None


@pytest.mark.parametrize("name", ["trainer", "testudo", "valley", "devil", "validator", "cat_train", "protest"])
def test_classes_whose_names_only_begin_alike(name: str, tmp_path: Path) -> None:
    pictures(tmp_path, ("cat",))
    (tmp_path / "cat").rename(tmp_path / name)
    pictures(tmp_path, ("dog",))
    assert find(f"folder:{tmp_path}").classes == tuple(sorted((name, "dog")))


@pytest.mark.parametrize(("parts", "told"), [
    (("train",), "neither `val` nor `test`"), (("val", "test"), "no training part"), (("test",), "no training part"),
    (("train", "val", "valid"), "two folders for one part"), (("train", "Train", "val"), "two folders for one part"),
])
def test_divisions_that_are_not_whole(parts: tuple[str, ...], told: str, tmp_path: Path) -> None:
    for part in parts:
        pictures(tmp_path / part, count=2)
    assert told in refused(tmp_path)


def test_a_class_that_is_called_like_a_part(tmp_path: Path) -> None:
    pictures(tmp_path, ("cat",))
    shutil.copytree(tmp_path / "cat", tmp_path / "train")
    told = refused(tmp_path)
    assert "`train`" in told and "if `train` is a class as `cat` is, give it another name" in told


def test_parts_below_classes_and_parts_below_parts(tmp_path: Path) -> None:
    for kind in ("cat", "dog"):
        pictures(tmp_path / "a" / kind / "train", ("cat",))
        pictures(tmp_path / "a" / kind / "test", ("cat",))
    assert "parts stand above classes" in refused(tmp_path / "a")
    pictures(tmp_path / "b" / "train" / "train")
    pictures(tmp_path / "b" / "test")
    assert "names a part of data, not a class" in refused(tmp_path / "b")


def test_other_folders_beside_a_whole_division_are_nobodys(tmp_path: Path) -> None:
    for part in ("train", "test"):
        pictures(tmp_path / part, count=2)
    (tmp_path / "runs" / "Pics-1").mkdir(parents=True)
    assert find(f"folder:{tmp_path}").classes == KINDS


# --- classes ---------------------------------------------------------------------------------------------------------


def test_hidden_folders_and_files_at_any_depth(tmp_path: Path) -> None:
    pictures(tmp_path)
    for place in (".ipynb_checkpoints", "cat/.thumbs", "cat/deep/er", "dog/__MACOSX", "dog/@eaDir", "__MACOSX"):
        (tmp_path / place).mkdir(parents=True)
        shutil.copy(tmp_path / "cat" / "0.png", tmp_path / place / "9.png")
    shutil.copy(tmp_path / "cat" / "0.png", tmp_path / "cat" / "._0.png")
    data = find(f"folder:{tmp_path}")
    assert data.classes == KINDS
    assert isinstance(data.train, ImageFiles) and isinstance(data.test, ImageFiles)
    names = {*data.train.names, *data.test.names}
    assert names == {f"{kind}/{n}.png" for kind in KINDS for n in range(10)} | {"cat/deep/er/9.png"}


def test_what_a_folder_of_classes_cannot_hold(tmp_path: Path) -> None:
    pictures(tmp_path / "a")
    (tmp_path / "a" / "empty" / "deeper").mkdir(parents=True)
    assert "`" + str(tmp_path / "a" / "empty") + "` has no images" in refused(tmp_path / "a")
    pictures(tmp_path / "b")
    shutil.copy(tmp_path / "b" / "cat" / "0.png", tmp_path / "b")
    assert "lies in no class" in refused(tmp_path / "b")
    pictures(tmp_path / "c" / "images")
    assert f"did you mean `folder:{tmp_path / 'c' / 'images'}`?" in refused(tmp_path / "c")
    pictures(tmp_path / "d")
    os.mkfifo(tmp_path / "d" / "cat" / "pipe.png")
    assert "pipe.png` is no regular file" in refused(tmp_path / "d")
    pictures(tmp_path / "e")
    (tmp_path / "e" / "cat" / "gone.png").symlink_to("nowhere.png")
    assert "gone.png` is no regular file, or leads to none" in refused(tmp_path / "e")


def test_a_part_may_lack_classes_and_has_the_numbers_of_the_training_part(tmp_path: Path) -> None:
    pictures(tmp_path / "train")
    pictures(tmp_path / "val", ("horse",))
    pictures(tmp_path / "test", ("dog", "horse"))
    data = find(f"folder:{tmp_path}")
    assert data.classes == KINDS
    assert data.validation is not None
    assert data.validation.batch(range(10))[1].tolist() == [2] * 10
    assert data.test.batch(range(20))[1].tolist() == [1] * 10 + [2] * 10


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the run of a model that tells cat, dog and horse apart."""
    folder = tmp_path_factory.mktemp("trained")
    pictures(folder / "data")
    (folder / "net.arch").write_text(NET % "")
    words = ("--data", f"folder:{folder / 'data'}", "--run", folder / "run", "--device", "cpu")
    assert archlang("train", folder / "net.arch", "-p", "classes=3", "--epochs", "12", *words) == 0
    return folder


def judged(trained: Path, data: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, tuple[int, int]]:
    capsys.readouterr()
    model = trained / "run" / "best.safetensors"
    assert archlang("eval", model, "--data", f"folder:{data}", "--device", "cpu", "--format", "json") == 0
    shown = json.loads(capsys.readouterr().out)
    assert all((c["accuracy"] is None) == (c["samples"] == 0) for c in shown["classes"])
    return {c["name"]: (c["correct"], c["samples"]) for c in shown["classes"]}


@pytest.mark.parametrize("kinds", [("cat", "horse"), ("dog", "horse"), ("horse",), ("horse", "dog", "cat")])
def test_classes_are_matched_by_name(
    kinds: tuple[str, ...], trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pictures(tmp_path, kinds, seed=5)
    assert judged(trained, tmp_path, capsys) == {kind: (2, 2) if kind in kinds else (0, 0) for kind in KINDS}


def test_a_class_that_the_model_does_not_know(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pictures(tmp_path)
    (tmp_path / "dog").rename(tmp_path / "cow")
    model = trained / "run" / "best.safetensors"
    assert archlang("eval", model, "--data", f"folder:{tmp_path}", "--device", "cpu") == 1
    assert "the data has the class `cow`, and the model has not" in capsys.readouterr().err


def test_labels_in_the_file_give_the_order_and_a_clash_is_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pictures(tmp_path / "data", ("cat", "dog"))
    words = ("--data", f"folder:{tmp_path / 'data'}", "--device", "cpu")
    (tmp_path / "net.arch").write_text(NET % 'labels = ["dog", "cat"];')
    assert archlang("train", tmp_path / "net.arch", "--epochs", "12", *words, "--run", tmp_path / "run") == 0
    assert judged(tmp_path, tmp_path / "data", capsys) == {"dog": (2, 2), "cat": (2, 2)}
    model, image = tmp_path / "run" / "best.safetensors", tmp_path / "data" / "dog" / "0.png"
    assert archlang("predict", model, image, "--format", "json") == 0
    (seen,) = json.loads(capsys.readouterr().out)["predictions"]
    assert (seen["classes"][0]["index"], seen["classes"][0]["name"]) == (0, "dog")

    (tmp_path / "net.arch").write_text(NET % 'labels = ["dog", "cow"];')
    assert archlang("train", tmp_path / "net.arch", *words, "--run", tmp_path / "other") == 1
    assert "class `cat`" in capsys.readouterr().err
    assert not (tmp_path / "other").exists()


# --- the best epoch --------------------------------------------------------------------------------------------------


def test_the_best_epoch_is_chosen_on_the_validation_part(tmp_path: Path) -> None:
    """On the test part labels are random, so that its best epoch is another one."""
    data = bars(test=60)
    assert isinstance(data.test, Tensors)
    rows = numpy.random.default_rng(3).permutation(60)
    shuffled = Tensors(data.test.samples, data.test.labels[rows])
    both = Data("bars", data.train, shuffled, data.classes, validation=data.test)
    result = fit(tiny(), both, epochs=6, run=tmp_path / "run", device="cpu")
    alone = fit(tiny(), data, epochs=6, device="cpu")

    for epoch, other in zip(result.history, alone.history, strict=True):
        assert (epoch.validation_loss, epoch.validation_accuracy) == (other.test_loss, other.test_accuracy)
    assert result.best.number == alone.best.number
    assert result.best.test_loss != result.best.validation_loss
    with (tmp_path / "run" / "log.csv").open() as file:
        logged = list(csv.DictReader(file))
    assert [float(row["validation_loss"]) for row in logged] == [e.test_loss for e in alone.history]
    assert [float(row["test_loss"]) for row in logged] == [e.test_loss for e in result.history]


def test_val_and_test_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for part, count in (("train", 8), ("valid", 4), ("test", 6)):
        pictures(tmp_path / "data" / part, ("cat", "dog"), count)
    (tmp_path / "net.arch").write_text(NET % "")
    words = ("--data", f"folder:{tmp_path / 'data'}", "--device", "cpu")
    assert archlang("train", tmp_path / "net.arch", *words, "--run", tmp_path / "run") == 0
    outcome = capsys.readouterr()
    assert "16 samples (8 for validation, 12 for testing)" in outcome.err
    assert "; validation loss " in outcome.err and "; test loss " in outcome.err
    assert outcome.out.startswith("best epoch ") and ": validation loss " in outcome.out
    assert archlang("eval", tmp_path / "run" / "best.safetensors", *words) == 0
    assert capsys.readouterr().out.startswith("12 samples")
    assert archlang("train", tmp_path / "net.arch", *words, "--run", tmp_path / "run", "--resume") == 0
