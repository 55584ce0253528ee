"""All places that mean one declaration, over the files of a workspace; and its change of name, where that is safe."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from archlang.editor.meaning import meaning_of
from archlang.editor.names import Binding, FileNames, imported_name
from archlang.editor.text import OpenText, applied
from archlang.editor.workspace import ArchText, Declared, OpenFiles
from archlang.project.project import Held
from archlang.source import Span
from archlang.syntax.lexing import is_name
from archlang.syntax.tree import Block, Imported, Parameter


class RefusedRename(Exception):
    """A name cannot be changed so; the text says why."""


@dataclass(frozen=True)
class NamePlace:
    """A name in a file that means the declaration that was asked for; `is_declaration` where it is bound there."""

    file: ArchText
    span: Span
    is_declaration: bool = False


def places_of(files: OpenFiles, declared: Declared) -> list[NamePlace]:
    """Every place that means a declaration: in its file, in those that import it, in calls that name an argument."""
    found = [NamePlace(declared.file, declared.binding.span, True)]
    found += [NamePlace(declared.file, span) for span in declared.binding.uses]
    node = declared.binding.node
    if isinstance(node, Parameter):
        found += _arguments(files, declared)
        return _ordered(found)

    if declared.file.names.of(declared.binding.name) is declared.binding:
        for file in files.around(declared.file):
            found += _imports(files, file, declared)
    return _ordered(found)


def _ordered(places: list[NamePlace]) -> list[NamePlace]:
    unique = {(one.file.uri, one.span.start): one for one in reversed(places)}
    return [unique[key] for key in sorted(unique)]


def _imports(files: OpenFiles, file: ArchText, declared: Declared) -> Iterator[NamePlace]:
    """The places of a file that reach a declaration of another one by an import."""
    if declared.binding.name not in file.text.text:
        return
    for binding in file.names.bindings:
        if not isinstance(binding.node, Imported) or not _leads_to(files, file, binding, declared):
            continue
        yield NamePlace(file, imported_name(binding.node))
        # Behind `as` the file has a name of its own for it.
        if binding.node.alias is None:
            yield from (NamePlace(file, span) for span in binding.uses)


def _leads_to(files: OpenFiles, file: ArchText, binding: Binding, declared: Declared) -> bool:
    other = files.declared(file, binding)
    return other is not None and other.file.uri == declared.file.uri and other.binding.span == declared.binding.span


def _arguments(files: OpenFiles, declared: Declared) -> Iterator[NamePlace]:
    """The calls that give a block's parameter by its name, in its own file and wherever the block is imported."""
    block = next((item for item in declared.file.reading.tree.declarations
                  if isinstance(item, Block) and any(one is declared.binding.node for one in item.parameters)), None)
    if block is None:  # a dial: it is given from outside
        return

    for file in files.around(declared.file):
        for one in file.names.arguments:
            callee = file.names.meant(one.callee)
            if one.name != declared.binding.name or callee is None:
                continue
            target = files.declared(file, callee)
            if target is not None and target.file.uri == declared.file.uri and target.binding.name == block.name:
                yield NamePlace(file, one.span)


# --- a change of name ------------------------------------------------------------------------------------------------


def renamed(files: OpenFiles, file: ArchText, offset: int, name: str) -> dict[str, tuple[ArchText, list[Span]]]:
    """The places that take a new name, by file. Raises RefusedRename where the result would mean something else.

    All files that change are read again with the new name: each name in them must mean what it meant before, and the
    compiler must have nothing against them that it had not before.
    """
    declared = target_of(files, file, offset)
    if declared is None:
        raise RefusedRename("there is no name here that a file binds")
    if not is_name(name):
        raise RefusedRename(f"`{name[:64]}` is no name: letters, digits and `_`, no digit first, no reserved word")
    if len(name) > files.limits.name:
        raise RefusedRename(f"a name has at most {files.limits.name} characters")
    if declared.file.place.root is None and declared.file.place.path is not None:
        raise RefusedRename("this name belongs to the standard library")

    places: dict[str, tuple[ArchText, list[Span]]] = {}
    for one in places_of(files, declared):
        if not one.file.reading.is_whole:
            raise RefusedRename(f"{one.file.place.name} has mistakes in its form, so that not all uses can be seen")
        places.setdefault(one.file.uri, (one.file, []))[1].append(one.span)
    _prove(files, places, name)
    return places


def target_of(files: OpenFiles, file: ArchText, offset: int) -> Declared | None:
    """The declaration whose name a change at a place would change: behind `as` that of this file alone."""
    found = file.names.at(offset)
    if found is not None and isinstance(found[0].node, Imported) and found[0].node.alias is not None:
        return Declared(file, found[0])
    return files.meant(file, offset)


def _prove(files: OpenFiles, places: Mapping[str, tuple[ArchText, list[Span]]], name: str) -> None:
    """Raise RefusedRename where a name of a changed file would mean another thing than it did."""
    # All files change at once: one with the new name would not fit the others with the old one.
    after = {}
    for uri, (file, spans) in places.items():
        text = applied(file.text.text, [(span.start, span.end, name) for span in spans])
        after[uri] = replace(file, text=OpenText(text))

    held: dict[Path, bytes] = dict(files.held)
    for changed in after.values():
        if changed.place.path is not None:
            held[changed.place.path] = changed.text.text.encode(errors="surrogatepass")
    for uri, (file, _) in places.items():
        if not after[uri].reading.is_whole or _structure(file.names) != _structure(after[uri].names):
            raise RefusedRename(f"`{name}` has a meaning already in {file.place.name}: names would be taken for others")
        before = _mistakes(files, file, held=None)
        for mistake in _mistakes(files, after[uri], held):
            if mistake not in before:
                raise RefusedRename(f"with `{name}` {file.place.name} has a mistake: {mistake}")


def _structure(names: FileNames) -> list[tuple[object, ...]]:
    """The names of a file by what they mean, without how they are spelt: which word means which binding."""
    order = {binding: index for index, binding in enumerate(names.bindings)}
    places = sorted(names.meaning.items())
    return [("bound", order[binding], sum(p[0] < start for p, _ in places)) for (start, _), binding in places] + [
        ("foreign", node.text) for node in names.foreign
    ]


def _mistakes(files: OpenFiles, file: ArchText, held: Held | None) -> list[str]:
    """The kinds and number of a file's mistakes; messages may name what was renamed."""
    situation = files.situation(file)
    if held is not None:
        situation = replace(situation, held=held)
    found = meaning_of(file.reading, situation).diagnostics
    counted: dict[str, int] = {}
    lines = []
    for diagnostic in found:
        counted[diagnostic.name] = counted.get(diagnostic.name, 0) + 1
        lines.append(f"{diagnostic.name} ({counted[diagnostic.name]})")
    return lines
