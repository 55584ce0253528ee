"""A file and all that it imports, read once each: relative files inside the project's folder, and the standard blocks.

The project is the folder of the file that was asked for. No import leaves it: by `..`, an absolute path or a link.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache, cached_property
from itertools import islice
from pathlib import Path

from archlang.diagnostics import ArchError, Diagnostic, did_you_mean, error
from archlang.diagnostics.text import one_line
from archlang.limits import Limits
from archlang.source import Source, Span
from archlang.syntax import decode, parse
from archlang.syntax.tree import Block, CodeDeclaration, Declaration, File, From, Import, Let, NetworkDeclaration, Train
from archlang.syntax.walk import walk

NAMES = 1_000
"""Files of a folder that are looked at for a name that may have been meant."""

STD = Path(__file__).resolve().parent.parent / "std"


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


@dataclass
class Project:
    """All units by key, in the order in which they are complete (an imported file before the one that imports it)."""

    main: Unit
    units: dict[str, Unit]
    mistakes: list[Diagnostic]


def read(path: Path, limits: Limits) -> bytes:
    """A file's bytes, at most one more than it may have. Raises ArchError (unreadable-file)."""
    try:
        with path.open("rb") as file:  # never all of it: it may be endless
            return file.read(limits.file_bytes + 1)
    except (OSError, ValueError) as problem:
        reason = getattr(problem, "strerror", None) or str(problem)
        raise ArchError(error("unreadable-file", f"cannot read {str(path)!r}: {reason.lower()}")) from None


def open_project(path: Path, limits: Limits) -> Project:
    """Read and parse a file and all its imports. Raises ArchError if the file itself cannot be read or parsed."""
    data = read(path, limits)
    return _Loader(limits, path.resolve().parent).start(str(path.resolve()), decode(data, str(path), limits))


def open_text(text: str, name: str, limits: Limits) -> Project:
    """The same for a text that is no file: it can import the standard blocks only."""
    return _Loader(limits, None).start(name, decode(text.encode(errors="surrogatepass"), name, limits))


def reopened(project: Project, text: str, limits: Limits) -> Project:
    """The project with another text as its main file; what that imports is taken from the files read before."""
    source = Source(project.main.source.name, text)
    file = parse(source, limits)

    # Trees are known by identity, and those of the new text are new: their paths say what was read before.
    units_by_path = {
        item.path: project.main.imported(item) for item in project.main.of(Import) if isinstance(item, Import)
    }
    imports = {id(item): units_by_path.get(item.path) for item in file.declarations if isinstance(item, Import)}
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
    """Reads a file and its imports, depth first. `root` is the folder that no path leaves; None for a text alone."""

    def __init__(self, limits: Limits, root: Path | None) -> None:
        self.limits, self.root = limits, root
        self.units: dict[str, Unit] = {}
        self.mistakes: list[Diagnostic] = []
        self.opening: list[str] = []  # keys of the files that are being read, outermost first
        self.bytes = 0

    def start(self, key: str, source: Source) -> Project:
        main = self._unit(key, source)
        return Project(main, self.units, self.mistakes)

    def _unit(self, key: str, source: Source) -> Unit:
        self.bytes += len(source.text.encode(errors="replace"))
        unit = Unit(key, source, parse(source, self.limits))
        self.opening.append(key)

        # A file that cannot be read is one mistake; the rest of the project is still checked for others.
        for item in unit.of(Import):
            if len(self.mistakes) > self.limits.diagnostics:  # more than are shown: no further file is read
                unit.imports[id(item)] = None
                continue
            assert isinstance(item, Import)
            try:
                unit.imports[id(item)] = self._import(item, source)
            except ArchError as problem:
                self.mistakes.extend(problem.diagnostics)
                unit.imports[id(item)] = None

        for table in tables_of(unit.file):
            if len(self.mistakes) > self.limits.diagnostics:
                unit.tables[id(table)] = None
                continue
            try:
                unit.tables[id(table)] = self._table(table, source)
            except ArchError as problem:
                self.mistakes.extend(problem.diagnostics)
                unit.tables[id(table)] = None

        self.opening.pop()
        self.units[key] = unit
        return unit

    def _table(self, item: From, source: Source) -> CodeTable:
        """The bytes of a code's table, which lies in the project as imported files do."""
        path, name = self._inside(item.path, source, item.span, "a table", "*.csv")
        try:
            data = read(path, self.limits)
        except ArchError as problem:
            raise _refuse_at("import-not-found", problem.diagnostics[0].message, item.span) from None

        # `read` hands out one byte more than a file may have, so that a larger one is seen here.
        if len(data) > self.limits.file_bytes:
            raise _refuse_at("file-too-large", f"a table holds at most {self.limits.file_bytes} bytes", item.span)

        # Tables count with the texts: many small files must not add up to what one may not be.
        self.bytes += len(data)
        if self.bytes > self.limits.total_bytes:
            message = f"all files together may hold {self.limits.total_bytes} bytes"
            raise _refuse_at("too-many-files", message, item.span)
        return CodeTable(name, data)

    def _import(self, item: Import, source: Source) -> Unit:
        path, name = self._locate(item, source)
        # A standard module by its name, another file by its full path: each is read once, however it is written.
        if item.quoted:
            key = str(path)
        else:
            key = item.path

        if key in self.opening:
            cycle = [*self.opening[self.opening.index(key) :], key]
            chain = " -> ".join(Path(opened).name for opened in cycle)
            raise _refuse("import-cycle", f"these files import each other: {chain}", item)
        if key in self.units:
            return self.units[key]

        # Before the file is read: a long chain of imports must cost no more than the limits say.
        if len(self.opening) > self.limits.import_depth:
            raise _refuse("import-too-deep", f"imports may nest {self.limits.import_depth} deep", item)
        if len(self.units) + len(self.opening) >= self.limits.files:
            raise _refuse("too-many-files", f"a network may be spread over {self.limits.files} files", item)

        try:
            data = read(path, self.limits)
        except ArchError as problem:
            raise _refuse("import-not-found", problem.diagnostics[0].message, item) from None
        if self.bytes + len(data) > self.limits.total_bytes:
            raise _refuse("too-many-files", f"all files together may hold {self.limits.total_bytes} bytes", item)
        return self._unit(key, decode(data, name, self.limits))

    def _locate(self, item: Import, source: Source) -> tuple[Path, str]:
        """The file that an import names, as a path that can be opened, and how messages call it."""
        if not item.quoted:
            return _standard(item), f"<{item.path}>"

        # `<...>` is a text without a file or a standard module: neither has a folder beside which files could lie.
        if self.root is None or source.name.startswith("<"):
            raise _refuse("import-not-found", "only a file can import other files; this text can import `std`", item)
        span = _path_place(item)
        return self._inside(item.path, source, span, "an import", "*.arch")

    def _inside(self, asked: str, source: Source, span: Span, what: str, kind: str) -> tuple[Path, str]:
        """A relative path inside the project as a path that can be opened, and how messages call it."""
        if self.root is None or source.name.startswith("<"):
            raise _refuse_at("import-not-found", f"only a file can read {what}; this text has no folder", span)
        # The operating system's calls raise ValueError on it, deep inside pathlib.
        if "\0" in asked:
            raise _refuse_at("import-not-found", "no file has such a name", span)

        # Backslashes and drive letters lead elsewhere on other systems: a project means the same on all of them.
        wanted = Path(asked)
        if wanted.is_absolute() or "\\" in asked or ":" in asked:
            example = "./code.csv"
            if kind == "*.arch":
                example = "./blocks.arch"
            raise _refuse_at("import-outside", f'{what} is a relative path such as "{example}"', span)

        # Resolved before it is compared: a link inside the folder may lead out of it.
        try:
            path = (Path(self.opening[-1]).parent / wanted).resolve()
            if not path.is_relative_to(self.root):
                raise _refuse_at("import-outside", f"this leads out of the project's folder {self.root.name!r}", span)

            if not path.is_file():
                near = did_you_mean(path.name, _names_beside(path, kind)) or _without_quotes(asked)
                raise _refuse_at("import-not-found", f"there is no file {asked!r} beside this one", span, near)
        except (OSError, RuntimeError) as problem:  # a name that no system takes, links that lead in a circle
            reason = getattr(problem, "strerror", None) or "its links lead in a circle"
            message = f"there is no file {one_line(asked, 80)!r}: {reason.lower()}"
            raise _refuse_at("import-not-found", message, span) from None
        return path, str(Path(source.name).parent / wanted)


def _without_quotes(asked: str) -> tuple[str, ...]:
    """Help for a standard module in quotes, in which only paths of files stand."""
    module = asked.removesuffix(".arch").replace("/", ".").lstrip(".")
    if module not in _standard_modules():
        return ()
    return (f"a standard module stands without quotes: `import {module} (...)`",)


def _names_beside(path: Path, kind: str) -> list[str]:
    """The first names of a folder's files of a kind; a folder may hold a million."""
    if not path.parent.is_dir():
        return []
    return [one.name for one in islice(path.parent.glob(kind), NAMES)]


@cache
def _standard_modules() -> tuple[str, ...]:
    """The modules that come with archlang; a file may import a thousand times."""
    return tuple(sorted(f"std.{path.stem}" for path in STD.glob("*.arch")))


def _standard(item: Import) -> Path:
    """The file of a standard module: `std.blocks`. Raises ArchError (import-not-found)."""
    known = _standard_modules()
    listed = f"there are: {', '.join(f'`{module}`' for module in known)}"

    first, *rest = item.path.split(".")
    if first != "std" or len(rest) != 1:
        message = "a module's name is `std.` and one word, a file's is a path in quotes"
        raise _refuse("import-not-found", message, item, [listed])

    # Compared with the files there are, never joined to a path first: a name is a stranger's text.
    if item.path not in known:
        near = did_you_mean(item.path, known)
        raise _refuse("import-not-found", f"there is no standard module `{item.path[:64]}`", item, near or [listed])
    return STD / f"{rest[0]}.arch"


def _path_place(item: Import) -> Span:
    """The place of an import's path; the whole import where the tree was built without it."""
    if item.path_span.end:
        return item.path_span
    return item.span


def _refuse(name: str, message: str, item: Import, help: tuple[str, ...] | list[str] = ()) -> ArchError:
    return _refuse_at(name, message, _path_place(item), help)


def _refuse_at(name: str, message: str, span: Span, help: tuple[str, ...] | list[str] = ()) -> ArchError:
    return ArchError(error(name, message, span, help=help))
