"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any, TypeVar

import click

from archlang.cli.session import Session
from archlang.diagnostics import ArchError, did_you_mean, error
from archlang.diagnostics.text import one_line
from archlang.limits import Limits

F = TypeVar("F", bound=Callable[..., Any])


def refuse(message: str, help: tuple[str, ...] = ()) -> ArchError:
    """Make the error of a call typed wrong (exit status 2)."""
    return ArchError(error("usage", message, help=help))


def pairs(words: tuple[str, ...], option: str) -> dict[str, str]:
    """Read `name=value` words as a dictionary. Raises ArchError (usage) for a word without `=` or a name given twice.

    >>> pairs(("paths=3", "labels=a=b"), "-p")
    {'paths': '3', 'labels': 'a=b'}
    """
    # The first `=` alone: a value may hold further ones.
    values: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        name = name.strip()

        if not equals or not name:
            raise refuse(f"`{option}` wants NAME=VALUE, not `{one_line(word, 80)}`")
        if name in values:
            raise refuse(f"`{option} {one_line(name, 80)}=` is given twice")

        values[name] = value.strip()
    return values


def _dials(context: click.Context, parameter: click.Parameter, words: tuple[str, ...]) -> dict[str, str]:
    return pairs(words, "-p")


def _limits(context: click.Context, parameter: click.Parameter, words: tuple[str, ...]) -> None:
    known = [f.name for f in fields(Limits)]
    session: Session = context.find_object(Session) or Session()

    for name, text in pairs(words, "--limit").items():
        if name not in known:
            near = did_you_mean(name, known) or (f"there are {', '.join(known)}",)
            raise refuse(f"there is no limit `{one_line(name, 80)}`", near)

        # Nineteen digits and more would not fit what counts them.
        if not (text.isascii() and text.isdigit() and 0 < len(text) < 19):
            raise refuse(f"the limit `{name}` wants a whole number, not `{one_line(text, 80)}`")

        session.limits = replace(session.limits, **{name: int(text)})


def _plugins(context: click.Context, parameter: click.Parameter, names: tuple[str, ...]) -> None:
    session: Session = context.find_object(Session) or Session()
    session.plugins = names


def _path(context: click.Context, parameter: click.Parameter, folders: tuple[str, ...]) -> None:
    session: Session = context.find_object(Session) or Session()
    session.path = folders


def _debug(context: click.Context, parameter: click.Parameter, value: bool) -> None:
    session: Session = context.find_object(Session) or Session()
    session.debug = session.debug or value  # it may stand before the command's name too


def _format(context: click.Context, parameter: click.Parameter, value: str) -> str:
    session: Session = context.find_object(Session) or Session()
    session.format = value
    return value


debug = click.option(
    "--debug", is_flag=True, expose_value=False, callback=_debug, help="Show where in archlang a mistake happened."
)

plugins = click.option(
    "--plugin", multiple=True, metavar="NAME", expose_value=False, is_eager=True, callback=_plugins,
    help="Use the operations of an installed plug-in.",
)

_OPENING = (
    click.option(
        "--limit", multiple=True, metavar="NAME=NUMBER", expose_value=False, is_eager=True, callback=_limits,
        help="Raise a limit, such as nodes=20000.",
    ),
    plugins,
    debug,
)

packages = click.option(
    "--path", multiple=True, metavar="FOLDER", expose_value=False, callback=_path,
    help="Search packages that files import here, before the folders of ARCHLANG_PATH.",
)

_READING = (
    click.option("-p", "dials", multiple=True, metavar="NAME=VALUE", callback=_dials, help="Set a dial of the file."),
    packages,
    *_OPENING,
)


def reading(command: F) -> F:
    """Add the options of a command that reads `.arch` files: `-p`, `--path`, `--limit`, `--plugin`, `--debug`."""
    for option in reversed(_READING):  # as decorators do: the last one added is the first in the help
        command = option(command)
    return command


def opening(command: F) -> F:
    """Add the options of a command that opens model files: `--limit`, `--plugin`, `--debug`."""
    for option in reversed(_OPENING):
        command = option(command)
    return command


def formats(*names: str) -> Callable[[F], F]:
    """Make the option `--format` with these choices, the first being the default."""
    return click.option(
        "--format", type=click.Choice(names), default=names[0], show_default=True, expose_value=False, is_eager=True,
        callback=_format, help="The form of the output.",
    )


def output(help: str) -> Callable[[F], F]:
    """Make the option `-o`."""
    return click.option("-o", "--output", metavar="FILE", help=help)


seed = click.option(
    "--seed", type=click.IntRange(0, 2**63 - 1), metavar="N", default=0, show_default=True,
    help="The seed of all that is drawn.",
)

device = click.option(
    "--device", default="auto", show_default=True, metavar="DEVICE", help="Where to compute: auto, cpu, cuda, cuda:1."
)

def _settings(context: click.Context, parameter: click.Parameter, words: tuple[str, ...]) -> dict[str, str]:
    return pairs(words, parameter.opts[0])


settings = click.option(
    "-o", "--set", "settings", multiple=True, metavar="NAME=VALUE", callback=_settings,
    help="Set a setting of `train`: batch=64, optimizer.lr=0.01, and all.epochs=3 for the phase `all`.",
)

compared_settings = click.option(
    "--set", "settings", multiple=True, metavar="NAME=VALUE,...", callback=_settings,
    help="Set a setting of `train`, as `train --set` does; several values are compared: optimizer.lr=0.01,0.1.",
)

searched_settings = click.option(
    "--set", "settings", multiple=True, metavar="NAME=RANGE", callback=_settings,
    help="Search a setting of `train`: optimizer.lr=1e-4..0.1:log, batch=16..128, or values with commas between them.",
)

workers = click.option(
    "--workers", type=click.IntRange(0, 256), metavar="N", default=0, show_default=True,
    help="Processes that read the data meanwhile; 0 reads it in between. No result depends on it.",
)

data = click.option(
    "--data", required=True, metavar="NAME|FORMAT:PATH|MODULE:FUNCTION",
    help="The data: a name such as `digits`, files such as `cifar10:PATH` or `folder:PATH`, or a function of yours.",
)
