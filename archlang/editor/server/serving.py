"""The server itself: which request gets which answer. The answers are worked out elsewhere in this room."""

from __future__ import annotations

import gc
import logging
import sys
from collections.abc import Generator
from typing import Any, BinaryIO

from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException, JsonRpcInvalidParams, JsonRpcRequestCancelled
from pygls.lsp.server import LanguageServer
from pygls.protocol import LanguageServerProtocol, default_converter
from pygls.protocol.language_server import lsp_method

from archlang.editor.completion import offers_at
from archlang.editor.meaning import meaning_of
from archlang.editor.problems import problems_of
from archlang.editor.server import answers
from archlang.editor.server.analyst import Analyst
from archlang.editor.server.convert import diagnostic_of, edit_of, legend
from archlang.editor.workspace import OpenDocument, OpenFiles, path_of
from archlang.version import VERSION

TEXT = "archlang/text"
"""A request of our own: the text as the server has it, for a client that wants to know whether both agree."""

NEEDS_TYPES = 5.0
"""Seconds that an answer waits for the compiler where it says nothing without types."""

TURN = 0.001
"""Seconds for which the compiler may keep the interpreter while the conversation waits for it (Python: 0.005)."""

FIRST = "archlang:first", "archlang 1\nnetwork N { input x: [1]\n output x -> linear(1) }\n"
"""The address and the text of a document that nobody opened: what the first answers need is loaded with it."""

log = logging.getLogger(__name__)


class ArchProtocol(LanguageServerProtocol):
    """The protocol with the documents of this room in place of pygls' own, which count line ends as Python does."""

    def structure_message(self, data: dict[str, Any]) -> Any:
        """Read a message. A request whose parameters are wrong gets an answer that says so: its sender waits for one.

        Raises JsonRpcException.
        """
        try:
            return super().structure_message(data)
        except JsonRpcException as wrong:
            if "id" in data and "method" in data:
                self._send_response(data["id"], error=wrong.to_response_error())
            raise

    def _handled(self, method: str, params: object) -> Generator[Any, Any, None]:
        handler = self.fm.features.get(method)
        if handler is not None:
            yield handler, (params,), None

    @lsp_method(lsp.TEXT_DOCUMENT_DID_OPEN)
    def lsp_text_document__did_open(self, params: lsp.DidOpenTextDocumentParams) -> Generator[Any, Any, None]:
        """Hand it to the server."""
        yield from self._handled(lsp.TEXT_DOCUMENT_DID_OPEN, params)

    @lsp_method(lsp.TEXT_DOCUMENT_DID_CHANGE)
    def lsp_text_document__did_change(self, params: lsp.DidChangeTextDocumentParams) -> Generator[Any, Any, None]:
        """Hand it to the server."""
        yield from self._handled(lsp.TEXT_DOCUMENT_DID_CHANGE, params)

    @lsp_method(lsp.TEXT_DOCUMENT_DID_CLOSE)
    def lsp_text_document__did_close(self, params: lsp.DidCloseTextDocumentParams) -> Generator[Any, Any, None]:
        """Hand it to the server."""
        yield from self._handled(lsp.TEXT_DOCUMENT_DID_CLOSE, params)


class ArchServer(LanguageServer):
    """A server with the documents that are open and the compiler that is asked about them."""

    def __init__(self, files: OpenFiles) -> None:
        super().__init__("archlang", VERSION, lsp.TextDocumentSyncKind.Incremental, None, ArchProtocol,
                         default_converter)
        self.files = files
        self.analyst = Analyst(files, self.publish)
        _documents(self)
        _places(self)
        _types(self)
        _texts(self)

    def document(self, uri: str) -> OpenDocument | None:
        """The open document of an address."""
        return self.files.documents.get(uri)

    def publish(self, document: OpenDocument) -> None:
        """Send the mistakes of a document, and have what shows types asked for again."""
        meaning = document.current
        if meaning is None:
            return
        found = problems_of(self.files, document.now, meaning)
        self.text_document_publish_diagnostics(lsp.PublishDiagnosticsParams(
            document.now.uri, [diagnostic_of(document.now.text, problem) for problem in found], document.version,
        ))
        self._refresh()

    def _refresh(self) -> None:
        # An editor asks for hints when the text changes, which is before the compiler has answered.
        workspace = self.client_capabilities.workspace
        if workspace is None:
            return
        if workspace.inlay_hint is not None and workspace.inlay_hint.refresh_support:
            self.workspace_inlay_hint_refresh(None)
        if workspace.code_lens is not None and workspace.code_lens.refresh_support:
            self.workspace_code_lens_refresh(None)

    def report_server_error(self, error: Exception, source: type[Exception]) -> None:
        """Write a fault of a handler into the log: the client has an answer that says so, and all goes on."""
        if not isinstance(error, JsonRpcInvalidParams):
            log.error("%s: %s", source.__name__, error)


def serve(files: OpenFiles, incoming: BinaryIO, outgoing: BinaryIO) -> None:
    """Talk to an editor until it says goodbye or is gone."""
    server = ArchServer(files)
    logging.getLogger("pygls").addFilter(_is_fault)
    logging.getLogger("pygls.protocol.json_rpc").addFilter(_is_fault)
    before = sys.getswitchinterval()
    # A key changes hands several times between reading, answering and writing.
    sys.setswitchinterval(TURN)
    try:
        warm_up(files)
        server.start_io(incoming, outgoing)
    finally:
        sys.setswitchinterval(before)
        gc.unfreeze()
        server.analyst.stop()


def warm_up(files: OpenFiles) -> None:
    """Load what the first answers need, which the first key would wait for, and keep it out of searches for cycles."""
    uri, text = FIRST
    document = files.open(uri, 0, text)
    offers_at(files, document, text.index("linear"))
    meaning_of(document.now.reading, files.situation(document.now))
    files.close(uri)

    # A search through all modules takes a tenth of a second, and finds nothing: they stay as long as the process.
    gc.collect()
    gc.freeze()


def _is_fault(record: logging.LogRecord) -> bool:
    """Tell whether a record of pygls is about a fault: a request that was refused or taken back is none."""
    problem = (record.exc_info or (None, None, None))[1]
    return record.levelno >= logging.ERROR and not isinstance(problem, JsonRpcInvalidParams | JsonRpcRequestCancelled)


# --- documents -------------------------------------------------------------------------------------------------------


def _documents(server: ArchServer) -> None:
    @server.feature(lsp.INITIALIZED)
    def initialized(params: lsp.InitializedParams) -> None:
        folders = server.protocol.workspace.folders.values()
        paths = (path_of(folder.uri) for folder in folders)
        server.files.roots = [path for path in paths if path is not None and path.is_dir()]

    @server.feature(lsp.TEXT_DOCUMENT_DID_OPEN)
    def opened(params: lsp.DidOpenTextDocumentParams) -> None:
        document = params.text_document
        server.analyst.changed(server.files.open(document.uri, document.version, document.text), 0)

    @server.feature(lsp.TEXT_DOCUMENT_DID_CHANGE)
    def changed(params: lsp.DidChangeTextDocumentParams) -> None:
        uri = params.text_document.uri
        if server.document(uri) is not None:
            edits = [edit_of(change) for change in params.content_changes]
            server.analyst.changed(server.files.change(uri, params.text_document.version, edits))

    @server.feature(lsp.TEXT_DOCUMENT_DID_CLOSE)
    def closed(params: lsp.DidCloseTextDocumentParams) -> None:
        uri = params.text_document.uri
        server.files.close(uri)
        server.analyst.closed(uri)
        server.text_document_publish_diagnostics(lsp.PublishDiagnosticsParams(uri, []))

    # What lies on disk has changed: any open document may import it.
    @server.feature(lsp.TEXT_DOCUMENT_DID_SAVE)
    @server.feature(lsp.WORKSPACE_DID_CHANGE_WATCHED_FILES)
    def stored(params: lsp.DidSaveTextDocumentParams | lsp.DidChangeWatchedFilesParams) -> None:
        for document in server.files.documents.values():
            server.analyst.changed(document)


# --- answers from the text alone -------------------------------------------------------------------------------------


def _places(server: ArchServer) -> None:
    @server.feature(lsp.TEXT_DOCUMENT_COMPLETION, lsp.CompletionOptions(trigger_characters=[".", "(", ">", ",", "=",
                                                                                             "{", " "]))
    def completion(params: lsp.CompletionParams) -> lsp.CompletionList | None:
        return answers.completion(server, params)

    @server.feature(lsp.TEXT_DOCUMENT_SIGNATURE_HELP, lsp.SignatureHelpOptions(trigger_characters=["(", ",", "="]))
    def signature(params: lsp.SignatureHelpParams) -> lsp.SignatureHelp | None:
        return answers.signature(server, params)

    @server.feature(lsp.TEXT_DOCUMENT_DEFINITION)
    def definition(params: lsp.DefinitionParams) -> lsp.Location | None:
        return answers.definition(server, params)

    @server.feature(lsp.TEXT_DOCUMENT_REFERENCES)
    def references(params: lsp.ReferenceParams) -> list[lsp.Location]:
        return answers.references(server, params)

    @server.feature(lsp.TEXT_DOCUMENT_DOCUMENT_HIGHLIGHT)
    def highlights(params: lsp.DocumentHighlightParams) -> list[lsp.DocumentHighlight]:
        return answers.highlights(server, params)

    @server.feature(lsp.TEXT_DOCUMENT_PREPARE_RENAME)
    def can_rename(params: lsp.PrepareRenameParams) -> lsp.Range | None:
        return answers.can_rename(server, params)

    @server.feature(lsp.TEXT_DOCUMENT_RENAME, lsp.RenameOptions(prepare_provider=True))
    def rename(params: lsp.RenameParams) -> lsp.WorkspaceEdit | None:
        return answers.rename(server, params)


# --- answers that need the compiler ----------------------------------------------------------------------------------


def _types(server: ArchServer) -> None:
    @server.feature(lsp.TEXT_DOCUMENT_HOVER)
    async def hover(params: lsp.HoverParams) -> lsp.Hover | None:
        return await answers.hover(server, params)

    @server.feature(lsp.TEXT_DOCUMENT_INLAY_HINT)
    async def hints(params: lsp.InlayHintParams) -> list[lsp.InlayHint]:
        return await answers.hints(server, params, NEEDS_TYPES)

    @server.feature(lsp.TEXT_DOCUMENT_CODE_LENS)
    async def lenses(params: lsp.CodeLensParams) -> list[lsp.CodeLens]:
        return await answers.lenses(server, params, NEEDS_TYPES)

    kinds = [lsp.CodeActionKind.QuickFix, lsp.CodeActionKind.SourceFixAll]

    @server.feature(lsp.TEXT_DOCUMENT_CODE_ACTION, lsp.CodeActionOptions(code_action_kinds=kinds))
    async def actions(params: lsp.CodeActionParams) -> list[lsp.CodeAction]:
        return await answers.actions(server, params, NEEDS_TYPES)


# --- answers about the whole text ------------------------------------------------------------------------------------


def _texts(server: ArchServer) -> None:
    @server.feature(lsp.TEXT_DOCUMENT_DOCUMENT_SYMBOL)
    def symbols(params: lsp.DocumentSymbolParams) -> list[lsp.DocumentSymbol]:
        return answers.symbols(server, params)

    @server.feature(lsp.TEXT_DOCUMENT_FOLDING_RANGE)
    def folds(params: lsp.FoldingRangeParams) -> list[lsp.FoldingRange]:
        return answers.folds(server, params)

    @server.feature(lsp.TEXT_DOCUMENT_SEMANTIC_TOKENS_FULL, legend())
    def colours(params: lsp.SemanticTokensParams) -> lsp.SemanticTokens:
        return answers.colours(server, params)

    @server.feature(TEXT)
    def text(params: Any) -> str | None:  # a request of our own, of which the protocol's types know nothing
        document = server.document(params.textDocument.uri)
        if document is None:
            return None
        return document.now.text.text

    @server.feature(lsp.TEXT_DOCUMENT_FORMATTING)
    def formatting(params: lsp.DocumentFormattingParams) -> list[lsp.TextEdit] | None:
        return answers.formatting(server, params)
