"""The options `--init` and `--map`: a network that starts from weights, and the table of what it took."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

import click

from archlang.cli.incoming import model_path
from archlang.cli.options import pairs
from archlang.cli.session import Session

if TYPE_CHECKING:
    from torch.fx import GraphModule

    from archlang.adopting.adopted import Adopted

F = TypeVar("F", bound=Callable[..., object])

SHOWN = 10
"""Lines of a table that are shown: a network of another form has hundreds."""


def _map(context: click.Context, parameter: click.Parameter, words: tuple[str, ...]) -> dict[str, str]:
    return pairs(words, "--map")


def init(command: F) -> F:
    """Add the options `--init` and `--map`."""
    for option in (
        click.option("--map", "names", multiple=True, metavar="OURS=THEIRS", callback=_map,
                     help="Which of our tensors is which of the file's, as in 'layer1.*=backbone.layer1.*'."),
        click.option("--init", metavar="FILE",
                     help="Start from the weights of a file: a model's, or a table of tensors."),
    ):
        command = option(command)
    return command


def adopting(session: Session, file: str | None, names: Mapping[str, str]) -> Callable[[GraphModule], Adopted] | None:
    """A function that puts a file's weights into a model and says which; None where no file is named."""
    if file is None:
        return None

    def adopt(model: GraphModule) -> Adopted:
        from archlang.adopting import adopt as take

        with model_path(session, file) as path:
            table = take(model, path, names or None)
        for line in shortened(str(table).split("\n")):
            session.note(line)
        return table

    return adopt


def shortened(lines: Sequence[str]) -> list[str]:
    """The first lines of a table, and how many more there are."""
    shown = list(lines[:SHOWN])
    if len(lines) > SHOWN:
        shown.append(f"and {len(lines) - SHOWN} more")
    return shown
