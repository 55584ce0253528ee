"""An option that takes one value and is given twice is refused, and not the first of them forgotten."""

from __future__ import annotations

import click
import pytest

from archlang.cli.commands.show import SUBJECTS
from archlang.cli.group import COMMANDS, archlang
from archlang.cli.main import run

CALLS = [*((name,) for name in COMMANDS), *(("show", subject) for subject in SUBJECTS), ("codes", "design")]


def options(words: tuple[str, ...]) -> list[click.Option]:
    """The options of a command that take one value."""
    command: click.Command | None = archlang
    for word in words:
        assert isinstance(command, click.Group)
        command = command.get_command(click.Context(command), word)
    assert command is not None
    return [one for one in command.params if isinstance(one, click.Option)
            and one.nargs == 1 and not (one.multiple or one.is_flag or one.count)]


@pytest.mark.parametrize("words", CALLS, ids=" ".join)
def test_an_option_given_twice_is_refused(words: tuple[str, ...], capfd: pytest.CaptureFixture[str]) -> None:
    for option in options(words):
        name = option.opts[-1]
        assert run([*words, name, "1", f"{name}=2"]) == 2
        assert f"`{name}` is given 2 times, and takes one value" in capfd.readouterr().err


def test_some_commands_have_such_options() -> None:
    assert sum(len(options(words)) for words in CALLS) > 100


def test_flags_and_what_gathers_may_be_repeated(capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["info", "examples/04_paths.arch", "-p", "n=3", "-p", "classes=7", "--depth", "0"]) in (0, 1)
    assert "is given" not in capfd.readouterr().err
