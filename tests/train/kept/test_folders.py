"""Run folders under attack: ended at single writes, tables cut at every byte, folders removed, begun twice."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from archlang.diagnostics import ArchError
from archlang.elaborate.network import loads
from archlang.train import Progress, fit
from archlang.train.kept.begun import TABLES
from archlang.train.kept.runs import Run, open_run
from archlang.train.loop.watch import StepTable
from archlang.train.loop.watch_pictures import STYLES
from tests.campaign import attack_folders
from tests.forking import forks
from tests.train.kept.test_resume import Halt, halted, log_of, refused, resumed, same
from tests.train.nets import TRAIN, bars, tiny


@pytest.mark.parametrize(("way", "every", "first"), [("killed", 41, 2), ("full", 41, 5), ("half", 41, 11)])
def test_a_training_ended_at_a_single_write_is_new_or_goes_on(tmp_path: Path, way: str, every: int, first: int) -> None:
    """In processes of their own, which must not be forks of one whose threads have run."""
    with forks().Pool(1) as pool:
        count, wrong = pool.apply(attack_folders.campaign, (tmp_path, way, every, first))
    assert count > 1 and wrong == []


# --- tables ----------------------------------------------------------------------------------------------------------

ROWS = [{"epoch": n, "loss": n / 7, "accuracy": None if n == 2 else n / 9} for n in (1, 2, 3)]
SPOILED: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda data: b"", "binary": lambda data: bytes(range(256)) * 3, "zeros": lambda data: bytes(len(data)),
    "zeros at the end": lambda data: data[:-30] + bytes(30), "other columns": lambda data: b"a,b\n1,2\n",
    "quotes": lambda data: data + b'"' * 3, "a long field": lambda data: b"x" * 200_000,
    "twice": lambda data: data + data,
}


def table() -> StepTable:
    """A table of two columns."""
    return StepTable("gradients", ("a.1", "a.2"), lambda: [0.125, 1 / 3])


def noted(steps: int) -> StepTable:
    made = table()
    for step in range(1, steps + 1):
        made.note(1, step, step != 3)
    return made


def test_a_log_cut_at_any_byte_is_written_anew(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.write_log(ROWS)
    whole = run.log.read_bytes()
    assert list(csv.DictReader(whole.decode().splitlines()))[1] == {"epoch": "2", "loss": str(2 / 7), "accuracy": ""}

    for size in range(len(whole)):
        run.log.write_bytes(whole[:size])
        run.write_log(ROWS)
        assert run.log.read_bytes() == whole


@pytest.mark.parametrize("spoil", SPOILED.values(), ids=SPOILED)
def test_a_damaged_log_is_written_anew(tmp_path: Path, spoil: Callable[[bytes], bytes]) -> None:
    run = Run(tmp_path)
    run.write_log(ROWS)
    whole = run.log.read_bytes()
    run.log.write_bytes(spoil(whole))
    run.write_log(ROWS)
    assert run.log.read_bytes() == whole


def test_one_more_row_is_added_to_the_file_that_is_there(tmp_path: Path) -> None:
    """Whoever follows a log (`tail -f`) goes on to see it."""
    run = Run(tmp_path)
    for count in (1, 2, 3):
        run.write_log(ROWS[:count])
        inode = run.log.stat().st_ino
        run.write_log(ROWS[: count + 1])
        assert run.log.stat().st_ino == inode


def test_a_row_that_does_not_fit_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run(tmp_path)
    run.write_log(ROWS[:2])
    whole = run.log.read_bytes()

    def full(number: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    assert refused(lambda: run.write_log(ROWS)) == (
        "unwritable-output", f"`{run.log}` cannot be written: no space left on device"
    )
    assert run.log.read_bytes() == whole


def test_a_table_cut_at_any_byte_keeps_its_whole_rows(tmp_path: Path) -> None:
    noted(5).write(tmp_path)
    path = tmp_path / "gradients.csv"
    whole = path.read_bytes()
    assert whole.decode().splitlines()[3:5] == ["1,3,nan,nan", "1,4,0.125,0.333333"]

    for size in range(len(whole) + 1):
        path.write_bytes(whole[:size])
        found = table()
        lost = found.resume(tmp_path, 5)
        lines = whole[:size].count(b"\n")
        assert lost == 5 - max(0, lines - 1)
        assert len(found.rows) == 5 - lost and found.steps == [(1, n + 1) for n in range(5 - lost)]
        assert not path.exists() if lost == 5 else path.read_bytes() == b"".join(whole.splitlines(True)[:lines])

        found.note(1, 6, True)
        found.write(tmp_path)
        after = path.read_text()
        assert after.startswith("epoch,step,a.1,a.2\n") and after.endswith("\n1,6,0.125,0.333333\n")


@pytest.mark.parametrize("spoil", SPOILED.values(), ids=SPOILED)
def test_a_damaged_table_begins_anew_or_is_cut(tmp_path: Path, spoil: Callable[[bytes], bytes]) -> None:
    noted(5).write(tmp_path)
    path = tmp_path / "gradients.csv"
    path.write_bytes(spoil(path.read_bytes()))
    found = table()
    lost = found.resume(tmp_path, 5)
    assert 0 <= lost <= 5 and len(found.rows) == 5 - lost
    found.note(1, 6, True)
    found.write(tmp_path)
    assert len(path.read_text().splitlines()) == 1 + len(found.rows)


def test_a_table_that_somebody_changed_meanwhile_is_written_anew(tmp_path: Path) -> None:
    made = noted(2)
    made.write(tmp_path)
    whole = (tmp_path / "gradients.csv").read_bytes()
    (tmp_path / "gradients.csv").write_bytes(b"mine")
    made.note(1, 3, False)
    made.write(tmp_path)
    assert (tmp_path / "gradients.csv").read_bytes() == whole + b"1,3,nan,nan\n"


def test_lost_rows_are_told(tmp_path: Path) -> None:
    layers = "layers { conv(3x3, 6); conv(3x3, 6) } -> each { flatten } -> attend(static_vector)"
    network = loads(tiny().text.replace("features -> flatten", f"features -> {layers}"))
    with pytest.raises(InterruptedError):
        fit(network, bars(), run=tmp_path, progress=Halt(8))
    path = tmp_path / "gradients.csv"
    path.write_bytes(path.read_bytes()[:-1])

    progress = Halt()
    fit(network, bars(), run=tmp_path, progress=progress, start="resume")
    assert progress.notes == ["gradients.csv has lost the rows of 1 of 6 steps; it goes on without them"]
    assert len(path.read_text().splitlines()) == 1 + 17


def test_every_table_is_known() -> None:
    assert set(TABLES) == {"log", "steps", *STYLES}


# --- folders ---------------------------------------------------------------------------------------------------------


def test_a_training_that_was_killed_at_once_is_begun_anew(tmp_path: Path) -> None:
    halted(TRAIN, tmp_path / "run", 8)
    begun, fresh = tmp_path / "begun", tmp_path / "fresh"
    begun.mkdir()
    for name in (".lock", "config.json", "network.arch"):
        shutil.copy(tmp_path / "run" / name, begun / name)
    (begun / ".log.csv.1234.part").write_text("epo")
    (begun / "log.csv").write_text("epoch,phase\n1,a")

    assert refused(lambda: resumed(TRAIN, begun))[0] == "no-checkpoint"
    assert same(fit(tiny(), bars(), run=begun), fit(tiny(), bars(), run=fresh))
    assert {path.name for path in begun.iterdir()} == {path.name for path in fresh.iterdir()}
    assert log_of(begun) == log_of(fresh)


@pytest.mark.parametrize("name", ["notes.txt", "last.safetensors", "data.csv", "network.arch"])
def test_nobody_elses_folder_is_taken(tmp_path: Path, name: str) -> None:
    (tmp_path / ".lock").write_text("")
    (tmp_path / name).write_text("mine")
    assert refused(lambda: fit(tiny(), bars(), run=tmp_path))[0] == "run-exists"
    assert (tmp_path / name).read_text() == "mine"


class Removing(Progress):
    """Removes the folder of a training while it runs, and may put another in its place."""

    def __init__(self, folder: Path, again: bool) -> None:
        self.folder, self.again = folder, again

    def step(self, beat) -> None:
        if beat.done == 8:
            shutil.rmtree(self.folder)
            if self.again:
                self.folder.mkdir()
                (self.folder / "mine.csv").write_text("mine")


@pytest.mark.parametrize("again", [False, True])
def test_a_folder_that_is_removed_ends_the_training(tmp_path: Path, again: bool) -> None:
    folder = tmp_path / "run"
    name, message = refused(lambda: fit(tiny(), bars(), run=folder, progress=Removing(folder, again)))
    assert name == "unwritable-output" and "removed" in message
    assert folder.exists() is again
    assert not again or [path.name for path in folder.iterdir()] == ["mine.csv"]


def test_a_folder_that_another_training_took_is_not_begun_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The other one began and ended between the look into the folder and the lock."""
    from archlang.train.kept import runs

    class Late(runs.Lock):
        def __init__(self, folder: Path) -> None:
            monkeypatch.undo()
            halted(TRAIN, folder, 8)
            super().__init__(folder)

    monkeypatch.setattr(runs, "Lock", Late)
    with pytest.raises(ArchError, match="run-exists"):
        open_run(tmp_path)
    assert list(tmp_path.glob("checkpoint-*"))
    assert resumed(TRAIN, tmp_path)[0].run is not None


def test_a_checkpoint_too_many_goes_when_the_training_goes_on(tmp_path: Path) -> None:
    """A training may be killed after its last checkpoint is written, and before an older one is removed."""
    run = fit(tiny(), bars(), run=tmp_path).run
    before = run.checkpoints
    shutil.copy(before[0], tmp_path / "checkpoint-00000006.safetensors")
    assert len(run.checkpoints) == 3
    resumed(TRAIN, tmp_path)
    assert run.checkpoints == before


def test_models_wait_for_the_checkpoint_of_their_epoch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it the next training would not know them: a fork's best epoch would be that of another training."""
    from archlang.train.kept import runs

    plain = runs.write_checkpoint

    def late(path: Path, *rest: object) -> None:
        if path.name == "checkpoint-00000012.safetensors":
            raise InterruptedError
        plain(path, *rest)

    monkeypatch.setattr(runs, "write_checkpoint", late)
    with pytest.raises(InterruptedError):
        fit(tiny(), bars(), run=tmp_path)
    monkeypatch.undo()

    first = (tmp_path / "last.safetensors").read_bytes()
    assert (tmp_path / "best.safetensors").read_bytes() == first
    assert (tmp_path / ".last-00000012.next").exists()
    with pytest.raises(InterruptedError):
        fit(tiny(), bars(), run=tmp_path, start="fork", seed=9, progress=Halt(7))
    assert (tmp_path / "last.safetensors").read_bytes() == first and not list(tmp_path.glob(".*.next"))
