"""The examples below the help of each command: calls that the command line takes."""

from __future__ import annotations

import shlex

import click
import pytest

from archlang.cli.examples import EXAMPLES
from archlang.cli.group import COMMANDS, archlang
from archlang.cli.session import Session
from tests.cli.conftest import Call

CALLS = [(name, line) for name, lines in EXAMPLES.items() for line in lines]


def test_every_command_has_examples() -> None:
    assert list(EXAMPLES) == list(COMMANDS)


@pytest.mark.parametrize(("name", "line"), CALLS)
def test_every_example_is_a_call_that_is_understood(name: str, line: str) -> None:
    program, *words = shlex.split(line)
    assert (program, words[0]) == ("archlang", name)

    # Read down to the last command, as a call is, but none is run: unknown words and options raise.
    command: click.Command = archlang
    context = archlang.make_context("archlang", words, obj=Session())
    while isinstance(command, click.Group):
        _, found, rest = command.resolve_command(context, [*context._protected_args, *context.args])
        assert found is not None
        command, context = found, found.make_context(found.name, rest, parent=context)
        if isinstance(command, click.Group) and not (context._protected_args or context.args):
            break


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_help_ends_in_its_examples(name: str, call: Call) -> None:
    text = call(name, "--help").out
    assert text.count("Examples:") == 1
    assert text.partition("Examples:")[2].split() == " ".join(EXAMPLES[name]).split()
