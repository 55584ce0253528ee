"""Completions of a word for a shell: dials of the file that was named, passes, data, kinds of mistakes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable

import click
from click.shell_completion import CompletionItem, split_arg_string

Offered = Iterable[CompletionItem]


class CompletedWord(click.types.StringParamType):
    """A text whose completions a function knows; whatever is typed is taken, as before."""

    def __init__(self, offer: Callable[[click.Context, str], Offered]) -> None:
        self.offer = offer

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str  # noqa: ARG002 - click calls it so
    ) -> list[CompletionItem]:
        """Offer what begins with the word so far; nothing where that cannot be known."""
        # A mistake in a file, or a folder that may not be read, must not print a trace into somebody's prompt.
        try:
            return list(self.offer(ctx, incomplete))
        except Exception:
            return []


def teach(command: click.Command) -> None:
    """Give the words of a command, and of its own commands, what completes them: by their place in the help."""
    if isinstance(command, click.Group):
        for name in command.commands:
            teach(command.commands[name])

    for parameter in command.params:
        if parameter.metavar in BY_PLACE and isinstance(parameter.type, click.types.StringParamType):
            parameter.type = CompletedWord(BY_PLACE[parameter.metavar])

    # Words whose place in the help has no name of its own.
    for parameter in command.params:
        if command.name == "explain" and parameter.name == "name":
            parameter.type = CompletedWord(_mistakes)
        if parameter.name == "data":
            parameter.type = CompletedWord(_data)


def _files(context: click.Context, start: str) -> Offered:
    """Let the shell offer files, as it does everywhere: it knows folders, spaces and `~` best."""
    yield CompletionItem(start, type="file")


def _folders(context: click.Context, start: str) -> Offered:
    yield CompletionItem(start, type="dir")


def _dials(context: click.Context, start: str) -> Offered:
    """Offer the dials of the file that stands in the same call, each with the value that the file gives it."""
    from archlang.cli.files import read_bytes
    from archlang.limits import DEFAULT
    from archlang.syntax import decode, parse, print_expr
    from archlang.syntax.tree import NetworkDeclaration

    # click has not read the words of the call yet: to it, `-p` still lacks what is being typed.
    words = split_arg_string(os.environ["COMP_WORDS"])
    file = next(word for word in words if word.endswith(".arch"))
    tree = parse(decode(read_bytes(file, DEFAULT), file), DEFAULT)
    networks = [item for item in tree.declarations if isinstance(item, NetworkDeclaration)]

    for dial in [dial for network in networks for dial in network.dials]:
        if dial.name.startswith(start) and dial.default is not None:
            yield CompletionItem(f"{dial.name}={print_expr(dial.default)}")


def _passes(context: click.Context, start: str) -> Offered:
    from archlang.passes.catalogue import PASSES

    for name in PASSES.names:
        if name.startswith(start):
            yield CompletionItem(name)


def _mistakes(context: click.Context, start: str) -> Offered:
    from archlang.diagnostics import KINDS

    for name, kind in KINDS.items():
        if name.startswith(start):
            yield CompletionItem(name, help=kind.title)


def _data(context: click.Context, start: str) -> Offered:
    for name in DATA:
        if name.startswith(start):
            yield CompletionItem(name)


DATA = (
    "digits", "mnist5k", "photos", "moons", "blobs", "rings", "bottleneck",
    "cifar10:", "cifar100:", "cifar20:", "mnist:", "stl10:", "imagenet:", "folder:", "npz:", "inputs:", "text:",
    "shards:", "parquet:",
)
"""Names of data that `--data` knows. The readers themselves load torch, for which nobody waits at a prompt."""

BY_PLACE: dict[str, Callable[[click.Context, str], Offered]] = {
    **dict.fromkeys(("FILE", "FILE...", "MODEL", "MODEL...", "[MODEL]", "MODEL|FILE", "MODEL|RUN", "A", "B",
                    "IMAGE..."), _files),
    **dict.fromkeys(("FOLDER", "RUN..."), _folders),
    "NAME=VALUE": _dials,
    "PASS{OPTIONS}": _passes,
}
"""The place of a word, as the help calls it, to the completions of that place."""
