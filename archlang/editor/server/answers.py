"""The answer to each request: the document is found, the room is asked, the result is put into the protocol's words."""

from __future__ import annotations

from typing import Protocol

from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcInvalidParams

from archlang.editor.calls import call_at
from archlang.editor.colours import coloured
from archlang.editor.completion import offers_at
from archlang.editor.hints import cost_notes, shape_hints
from archlang.editor.hover import explained_at
from archlang.editor.meaning import try_mends
from archlang.editor.outline import folds_of, outline_of
from archlang.editor.problems import QuickFix, all_certain, fixes_of, formatted, problems_of
from archlang.editor.references import RefusedRename, places_of, renamed, target_of
from archlang.editor.server.analyst import Analyst
from archlang.editor.server.convert import (
    completion_of,
    diagnostic_of,
    edits_of,
    fold_of,
    hint_of,
    lens_of,
    location_of,
    markdown,
    place_of,
    range_of,
    symbol_of,
    tokens_of,
)
from archlang.editor.workspace import Declared, OpenDocument, OpenFiles

AT_ONCE = 0.06
"""Seconds that a hover waits for types; without them it says what it knows."""


class Desk(Protocol):
    """The parts of the server that answers need."""

    files: OpenFiles
    analyst: Analyst

    def document(self, uri: str) -> OpenDocument | None:
        """The open document of an address."""


Positioned = (
    lsp.CompletionParams | lsp.SignatureHelpParams | lsp.DefinitionParams | lsp.ReferenceParams
    | lsp.DocumentHighlightParams | lsp.PrepareRenameParams | lsp.RenameParams | lsp.HoverParams
)
"""The parameters of requests about a place."""


def _at(desk: Desk, params: Positioned) -> tuple[OpenDocument, int] | None:
    """The document and the offset that a request is about; None for a document that is not open."""
    document = desk.document(params.text_document.uri)
    if document is None:
        return None
    return document, document.now.text.offset(place_of(params.position))


def _meant(desk: Desk, params: Positioned) -> Declared | None:
    """The declaration that the place of a request means."""
    found = _at(desk, params)
    if found is None:
        return None
    return desk.files.meant(found[0].now, found[1])


# --- answers from the text alone -------------------------------------------------------------------------------------


def completion(desk: Desk, params: lsp.CompletionParams) -> lsp.CompletionList | None:
    """Everything that may be written here."""
    found = _at(desk, params)
    if found is None:
        return None
    return completion_of(found[0].now.text, offers_at(desk.files, *found))


def signature(desk: Desk, params: lsp.SignatureHelpParams) -> lsp.SignatureHelp | None:
    """The call around, and its argument that is being written."""
    found = _at(desk, params)
    if found is None:
        return None
    call = call_at(desk.files, *found)
    if call is None:
        return None

    parameters = []
    for one in call.form.arguments:
        said = ": ".join(part for part in (one.takes, one.doc) if part)
        parameters.append(lsp.ParameterInformation(one.label, markdown(said)))
    # Past them all, no argument is the one at hand.
    active = call.active
    if active is None:
        active = len(parameters)
    form = lsp.SignatureInformation(call.form.label, markdown(call.form.doc), parameters)
    return lsp.SignatureHelp([form], 0, active)


def definition(desk: Desk, params: lsp.DefinitionParams) -> lsp.Location | None:
    """The place where a name is bound, in this file or in the one that it is imported from."""
    declared = _meant(desk, params)
    if declared is None:
        return None
    return location_of(declared.file, declared.binding.span)


def references(desk: Desk, params: lsp.ReferenceParams) -> list[lsp.Location]:
    """Every place that means the same."""
    declared = _meant(desk, params)
    if declared is None:
        return []
    with_declaration = params.context.include_declaration
    return [location_of(one.file, one.span) for one in places_of(desk.files, declared)
            if with_declaration or not one.is_declaration]


def highlights(desk: Desk, params: lsp.DocumentHighlightParams) -> list[lsp.DocumentHighlight]:
    """The places in this file that mean the same."""
    found = _at(desk, params)
    if found is None:
        return []
    binding = found[0].now.names.at(found[1])
    if binding is None:
        return []
    return [lsp.DocumentHighlight(range_of(found[0].now.text, span)) for span in binding[0].places]


def can_rename(desk: Desk, params: lsp.PrepareRenameParams) -> lsp.Range | None:
    """The name that a rename would change; None where there is none."""
    found = _at(desk, params)
    if found is None or target_of(desk.files, found[0].now, found[1]) is None:
        return None

    names = found[0].now.names
    binding, argument = names.at(found[1]), names.argument_at(found[1])
    if binding is not None:
        return range_of(found[0].now.text, binding[1])
    if argument is not None:
        return range_of(found[0].now.text, argument.span)
    return None


def rename(desk: Desk, params: lsp.RenameParams) -> lsp.WorkspaceEdit | None:
    """The edits of a rename; a refusal is the request's error, with its reason."""
    found = _at(desk, params)
    if found is None:
        return None

    try:
        places = renamed(desk.files, found[0].now, found[1], params.new_name)
    except RefusedRename as refusal:
        # The client shows the reason; the text stays as it is.
        raise JsonRpcInvalidParams(str(refusal)) from None
    return lsp.WorkspaceEdit({
        uri: edits_of(file.text, ((span.start, span.end, params.new_name) for span in spans))
        for uri, (file, spans) in places.items()
    })


# --- answers that need the compiler ----------------------------------------------------------------------------------


async def hover(desk: Desk, params: lsp.HoverParams) -> lsp.Hover | None:
    """The meaning of the word under the cursor."""
    found = _at(desk, params)
    if found is None:
        return None
    document, offset = found
    await desk.analyst.settled(document, AT_ONCE)

    # The text may have changed meanwhile; the place is that of the request then, and may be nothing.
    explained = explained_at(desk.files, document, offset)
    if explained is None or not explained.text:
        return None
    return lsp.Hover(markdown(explained.text), range_of(document.now.text, explained.span))


async def hints(desk: Desk, params: lsp.InlayHintParams, seconds: float) -> list[lsp.InlayHint]:
    """The types behind the stages of some lines."""
    document = desk.document(params.text_document.uri)
    if document is None or await desk.analyst.settled(document, seconds) is None:
        return []
    text = document.now.text
    start, end = (text.offset(place_of(place)) for place in (params.range.start, params.range.end))
    return [hint_of(text, hint) for hint in shape_hints(document, start, end)]


async def lenses(desk: Desk, params: lsp.CodeLensParams, seconds: float) -> list[lsp.CodeLens]:
    """The parameters of blocks and of the network."""
    document = desk.document(params.text_document.uri)
    if document is None or await desk.analyst.settled(document, seconds) is None:
        return []
    return [lens_of(document.now.text, note) for note in cost_notes(document)]


async def actions(desk: Desk, params: lsp.CodeActionParams, seconds: float) -> list[lsp.CodeAction]:
    """The edits that mend the mistakes of some lines, and one that makes all certain ones."""
    document = desk.document(params.text_document.uri)
    if document is None:
        return []
    meaning = await desk.analyst.settled(document, seconds)
    if meaning is None:
        return []

    text = document.now.text
    start, end = (text.offset(place_of(place)) for place in (params.range.start, params.range.end))
    # The mistakes are shown at each key, their mends are asked for seldom: only then are they tried.
    try_mends(meaning, desk.files.situation(document.now))
    fixes = list(fixes_of(problems_of(desk.files, document.now, meaning), document.now))
    here = [fix for fix in fixes if fix.problem.span.start <= end and start <= fix.problem.span.end]
    found = [_action(document, fix) for fix in here if _is_asked(params, lsp.CodeActionKind.QuickFix)]

    certain = all_certain(fixes)
    if certain and _is_asked(params, lsp.CodeActionKind.SourceFixAll):
        edit = lsp.WorkspaceEdit({document.now.uri: edits_of(text, certain)})
        found.append(lsp.CodeAction("Mend all that archlang can mend", lsp.CodeActionKind.SourceFixAll, edit=edit))
    return found


def _is_asked(params: lsp.CodeActionParams, kind: lsp.CodeActionKind) -> bool:
    if params.context.only is None:
        return True
    # A client that asks for `source` wants all that begins so.
    asked = [str(getattr(one, "value", one)) for one in params.context.only]
    return any(kind.value == one or kind.value.startswith(f"{one}.") for one in asked)


def _action(document: OpenDocument, fix: QuickFix) -> lsp.CodeAction:
    text = document.now.text
    return lsp.CodeAction(
        fix.title, lsp.CodeActionKind.QuickFix, [diagnostic_of(text, fix.problem)], is_preferred=fix.is_certain,
        edit=lsp.WorkspaceEdit({document.now.uri: edits_of(text, fix.edits)}),
    )


# --- answers about the whole text ------------------------------------------------------------------------------------


def symbols(desk: Desk, params: lsp.DocumentSymbolParams) -> list[lsp.DocumentSymbol]:
    """The outline."""
    document = desk.document(params.text_document.uri)
    if document is None:
        return []
    return [symbol_of(document.now.text, entered) for entered in outline_of(document.now.reading)]


def folds(desk: Desk, params: lsp.FoldingRangeParams) -> list[lsp.FoldingRange]:
    """The lines that can be folded."""
    document = desk.document(params.text_document.uri)
    if document is None:
        return []
    return [fold_of(fold) for fold in folds_of(document.now.reading)]


def colours(desk: Desk, params: lsp.SemanticTokensParams) -> lsp.SemanticTokens:
    """The words by what they mean."""
    document = desk.document(params.text_document.uri)
    if document is None:
        return lsp.SemanticTokens([])
    return tokens_of(document.now.text, coloured(desk.files, document.now))


def formatting(desk: Desk, params: lsp.DocumentFormattingParams) -> list[lsp.TextEdit] | None:
    """The canonical form; nothing for a text with mistakes in its form, which stays as it is."""
    document = desk.document(params.text_document.uri)
    if document is None:
        return None
    after = formatted(document.now)
    if after is None:
        return None
    text = document.now.text
    if after == text.text:
        return []
    return edits_of(text, [(0, len(text.text), after)])
