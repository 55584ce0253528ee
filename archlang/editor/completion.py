"""Completion: all that may be written at a place, by its role: stages, arguments, words, names, modules."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

from archlang.diagnostics.text import one_line
from archlang.editor.calls import argument_at, form_of_call, setting_at
from archlang.editor.cursor import Cursor, cursor_at
from archlang.editor.forms import FUNCTIONS, FormArgument, kinds_in, of_entry
from archlang.editor.names import Binding
from archlang.editor.workspace import ArchText, OpenDocument, OpenFiles
from archlang.ops.kinds import CodeKind, Flag, Kind, TensorKind
from archlang.project.locating import STD
from archlang.syntax.brackets import STATEMENT_WORDS
from archlang.syntax.tree import Import

OfferSort = Literal["stage", "structure", "block", "tensor", "layer", "value", "argument", "setting", "word", "keyword",
                    "module", "field", "function"]

DECLARING = {
    "import": "names of another file or module", "let": "a value or a stage with a name",
    "block": "a stage of one's own", "code": "codewords of branches", "network": "the network of the file",
    "train": "how the network is trained",
}
STATING = {
    "let": "a value or a stage with a name", "layer": "a stage that holds its weights once",
    "output": "what is handed out",
}
ENTERING = {"input": "a tensor that enters"}
IN_TRAIN = {"let": "a value with a name", "phase": "a stretch of the training",
            "step": "a loss with an optimiser of its own"}
TENSOR_FIELDS = {
    "channels": "of a map", "height": "of a map", "width": "of a map", "depth": "of a volume",
    "features": "of a vector or a sequence", "positions": "of a sequence", "length": "of a line",
    "size": "height and width together", "count": "members of a bundle", "rows": "of a grid of patches",
    "columns": "of a grid of patches", "classes": "of a code", "branches": "of a code",
}


@dataclass(frozen=True)
class Offer:
    """One thing that may be written: what is shown, what it is, and what is put into the text.

    order  the smaller, the earlier in the list
    """

    label: str
    sort: OfferSort
    detail: str = ""
    doc: str = ""
    insert: str = ""
    order: int = 5

    @property
    def text(self) -> str:
        """The text that is put in."""
        return self.insert or self.label


@dataclass(frozen=True)
class Offers:
    """All that may stand at a place, and the part of the text that a chosen one replaces."""

    start: int
    end: int
    offers: tuple[Offer, ...]


def offers_at(files: OpenFiles, document: OpenDocument, offset: int) -> Offers:
    """List what may be written at a place, nearest first."""
    file = document.now
    cursor = cursor_at(file.reading, offset)
    found: dict[str, Offer] = {}
    for offer in _offers(files, file, cursor):
        # A block of the file comes before a stage of the catalogue that is called so.
        found.setdefault(offer.label, offer)
    ordered = sorted(found.values(), key=lambda offer: (offer.order, offer.label))
    return Offers(cursor.start, cursor.end, tuple(ordered))


def _offers(files: OpenFiles, file: ArchText, cursor: Cursor) -> Iterator[Offer]:
    match cursor.wanted:
        case "first line":
            yield Offer("archlang 1", "keyword", "the first line of a file")
        case "declaration":
            yield from _keywords(DECLARING)
        case "statement":
            yield from _names(files, file, cursor, tensors=True, stages=True)
            if cursor.brackets[-1].owner == "NETWORK":
                yield from _keywords(STATING | ENTERING)
            else:
                yield from _keywords(STATING)
                yield from _stages(files)
                yield Offer("in", "keyword", "what enters the block or the braces")
        case "setting":
            yield from _settings(files, cursor)

        # A flow begins with a tensor, and goes on with stages alone.
        case "flow":
            yield from _names(files, file, cursor, tensors=True, stages=True)
            yield from _stages(files)
            yield Offer("in", "keyword", "what enters the block or the braces")
        case "stage":
            yield from _names(files, file, cursor, tensors=False, stages=True)
            yield from _stages(files)
            yield from _keywords({"if": "one of two stages", "for": "a stage for each item"})
        case "argument":
            yield from _arguments(files, file, cursor)
            yield from _values(files, file, cursor)
        case "value":
            yield from _values(files, file, cursor)
        case "field":
            yield from (Offer(name, "field", of) for name, of in TENSOR_FIELDS.items())
        case "module":
            yield from _modules(files, file, cursor)
        case "imported":
            yield from _imported(files, file, cursor)
        case "nothing":
            return


def _keywords(words: dict[str, str]) -> Iterator[Offer]:
    yield from (Offer(word, "keyword", what, order=3) for word, what in words.items())


def _stages(files: OpenFiles) -> Iterator[Offer]:
    """Every stage of the catalogue."""
    for name, form in files.stage_forms.items():
        sort: OfferSort = "stage"
        if form.what == "structure":
            sort = "structure"
        yield Offer(name, sort, form.label, form.doc)


def _names(files: OpenFiles, file: ArchText, cursor: Cursor, *, tensors: bool, stages: bool) -> Iterator[Offer]:
    """The names in scope: those that are bound further down are known too late, unless the whole file knows them."""
    for binding in file.names.visible(cursor.offset):
        if not _is_known(file, binding, cursor):
            continue

        match binding.sort:
            case "tensor" | "input" if tensors:
                yield Offer(binding.name, "tensor", _line_of(file, binding), order=1)
            case "block" | "import" if stages:
                yield _block(files, file, binding)
            case "layer" if stages:
                yield Offer(binding.name, "layer", _line_of(file, binding), order=2)
            case "let" | "parameter" | "dial" | "loop" | "size" | "code":
                yield Offer(binding.name, "value", _line_of(file, binding), order=2)


def _is_known(file: ArchText, binding: Binding, cursor: Cursor) -> bool:
    """Tell whether a name can be used at the cursor, and is not the one that is being bound there."""
    if binding.sort in ("network", "output"):
        return False
    # A name is known behind the statement that binds it; those of the file are known everywhere.
    if file.names.of(binding.name) is binding:
        return True
    is_before = binding.span.end < cursor.start
    return is_before and not (binding.sort == "tensor" and _is_being_bound(binding, cursor))


def _is_being_bound(binding: Binding, cursor: Cursor) -> bool:
    """Tell whether the cursor stands in the statement that binds a name."""
    if cursor.wanted == "statement" and cursor.brackets[-1].owner:
        return False

    # An unfinished statement has no end of its own: another one has to begin.
    behind = [token for token in cursor.before if token.start > binding.span.end]
    column = binding.span.column
    return not any(token.first and (token.type in STATEMENT_WORDS or token.span.column <= column) for token in behind)


def _block(files: OpenFiles, file: ArchText, binding: Binding) -> Offer:
    form = files.form(file, binding.name, binding.span.start)
    if form is None:
        return Offer(binding.name, "value", _line_of(file, binding), order=2)
    return Offer(binding.name, "block", form.label, form.doc, order=1)


def _line_of(file: ArchText, binding: Binding) -> str:
    """The text that binds a name, in one line."""
    node = binding.node.span
    if node.end > len(file.text.text):
        return binding.sort
    return one_line(node.text, 80)


def _arguments(files: OpenFiles, file: ArchText, cursor: Cursor) -> Iterator[Offer]:
    """The arguments that are not given yet, each with its default."""
    form, bracket = form_of_call(files, file, cursor), cursor.call
    if form is None or bracket is None:
        return
    # An argument that was given by its place is not offered by its name.
    by_place = form.places[: bracket.position]
    for argument in form.arguments:
        if argument.name not in bracket.given and argument.name not in by_place:
            yield Offer(argument.name, "argument", _of(argument), argument.doc, f"{argument.name} = ", order=0)


def _of(argument: FormArgument) -> str:
    if argument.default is None:
        return argument.takes
    return f"{argument.takes} [{argument.default}]".strip()


def _settings(files: OpenFiles, cursor: Cursor) -> Iterator[Offer]:
    """The settings of a `train`, a phase or a step."""
    form = setting_at(files, cursor)
    if form is not None:
        yield from (Offer(one.name, "argument", _of(one), one.doc, f"{one.name} = ", order=0) for one in form.arguments)
    if cursor.owner == "TRAIN":
        yield from _keywords(IN_TRAIN)


def _values(files: OpenFiles, file: ArchText, cursor: Cursor) -> Iterator[Offer]:
    """All that may stand for a value: words and settings that the argument knows, then names, then functions."""
    argument = argument_at(files, file, cursor)
    kind = None
    if argument is not None:
        kind = argument.kind
    kinds = list(kinds_in(kind))
    yield from _of_kinds(files, kinds)
    if argument is not None and argument.default == "auto":
        yield Offer("auto", "word", "worked out", order=1)

    # Only `train` and arguments for tensors read tensors; an `if` in a network tests numbers.
    takes_tensors = any(isinstance(one, TensorKind) for one in kinds) or cursor.owner == "TRAIN"
    takes_stages = any(one.stages for one in kinds) or argument is None or kind is None
    yield from _names(files, file, cursor, tensors=takes_tensors, stages=takes_stages)
    if any(one.stages for one in kinds):
        yield from _stages(files)
    if cursor.owner == "TRAIN" and any(one.role == "loss" for one in kinds):
        yield Offer("label", "tensor", "what the data says an input is", order=1)
    yield from (Offer(name, "function", what, order=8) for name, what in FUNCTIONS.items())


def _of_kinds(files: OpenFiles, kinds: Iterable[Kind]) -> Iterator[Offer]:
    for kind in kinds:
        yield from (Offer(word, "word", kind.text, order=0) for word in kind.words)
        if isinstance(kind, Flag):
            yield from (Offer(word, "word", kind.text, order=0) for word in ("true", "false"))
        if isinstance(kind, CodeKind):
            yield from _of_role(files, "code")
        if kind.role:
            yield from _of_role(files, kind.role)


def _of_role(files: OpenFiles, role: str) -> Iterator[Offer]:
    for name in files.catalogue.of_role(role):
        setting = files.catalogue.setting(role, name)
        if setting is not None:
            form = of_entry(setting)
            yield Offer(name, "setting", form.label, form.doc, order=0)


def _modules(files: OpenFiles, file: ArchText, cursor: Cursor) -> Iterator[Offer]:
    """Modules of the standard library and of the search path, as far as their dotted name is written."""
    written = ""
    for token in reversed(cursor.before):
        if token.type == "IMPORT":
            break
        written = token.text + written

    modules = [f"std.{path.stem}" for path in sorted(STD.glob("*.arch"))]
    for folder in files.folders:
        paths = sorted(folder.glob("*/*.arch"))
        modules += [f"{path.parent.name}.{path.stem}" for path in paths]
    for module in dict.fromkeys(modules):
        if module.startswith(written):
            yield Offer(module.removeprefix(written), "module", module)


def _imported(files: OpenFiles, file: ArchText, cursor: Cursor) -> Iterator[Offer]:
    """The names that a module declares."""
    start = max(at for at, token in enumerate(cursor.before) if token.type == "IMPORT")
    opening = max(at for at, token in enumerate(cursor.before) if token.type == "LPAR")
    written = cursor.before[start + 1 : opening]
    if not written:
        return

    quoted = written[0].type == "STRING"
    path = "".join(token.text for token in written)
    if quoted:
        path = str(written[0].value)
    other = files.imported_file(file, Import(path, (), quoted, span=written[0].span, path_span=written[0].span))
    if other is None:
        return
    for binding in other.names.bindings:
        if binding.sort in ("let", "block", "code") and other.names.of(binding.name) is binding:
            yield replace(_block(files, other, binding), order=0)

