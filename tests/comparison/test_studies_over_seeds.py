"""Studies: the grid, the journal that many share, kills, failures that are counted, tables, refusals."""

from __future__ import annotations

import csv
import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from archlang import load_model
from archlang.cli.main import run
from archlang.comparison.bits import bits, truths
from archlang.comparison.design import Job, StudyDesign
from archlang.comparison.journal import LINES, Journal
from archlang.comparison.processes import run_workers
from archlang.comparison.slurm import TEMPLATE, script
from archlang.comparison.statistics import interval
from archlang.comparison.table import tabulate
from archlang.comparison.working import work
from archlang.comparison.written import as_csv, as_text
from archlang.diagnostics import ArchError
from archlang.train.data.sources import find
from tests.campaign import studying

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def design() -> StudyDesign:
    return studying.design(2)


def result(accuracy: float, right: list[bool]) -> dict[str, Any]:
    return {"figures": {"accuracy": accuracy, "loss": 1.0}, "samples": len(right), "right": bits(right),
            "seconds": 1.0, "network": "N"}


def refused(call: Callable[[], object]) -> tuple[str, str]:
    with pytest.raises(ArchError) as caught:
        call()
    first = caught.value.diagnostics[0]
    return first.name, first.message


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "small.arch"
    path.write_text(studying.TEXT)
    return str(path)


def test_a_study_from_the_command_line(file: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The table beside what the models that it kept give, each loaded and run by hand."""
    folder, drawn, lines = tmp_path / "study", tmp_path / "a.svg", tmp_path / "a.csv"
    call = ["study", file, "-p", "width=4,6", "--data", "digits:train=60", "--seeds", "2", "--run", str(folder)]
    assert run([*call, "--plot", str(drawn), "--csv", str(lines)]) == 0
    out, err = capfd.readouterr()
    assert "4 trainings, 0 done" in err and "4/4 " in err

    data = find("digits:train=60")
    images, labels = data.test.batch(range(len(data.test)))
    accuracies: dict[str, list[float]] = {}
    for job in ("0-0", "0-1", "1-0", "1-1"):
        name = f"small width={4 + 2 * int(job[0])}"
        model = load_model(folder / "runs" / job / "last.safetensors")
        mean, std = model.archlang.mean[0], model.archlang.std[0]
        with torch.no_grad():
            hit = model((images - mean) / std).argmax(1) == labels
        accuracies.setdefault(name, []).append(float(hit.double().mean()))

    table = list(csv.DictReader(lines.read_text().splitlines()))
    assert [float(row["value"]) for row in table] == [*accuracies["small width=4"], *accuracies["small width=6"]]
    for name, values in accuracies.items():
        found = interval(values)
        line = next(line for line in out.splitlines() if line.startswith(name))
        assert f"{100 * found.mean:.2f}" in line and f"{100 * found.low:.2f} to {100 * found.high:.2f}" in line
    assert "small width=6 beside small width=4" in out and "McNemar p = " in out
    assert drawn.read_text().count("<ellipse") == 4

    # The same again trains nothing, in another form; other files are refused.
    assert run([*call, "--format", "json", "--jobs", "0"]) == 0
    document = json.loads(capfd.readouterr().out)
    assert document["rows"][0]["values"]["1"] == accuracies["small width=4"][1]
    assert run([*call, "--epochs", "3"]) == 1
    assert "epochs differ" in capfd.readouterr().err
    assert run([*call[:2], *call[4:]]) == 1
    assert "files or dials differ" in capfd.readouterr().err
    assert run([*call, "--figure", "accurcy", "--jobs", "0"]) == 2
    assert "did you mean `accuracy`?" in capfd.readouterr().err


def test_values_of_a_setting_are_compared(file: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Each arm is the training that `train --set` does."""
    folder, one = tmp_path / "study", tmp_path / "one"
    call = ["--data", "digits:train=60", "--device", "cpu"]
    rates = ["--set", "optimizer.lr=0.01,0.0001"]
    assert run(["study", file, *rates, "--set", "batch=20", *call, "--seeds", "2", "--run", str(folder)]) == 0
    assert "small optimizer.lr=0.0001 beside small optimizer.lr=0.01" in capfd.readouterr().out
    assert run(["train", file, "--set", "optimizer.lr=0.0001", "--set", "batch=20", *call, "--seed", "1",
                "--run", str(one)]) == 0

    mine, its = (load_model(path).state_dict() for path in (one / "last.safetensors",
                                                            folder / "runs" / "1-1" / "last.safetensors"))
    other = load_model(folder / "runs" / "0-1" / "last.safetensors").state_dict()
    # A study's processes have one thread each, and another number of threads adds in another order.
    assert all(torch.allclose(mine[name], its[name], atol=1e-5) for name in its)
    assert any(not torch.allclose(mine[name], other[name], atol=1e-3) for name in its)

    capfd.readouterr()
    for words, said in ((["--set", "optimizer.rate=1"], "optimizer.rate"), (["--set", "batch=20,20"], "itself"),
                        (["--set", "batch"], "--set")):
        assert run(["study", file, *words, *call, "--seeds", "2", "--run", str(tmp_path / "none")]) in (1, 2)
        assert said in capfd.readouterr().err and not (tmp_path / "none").exists()
    assert run(["study", file, *rates, *call, "--seeds", "2", "--slurm", "2"]) == 0
    assert "--set optimizer.lr=0.01,0.0001" in capfd.readouterr().out


def test_a_figure_that_no_training_can_have_trains_nothing(
    file: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "study"
    call = ["study", file, "--data", "digits:train=60", "--seeds", "2", "--run", str(folder), "--figure", "miou"]
    assert run(call) == 2
    assert "there are accuracy, loss" in capfd.readouterr().err and not folder.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="it forks")
def test_a_study_whose_processes_are_killed() -> None:
    words = [sys.executable, "-m", "tests.campaign.studying", "--kills", "6", "--seeds", "2", "--longest", "0.6"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=200,
                          env={**os.environ, "OMP_NUM_THREADS": "1"}, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "6 kills" in done.stdout and "0 tables differ" in done.stdout


def test_a_seed_that_diverges_is_counted(tmp_path: Path, design: StudyDesign) -> None:
    wild = replace(design.arms[1], name="wild", text=design.arms[1].text.replace("lr = 0.1", "lr = 1e30"))
    both = replace(design, arms=(design.arms[0], wild), seeds=(0, 1), epochs=1)
    journal = Journal.joined(tmp_path / "study", both)
    assert work(journal) == 4
    table = tabulate(both, journal.standing())
    assert dict(table.rows[1].values) == {} and set(table.rows[1].failed) == {0, 1}
    text = as_text(table)
    assert "wild, seed 0: failed, and left out (diverged" in text and "no test, which needs two seeds" in text
    assert as_csv(table).count("diverged") == 2
    assert work(journal) == 0, "a failed training is not done again by itself"


def test_a_journal_that_was_cut_off(tmp_path: Path, design: StudyDesign) -> None:
    journal = Journal.joined(tmp_path / "study", design)
    journal.add("done", "0-0", result(0.5, [True, False]))
    whole = journal.lines.read_bytes()
    for length in range(len(whole) - 40, len(whole)):
        journal.lines.write_bytes(whole[:length])
        journal.add("done", "0-1", result(0.25, [False, False]))
        standing = journal.standing()
        assert "0-1" in standing.done, "a line behind a cut one is whole"
        assert standing.damaged + len(standing.done) == 2

    journal.lines.write_bytes(b"no journal\n" + whole)
    assert refused(lambda: Journal.joined(tmp_path / "study", design))[0] == "unreadable-file"


HOLDS = """
import sys, os
from pathlib import Path
from archlang.comparison.design import Job
from archlang.comparison.journal import Journal
with Journal(Path(sys.argv[1]), None).claimed(Job(0, 0)) as mine:
    print(mine, flush=True)
    sys.stdin.readline()
    os._exit(9)
"""


def test_a_training_that_another_is_at(tmp_path: Path, design: StudyDesign) -> None:
    folder = tmp_path / "study"
    journal = Journal.joined(folder, design)
    words = [sys.executable, "-c", HOLDS, str(folder)]
    with subprocess.Popen(words, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None and other.stdin is not None
        assert other.stdout.readline() == "True\n"
        with journal.claimed(Job(0, 0)) as mine:
            assert not mine
        [claim] = journal.held(journal.standing())
        assert claim.process == other.pid and not journal.left(journal.standing())
        other.stdin.write("\n")

    [left] = journal.left(journal.standing())
    assert left == claim, "its lock is free, though nobody removed it"
    with journal.claimed(Job(0, 0)) as mine:
        assert mine


def test_processes_that_write_at_a_time_lose_no_line(tmp_path: Path, design: StudyDesign) -> None:
    journal = Journal.joined(tmp_path / "study", design)
    code = ("import sys; from pathlib import Path; from archlang.comparison.journal import Journal\n"
            "journal = Journal(Path(sys.argv[1]), None)\n"
            "for n in range(40): journal.add('done', f'{sys.argv[2]}-{n}', {'x': 'y' * 3000})\n")
    words = [sys.executable, "-c", code, str(tmp_path / "study")]
    running = [subprocess.Popen([*words, str(number)], cwd=ROOT) for number in range(3)]
    assert [process.wait() for process in running] == [0, 0, 0]
    standing = journal.standing()
    assert len(standing.done) == 120 and not standing.damaged


def test_a_process_that_dies_in_a_training_is_told(tmp_path: Path, design: StudyDesign) -> None:
    (tmp_path / "deadly.py").write_text(
        "import os\nclass Deadly(list):\n  def __getitem__(self, n): os.kill(os.getpid(), 9)\n"
        "def data():\n  import torch\n  return Deadly([(torch.zeros(1, 8, 8), 0)] * 30)\n")
    one = replace(design, arms=design.arms[:1], data="deadly:data", seeds=(0,))
    journal = Journal.joined(tmp_path / "study", one)
    before = Path.cwd()
    os.chdir(tmp_path)
    try:
        run_workers(journal, 1, lambda standing: None)
    finally:
        os.chdir(before)
    assert journal.standing().failed["0-0"] == "process-lost: its process ended with the signal SIGKILL"


def test_folders_and_files_that_are_no_study(tmp_path: Path, file: str, design: StudyDesign) -> None:
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "mine.txt").write_text("mine")
    assert refused(lambda: Journal.joined(tmp_path / "x", design))[0] == "run-exists"
    (tmp_path / "f").write_text("")
    assert refused(lambda: Journal.joined(tmp_path / "f", design))[0] == "unwritable-output"
    assert run(["study", file, file, "--data", "digits", "--run", str(tmp_path / "s")]) == 2
    assert run(["study", file, "--data", "nothing", "--run", str(tmp_path / "s")]) == 1
    assert run(["study", file, "--data", "digits", "-p", "widht=3", "--run", str(tmp_path / "s")]) == 1
    assert not (tmp_path / "s").exists()


def test_the_script_of_a_queue(file: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    call = ["study", file, "--data", "digits", "--seeds", "3", "-p", "width=4,6", "--run", str(tmp_path / "a b")]
    assert run([*call, "--slurm", "7"]) == 0
    written = capfd.readouterr().out
    assert "#SBATCH --array=1-7\n" in written
    command = written.rpartition("exec ")[2].strip()
    assert subprocess.run(["bash", "-n"], input=written, text=True, check=False).returncode == 0
    # What the script runs is this very study: another one in its folder would be refused.
    words = shlex.split(command)
    assert words[:3] == [sys.executable, "-m", "archlang"]
    assert words.count("--jobs") == 1
    words[words.index("--jobs") + 1] = "0"
    assert run(words[3:]) == 0
    told = capfd.readouterr().out
    assert run([*call, "--jobs", "0"]) == 0
    assert capfd.readouterr().out == told and "not done yet: seeds 0, 1, 2" in told

    assert refused(lambda: script(["x"], "f", tasks=1, processes=1, template="$nothing $command"))[0] == "usage"
    assert refused(lambda: script(["x"], "f", tasks=1, processes=1, template="echo"))[0] == "usage"
    assert refused(lambda: script(["x"], "f", tasks=1, processes=1, template="$ $command"))[0] == "usage"
    assert "'a b'" in script(["x", "a b"], "f", tasks=1, processes=1, template=TEMPLATE)


def test_a_study_without_a_result_yet(design: StudyDesign, tmp_path: Path) -> None:
    journal = Journal.joined(tmp_path / "s", design)
    table = tabulate(design, journal.standing())
    assert not table.is_whole and "not done yet: seeds 0, 1" in as_text(table)
    journal.add("done", "0-0", result(0.5, [True, False]))
    assert "50.00          -  -" in as_text(tabulate(design, journal.standing())), "one seed has no interval"


def test_truth_values_survive() -> None:
    right = (torch.rand(359, generator=torch.Generator().manual_seed(0)) < 0.7).tolist()
    assert truths(bits(right), 359) == right


def test_lines_are_kept(design: StudyDesign, tmp_path: Path) -> None:
    journal = Journal.joined(tmp_path / "s", design)
    before = (tmp_path / "s" / LINES).read_bytes()
    journal.add("failed", "0-0", {"reason": "x"})
    Journal.joined(tmp_path / "s", design)
    assert (tmp_path / "s" / LINES).read_bytes().startswith(before)
