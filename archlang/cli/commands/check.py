"""`archlang check FILE...`: every mistake of every file."""

from __future__ import annotations

from collections.abc import Mapping

import click

from archlang.cli.files import STDIN, once, read_bytes
from archlang.cli.options import formats, reading
from archlang.cli.session import Session
from archlang.diagnostics import ArchError, Diagnostic
from archlang.diagnostics.render import summary


@click.command("check", short_help="Every mistake of every file.")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@formats("human", "concise", "json", "sarif")
@reading
@click.pass_obj
def command(session: Session, files: tuple[str, ...], dials: Mapping[str, str]) -> int:
    """Report every mistake of every FILE, all of them in one run.

    The exit status is 1 if there is any error; warnings alone do not fail.
    """
    found = [mistake for file in once(files) for mistake in mistakes(session, file, dials)]
    session.results(found)
    if session.format == "human":
        count = f"{len(files)} file{'s' if len(files) != 1 else ''}"
        session.note(f"{count}: {summary(found) or 'no mistakes'}")
    return min((d.kind.status for d in found if d.severity == "error"), default=0)


def mistakes(session: Session, file: str, dials: Mapping[str, str]) -> tuple[Diagnostic, ...]:
    """All diagnostics of one file or of standard input; never raises ArchError."""
    from archlang.graph import check, checks
    from archlang.syntax import decode

    if file != "-":
        return check(file, dials, limits=session.limits)
    try:
        text = decode(read_bytes(file, session.limits), STDIN).text
    except ArchError as problem:
        return problem.diagnostics
    return checks(text, dials, name=STDIN, limits=session.limits)
