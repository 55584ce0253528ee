"""The compiler at work beside the conversation: one text at a time, the newest version only, stopped once outdated.

Requests that need no types are answered at once from the text; those that do wait for this.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from archlang.editor.meaning import Meaning, OutdatedError, meaning_of
from archlang.editor.workspace import ArchText, OpenDocument, OpenFiles
from archlang.syntax.tree import Import

PAUSE = 0.03
"""Seconds without a further key before the compiler is asked."""

log = logging.getLogger(__name__)


class Analyst:
    """Asks the compiler about open documents. `tell` is called, on the server's own thread, with what it found."""

    def __init__(self, files: OpenFiles, tell: Callable[[OpenDocument], None]) -> None:
        self.files, self.tell = files, tell
        # One worker: two builds at once would only slow each other and the conversation.
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="archlang")
        self._planned: dict[str, asyncio.TimerHandle] = {}
        self._waiting: dict[str, list[asyncio.Future[None]]] = {}

    def changed(self, document: OpenDocument, pause: float = PAUSE) -> None:
        """Plan to ask about a document whose text is new, and about those that import it."""
        self._plan(document, pause)
        for other in self.files.documents.values():
            if other is not document and self._imports(other.now, document.now):
                self._plan(other, pause)

    def closed(self, uri: str) -> None:
        """Forget a document."""
        planned = self._planned.pop(uri, None)
        if planned is not None:
            planned.cancel()
        self._release(uri)

    def stop(self) -> None:
        """End the work; what is going on stops at its next stage."""
        self.files.documents.clear()
        self._worker.shutdown(wait=False, cancel_futures=True)

    async def settled(self, document: OpenDocument, seconds: float) -> Meaning | None:
        """Return what the compiler says of a document now; None where that takes longer, or the text changes."""
        if document.current is not None:
            return document.current
        waiting = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(document.now.uri, []).append(waiting)
        await asyncio.wait([waiting], timeout=seconds)
        return document.current

    def _imports(self, file: ArchText, other: ArchText) -> bool:
        """Tell whether a file imports another one itself."""
        # Modules of the search path do not change while one types; files beside this one do.
        items = [item for item in file.reading.tree.declarations if isinstance(item, Import) and item.quoted]
        return any(found is not None and found.uri == other.uri
                   for found in (self.files.imported_file(file, item) for item in items))

    def _plan(self, document: OpenDocument, pause: float) -> None:
        uri = document.now.uri
        earlier = self._planned.pop(uri, None)
        if earlier is not None:
            earlier.cancel()
        # Types of the old text would stand at wrong places in the new one.
        document.meaning = None
        self._planned[uri] = asyncio.get_running_loop().call_later(pause, self._ask, document)

    def _ask(self, document: OpenDocument) -> None:
        text, situation = document.now, self.files.situation(document.now)
        reading = text.reading  # on this thread: read twice, the text would have two sources, and places of both
        self._planned.pop(text.uri, None)
        loop = asyncio.get_running_loop()

        def is_wanted() -> bool:
            return document.now is text and self.files.documents.get(text.uri) is document

        def work() -> Meaning | None:
            try:
                return meaning_of(reading, situation, is_wanted)
            except OutdatedError:
                return None
            except Exception:  # a mistake in the compiler must not end the conversation
                log.exception("the compiler failed on %s", text.uri)
                return Meaning(reading.source)

        def done(finished: asyncio.Future[Meaning | None]) -> None:
            # Another version has come meanwhile, and was planned when it came.
            if finished.cancelled() or not is_wanted():
                return
            document.meaning = finished.result()
            self._release(text.uri)
            if document.meaning is not None:
                self.tell(document)

        loop.run_in_executor(self._worker, work).add_done_callback(done)

    def _release(self, uri: str) -> None:
        """Let those go on who wait for a document."""
        for waiting in self._waiting.pop(uri, []):
            if not waiting.done():
                waiting.set_result(None)
