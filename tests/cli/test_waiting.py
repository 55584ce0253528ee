"""The line of what takes long: on a terminal alone, gone afterwards, and had by every command that may take long."""

from __future__ import annotations

import io
import re
import sys
import time

import pytest

from archlang.cli import waiting as module
from archlang.cli.session import Session
from archlang.cli.waiting import Waiting, slow, waiting
from tests.cli.test_json import leaves

QUICK = {
    ("new",), ("check",), ("fmt",), ("info",), ("draw",), ("diff",), ("explain",), ("ops",),  # texts, without torch
    ("codes", "check"), ("show", "curves"),  # tables
    ("serve",), ("lsp",),  # they wait for somebody
    ("train",), ("cluster",), ("boost",),  # with a bar of their own
}


class Terminal(io.StringIO):
    """Something that says it is a terminal, and keeps what is written."""

    def isatty(self) -> bool:
        return True

    def lines(self) -> str:
        """What was written, without the moves of the cursor."""
        return re.sub("\x1b\\[[0-9;?]*[A-Za-z]", "", self.getvalue())


def on_terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Standard error as a terminal. No fixture: pytest sets the stream anew when a test begins."""
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(module, "DELAY", 0.0)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    return stream


def shown(line: Waiting) -> Waiting:
    """The line, once its thread has started it."""
    for _ in range(500):
        if line.bar is not None:
            return line
        time.sleep(0.02)
    raise AssertionError("the line never appeared")


def test_a_terminal_gets_a_line_that_is_gone_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = on_terminal(monkeypatch)
    with waiting("importing") as line:
        bar = shown(line).bar
        assert bar is not None
        line.stage("comparing\x1b both")
        line(3, 7)
        Session().note("a remark")
        assert (bar.tasks[0].completed, bar.tasks[0].description) == (0, "comparing<U+001B> both")
        assert bar.tasks[0].fields["count"] == "3/7"
        bar.refresh()
    text = terminal.lines()
    assert "comparing<U+001B> both 3/7" in text and "a remark" in text
    assert terminal.getvalue().rstrip("\n").endswith("\x1b[2K")  # the line's own place is wiped
    assert sys.stderr is terminal


def test_what_is_done_soon_shows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = on_terminal(monkeypatch)
    monkeypatch.setattr(module, "DELAY", 60.0)
    with waiting("importing") as line:
        line(1, 2)
    assert terminal.getvalue() == "" and line.is_over

    line.start()  # a thread that comes too late
    assert terminal.getvalue() == "" and line.bar is None


@pytest.mark.parametrize("is_quiet", [False, True])
def test_a_pipe_and_a_second_process_get_nothing(is_quiet: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Terminal() if is_quiet else io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(module, "DELAY", 0.0)
    with waiting("importing", is_quiet) as line:
        time.sleep(0.05)
        line(1, 2)
        assert line.bar is None
    assert stream.getvalue() == ""


def test_the_line_ends_with_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = on_terminal(monkeypatch)
    @slow("failing")
    def command(session: Session) -> None:
        shown(session.line)
        raise ValueError("odd")

    session = Session()
    with pytest.raises(ValueError, match="odd"):
        command(session)
    assert session.line.is_over and sys.stderr is terminal


def test_every_command_that_may_take_long_has_the_line() -> None:
    without = {path for path, command in leaves() if not getattr(command.callback, "is_slow", False)}
    assert without == QUICK
