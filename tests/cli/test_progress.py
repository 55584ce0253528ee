"""What a training shows while it runs."""

from __future__ import annotations

import io
import re
import sys
from dataclasses import replace

import pytest

pytest.importorskip("torch", reason="training is torch's")

from archlang.cli.progress import ProgressBars, ProgressLines, epoch_line, headline, watch
from archlang.train import Beat, Epoch, Outline, Progress

OUTLINE = Outline("Net", "digits\x1b", 2, 3, 6, 100, 20, "cpu", 5)
ONE = Epoch(1, "all", 0.1, 1.5, 0.25, 1.25, 0.5, 0, 2.0)
TWO = Epoch(2, "all", 0.05, 0.5, None, 0.75, None, 3, 2.0)


def play(progress: Progress) -> None:
    """A training of two epochs."""
    progress.start(OUTLINE)
    for epoch, best in ((ONE, True), (TWO, False)):
        for step in range(3):
            done = 3 * epoch.number + step - 2
            progress.step(Beat(epoch.number, step + 1, done, 1.0, epoch.train_accuracy, 0.1, 50.0))
        progress.epoch(epoch, best)


EXPECTED = """\
training Net on digits<U+001B>: 100 samples (20 for testing), 2 epochs of 3 steps on cpu, seed 5
epoch 1/2 (all): loss 1.5000, accuracy 25.00 %; test loss 1.2500, accuracy 50.00 %; rate 0.1, 2.0 s, best
epoch 2/2 (all): loss 0.5000; test loss 0.7500; rate 0.05, 2.0 s, 3 steps skipped
"""


def test_lines_off_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with watch() as progress:
        assert type(progress) is ProgressLines
        play(progress)
    assert capsys.readouterr().err == EXPECTED


def test_a_bar_on_a_terminal() -> None:
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as Bar

    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=120, color_system=None)
    with Bar(TextColumn("{task.description}", markup=False), BarColumn(), console=console, auto_refresh=False) as bar:
        bars = ProgressBars(bar)
        play(bars)
        assert bar.tasks[0].completed == bar.tasks[0].total == 6
    text = re.sub("\x1b\\[[0-9;?]*[A-Za-z]", "", stream.getvalue()).replace("\r", "")
    for line in EXPECTED.splitlines():
        assert line in text
    assert "epoch 2/2: loss 1.0000, rate 0.1, 50 samples/s" in text


def test_a_terminal_gets_the_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(stream, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stderr", stream)
    with watch() as progress:
        assert type(progress) is ProgressBars


def test_an_epoch_in_words() -> None:
    assert epoch_line(ONE, 10, best=False).endswith("2.0 s")
    parts = replace(ONE, parts={"mse": 1.0, "kl": 0.5}, samples=100, skipped=1)
    line = epoch_line(parts, 10, best=False)
    assert "accuracy 25.00 % (mse 1.0000, kl 0.5000); test" in line
    assert line.endswith("2.0 s (50.0 samples/s), 1 step skipped")


def test_one_of_a_thing_is_one() -> None:
    one = replace(OUTLINE, epochs=1, steps=1, total=1, train_samples=1)
    assert headline(one).endswith("1 sample (20 for testing), 1 epoch of 1 step on cpu, seed 5")
    assert "5 steps in 2 epochs" in headline(replace(OUTLINE, total=5))
    assert headline(replace(OUTLINE, done=4)).endswith(", going on after 4 steps")
