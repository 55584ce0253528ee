"""`archlang boost` as it is typed: ranking, processes, going on, candidates that fail, and what it shows meanwhile."""

from __future__ import annotations

import io
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="a search trains")

import torch

from archlang.cli.searching import Lines, TrialBars, watching
from archlang.elaborate import load
from archlang.studies.pbconv.search import Audience
from archlang.studies.pbconv.trial import Settings, Trial
from tests.cli.conftest import ROOT, Call, Outcome

TEXT = """archlang 1
import std.conv (unit)
network Digits {
  input image: [1, 8, 8]
  logits = image -> unit(4, stride = 2) -> unit(4) -> global_avg_pool -> linear(10)
  output logits
}
train { loss = cross_entropy(logits, label)
  optimizer = sgd(lr = 0.1)
  batch = 32
  phase all { epochs = 2 } }
"""
DATA = "tests.cli.test_boost:images"
SLOW = "tests.cli.test_boost:slow_images"


def images() -> object:
    """A little data."""
    generator = torch.Generator().manual_seed(0)
    return torch.rand(80, 1, 8, 8, generator=generator), torch.arange(80) % 10


def slow_images() -> object:
    """The same, for which every trial has to wait; the second one fails where that is wished."""
    folder = Path(os.environ["MARKS"])
    count = len(list(folder.iterdir()))
    (folder / str(count)).touch()
    if count == int(os.environ.get("FAILING", -1)):
        raise RuntimeError("this one fails")
    time.sleep(float(os.environ.get("WAIT", 0)))
    return images()


@pytest.fixture
def file(tmp_path: Path) -> str:
    """A small network that trains."""
    path = tmp_path / "net.arch"
    path.write_text(TEXT, encoding="utf-8")
    return str(path)


def boost(call: Call, file: str, *more: str, data: str = DATA) -> Outcome:
    """A search of three candidates."""
    return call("boost", file, "--data", data, "--candidates", "3", "--iterations", "2", *more)


def test_the_winner_the_ranking_and_the_plot_whatever_the_jobs(call: Call, file: str, tmp_path: Path) -> None:
    best, plot = tmp_path / "best.arch", tmp_path / "maps.svg"
    alone = boost(call, file, "-o", str(best), "--plot", str(plot), "--seed", "3")
    assert alone.status == 0 and alone.err.count("\ncandidate") == 3
    headline = "searching small kernels for 3x3: 3 candidates of 2 iterations, seed 3\n"
    assert alone.err.startswith(headline + "candidate 1 (1 of 3 done): 3x3 0.")
    line = (r"^3x3 kernels by the dispersion .*\n +1  0\.\d{4}  \(before training 0\.\d{4}\)  "
            r"candidate \d, \d small kernels?: \[")
    assert re.search(line, alone.out) and "correlation" in alone.out
    assert "pbconv(" in best.read_text() and load(best).parameters > load(file).parameters
    # A line for each candidate, which shows its name where a reader points at it.
    assert len(re.findall(r"<path[^>]*><title>candidate \d", plot.read_text())) == 3
    assert sorted(p.name for p in tmp_path.iterdir()) == ["best.arch", "maps.svg", "net.arch"]
    twin = tmp_path / "twin.arch"
    together = boost(call, file, "-o", str(twin), "--seed", "3", "--jobs", "2")
    assert together.out == alone.out and twin.read_text() == best.read_text()
    printed = boost(call, file, "--seed", "3")
    assert printed.out == best.read_text() and alone.out in printed.err
    assert boost(call, file, "--seed", "4").out != printed.out


def test_several_seeds_are_averaged_and_their_deviation_is_told(call: Call, file: str, tmp_path: Path) -> None:
    several = boost(call, file, "-o", str(tmp_path / "best.arch"), "--seeds", "2")
    assert several.status == 0 and "of 2 iterations from 2 seeds each, seed 0\n" in several.err
    assert re.search(r"\n +1  0\.\d{4} ± 0\.\d{4}  \(before", several.out)


def test_a_search_that_was_killed_goes_on(call: Call, file: str, tmp_path: Path,
                                          monkeypatch: pytest.MonkeyPatch) -> None:
    marks, best = tmp_path / "marks", tmp_path / "best.arch"
    marks.mkdir()
    monkeypatch.setenv("MARKS", str(marks))
    words = ["boost", file, "--data", SLOW, "--candidates", "3", "--iterations", "2", "-o", str(best)]
    environment = {**os.environ, "WAIT": "0.5", "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen([sys.executable, "-m", "archlang", *words], env=environment, cwd=ROOT,
                               stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("candidate 1"):
            process.send_signal(signal.SIGKILL)
            break
    process.communicate()
    journal = tmp_path / "best.arch.journal.jsonl"
    assert not best.exists() and len(journal.read_text().splitlines()) == 2
    refused = call(*words)
    assert refused.status == 1 and "go on with `--resume`" in refused.err
    other = call(*words, "--resume", "--seed", "1")
    assert other.status == 2 and "is the journal of another search" in other.err
    resumed = call(*words, "--resume")
    assert resumed.status == 0 and "going on after 1\ncandidate 2 (2 of 3 done)" in resumed.err
    plain = boost(call, file, "-o", str(tmp_path / "whole.arch"))
    assert resumed.out == plain.out and best.read_text() == (tmp_path / "whole.arch").read_text()
    assert not journal.exists()


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_candidate_that_fails_is_named_and_the_rest_goes_on(
        call: Call, file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jobs: str) -> None:
    marks = tmp_path / "marks"
    marks.mkdir()
    monkeypatch.setenv("MARKS", str(marks))
    monkeypatch.setenv("FAILING", "2")  # the data are looked at once before the first candidate
    done = boost(call, file, "-o", str(tmp_path / "best.arch"), "--jobs", jobs, data=SLOW)
    assert done.status == 0 and done.out.count("candidate") == 3
    assert re.search(r"candidate \d \(\d of 3 done\): failed: .*this one fails", done.err)
    assert re.search(r"\n  candidate \d failed: .*this one fails", done.out)


def test_bad_calls(call: Call, file: str, tmp_path: Path, demo: str) -> None:
    assert "needs the `-o`" in boost(call, file, "--resume").err
    nowhere = boost(call, file, "-o", str(tmp_path / "no" / "best.arch"))
    assert nowhere.status == 1 and "cannot be written" in nowhere.err
    assert "train" in boost(call, demo).err
    types = boost(call, file, "--types", "9")
    assert types.status == 1 and "a 3x3 kernel has 8 smaller shapes, so `types` cannot be 9" in types.err
    plain = tmp_path / "plain.arch"
    text = TEXT.replace("unit(4, stride = 2) -> unit(4)", "conv(1x1, 4)").replace("import std.conv (unit)", "")
    plain.write_text(text)
    assert "no convolution with a kernel larger than 1x1" in boost(call, str(plain)).err


def test_small_kernels_of_another_size(call: Call, file: str, tmp_path: Path) -> None:
    kernels = tmp_path / "kernels.txt"
    kernels.write_text("[3x2 at (1, 1), 3x1 at (1, 3)]\n", encoding="utf-8")
    done = call("transform", file, f"pbconv{{kernels={kernels}}}")
    assert done.status == 0 and done.out.count("[3x2 at (1, 1), 3x1 at (1, 3)]") == 1
    for text, words in (("[2x1 at (1, 1), 2x1 at (1, 2)]", "are for 2x2; the kernels of this network are 3x3"),
                        ("[3x3 at (1, 1)]; [5x5 at (1, 1)]", "are for 5x5; the kernels of this network are 3x3"),
                        ("3x3", "this is no list of small kernels")):
        kernels.write_text(text, encoding="utf-8")
        wrong = call("transform", file, f"pbconv{{kernels={kernels}}}")
        assert wrong.status == 1 and words in wrong.err
    assert "neither a list of small kernels nor a file" in call("transform", file, "pbconv{kernels=none.txt}").err


def play(audience: Audience) -> None:
    """A search of three candidates that goes on after the first."""
    two, three = (Trial(n, {"3x3": ""}, {"3x3": 0.25}, seconds=1.5) for n in (1, 2))
    audience.start(Settings(3, 4, 7), ["3x3", "7x7"], 1)
    for done in range(5):
        audience.step(two, done)
        audience.step(three, done)
    audience.trial(two)
    audience.trial(Trial(2, {"3x3": ""}, failed="out of \x1bmemory", seconds=1.5))


EXPECTED = """\
searching small kernels for 3x3, 7x7: 3 candidates of 4 iterations, seed 7, going on after 1
candidate 2 (2 of 3 done): 3x3 0.2500 (1.5 s)
candidate 3 (3 of 3 done): failed: out of <U+001B>memory (1.5 s)
"""


def test_lines_off_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with watching() as audience:
        assert type(audience) is Lines
        play(audience)
    assert capsys.readouterr().err == EXPECTED


def test_a_bar_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as Bar

    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=120, color_system=None)
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TextColumn("{task.fields[rate]}"))
    with Bar(*columns, console=console, auto_refresh=False) as bar:
        bars = TrialBars(bar)
        play(bars)
        assert bar.tasks[0].completed == bar.tasks[0].total == 12
    text = re.sub("\x1b\\[[0-9;?]*[A-Za-z]", "", stream.getvalue()).replace("\r", "")
    assert all(line in text for line in EXPECTED.splitlines()) and "candidates 3/3" in text
    monkeypatch.setattr(stream, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stderr", stream)
    with watching() as audience:
        assert type(audience) is TrialBars
