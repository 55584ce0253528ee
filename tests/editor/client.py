"""A client of the Language Server Protocol that knows nothing of the server: JSON messages over pipes, and a text.

It holds its document as an editor does, in UTF-16 units, and tells the server every edit.
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any

ROOT = Path(__file__).resolve().parents[2]

CAPABILITIES = {
    "workspace": {"inlayHint": {"refreshSupport": False}, "workspaceEdit": {"documentChanges": False}},
    "textDocument": {
        "publishDiagnostics": {"relatedInformation": True, "versionSupport": True},
        "rename": {"prepareSupport": True},
        "documentSymbol": {"hierarchicalDocumentSymbolSupport": True},
        "codeAction": {"codeActionLiteralSupport": {"codeActionKind": {"valueSet": ["quickfix", "source.fixAll"]}}},
    },
}


class ServerError(Exception):
    """The server answered a request with an error."""


class Client:
    """A running server and the conversation with it."""

    def __init__(self, *arguments: str, folder: Path | None = None, environment: dict[str, str] | None = None) -> None:
        # The command as a user types it, from the same environment as these tests.
        command = [sys.executable, "-m", "archlang", "lsp", *arguments]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=folder or ROOT,
            env={**os.environ, **(environment or {})},
        )
        self.answers: dict[int, Any] = {}
        self.stray: list[bytes] = []  # what came between two messages
        self.diagnostics: dict[str, tuple[int | None, list[dict[str, Any]], float]] = {}
        self.news = threading.Condition()
        self.log: queue.Queue[bytes] = queue.Queue()
        self.number = 0
        self.ears = [threading.Thread(target=ear, daemon=True) for ear in (self._listen, self._overhear)]
        for ear in self.ears:
            ear.start()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.end()

    def start(self, root: Path | None = None) -> dict[str, Any]:
        """Greet the server; return what it can do."""
        folders = None
        if root is not None:
            folders = [{"uri": root.as_uri(), "name": root.name}]
        answer = self.ask("initialize", {
            "processId": os.getpid(), "rootUri": None, "capabilities": CAPABILITIES, "workspaceFolders": folders,
        })
        self.tell("initialized", {})
        return answer["capabilities"]

    def end(self) -> int:
        """Say goodbye; return the exit status."""
        if self.process.poll() is None:
            try:
                self.ask("shutdown", None, 20)
                self.tell("exit", None)
                self.process.stdin.close()
            except (OSError, TimeoutError):
                self.process.kill()
        try:
            return self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        finally:
            for ear in self.ears:
                ear.join(20)
            for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
                stream.close()

    # --- messages ----------------------------------------------------------------------------------------------------

    def send(self, message: dict[str, Any]) -> None:
        """Send one message."""
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.raw(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))

    def raw(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def tell(self, method: str, params: Any) -> None:
        """Send a notification."""
        self.send({"method": method, "params": params} if params is not None else {"method": method})

    def post(self, method: str, params: Any) -> int:
        """Send a request; return its number."""
        self.number += 1
        message = {"id": self.number, "method": method}
        if params is not None:
            message["params"] = params
        self.send(message)
        return self.number

    def answer(self, number: int, seconds: float = 60) -> Any:
        """Wait for the answer to a request. Raises ServerError for an error, TimeoutError without one."""
        with self.news:
            if not self.news.wait_for(lambda: number in self.answers, seconds):
                raise TimeoutError(f"no answer to request {number}")
            message = self.answers.pop(number)
        if "error" in message:
            raise ServerError(message["error"]["message"])
        return message["result"]

    def ask(self, method: str, params: Any, seconds: float = 60) -> Any:
        """Send a request and wait for its answer."""
        return self.answer(self.post(method, params), seconds)

    def diagnosed(self, uri: str, version: int, seconds: float = 60) -> list[dict[str, Any]]:
        """Wait for the mistakes of one version of a document."""
        with self.news:
            if not self.news.wait_for(lambda: self.diagnostics.get(uri, (None,))[0] == version, seconds):
                raise TimeoutError(f"no diagnostics of version {version}, the last are of {self.diagnostics.get(uri)}")
            return self.diagnostics[uri][1]

    def _listen(self) -> None:
        stream = self.process.stdout
        while True:
            length = 0
            while (line := stream.readline()) not in (b"\r\n", b""):
                name, _, value = line.partition(b":")
                if name == b"Content-Length":
                    length = int(value)
                elif name != b"Content-Type":
                    self.stray.append(line)
            if not line:
                return
            message = json.loads(stream.read(length))
            with self.news:
                self._received(message)
                self.news.notify_all()

    def _received(self, message: dict[str, Any]) -> None:
        if "method" not in message:
            self.answers[message["id"]] = message
        elif message["method"] == "textDocument/publishDiagnostics":
            params = message["params"]
            self.diagnostics[params["uri"]] = (params.get("version"), params["diagnostics"], time.perf_counter())
        elif "id" in message:  # a request of the server's: nothing here has an answer
            self.send({"id": message["id"], "result": None})

    def _overhear(self) -> None:
        for line in self.process.stderr:
            self.log.put(line)

    def logged(self) -> str:
        """What the server wrote into its log so far."""
        return b"".join(self.log.queue).decode(errors="replace")


class Document:
    """A document as an editor holds it."""

    def __init__(self, client: Client, uri: str, text: str = "") -> None:
        self.client, self.uri, self.text, self.version = client, uri, text, 1
        client.tell("textDocument/didOpen", {
            "textDocument": {"uri": uri, "languageId": "arch", "version": 1, "text": text},
        })

    def replace(self, start: int, end: int, new: str) -> None:
        """Replace characters; the server is told in lines and UTF-16 units."""
        change = {"range": {"start": position(self.text, start), "end": position(self.text, end)}, "text": new}
        self.text = self.text[:start] + new + self.text[end:]
        self._changed([change])

    def rewrite(self, text: str) -> None:
        """Replace the whole text at once."""
        self.text = text
        self._changed([{"text": text}])

    def _changed(self, changes: list[dict[str, Any]]) -> None:
        self.version += 1
        self.client.tell("textDocument/didChange", {
            "textDocument": {"uri": self.uri, "version": self.version}, "contentChanges": changes,
        })

    def at(self, offset: int) -> dict[str, Any]:
        """The parameters of a request about a place."""
        return {"textDocument": {"uri": self.uri}, "position": position(self.text, offset)}

    def ask(self, method: str, offset: int, **more: Any) -> Any:
        """Ask about a place."""
        return self.client.ask(f"textDocument/{method}", {**self.at(offset), **more})

    def whole(self, method: str, **more: Any) -> Any:
        """Ask about the whole document."""
        return self.client.ask(f"textDocument/{method}", {"textDocument": {"uri": self.uri}, **more})

    def all_lines(self) -> dict[str, Any]:
        """The range of the whole text."""
        return {"start": {"line": 0, "character": 0}, "end": position(self.text, len(self.text))}

    def diagnosed(self, seconds: float = 60) -> list[dict[str, Any]]:
        """The mistakes of the text as it is now."""
        return self.client.diagnosed(self.uri, self.version, seconds)

    def applied(self, edits: list[dict[str, Any]]) -> str:
        """The text after edits of the server's."""
        text = self.text
        for edit in sorted(edits, key=lambda e: (e["range"]["start"]["line"], e["range"]["start"]["character"]),
                           reverse=True):
            start, end = (offset(self.text, edit["range"][key]) for key in ("start", "end"))
            text = text[:start] + edit["newText"] + text[end:]
        return text


def position(text: str, at: int) -> dict[str, int]:
    """A character's line and UTF-16 unit, worked out in the plainest way: by encoding what stands before it."""
    before = text[:at]
    lines = before.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    # Between the two signs of a line end no editor can be.
    assert not (before.endswith("\r") and text[at : at + 1] == "\n")
    return {"line": len(lines) - 1, "character": len(lines[-1].encode("utf-16-le", "surrogatepass")) // 2}


def offset(text: str, place: dict[str, int]) -> int:
    """The character at a line and UTF-16 unit."""
    at = 0
    for _ in range(place["line"]):
        ends = [found + len(sign) for sign in ("\r\n", "\n", "\r") if (found := text.find(sign, at)) >= 0]
        at = min(ends) if ends else len(text)
        if text[at - 1 : at + 1] == "\r\n":
            at += 1
    units = 0
    while units < place["character"] and at < len(text):
        units += len(text[at].encode("utf-16-le", "surrogatepass")) // 2
        at += 1
    return at
