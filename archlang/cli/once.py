"""Options that take one value are given once: click itself would take the last and forget the others."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import Any

import click


def once(command: click.Command) -> click.Command:
    """Let a command refuse an option that is given twice and takes one value: a usage error when it is run."""
    if isinstance(command, click.Group):
        for inner in command.commands.values():
            once(inner)

    # A command is asked for several times in one process, and needs this once.
    if "make_parser" not in vars(command):
        make = command.make_parser
        command.make_parser = partial(_strict, make)  # type: ignore[method-assign]  # click has no hook for it
    return command


def _strict(make: Any, ctx: click.Context) -> Any:
    """The parser that `make` gives, with a look at what it read."""
    parser = make(ctx)
    read = parser.parse_args

    def parse_args(args: list[str]) -> Any:
        values, rest, order = read(args=args)
        for option, count in Counter(order).items():
            if count > 1 and _takes_one(option):
                raise click.UsageError(f"`{option.opts[-1]}` is given {count} times, and takes one value", ctx)
        return values, rest, order

    parser.parse_args = parse_args
    return parser


def _takes_one(option: click.Parameter) -> bool:
    """Tell an option with one value: a flag says the same each time, and some options gather values."""
    return isinstance(option, click.Option) and not (option.multiple or option.is_flag or option.count)
