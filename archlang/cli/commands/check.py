"""`archlang check FILE...`: every mistake of every file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from archlang.cli.files import STDIN, once, read_bytes
from archlang.cli.options import formats, reading
from archlang.cli.session import Session
from archlang.collecting import no_collection
from archlang.diagnostics import ArchError, Diagnostic
from archlang.diagnostics.render import summary
from archlang.wording import counted

if TYPE_CHECKING:
    from archlang.ops import Catalogue
    from archlang.project.locating import Folders


@click.command("check", short_help="Report every mistake of every file.")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@formats("human", "concise", "json", "sarif")
@reading
@click.pass_obj
@no_collection()
def command(session: Session, files: tuple[str, ...], dials: Mapping[str, str]) -> int:
    """Report every mistake of every FILE, all of them in one run.

    The exit status is 1 if there is any error; warnings alone do not fail.
    """
    from archlang.ops import catalogue_with
    from archlang.project.locating import search_folders

    # What is wrong with the call itself is said once, not for each file.
    catalogue, folders = catalogue_with(session.plugins), search_folders(session.path)
    diagnostics: list[Diagnostic] = []
    for file in once(files):
        diagnostics += mistakes(session, file, dials, catalogue, folders)
    session.results(diagnostics)

    # Other forms are for programs, which count for themselves.
    if session.format == "human":
        found = summary(diagnostics, limit=session.limits.diagnostics)
        session.note(f"{counted(len(files), 'file')}: {found or 'no mistakes'}")

    # The mildest status of the errors: one file that is missing beside one that is wrong is still 1.
    return min((d.kind.status for d in diagnostics if d.severity == "error"), default=0)


def mistakes(
    session: Session, file: str, dials: Mapping[str, str], catalogue: Catalogue, folders: Folders
) -> tuple[Diagnostic, ...]:
    """Return all diagnostics of one file or of standard input; never raises ArchError."""
    from archlang.elaborate.network import check, check_text
    from archlang.syntax import decode

    if file != "-":
        return check(file, dials, limits=session.limits, catalogue=catalogue, folders=folders)

    try:
        text = decode(read_bytes(file, session.limits), STDIN).text
    except ArchError as problem:
        return problem.diagnostics

    return check_text(text, dials, name=STDIN, limits=session.limits, catalogue=catalogue, folders=folders)
