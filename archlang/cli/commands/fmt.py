"""`archlang fmt FILE...`: the canonical form."""

from __future__ import annotations

from typing import Any

import click

from archlang.atomic import write_whole
from archlang.changes import unified
from archlang.cli.files import once, read_bytes, shown_name
from archlang.cli.options import debug, formats
from archlang.cli.session import Session
from archlang.collecting import no_collection
from archlang.diagnostics import ArchError, Diagnostic, error
from archlang.wording import counted


@click.command("fmt", short_help="Write files in the canonical form.")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--check", is_flag=True, help="Write nothing; list files that are not in canonical form (status 3).")
@click.option("--diff", is_flag=True, help="Write nothing; show what would change.")
@formats("human", "json")
@debug
@click.pass_obj
@no_collection()
def command(session: Session, files: tuple[str, ...], check: bool, diff: bool) -> int:
    """Write each FILE in the canonical form, comments kept; `-` goes from standard input to standard output.

    A file with mistakes in its form is left as it is.
    """
    problems: list[Diagnostic] = []
    changed: list[str] = []
    rows: list[dict[str, Any]] = []

    for file in once(files):
        try:
            before, after = formatted(session, file)
            if session.format == "json":
                rows.append(_row(file, before, after, diff))
            elif diff:
                _show_difference(session, file, before, after)
            if not (check or diff):
                _store(session, file, before, after)
        except ArchError as problem:
            # The other files are formatted all the same.
            problems += problem.diagnostics
            continue

        if before != after:
            changed.append(file)
            if check and session.format != "json":
                session.data(shown_name(file))

    if changed and check:
        verb = "are"
        if len(changed) == 1:
            verb = "is"
        message = f"{len(changed)} of {counted(len(files), 'file')} {verb} not in canonical form"
        problems.append(error("not-formatted", message, help="`archlang fmt` without `--check` rewrites them"))
    if session.format == "json":
        # Files that went well stand beside what is wrong with others.
        session.document({"files": rows}, problems)
    if not problems:
        return 0

    failed = ArchError(problems)
    if session.format == "json":
        return failed.status
    raise failed


def formatted(session: Session, file: str) -> tuple[bytes, bytes]:
    """Return a file as it is and in canonical form. Raises ArchError for a file that cannot be read or parsed."""
    from archlang.syntax import decode, parse, print_file

    before = read_bytes(file, session.limits)
    tree = parse(decode(before, shown_name(file)), session.limits)
    return before, print_file(tree).encode()


def _store(session: Session, file: str, before: bytes, after: bytes) -> None:
    if file == "-":
        # The one document has it there.
        if session.format != "json":
            session.bytes(after)
    elif before != after:  # a file that is right keeps its time of change
        write_whole(file, after, instead_of=before)  # an editor may have saved it since it was read
        session.note(f"formatted {file}")


def _show_difference(session: Session, file: str, before: bytes, after: bytes) -> None:
    lines = _difference(shown_name(file), before, after)
    if lines:
        session.data("\n".join(lines))


def _difference(name: str, before: bytes, after: bytes) -> list[str]:
    """The lines of the difference between a file and its canonical form; none where they are equal."""
    # A mark at the beginning of a file is dropped by the canonical form, and is no line of it.
    old, new = before.decode("utf-8-sig").splitlines(), after.decode().splitlines()
    lines = unified(old, new, name, f"{name} (canonical)")

    # Lines were split, so that a difference in their ends alone shows in no line.
    if not lines and before != after:
        lines = [f"{name}: only line ends or marks at the file's beginning or end differ"]
    return lines


def _row(file: str, before: bytes, after: bytes, diff: bool) -> dict[str, Any]:
    """One file as data; of standard input with its text."""
    row: dict[str, Any] = {"file": shown_name(file), "changed": before != after}
    if diff:
        row["difference"] = "\n".join(_difference(shown_name(file), before, after))
    if file == "-":
        row["text"] = after.decode()
    return row
