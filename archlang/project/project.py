"""A file and all that it imports, read once each: files beside it, standard modules, modules of the search path.

The project is the folder of the file that was asked for. No relative path leaves it, and none leaves the folder of the
search path in which the file that names it was found.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field
from functools import cached_property, lru_cache
from pathlib import Path

from archlang.atomic import read_whole
from archlang.dataclass import dataclass
from archlang.diagnostics import ArchError, Diagnostic, error
from archlang.diagnostics.text import one_line
from archlang.limits import Limits
from archlang.project.locating import Folders, Located, locate_beside, locate_module, path_place, refuse
from archlang.source import Source
from archlang.syntax import decode, parse
from archlang.syntax.tree import Block, CodeDeclaration, Declaration, File, From, Import, Let, NetworkDeclaration, Train
from archlang.syntax.walk import walk


@dataclass(frozen=True)
class CodeTable:
    """A file that holds a code or rows: its name as messages have it, and its bytes."""

    name: str
    data: bytes


@dataclass(frozen=True, eq=False)
class Unit:
    """One file of a project: its tree, its text, and for each import of it the unit it names (None: not readable).

    `tables` holds what its codes are read `from`, by the id of the tree's node (None: not readable).
    """

    key: str
    source: Source
    file: File
    imports: dict[int, Unit | None] = field(default_factory=dict)
    tables: dict[int, CodeTable | None] = field(default_factory=dict)

    @cached_property
    def exports(self) -> dict[str, Let | Block | CodeDeclaration]:
        """The names that other files may import: its own lets, blocks and codes."""
        return {d.name: d for d in self.file.declarations if isinstance(d, Let | Block | CodeDeclaration)}

    def imported(self, item: Import) -> Unit | None:
        """The unit that an import of this file names."""
        return self.imports.get(id(item))

    def of(self, kind: type[Declaration]) -> Iterator[Declaration]:
        """The declarations of one kind."""
        return (d for d in self.file.declarations if isinstance(d, kind))

    @cached_property
    def network(self) -> NetworkDeclaration | None:
        """The file's network."""
        return next((d for d in self.file.declarations if isinstance(d, NetworkDeclaration)), None)

    @cached_property
    def train(self) -> Train | None:
        """The file's `train`."""
        return next((d for d in self.file.declarations if isinstance(d, Train)), None)


Held = Mapping[Path, bytes]
"""Texts that stand for the files of these paths, links resolved: those that an editor holds and has not saved."""


@dataclass
class Project:
    """All units by key, in the order in which they are complete (an imported file before the one that imports it)."""

    main: Unit
    units: dict[str, Unit]
    mistakes: list[Diagnostic]


def read(path: Path, limits: Limits, *, regular: bool = False) -> bytes:
    """A file's bytes, at most one more than it may have. Raises ArchError (unreadable-file).

    With `regular` it may be no pipe and no device.
    """
    try:
        return read_whole(path, limits.file_bytes + 1, regular=regular)  # never all of it: it may be endless
    except (OSError, ValueError) as problem:
        reason = getattr(problem, "strerror", None) or str(problem)
        message = f"cannot read `{one_line(str(path), 200)}`: {reason.lower()}"
        raise ArchError(error("unreadable-file", message)) from None


def open_project(path: Path, limits: Limits, folders: Folders = ()) -> Project:
    """Read and parse a file and all its imports; `folders` hold packages that it may import by name.

    Raises ArchError if the file itself cannot be read or parsed.
    """
    data = read(path, limits)
    resolved = path.resolve()
    place = Located(str(resolved), str(path), resolved, resolved.parent)
    return _Loader(limits, folders, place).start(decode(data, str(path), limits))


def open_text(text: str, name: str, limits: Limits, folders: Folders = ()) -> Project:
    """The same for a text that is no file: it can import modules by name only."""
    source = decode(text.encode(errors="surrogatepass"), name, limits)
    return _Loader(limits, folders, Located(name, name, None, None)).start(source)


def open_held(place: Located, text: str, limits: Limits, folders: Folders = (), held: Held | None = None,
              file: File | None = None) -> Project:
    """The project of a text that an editor holds, saved or not; `held` are the other texts that it holds, by path.

    `file` is the text's tree where it was read already. Raises ArchError if the text cannot be parsed.
    """
    source = decode(text.encode(errors="surrogatepass"), place.name, limits)
    if file is not None:
        source = file.span.source
    return _Loader(limits, folders, place, held).start(source, file)


def reopened(project: Project, text: str, limits: Limits) -> Project:
    """The project with another text as its main file; what that imports is taken from the files read before."""
    source = Source(project.main.source.name, text)
    file = parse(source, limits)

    # Trees are known by identity, and those of the new text are new: their paths say what was read before.
    # A module and a file may be written alike: `my.blocks` and "my.blocks".
    units_by_path = {
        (item.quoted, item.path): project.main.imported(item)
        for item in project.main.of(Import) if isinstance(item, Import)
    }
    imports = {
        id(item): units_by_path.get((item.quoted, item.path))
        for item in file.declarations if isinstance(item, Import)
    }
    tables_by_path = {item.path: project.main.tables.get(id(item)) for item in tables_of(project.main.file)}
    tables = {id(item): tables_by_path.get(item.path) for item in tables_of(file)}

    # The main unit last, as it is complete after all that it imports.
    main = Unit(project.main.key, source, file, imports, tables)
    units = {key: unit for key, unit in project.units.items() if unit is not project.main}
    return Project(main, {**units, main.key: main}, project.mistakes)


def tables_of(file: File) -> list[From]:
    """Every `from "file.csv"` of a file."""
    tables = []
    for item in file.declarations:
        tables += [node for node in walk(item) if isinstance(node, From)]
    return tables


class _Loader:
    """Reads a text and its imports, depth first, with the folders in which it may find modules."""

    def __init__(self, limits: Limits, folders: Folders, main: Located, held: Held | None = None) -> None:
        self.limits, self.folders, self.main = limits, folders, main
        self.held = held or {}
        self.units: dict[str, Unit] = {}
        self.tables: dict[Path, bytes] = {}
        self.mistakes: list[Diagnostic] = []
        self.opening: list[str] = []  # keys of the files that are being read, outermost first
        self.bytes = 0

    def start(self, source: Source, file: File | None = None) -> Project:
        main = self._unit(self.main, source, file)
        return Project(main, self.units, self.mistakes)

    def _unit(self, place: Located, source: Source, file: File | None = None) -> Unit:
        self.bytes += len(source.text.encode(errors="replace"))
        unit = Unit(place.key, source, file or parse(source, self.limits))
        self.opening.append(place.key)

        # A file that cannot be read is one mistake; the rest of the project is still checked for others.
        for item in unit.of(Import):
            if len(self.mistakes) > self.limits.diagnostics:  # more than are shown: no further file is read
                unit.imports[id(item)] = None
                continue
            assert isinstance(item, Import)
            try:
                unit.imports[id(item)] = self._import(item, place)
            except ArchError as problem:
                self.mistakes.extend(problem.diagnostics)
                unit.imports[id(item)] = None

        # Few files read a table, and to look for one is a walk through the whole tree.
        tables: list[From] = []
        if file is not None or "from" in source.text:
            tables = tables_of(unit.file)
        for table in tables:
            if len(self.mistakes) > self.limits.diagnostics:
                unit.tables[id(table)] = None
                continue
            try:
                unit.tables[id(table)] = self._table(table, place)
            except ArchError as problem:
                self.mistakes.extend(problem.diagnostics)
                unit.tables[id(table)] = None

        self.opening.pop()
        self.units[place.key] = unit
        return unit

    def _table(self, item: From, home: Located) -> CodeTable:
        """The bytes of a code's table, which lies in the project as imported files do."""
        place = locate_beside(item.path, home, item.span, "a table", "*.csv")
        assert place.path is not None
        # Once, however often it is named: it may change in between.
        data = self.tables.get(place.path)
        try:
            if data is None:
                data = self.tables[place.path] = read(place.path, self.limits, regular=True)
        except ArchError as problem:
            raise refuse("import-not-found", problem.diagnostics[0].message, item.span) from None

        # `read` hands out one byte more than a file may have, so that a larger one is seen here.
        if len(data) > self.limits.file_bytes:
            raise refuse("file-too-large", f"a table holds at most {self.limits.file_bytes} bytes", item.span)

        # Tables count with the texts: many small files must not add up to what one may not be.
        self.bytes += len(data)
        if self.bytes > self.limits.total_bytes:
            message = f"all files together may hold {self.limits.total_bytes} bytes"
            raise refuse("too-many-files", message, item.span)
        return CodeTable(place.name, data)

    def _import(self, item: Import, home: Located) -> Unit:
        """The unit of an imported file, read once however it is written."""
        span = path_place(item)
        if item.quoted:
            place = locate_beside(item.path, home, span, "an import", "*.arch")
        else:
            place = locate_module(item, self.folders, self.main.root)
        assert place.path is not None

        if place.key in self.opening:
            cycle = [*self.opening[self.opening.index(place.key) :], place.key]
            chain = " -> ".join(Path(opened).name for opened in cycle)
            raise refuse("import-cycle", f"these files import each other: {chain}", span)
        if place.key in self.units:
            return self.units[place.key]

        # Before the file is read: a long chain of imports must cost no more than the limits say.
        if len(self.opening) > self.limits.import_depth:
            raise refuse("import-too-deep", f"imports may nest {self.limits.import_depth} deep", span)
        if len(self.units) + len(self.opening) >= self.limits.files:
            raise refuse("too-many-files", f"a network may be spread over {self.limits.files} files", span)

        try:
            data = self._bytes(place.path)
        except ArchError as problem:
            raise refuse("import-not-found", problem.diagnostics[0].message, span) from None
        if self.bytes + len(data) > self.limits.total_bytes:
            raise refuse("too-many-files", f"all files together may hold {self.limits.total_bytes} bytes", span)
        if place.root is None:
            return self._unit(place, *_standard(place.name, data, self.limits))
        return self._unit(place, decode(data, place.name, self.limits))

    def _bytes(self, path: Path) -> bytes:
        """The bytes of an imported file, as an editor holds it or as it is stored."""
        if path in self.held:
            return self.held[path]
        return read(path, self.limits, regular=True)


@lru_cache(maxsize=64)
def _standard(name: str, data: bytes, limits: Limits) -> tuple[Source, File]:
    """The text and the tree of a standard module, kept: an editor checks a file at each key, and std stays as it is."""
    source = decode(data, name, limits)
    return source, parse(source, limits)
