"""Files in and out for all commands: `-` for the standard streams, networks and models read, outputs written whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from archlang.atomic import read_whole, write_whole
from archlang.cli.incoming import claim, is_model, model_path, standard_input
from archlang.cli.options import refuse
from archlang.cli.session import Session
from archlang.collecting import no_collection
from archlang.diagnostics import ArchError, error
from archlang.diagnostics.text import one_line
from archlang.limits import Limits

if TYPE_CHECKING:
    from torch.fx import GraphModule

    from archlang.elaborate.network import Network
    from archlang.views.canvas.shapes import Page

STDIN = "<stdin>"

PLOTS = (".svg", ".png", ".pdf", ".tex")
"""Endings of plots."""


def read_bytes(file: str, limits: Limits) -> bytes:
    """The bytes of a file or of standard input, at most one more than a file may have.

    Raises ArchError (unreadable-file).
    """
    # The one byte more tells a file that is too large from one of just that size.
    most = limits.file_bytes + 1
    if file == "-":
        return standard_input(most)

    try:
        return read_whole(file, most)
    except (OSError, ValueError) as problem:  # ValueError: a name with a null in it
        said = getattr(problem, "strerror", None) or str(problem)
        raise ArchError(error("unreadable-file", f"cannot read `{one_line(file, 200)}`: {said.lower()}")) from None


def shown_name(file: str) -> str:
    """The name of a file in messages."""
    if file == "-":
        return STDIN
    return file


def open_model(session: Session, path: str) -> GraphModule:
    """The model of a file or of standard input, in evaluation mode, with the call's limits and plug-ins."""
    from archlang.artefact import load_model
    from archlang.ops import catalogue_with
    from archlang.passes.plugins import passes_with

    # A model that a plug-in's pass has rewritten names the pass, which must be known to open it.
    passes = passes_with(session.plugins)
    with model_path(session, path) as opened:
        return load_model(opened, limits=session.limits, catalogue=catalogue_with(session.plugins), passes=passes)


@no_collection()
def open_network(session: Session, file: str, dials: Mapping[str, str],
                 settings: Mapping[str, str] | None = None) -> Network:
    """The checked network of a file or of standard input; its warnings go to standard error.

    `settings` stand for those of its `train`.
    """
    from archlang.elaborate.network import configured, load, loads
    from archlang.ops import catalogue_with
    from archlang.project.locating import search_folders
    from archlang.syntax import decode

    catalogue, folders = catalogue_with(session.plugins), search_folders(session.path)
    claim(session, file)
    if file == "-":
        text = decode(session.head + read_bytes(file, session.limits), STDIN).text
        network = loads(text, dials, name=STDIN, limits=session.limits, catalogue=catalogue, folders=folders)
    else:
        network = load(file, dials, limits=session.limits, catalogue=catalogue, folders=folders)
    network = configured(network, settings or {})
    session.warnings(network.warnings)
    return network


def open_described(session: Session, file: str, dials: Mapping[str, str]) -> Network:
    """The checked network of a file or of standard input; that of a model file is read without its weights."""
    return open_labelled(session, file, dials)[0]


def open_labelled(session: Session, file: str, dials: Mapping[str, str]) -> tuple[Network, tuple[str, ...] | None]:
    """The same with the names of the classes that a model was trained on, where it has them."""
    from archlang.artefact import network_of_file
    from archlang.ops import catalogue_with

    if not is_model(session, file):
        return open_network(session, file, dials), None
    if dials:
        raise refuse("the dials of a model are set already")

    with model_path(session, file) as path:
        network, manifest = network_of_file(path, limits=session.limits, catalogue=catalogue_with(session.plugins))
    # What passes made of it is known only once they ran again, on the model.
    if manifest.passes:
        session.note(f"{one_line(shown_name(file), 200)}: as it was compiled, before {', '.join(manifest.passes)}")
    return network, manifest.labels


def write(session: Session, output: str, data: bytes) -> None:
    """Write a result: to standard output for `-`, else whole or not at all."""
    if output == "-":
        session.bytes(data)
    else:
        write_whole(output, data)


def deliver(session: Session, output: str | None, data: bytes, facts: Mapping[str, Any]) -> None:
    """Write what a command makes, to standard output where no name is given, and in JSON the facts about it.

    Without a name the document holds a text as `text`; with `-` standard output holds the result alone. Raises
    ArchError (usage) for bytes that JSON would have to hold.
    """
    if session.format != "json":
        write(session, output or "-", data)
        return

    if output is not None:
        write(session, output, data)
        # A document behind a result would belong to it.
        if output != "-":
            session.document({**facts, "output": output})
        return

    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise refuse("a JSON document holds no bytes", ("`-o NAME` says where to write them",)) from None
    session.document({**facts, "output": None, "text": text})


def write_page(session: Session, output: str, page: Page) -> None:
    """Write a plot in the form of the name's ending; standard output and devices get SVG."""
    from archlang.views.canvas.files import page_bytes

    target = output
    if not output.lower().endswith(PLOTS):
        target = "-"
    write(session, output, page_bytes(page, target))


def told_apart(files: Sequence[str]) -> list[str]:
    """The names of files without what all of them share, folders and the name itself, for legends and captions.

    >>> told_apart(["runs/a/best.safetensors", "runs/b/best.safetensors"]), told_apart(["x/y.safetensors"])
    (['a', 'b'], ['y.safetensors'])
    """
    parts = [Path(file).parts for file in files]
    # Runs keep their models under one name, which tells none of them apart.
    if len(set(files)) > 1 and len({one[-1] for one in parts}) == 1 and all(len(one) > 1 for one in parts):
        parts = [one[:-1] for one in parts]
    shared = 0
    # The last part, the name itself, always stays.
    while all(len(one) > shared + 1 for one in parts) and len({one[shared] for one in parts}) == 1:
        shared += 1
    return [one_line(str(Path(*one[shared:])), 60) for one in parts]


def ending(output: str | None, *kinds: str) -> None:
    """Refuse, before anything is computed, a name that does not end as what will be written under it.

    `kinds` are endings such as `.svg`, the usual one first. Standard output and devices have no ending. Raises
    ArchError (usage).
    """
    if output is None or output == "-" or output.lower().endswith(kinds):
        return
    # A device or a pipe, such as /dev/null.
    if Path(output).exists() and not Path(output).is_file() and not Path(output).is_dir():
        return

    forms = " or ".join(kinds)
    stem = one_line(str(Path(output).with_suffix("")), 80)
    help = [f"`-o {stem}{kinds[0]}`"]
    # Habit of torch: such a file is a pickle, which may run code where it is opened.
    if kinds == (".safetensors",) and output.lower().endswith((".pt", ".pth", ".bin", ".ckpt")):
        help.append("`archlang.load_model` opens it, and `safetensors.torch.load_file` its weights alone")
    raise refuse(f"this is written as {forms}, not as `{one_line(output, 80)}`", tuple(help))


def numbered(output: str, number: int) -> str:
    """The name of the picture of this number, from 0: the first has the name itself, the second is `NAME-2`.

    >>> numbered("a/route.svg", 0), numbered("a/route.svg", 1)
    ('a/route.svg', 'a/route-2.svg')
    """
    # A single picture has just the name that was given.
    if number == 0:
        return output
    path = Path(output)
    return str(path.with_name(f"{path.stem}-{number + 1}{path.suffix}"))


def single(output: str | None, count: int) -> None:
    """Refuse several pictures on standard output, where they would run into one another. Raises ArchError (usage)."""
    if output == "-" and count > 1:
        raise refuse(f"standard output takes one picture, these are {count}", ("`-o NAME.svg` makes several files",))


def once(files: tuple[str, ...]) -> tuple[str, ...]:
    """The files of a call, which may name standard input once. Raises ArchError (usage)."""
    if files.count("-") > 1:
        raise refuse("standard input can be read once only")
    return files


def write_model(session: Session, model: GraphModule, output: str) -> None:
    """Save a model, to standard output for `-`."""
    from archlang.artefact import save
    from archlang.passes.plugins import passes_with

    passes = passes_with(session.plugins)
    if output != "-":
        save(model, output, passes=passes)
        return

    # The format is written by offsets, which a pipe does not have.
    with TemporaryDirectory() as folder:
        part = Path(folder) / "model.safetensors"
        save(model, part, passes=passes)
        session.bytes(part.read_bytes())
