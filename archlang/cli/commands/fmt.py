"""`archlang fmt FILE...`: the canonical form."""

from __future__ import annotations

import click

from archlang.atomic import write_whole
from archlang.changes import unified
from archlang.cli.files import once, read_bytes, shown_name
from archlang.cli.options import debug
from archlang.cli.session import Session
from archlang.collecting import no_collection
from archlang.diagnostics import ArchError, Diagnostic, error
from archlang.wording import counted


@click.command("fmt", short_help="Write files in the canonical form.")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--check", is_flag=True, help="Write nothing; list files that are not in canonical form (status 3).")
@click.option("--diff", is_flag=True, help="Write nothing; show what would change.")
@debug
@click.pass_obj
@no_collection()
def command(session: Session, files: tuple[str, ...], check: bool, diff: bool) -> None:
    """Write each FILE in the canonical form, comments kept; `-` goes from standard input to standard output.

    A file with mistakes in its form is left as it is.
    """
    problems: list[Diagnostic] = []
    changed: list[str] = []

    for file in once(files):
        try:
            before, after = formatted(session, file)
            if diff:
                _show_difference(session, file, before, after)
            elif not check:
                _store(session, file, before, after)
        except ArchError as problem:
            # The other files are formatted all the same.
            problems += problem.diagnostics
            continue

        if before != after:
            changed.append(file)
            if check:
                session.data(shown_name(file))

    if changed and check:
        verb = "are"
        if len(changed) == 1:
            verb = "is"
        message = f"{len(changed)} of {counted(len(files), 'file')} {verb} not in canonical form"
        problems.append(error("not-formatted", message, help="`archlang fmt` without `--check` rewrites them"))
    if problems:
        raise ArchError(problems)


def formatted(session: Session, file: str) -> tuple[bytes, bytes]:
    """Return a file as it is and in canonical form. Raises ArchError for a file that cannot be read or parsed."""
    from archlang.syntax import decode, parse, print_file

    before = read_bytes(file, session.limits)
    tree = parse(decode(before, shown_name(file)), session.limits)
    return before, print_file(tree).encode()


def _store(session: Session, file: str, before: bytes, after: bytes) -> None:
    if file == "-":
        session.bytes(after)
    elif before != after:  # a file that is right keeps its time of change
        write_whole(file, after, instead_of=before)  # an editor may have saved it since it was read
        session.note(f"formatted {file}")


def _show_difference(session: Session, file: str, before: bytes, after: bytes) -> None:
    # A mark at the beginning of a file is dropped by the canonical form, and is no line of it.
    name = shown_name(file)
    old, new = before.decode("utf-8-sig").splitlines(), after.decode().splitlines()
    lines = unified(old, new, name, f"{name} (canonical)")

    # Lines were split, so that a difference in their ends alone shows in no line.
    if not lines and before != after:
        lines = [f"{name}: only line ends or marks at the file's beginning or end differ"]
    if lines:
        session.data("\n".join(lines))
