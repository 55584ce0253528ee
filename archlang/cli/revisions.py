"""Files of other commits: `HEAD~1:specs/net.arch`, with the files that it imports as they were then."""

from __future__ import annotations

import io
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from archlang.diagnostics import ArchError, error
from archlang.diagnostics.text import one_line

ALONG = (".arch", ".csv")
"""The endings of what a network may read beside its own file."""


@contextmanager
def as_of(file: str) -> Iterator[str]:
    """The path of a file; of `REVISION:PATH` that of a copy as Git has it, for as long as the context lasts.

    A file of this very name comes first. Raises `ArchError`: unreadable-file, missing-tool.
    """
    revision, colon, path = file.partition(":")
    # Git would read a dash as one of its options.
    if not colon or not revision or not path or revision.startswith("-") or Path(file).exists():
        yield file
        return

    top = _git(file, ".", "rev-parse", "--show-toplevel").decode().strip()
    inside = _git(file, ".", "rev-parse", "--show-prefix").decode().strip()
    # Git names files from its top folder; `./` says that a path starts here.
    whole = path
    if path.startswith("./"):
        whole = inside + path.removeprefix("./")

    names = _git(file, top, "ls-tree", "-r", "-z", "--name-only", revision).decode(errors="replace").split("\0")
    if whole not in names:
        raise ArchError(error("unreadable-file", f"`{one_line(revision, 60)}` has no file `{one_line(whole, 200)}`"))
    # Git refuses an ending that no file has.
    patterns = [f":(glob)**/*{ending}" for ending in ALONG if any(name.endswith(ending) for name in names)]
    archive = _git(file, top, "archive", "--format=tar", revision, "--", *patterns, f":(literal){whole}")
    with TemporaryDirectory() as folder:
        with tarfile.open(fileobj=io.BytesIO(archive)) as packed:
            packed.extractall(folder, filter="data")
        yield str(Path(folder) / whole)


def _git(file: str, folder: str, *words: str) -> bytes:
    """Call Git in a folder; give what it writes. Raises `ArchError` where it fails."""
    try:
        done = subprocess.run(["git", "-C", folder, *words], capture_output=True, timeout=120, check=False)
    except FileNotFoundError:
        message = f"`{one_line(file, 200)}` is a file of another commit, which needs Git"
        raise ArchError(error("missing-tool", message, help="install Git")) from None
    if done.returncode:
        said = one_line(done.stderr.decode(errors="replace").strip(), 200)
        raise ArchError(error("unreadable-file", f"cannot read `{one_line(file, 200)}`: {said}"))
    return done.stdout
