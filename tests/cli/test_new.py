"""`archlang new`: files to start from, each of which learns on data of its kind by the command that `new` names."""

from __future__ import annotations

import math
import re
import shlex
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from archlang.cli.starting import FOLDER, TASKS, text_of
from archlang.source import Source
from archlang.syntax import parse, print_file
from tests.cli.conftest import Call

Place = Callable[[Path, np.random.Generator], Path]


def rows(folder: Path, draw: np.random.Generator) -> Path:
    """Sentences whose tag is the remainder of the word, to lengths of their own."""
    words, lengths = draw.integers(0, 1000, (200, 20)), draw.integers(1, 21, (200, 1))
    label = np.where(np.arange(20) < lengths, words % 5, 255)
    return arrays(folder, sentence=words, lengths=lengths, label=label)


def twins(folder: Path, draw: np.random.Generator) -> Path:
    """Pairs of noisy images: half of them of one scene."""
    first = draw.random((300, 1, 8, 8), dtype=np.float32)
    second = draw.random((300, 1, 8, 8), dtype=np.float32)
    label = np.arange(300) % 2
    second[label == 1] = 0.9 * first[label == 1] + 0.1 * second[label == 1]
    return arrays(folder, first=first, second=second, label=label.astype(np.float32))


def arrays(folder: Path, **named: np.ndarray) -> Path:
    """One file of arrays, as numpy writes it."""
    file = folder / "arrays.npz"
    np.savez(file, **named)
    return file


def prose(folder: Path, draw: np.random.Generator) -> Path:
    """A text of few words."""
    file = folder / "text.txt"
    file.write_text(" ".join(draw.choice(["path", "router", "expert", "branch"], 3000)), encoding="utf-8")
    return file


def scenes(folder: Path, draw: np.random.Generator) -> Path:
    """Images of two halves, and which half is which; what is told apart is the colour."""
    def pair(number: int) -> tuple[np.ndarray, np.ndarray]:
        cut = 4 * int(draw.integers(2, 7))
        label = np.zeros((32, 32), np.uint8)
        label[:, cut:] = 1 + number % 2
        colours = np.array([[200, 30, 30], [30, 200, 30], [30, 30, 200]], np.uint8)
        return colours[label], label

    return files(folder, pair)


def blurred(folder: Path, draw: np.random.Generator) -> Path:
    """Images that are darker than they should be."""
    def pair(number: int) -> tuple[np.ndarray, np.ndarray]:
        right = draw.integers(100, 256, (16, 16, 3)).astype(np.uint8)
        return right // 2, right

    return files(folder, pair)


def files(folder: Path, pair: Callable[[int], tuple[np.ndarray, np.ndarray]]) -> Path:
    """Forty images, and what belongs to each, in the folders of their names."""
    for part in ("image", "label"):
        (folder / "data" / part).mkdir(parents=True)
    for number in range(40):
        for part, pixels in zip(("image", "label"), pair(number), strict=True):
            Image.fromarray(pixels).save(folder / "data" / part / f"{number}.png")
    return folder / "data"


DATA: dict[str, tuple[str, Place]] = {
    "segment": ("FOLDER", scenes),
    "restore": ("FOLDER", blurred),
    "language": ("TEXT_FILE", prose),
    "tagger": ("ARRAYS.npz", rows),
    "pairs": ("ARRAYS.npz", twins),
}
"""What stands for the user's own data in the command that `new` names, and what makes some."""

CHANCE = {
    "segment": math.log(3), "language": math.log(256), "tagger": math.log(5), "pairs": math.log(2),
    "restore": 0.35,  # the mean of what was taken from each pixel
}
"""The loss of who knows no more than how often each answer is right."""

EPOCHS = {"segment": 8, "vit": 8, "pairs": 10, "tagger": 8, "language": 2, "restore": 2, "coded": 2}
"""Epochs to learn something; one where nothing else is said."""


@pytest.mark.parametrize("task", [task for task in TASKS if task != "clusters"])
def test_what_is_begun_learns(task: str, call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    begun = call("new", task, "-o", "net.arch")
    assert (begun.status, begun.out) == (0, "")

    # The very command that is told, with a path where it says that one belongs.
    words = shlex.split(begun.err.removeprefix("next: "))
    if task in DATA:
        placeholder, make = DATA[task]
        place = make(tmp_path, np.random.default_rng(0))
        words = [word.replace(placeholder, str(place)) for word in words]
    assert not any(word.isupper() for word in words)

    trained = call(*words[1:], "--epochs", str(EPOCHS.get(task, 1)), "--run", "run", "--device", "cpu")
    assert trained.status == 0, trained.err

    if task in CHANCE:
        losses = [float(loss) for loss in re.findall(r"test loss ([0-9.]+)", trained.err)]
        assert min(losses) < 0.95 * CHANCE[task]
    else:
        right = [float(share) for share in re.findall(r"test loss [0-9.]+, accuracy ([0-9.]+) %", trained.err)]
        assert max(right) > 20  # of ten classes


def test_what_is_begun_clusters(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    begun = call("new", "clusters", "-o", "net.arch")
    words = shlex.split(begun.err.removeprefix("next: "))

    outcome = call(*words[1:], "--epochs", "1", "--run", "run", "--device", "cpu")
    assert outcome.status == 0, outcome.err

    # Ten clusters by chance agree with a tenth of the labels.
    found = re.search(r"accuracy ([0-9.]+) %", outcome.out + outcome.err)
    assert found is not None
    assert float(found[1]) > 30


@pytest.mark.parametrize("task", TASKS)
def test_every_task_is_a_file_in_canonical_form(task: str, call: Call) -> None:
    text = text_of(task)
    assert call("new", task).out == text
    assert print_file(parse(Source("task", text))) == text


def test_every_file_is_a_task() -> None:
    assert {file.stem for file in FOLDER.glob("*.arch")} == set(TASKS)


def test_tasks_are_listed(call: Call) -> None:
    lines = call("new").out.splitlines()
    assert [line.split()[0] for line in lines] == list(TASKS)


def test_a_file_that_is_there_stays(call: Call, tmp_path: Path) -> None:
    file = tmp_path / "net.arch"
    file.write_text("mine", encoding="utf-8")

    outcome = call("new", "image", "-o", str(file))
    assert outcome.status == 1
    assert "is there already" in outcome.err
    assert file.read_text(encoding="utf-8") == "mine"


def test_another_ending_is_refused(call: Call, tmp_path: Path) -> None:
    outcome = call("new", "image", "-o", str(tmp_path / "net.txt"))
    assert outcome.status == 2
    assert not list(tmp_path.iterdir())


def test_a_misspelt_task_gets_a_suggestion(call: Call) -> None:
    outcome = call("new", "segmnt")
    assert outcome.status == 1
    assert "did you mean `segment`?" in outcome.err
