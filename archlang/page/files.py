"""The files of a project that a page may read and write: those named `.arch` below the folder of its main file.

A name is a path from that folder with slashes. Links that lead out of the folder are refused, as imports are.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from archlang.atomic import write_whole
from archlang.diagnostics import ArchError, error
from archlang.diagnostics.text import one_line
from archlang.limits import DEFAULT, Limits
from archlang.project.locating import Located
from archlang.project.project import read
from archlang.syntax import decode

ENDING = ".arch"

FOLDERS, FILES = 2_000, 500
"""Folders that are looked into, and files that are listed."""


@dataclass(frozen=True)
class FileState:
    """A file as it is stored: its text with line feeds alone, and the mark that tells its bytes from others."""

    text: str
    mark: str


class ChangedFileError(ArchError):
    """A file holds something else than what was edited."""


class ProjectFiles:
    """The files of one project.

    Args:
        file: the main file, as it was given.
        limits: what a file may hold.

    Raises ArchError: `usage` for another ending, `unreadable-file` where there is none.
    """

    def __init__(self, file: str | Path, limits: Limits = DEFAULT) -> None:
        self.given, self.limits = Path(file), limits
        if self.given.suffix != ENDING:
            shown = one_line(str(file), 80)
            raise ArchError(error("usage", f"a page shows a file named `*{ENDING}`, not `{shown}`"))
        self.path = self.given.resolve()
        self.root = self.path.parent
        self.main = self.path.name

    # --- reading -----------------------------------------------------------------------------------------------------

    def names(self) -> list[str]:
        """The files of the project, the main one first; hidden folders and links to folders are left out."""
        found: list[str] = []
        for visited, (folder, inner, files) in enumerate(os.walk(self.root)):
            inner[:] = sorted(name for name in inner if not name.startswith("."))
            if visited >= FOLDERS or len(found) > FILES:
                break
            for name in sorted(files):
                path = Path(folder) / name
                if name.endswith(ENDING) and path != self.path and self._is_inside(path):
                    found.append(path.relative_to(self.root).as_posix())
        return [self.main, *found[:FILES]]

    def locate(self, name: str) -> Located:
        """Find a file by its name. Raises ArchError (usage) for what is no file of the project."""
        refused = ArchError(error("usage", f"`{one_line(name, 80)}` is no file of this project"))
        pure = PurePosixPath(name)
        # Checked as text first: what leads out is refused whether or not it exists.
        if "\0" in name or "\\" in name or pure.is_absolute() or ".." in pure.parts or not name.endswith(ENDING):
            raise refused

        path = self.root / Path(*pure.parts)
        try:
            resolved = path.resolve()
            resolved.exists()  # it tells of names that the system does not take
        except (OSError, RuntimeError, ValueError):  # links in a circle, a name too long
            raise refused from None
        if not resolved.is_relative_to(self.root) or resolved.suffix != ENDING:
            raise refused
        return Located(str(resolved), self._shown(pure), resolved, self.root)

    def state(self, name: str) -> FileState:
        """A file as it is stored. Raises ArchError: usage, unreadable-file, not-utf8, file-too-large."""
        data = self._bytes(self.locate(name))
        text = decode(data, name, self.limits).text
        # Pages hold texts with line feeds alone.
        return FileState(text.replace("\r\n", "\n").replace("\r", "\n"), mark_of(data))

    def marks(self) -> dict[str, str]:
        """For each file what changes when it is written to: its time and size. Empty where the folder is gone."""
        found = {}
        for name in self.names():
            try:
                status = (self.root / name).stat()
            except OSError:
                continue
            found[name] = f"{status.st_mtime_ns}-{status.st_size}"
        return found

    # --- writing -----------------------------------------------------------------------------------------------------

    def save(self, name: str, text: str, known: str | None) -> FileState:
        """Write a file of the project whole or not at all, with the line ends that it has.

        `known` is the mark of the state that was edited: a file that holds anything else by now is left as it is. None
        writes all the same. Raises ChangedFileError, ArchError: usage, file-too-large, not-utf8, unwritable-output.
        """
        place = self.locate(name)
        assert place.path is not None
        stored: bytes | None = None
        if place.path.exists():
            stored = self._bytes(place)
        # A page edits what is there; only the file that it was opened with may have been removed meanwhile.
        elif place.path != self.path:
            raise ArchError(error("unwritable-output", f"`{one_line(name, 80)}` is gone"))

        if known is not None and stored is not None and mark_of(stored) != known:
            message = f"`{one_line(name, 80)}` was changed in the meantime, and is left as it is"
            raise ChangedFileError(error("unwritable-output", message))

        data = encoded(text, stored)
        decode(data, name, self.limits)  # what could not be read again is not written
        write_whole(place.path, data, instead_of=stored)
        return FileState(text, mark_of(data))

    # --- inner -------------------------------------------------------------------------------------------------------

    def _bytes(self, place: Located) -> bytes:
        assert place.path is not None
        return read(place.path, self.limits, regular=True)

    def _is_inside(self, path: Path) -> bool:
        try:
            return path.resolve().is_relative_to(self.root)
        except (OSError, RuntimeError):
            return False

    def _shown(self, pure: PurePosixPath) -> str:
        """The name that messages have for a file: as `archlang check` says it where the main file was given so."""
        if str(pure) == self.main:
            return str(self.given)
        return str(self.given.parent / Path(*pure.parts))


def mark_of(data: bytes) -> str:
    """The mark of a file's bytes."""
    return hashlib.sha256(data).hexdigest()


def encoded(text: str, stored: bytes | None) -> bytes:
    """The bytes of a text with the line ends and the byte order mark of the bytes that it takes the place of.

    >>> encoded("a\\nb\\n", b"x\\r\\n"), encoded("a\\n", None)
    (b'a\\r\\nb\\r\\n', b'a\\n')
    """
    before = stored or b""
    if b"\r\n" in before and before.count(b"\n") == before.count(b"\r\n"):
        text = text.replace("\n", "\r\n")
    # Halves of a character, which a page may send, become bytes that `decode` refuses.
    data = text.encode(errors="surrogatepass")
    bom = b"\xef\xbb\xbf"
    if before.startswith(bom):
        data = bom + data
    return data
