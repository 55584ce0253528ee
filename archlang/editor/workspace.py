"""The documents that an editor has open, what was found in each, and the files that they import.

Everything about a document is worked out when it is first asked for and thrown away when the text changes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import islice
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from archlang.diagnostics import ArchError
from archlang.editor.forms import Form, of_block, of_entry
from archlang.editor.meaning import Meaning, Situation
from archlang.editor.names import Binding, FileNames, imported_name
from archlang.editor.reading import Reading, reading_of
from archlang.editor.text import Edit, OpenText
from archlang.limits import DEFAULT, Limits
from archlang.ops import CATALOGUE, Catalogue
from archlang.ops.model import Entry
from archlang.project.locating import STD, Folders, Located, locate_beside, locate_module
from archlang.project.project import Held, read
from archlang.source import Source
from archlang.syntax import decode
from archlang.syntax.tree import Block, Import, Imported

FILES = 500
"""Files of a workspace that are searched for uses of a name."""


@dataclass(frozen=True, eq=False)
class ArchText:
    """One text of the language, open or stored: where it lies, its words, its names.

    uri    the address by which the editor knows it
    place  where it lies, as the compiler says it
    """

    uri: str
    place: Located
    text: OpenText
    limits: Limits = field(default=DEFAULT, repr=False)

    @cached_property
    def reading(self) -> Reading:
        """The text as far as it can be read."""
        return reading_of(Source(self.place.name, self.text.text), self.limits)

    @cached_property
    def names(self) -> FileNames:
        """Its names."""
        return FileNames(self.reading.tree)


@dataclass(eq=False)
class OpenDocument:
    """A document that the editor has open: its text of one version, and what the compiler last said of it."""

    now: ArchText
    version: int
    meaning: Meaning | None = None

    @property
    def current(self) -> Meaning | None:
        """The compiler's word on just this text; None as long as it is still asked."""
        if self.meaning is not None and self.meaning.source is self.now.reading.source:
            return self.meaning
        return None


@dataclass(frozen=True)
class Declared:
    """A declaration in some file: the file and the binding."""

    file: ArchText
    binding: Binding


class OpenFiles:
    """All open documents, and the files around them."""

    def __init__(self, limits: Limits = DEFAULT, catalogue: Catalogue = CATALOGUE, folders: Folders = ()) -> None:
        self.limits, self.catalogue, self.folders = limits, catalogue, folders
        self.documents: dict[str, OpenDocument] = {}
        self.roots: list[Path] = []
        self._stored: dict[Path, tuple[tuple[int, int], ArchText]] = {}

    @cached_property
    def stage_forms(self) -> dict[str, Form]:
        """The form of every stage of the catalogue, by its name."""
        stages = {name: self.catalogue.stage(name) for name in self.catalogue.stages}
        return {name: of_entry(entry) for name, entry in stages.items() if entry is not None}

    # --- what the editor tells ---------------------------------------------------------------------------------------

    def open(self, uri: str, version: int, text: str) -> OpenDocument:
        """Open a document."""
        held = ArchText(uri, located(uri), OpenText("").edited([Edit(None, text)]), self.limits)
        self.documents[uri] = OpenDocument(held, version)
        return self.documents[uri]

    def change(self, uri: str, version: int, edits: Sequence[Edit]) -> OpenDocument:
        """Take over the edits of a document. Raises KeyError for one that is not open."""
        document = self.documents[uri]
        document.now = replace(document.now, text=document.now.text.edited(edits))
        document.version = version
        return document

    def close(self, uri: str) -> None:
        """Forget a document; what is stored counts again."""
        self.documents.pop(uri, None)

    # --- what the compiler needs -------------------------------------------------------------------------------------

    @property
    def held(self) -> Held:
        """The texts of open documents by their paths."""
        return {
            document.now.place.path: document.now.text.text.encode(errors="surrogatepass")
            for document in self.documents.values() if document.now.place.path is not None
        }

    def situation(self, file: ArchText) -> Situation:
        """All that the compiler needs beside a text."""
        return Situation(file.place, self.folders, self.held, self.limits, self.catalogue)

    # --- files -------------------------------------------------------------------------------------------------------

    def stored(self, path: Path) -> ArchText | None:
        """A file as an open document has it, else as it is stored; None where it cannot be read."""
        for document in self.documents.values():
            if document.now.place.path == path:
                return document.now

        try:
            status = path.stat()
            mark = (status.st_mtime_ns, status.st_size)
            if path in self._stored and self._stored[path][0] == mark:
                return self._stored[path][1]
            source = decode(read(path, self.limits, regular=True), str(path), self.limits)
        except (OSError, ArchError):
            return None
        text = ArchText(path.as_uri(), located(path.as_uri()), OpenText(source.text), self.limits)
        self._stored[path] = mark, text
        return text

    def around(self, file: ArchText) -> Iterator[ArchText]:
        """The files of the workspace: open ones, then those in the folders of the editor or around the file."""
        seen: set[str] = set()
        for document in self.documents.values():
            seen.add(document.now.uri)
            yield document.now

        roots = self.roots
        if not roots and file.place.root is not None:
            roots = [file.place.root]
        paths = (path for root in roots for path in root.rglob("*.arch"))
        for path in islice(paths, FILES):
            stored = self.stored(path.resolve())
            if stored is not None and stored.uri not in seen:
                seen.add(stored.uri)
                yield stored

    # --- names over files --------------------------------------------------------------------------------------------

    def import_of(self, file: ArchText, node: Imported) -> Import | None:
        """The import that a name stands in."""
        for item in file.reading.tree.declarations:
            if isinstance(item, Import) and any(one is node for one in item.names):
                return item
        return None

    def imported_file(self, file: ArchText, item: Import) -> ArchText | None:
        """The file that an import names; None where there is none."""
        try:
            if item.quoted:
                place = locate_beside(item.path, file.place, item.span, "an import", "*.arch")
            else:
                place = locate_module(item, self.folders, file.place.root)
        except ArchError:
            return None
        if place.path is None:
            return None
        return self.stored(place.path.resolve())

    def declared(self, file: ArchText, binding: Binding) -> Declared | None:
        """The declaration that a binding leads to: its own, or that of the other file for an imported name."""
        if not isinstance(binding.node, Imported):
            return Declared(file, binding)

        item = self.import_of(file, binding.node)
        if item is None:
            return None
        other = self.imported_file(file, item)
        if other is None:
            return None
        found = other.names.of(binding.node.name)
        if found is None or found.sort == "import":  # what a file imports is not handed on
            return None
        return Declared(other, found)

    def meant(self, file: ArchText, offset: int) -> Declared | None:
        """The declaration that a place of a file means: a name's, or that of a block's parameter."""
        argument = file.names.argument_at(offset)
        if argument is not None:
            callee = file.names.meant(argument.callee)
            if callee is None:
                return None
            block = self.declared(file, callee)
            if block is None or not isinstance(block.binding.node, Block):
                return None
            return parameter_of(block, argument.name)

        found = file.names.at(offset)
        if found is None:
            return self._imported_at(file, offset)
        return self.declared(file, found[0]) or Declared(file, found[0])

    def _imported_at(self, file: ArchText, offset: int) -> Declared | None:
        """The declaration behind the first name of `name as alias`, which binds nothing here."""
        for binding in file.names.bindings:
            if isinstance(binding.node, Imported):
                span = imported_name(binding.node)
                if span.start <= offset <= span.end:
                    return self.declared(file, binding)
        return None

    def form(self, file: ArchText, name: str, offset: int, role: str | None = None) -> Form | None:
        """The form of what a name stands for at a place: of a block, else of the catalogue's entry, by its role."""
        for binding in file.names.visible(offset):
            if binding.name == name:
                declared = self.declared(file, binding)
                if declared is not None and isinstance(declared.binding.node, Block):
                    return replace(of_block(declared.binding.node), name=name)
                return None

        entry: Entry | None = self.catalogue.stage(name)
        if role is not None:
            entry = self.catalogue.setting(role, name) or entry
        roles = self.catalogue.roles_of(name)
        if entry is None and roles:
            entry = self.catalogue.setting(roles[0], name)
        if entry is None:
            return None
        return of_entry(entry)


def parameter_of(block: Declared, name: str) -> Declared | None:
    """The parameter of a block by its name."""
    node = block.binding.node
    assert isinstance(node, Block)
    for binding in block.file.names.bindings:
        if binding.name == name and any(binding.node is parameter for parameter in node.parameters):
            return Declared(block.file, binding)
    return None


def path_of(uri: str) -> Path | None:
    """The path of a file's address, links resolved; None for an address that is no file, such as an unsaved text."""
    parts = urlsplit(uri)
    if parts.scheme != "file":
        return None
    try:
        return Path(url2pathname(parts.path)).resolve()
    except (OSError, ValueError, RuntimeError):  # a null in it, links that lead in a circle
        return None


def located(uri: str) -> Located:
    """The place of an open document. One that is no file has no folder, and can import modules by name alone."""
    path = path_of(uri)
    if path is None:
        return Located(uri, "<text>", None, None)
    if path.parent == STD:
        return Located(f"std.{path.stem}", f"<std.{path.stem}>", path, None)
    return Located(str(path), str(path), path, path.parent)
