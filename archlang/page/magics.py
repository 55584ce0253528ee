"""`%%arch` cells of a notebook: `%load_ext archlang` registers them, and shows networks as views that fold and unfold.

IPython is not imported: it hands its shell over, and everything needed is on that.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from keyword import iskeyword
from typing import Any

from archlang.diagnostics import ArchError, error
from archlang.diagnostics.render import human, summary
from archlang.diagnostics.text import one_line
from archlang.elaborate.network import Network, loads
from archlang.page.display import NotebookView, view, view_of_mistakes
from archlang.page.looking import Asked, Viewer
from archlang.project.locating import Located, search_folders

CELL = "<cell>"
"""The name of a cell's text in messages."""

USE = "%%arch [NAME] [-p DIAL=VALUE] [--path FOLDER] [--text] [--no-draw]"


class CellError(ArchError):
    """The mistakes of a cell, which were shown in their places: a notebook writes one line below, and runs no further.

    Args:
        diagnostics: the mistakes.
    """

    def _render_traceback_(self) -> list[str]:
        """Return the lines that IPython writes in place of a traceback."""
        return [f"%%arch: {summary(self.diagnostics)}"]


@dataclass
class CellOptions:
    """The words behind `%%arch`.

    name      the variable; None for the network's own name
    dials     values of dials
    folders   folders of packages
    is_drawn  whether the network is shown
    has_text  whether its text is shown beside
    """

    name: str | None = None
    dials: dict[str, str] = field(default_factory=dict)
    folders: list[str] = field(default_factory=list)
    is_drawn: bool = True
    has_text: bool = False


def options(line: str) -> CellOptions:
    """Read the words behind `%%arch`. Raises ArchError (usage).

    >>> options("net -p paths=3 --no-draw")
    CellOptions(name='net', dials={'paths': '3'}, folders=[], is_drawn=False, has_text=False)
    """
    found = CellOptions()
    try:
        words = shlex.split(line)
    except ValueError as problem:  # a quotation mark without its partner
        raise _misused(str(problem).lower()) from None

    while words:
        word = words.pop(0)
        match word:
            case "-p": _set_dial(found, _value(word, words))
            case "--path": found.folders.append(_value(word, words))
            case "--draw": found.is_drawn = True
            case "--no-draw": found.is_drawn = False
            case "--text": found.has_text = True
            case _ if found.name is None and word.isidentifier() and not iskeyword(word): found.name = word
            case _: raise _misused(f"`{one_line(word, 60)}` is no option and no name of a variable")
    return found


def _value(option: str, words: list[str]) -> str:
    if not words:
        raise _misused(f"`{option}` wants a value")
    return words.pop(0)


def _set_dial(found: CellOptions, word: str) -> None:
    name, equals, value = word.partition("=")
    if not equals or not name:
        raise _misused(f"`-p` wants DIAL=VALUE, not `{one_line(word, 60)}`")
    found.dials[name.strip()] = value.strip()


def _misused(message: str) -> CellError:
    return CellError(error("usage", message, help=USE))


def run_cell(shell: Any, line: str, cell: str) -> NotebookView | None:
    """Check a cell and bind its network in the namespace of the shell; return the view that is shown for it.

    Raises CellError where the text has a mistake: nothing is bound then, and the view with the mistakes is shown.
    """
    try:
        asked = options(line)
        folders = search_folders(asked.folders)
        network = loads(cell, asked.dials, name=CELL, folders=folders)
    except ArchError as problem:
        _publish(shell, problem.diagnostics, _mistakes(line, cell, problem))
        raise CellError(problem.diagnostics) from None

    # What is only unwise is said too, and does not keep the network back.
    if network.warnings:
        _publish(shell, network.warnings, view_of_mistakes(_asked(cell, asked), Viewer(folders=folders)))
    shell.user_ns[asked.name or network.name] = network
    if not asked.is_drawn:
        return None
    return view(network, text=asked.has_text)


def _mistakes(line: str, cell: str, problem: ArchError) -> NotebookView | None:
    """The view of a wrong cell; None where it is the first line that is wrong."""
    if any(one.name == "usage" for one in problem.diagnostics):
        return None
    asked = options(line)
    return view_of_mistakes(_asked(cell, asked), Viewer(folders=search_folders(asked.folders)))


def _asked(cell: str, given: CellOptions) -> Asked:
    return Asked(Located(CELL, CELL, None, None), cell, given.dials)


def _publish(shell: Any, found: Sequence[Any], shown: NotebookView | None) -> None:
    """Show mistakes: in their places in a notebook, as text where only text can be shown."""
    data = {"text/plain": human(found)}
    if shown is not None:
        data["text/html"] = shown._repr_html_()
    shell.display_pub.publish(data=data)


def load(shell: Any) -> None:
    """Register `%%arch` with a shell of IPython, and views for networks that a cell evaluates."""

    def arch(line: str, cell: str) -> NotebookView | None:
        """Check the network of this cell, show it, and bind it to NAME (default: its own name)."""
        return run_cell(shell, line, cell)

    arch.__doc__ = f"{arch.__doc__}\n\n{USE}"
    shell.register_magic_function(arch, magic_kind="cell", magic_name="arch")

    formatter = shell.display_formatter.formatters["text/html"]
    formatter.for_type(Network, lambda network: view(network)._repr_html_())
