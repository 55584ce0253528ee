"""Answers of the editor room as values of the protocol, and places of the protocol as places of a text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lsprotocol import types as lsp

from archlang.diagnostics.text import safe
from archlang.editor.colours import MODIFIERS, TYPES, Coloured
from archlang.editor.completion import Offer, Offers, OfferSort
from archlang.editor.hints import CostNote, ShapeHint
from archlang.editor.outline import Entered, FoldedLines, Part
from archlang.editor.problems import Problem
from archlang.editor.text import Edit, OpenText, TextPlace, TextRange, units_of
from archlang.editor.workspace import ArchText
from archlang.source import Span

_OFFERS: dict[OfferSort, lsp.CompletionItemKind] = {
    "stage": lsp.CompletionItemKind.Function, "structure": lsp.CompletionItemKind.Struct,
    "block": lsp.CompletionItemKind.Class, "tensor": lsp.CompletionItemKind.Variable,
    "layer": lsp.CompletionItemKind.Class, "value": lsp.CompletionItemKind.Constant,
    "argument": lsp.CompletionItemKind.Property, "setting": lsp.CompletionItemKind.EnumMember,
    "word": lsp.CompletionItemKind.EnumMember, "keyword": lsp.CompletionItemKind.Keyword,
    "module": lsp.CompletionItemKind.Module, "field": lsp.CompletionItemKind.Field,
    "function": lsp.CompletionItemKind.Function,
}
_PARTS: dict[Part, lsp.SymbolKind] = {
    "import": lsp.SymbolKind.Module, "let": lsp.SymbolKind.Constant, "block": lsp.SymbolKind.Class,
    "code": lsp.SymbolKind.Enum, "network": lsp.SymbolKind.Namespace, "train": lsp.SymbolKind.Event,
    "dial": lsp.SymbolKind.Number, "input": lsp.SymbolKind.Interface, "layer": lsp.SymbolKind.Object,
    "tensor": lsp.SymbolKind.Variable, "output": lsp.SymbolKind.Interface, "setting": lsp.SymbolKind.Property,
    "phase": lsp.SymbolKind.Event,
}
_FOLDS = {"region": lsp.FoldingRangeKind.Region, "comment": lsp.FoldingRangeKind.Comment,
          "imports": lsp.FoldingRangeKind.Imports}


def edit_of(change: lsp.TextDocumentContentChangeEvent) -> Edit:
    """An edit as the client tells it; without a range it is the whole text."""
    if isinstance(change, lsp.TextDocumentContentChangePartial):
        return Edit(TextRange(place_of(change.range.start), place_of(change.range.end)), change.text)
    return Edit(None, change.text)


def place_of(position: lsp.Position) -> TextPlace:
    """A place as the client counts it."""
    return TextPlace(position.line, position.character)


def position_of(place: TextPlace) -> lsp.Position:
    """A place for the client."""
    return lsp.Position(place.line, place.unit)


def range_of(text: OpenText, span: Span) -> lsp.Range:
    """The range of a span of a text."""
    return range_between(text, span.start, span.end)


def range_between(text: OpenText, start: int, end: int) -> lsp.Range:
    """The range between two characters of a text."""
    return lsp.Range(position_of(text.place(start)), position_of(text.place(end)))


def edits_of(text: OpenText, edits: Iterable[tuple[int, int, str]]) -> list[lsp.TextEdit]:
    """Replacements in a text."""
    return [lsp.TextEdit(range_between(text, start, end), new) for start, end, new in edits]


def diagnostic_of(text: OpenText, problem: Problem) -> lsp.Diagnostic:
    """A mistake. Places that belong to it come along where they lie in the same file."""
    severity = lsp.DiagnosticSeverity.Error
    if problem.diagnostic.severity == "warning":
        severity = lsp.DiagnosticSeverity.Warning
    related = [
        lsp.DiagnosticRelatedInformation(lsp.Location(one.uri, _in_own_text(one.span)), safe(one.text))
        for one in problem.related
    ]

    # Editors grey out what nothing uses.
    tags = None
    if problem.diagnostic.name.startswith("unused-"):
        tags = [lsp.DiagnosticTag.Unnecessary]
    return lsp.Diagnostic(
        range=range_of(text, problem.span), message=safe(problem.text), severity=severity,
        code=problem.diagnostic.name, source="archlang", related_information=related or None, tags=tags,
    )


def _in_own_text(span: Span) -> lsp.Range:
    """The range of a span in the text of its own source, which may be another file."""
    return range_of(OpenText(span.source.text), span)


def completion_of(text: OpenText, offers: Offers) -> lsp.CompletionList:
    """A list of what may be written. The client filters it while the word grows."""
    # The whole word is replaced, also what stands behind the cursor.
    where = range_between(text, offers.start, offers.end)
    items = [_item(offer, where, number) for number, offer in enumerate(offers.offers)]
    return lsp.CompletionList(is_incomplete=False, items=items)


def _item(offer: Offer, where: lsp.Range, number: int) -> lsp.CompletionItem:
    documentation = None
    if offer.doc:
        documentation = markdown(offer.doc)
    return lsp.CompletionItem(
        label=offer.label, kind=_OFFERS[offer.sort], detail=offer.detail or None, documentation=documentation,
        sort_text=f"{number:04}", filter_text=offer.label, text_edit=lsp.TextEdit(where, offer.text),
    )


def markdown(text: str) -> lsp.MarkupContent:
    """A text for people."""
    return lsp.MarkupContent(lsp.MarkupKind.Markdown, text)


def symbol_of(text: OpenText, entered: Entered) -> lsp.DocumentSymbol:
    """A line of the outline with all that is in it."""
    return lsp.DocumentSymbol(
        name=entered.name, kind=_PARTS[entered.part], range=range_of(text, entered.span),
        selection_range=range_of(text, entered.name_span), detail=entered.detail or None,
        children=[symbol_of(text, one) for one in entered.inner],
    )


def fold_of(fold: FoldedLines) -> lsp.FoldingRange:
    """Lines that can be folded."""
    return lsp.FoldingRange(fold.first, fold.last, kind=_FOLDS[fold.sort])


def hint_of(text: OpenText, hint: ShapeHint) -> lsp.InlayHint:
    """A type behind a stage."""
    tooltip = None
    if hint.full != hint.text:
        tooltip = hint.full
    return lsp.InlayHint(position_of(text.place(hint.offset)), hint.text, kind=lsp.InlayHintKind.Type,
                         padding_left=True, tooltip=tooltip)


def lens_of(text: OpenText, note: CostNote) -> lsp.CodeLens:
    """A line above a declaration. It does nothing when it is clicked."""
    return lsp.CodeLens(range_of(text, note.span), command=lsp.Command(note.text, ""))


def location_of(file: ArchText, span: Span) -> lsp.Location:
    """A place in a file."""
    return lsp.Location(file.uri, range_of(file.text, span))


def legend() -> lsp.SemanticTokensLegend:
    """The meanings of the numbers of semantic tokens."""
    return lsp.SemanticTokensLegend(list(TYPES), list(MODIFIERS))


def tokens_of(text: OpenText, parts: Sequence[Coloured]) -> lsp.SemanticTokens:
    """Coloured words, each by its distance from the one before, as the protocol packs them."""
    data: list[int] = []
    line = unit = 0

    for one in parts:
        place = text.place(one.span.start)
        # The unit counts from the word before it on the same line, else from the line's beginning.
        start = place.unit
        if place.line == line:
            start -= unit
        bits = sum(1 << MODIFIERS.index(modifier) for modifier in one.modifiers)
        data += [place.line - line, start, units_of(one.span.text), TYPES.index(one.type), bits]
        line, unit = place.line, place.unit
    return lsp.SemanticTokens(data)
