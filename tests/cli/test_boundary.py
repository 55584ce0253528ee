"""Whatever happens inside: the exit status, one diagnostic, no traceback."""

from __future__ import annotations

import errno
import json
import sys

import pytest

from archlang.cli import group
from archlang.cli.streams import ReaderGoneError
from archlang.diagnostics import ArchError, error, warning
from tests.cli.conftest import Call


def raising(problem: BaseException, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `archlang explain` raise this."""

    def broken(*_: object) -> str:
        raise problem

    monkeypatch.setattr("archlang.cli.commands.explain.kinds", broken)


CASES = [
    (ArchError(error("unreadable-file", "m")), 1, "error[unreadable-file]: m"),
    (ArchError(error("not-equal", "m")), 3, "error[not-equal]: m"),
    (ArchError([error("missing-tool", "m"), error("not-equal", "n")]), 3, "2 errors"),
    (KeyboardInterrupt(), 130, "error[interrupted]: stopped"),
    (ModuleNotFoundError("No module named 'sklearn'", name="sklearn.datasets"), 4, "pip install 'archlang[train]'"),
    (ModuleNotFoundError("No module named 'PIL'", name="PIL"), 4, "pip install 'archlang[torch]'"),
    (OSError(errno.ENOSPC, "No space left on device"), 1, "error[unwritable-output]: the output cannot be written: no"),
    (ValueError("odd \x1b[31m"), 70, "error[internal-error]: a mistake in archlang itself (ValueError: odd <U+001B>"),
    (RecursionError("deep"), 70, "please report it"),
    (MemoryError(), 1, "error[out-of-memory]"),
]


@pytest.mark.parametrize(("problem", "status", "said"), CASES, ids=lambda c: type(c).__name__)
def test_every_exception_has_its_status(
    problem: BaseException, status: int, said: str, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    raising(problem, monkeypatch)
    outcome = call("explain")
    assert outcome.status == status
    assert said in outcome.err
    assert outcome.out == ""
    assert "Traceback" not in outcome.err


def test_a_traceback_comes_with_debug_only(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    raising(ValueError("odd"), monkeypatch)
    for words in (["--debug", "explain"], ["explain", "--debug"]):
        outcome = call(*words)
        assert outcome.status == 70
        assert "Traceback" in outcome.err
        assert "error[internal-error]" in outcome.err


def test_a_reader_that_goes_away_is_no_mistake(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archlang.cli.main._forget_output", lambda: None)
    raising(ReaderGoneError(errno.EPIPE, "Broken pipe"), monkeypatch)
    outcome = call("explain")
    assert (outcome.status, outcome.out, outcome.err) == (0, "", "")


def test_another_broken_pipe_is_one(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    raising(BrokenPipeError(errno.EPIPE, "Broken pipe"), monkeypatch)
    outcome = call("explain")
    assert outcome.status == 70 and "BrokenPipeError" in outcome.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["chek", "x"], ["error[usage]: there is no command `chek`", "did you mean `check`?"]),
        (["exprot"], ["there is no command `exprot`", "did you mean `export`?"]),
        (["zzz"], ["`archlang --help` lists the commands"]),
        (["check"], ["missing argument", "`archlang check --help` shows how it is used"]),
        (["check", "--formt", "json", "x"], ["`archlang check` has no option `--formt`", "did you mean `--format`?"]),
        (["check", "--format", "xml", "x"], ["invalid value for '--format'"]),
        (["explain", "a", "b"], ["got unexpected extra argument"]),
        (["check", "x", "-p", "paths"], ["`-p` wants NAME=VALUE, not `paths`"]),
        (["check", "x", "-p", "a=1", "-p", "a=2"], ["`-p a=` is given twice"]),
        (["check", "x", "--limit", "node=1"], ["there is no limit `node`", "did you mean `nodes`?"]),
        (["check", "x", "--limit", "nodes=-1"], ["wants a whole number, not `-1`"]),
        (["check", "-", "-"], ["standard input can be read once only"]),
        (["\x1b[31m"], ["there is no command `<U+001B>[31m`"]),
    ],
)
def test_usage(words: list[str], said: list[str], call: Call) -> None:
    outcome = call(*words)
    assert outcome.status == 2
    assert outcome.out == ""
    for text in said:
        assert text in outcome.err


def test_without_a_command_the_help_is_shown(call: Call) -> None:
    outcome = call()
    assert outcome.status == 2
    assert "Commands:" in outcome.err


@pytest.mark.parametrize(
    "words", [["check", "--format", "json"], ["chek", "--format=json"], ["info", "--format", "json"]]
)
def test_json_is_one_document_also_for_usage_errors(words: list[str], call: Call) -> None:
    outcome = call(*words)
    assert outcome.status == 2
    document = json.loads(outcome.out)
    assert document["format_version"] == 1
    assert [d["name"] for d in document["diagnostics"]] == ["usage"]
    assert outcome.err == ""


def test_help_and_version(call: Call) -> None:
    outcome = call("--help")
    assert outcome.status == 0
    for name, line in group.COMMANDS.items():
        assert name in outcome.out
        assert line in outcome.out
    assert call("--version").out == "archlang 0.1.0\n"


@pytest.mark.parametrize("name", group.COMMANDS)
def test_every_command_says_of_itself_what_the_table_says(name: str, call: Call) -> None:
    import click

    command = group.archlang.get_command(click.Context(group.archlang), name)
    assert command is not None
    assert command.name == name
    assert command.get_short_help_str(200) == group.COMMANDS[name]
    outcome = call(name, "--help")
    assert outcome.status == 0
    assert outcome.out.startswith(f"Usage: archlang {name}")


def test_colour_obeys_the_environment(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "\x1b" not in call("chek").err
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[1;31merror[usage]" in call("chek").err
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in call("chek").err


def test_a_terminal_without_colours_gets_none(monkeypatch: pytest.MonkeyPatch) -> None:
    from archlang.cli.session import wants_colour

    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "dumb")
    assert not wants_colour(sys.stderr)
    monkeypatch.setenv("TERM", "xterm")
    assert wants_colour(sys.stderr)


def test_warnings_alone_have_status_0() -> None:
    assert warning("unused-name", "m").kind.status == 0
