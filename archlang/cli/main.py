"""The boundary: whatever happens inside becomes a diagnostic and an exit status here, and nowhere else.

0 fine, 1 what was given is wrong or missing, 2 usage, 3 a stated check failed, 4 a tool is missing, 70 a mistake in
archlang, 130 interrupted.
"""

from __future__ import annotations

import errno
import os
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from archlang.cli.streams import ReaderGoneError, replace_streams

if TYPE_CHECKING:
    from archlang.cli.session import Session
    from archlang.diagnostics import Diagnostic

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)

NO_MEMORY = (
    "can't allocate memory", "cannot allocate memory", "out of memory", "failed to map segment", "not enough memory",
)
"""Words in which torch, the loader of libraries and the system say that memory is used up."""

PACKAGES = {"sklearn": "scikit-learn", "PIL": "pillow"}
EXTRAS = {
    "torch": "torch", "safetensors": "torch", "PIL": "torch",
    "sklearn": "train", "pygraphviz": "diagrams", "tensorboard": "logs", "pygls": "lsp", "lsprotocol": "lsp",
}


def main() -> None:
    """Run the command that was typed and leave with its status."""
    replace_streams()
    status = run(sys.argv[1:])

    # What a full disk did not take is still in the buffer, and Python would fail on it again on leaving (status 120).
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        _forget_output()

    sys.exit(status)


def run(argv: Sequence[str]) -> int:
    """Run a command and return its exit status. Nothing is raised.

    >>> run(["--version"])
    archlang 0.1.0
    0
    """
    try:
        return _reported(argv)
    except ReaderGoneError:
        # No fault of the command.
        _forget_output()
        return 0
    except KeyboardInterrupt:
        # A second one, while the first was being reported.
        return 130


def _reported(argv: Sequence[str]) -> int:
    from archlang.cli.session import Session
    from archlang.diagnostics import ArchError

    session = Session.of(argv)

    try:
        _require_folder()
        return _invoked(argv, session)
    except ReaderGoneError:
        raise  # there is nobody left to report it to
    except ArchError as problem:
        session.failure(problem.diagnostics)
        return problem.status
    except BaseException as problem:
        if isinstance(problem, SystemExit):
            raise

        diagnostic = _diagnosis(problem, session)
        if session.debug:
            traceback.print_exception(problem)
        session.failure([diagnostic])
        return diagnostic.kind.status


def _invoked(argv: Sequence[str], session: Session) -> int:
    from click.exceptions import Abort, Exit, UsageError

    from archlang.cli.group import archlang, usage_error
    from archlang.cli.lazy import COMPLETE

    # click looks for this by itself in its own main loop only, which is not used here.
    if instruction := os.environ.get(COMPLETE):
        from click.shell_completion import shell_complete

        return shell_complete(archlang, {}, "archlang", COMPLETE, instruction)

    status: object = 0
    try:
        with archlang.make_context("archlang", list(argv), obj=session) as context:
            status = archlang.invoke(context)
    except Exit as leaving:
        status = leaving.exit_code
    except Abort:
        raise KeyboardInterrupt from None
    except UsageError as problem:
        raise usage_error(problem) from None

    # Buffered output that cannot be written must fail here, where it is reported, not when Python shuts down.
    sys.stdout.flush()
    if isinstance(status, int):
        return status
    return 0


def _require_folder() -> None:
    """Raise ArchError where the working folder was removed: libraries that load later would end the process there."""
    from archlang.diagnostics import ArchError, error

    try:
        Path.cwd()
    except OSError:
        message = "the working folder is gone: another program removed it"
        raise ArchError(error("unreadable-file", message, help="change to a folder that is there")) from None


def _diagnosis(problem: BaseException, session: Session) -> Diagnostic:
    """Say to the user in one diagnostic what an exception that nobody expected means."""
    from archlang.diagnostics import error
    from archlang.diagnostics.text import one_line
    from archlang.limits import DEFAULT

    said = one_line(f"{type(problem).__name__}: {problem}", 300)
    words = str(problem).lower()

    if isinstance(problem, KeyboardInterrupt):
        return error("interrupted", "stopped; no output was left half-written")

    if isinstance(problem, ModuleNotFoundError) and problem.name and not problem.name.startswith("archlang"):
        root = problem.name.partition(".")[0]
        wanted = PACKAGES.get(root, root)
        if root in EXTRAS:
            wanted = f"'archlang[{EXTRAS[root]}]'"
        return error("missing-tool", f"this needs the package `{root}`", help=f"python -m pip install {wanted}")

    # Only a limit that the user raised can lead deeper than Python's stack.
    if isinstance(problem, RecursionError) and session.limits.nesting > DEFAULT.nesting:
        message = f"for `--limit nesting={session.limits.nesting}` Python's own stack is too small"
        return error("nesting-too-deep", message)

    if isinstance(problem, MemoryError) or any(phrase in words for phrase in NO_MEMORY):
        return error("out-of-memory", "there is too little memory for this command",
                     help="a smaller batch or fewer samples at once take less; nothing was left half-written")

    # Only streams that were closed before the command began have this error: `streams.ClosedBytes` raises it.
    if isinstance(problem, OSError) and problem.errno == errno.EBADF:
        kind = "unwritable-output"
        if words.endswith("input is closed"):
            kind = "unreadable-file"
        return error(kind, (problem.strerror or said).lower())

    if isinstance(problem, OSError) and problem.errno in FULL:
        return error("unwritable-output", f"the output cannot be written: {(problem.strerror or said).lower()}")

    return error(
        "internal-error", f"a mistake in archlang itself ({said})",
        help="please report it with the file and the command; `--debug` shows where it happened",
    )


def _forget_output() -> None:
    """Let what is still to be flushed go nowhere: the pipe is closed or the disk is full."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
