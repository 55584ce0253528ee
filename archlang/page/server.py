"""The server of the page: static files, and questions as JSON, under an address that only this computer can reach."""

from __future__ import annotations

import json
import logging
import os
import socket
import socketserver
from contextlib import suppress
from dataclasses import dataclass
from email.message import Message
from functools import cache
from http.server import BaseHTTPRequestHandler
from importlib import resources
from typing import Any

from archlang.diagnostics import ArchError, error
from archlang.page.answers import PageAnswers
from archlang.page.guard import HEADERS, LOOPBACK, Guard, RefusedError

SECONDS = 30.0
"""Seconds that a connection may be silent: who opens one and sends nothing holds a thread for no longer."""

CONNECTIONS = 64
"""Connections at once: a browser keeps six, and each holds a thread."""

LINGER = 1.0
"""Seconds of silence after which the rest of a refused question is no longer waited for."""

DROPPED = 16 << 20
"""Bytes of a refused question that are read and forgotten."""

ESCAPED = 6
"""Letters that JSON may need for one of a text, as in `\\u0041`."""

KINDS = {
    ".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8",
}

log = logging.getLogger(__name__)


class PageServer(socketserver.ThreadingTCPServer):
    """A server of one project; each connection has a thread, which ends with the process.

    Args:
        answers: what is answered.
        port: the port; 0 for any that is free.

    Raises ArchError (usage) for a port that cannot be had.
    """

    daemon_threads = True
    # A port that was given back a moment ago can be had again; on Windows this would take one away from its owner.
    allow_reuse_address = os.name == "posix"
    request_queue_size = 32

    def __init__(self, answers: PageAnswers, port: int = 0) -> None:
        self.connections: set[socket.socket] = set()
        try:
            super().__init__((LOOPBACK, port), PageHandler)
        except OSError as problem:
            said = (problem.strerror or str(problem)).lower()
            help = "another `--port`, or none: then a free one is taken"
            raise ArchError(error("usage", f"port {port} of this computer cannot be had: {said}", help=help)) from None
        self.answers = answers
        self.guard = Guard(self.server_address[1])
        # What a question may hold at most: a text with every letter escaped, and the other fields.
        self.most = ESCAPED * answers.files.limits.file_bytes + (1 << 16)

    @property
    def address(self) -> str:
        """The address of the page, its token in it."""
        return self.guard.address

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer a connection in a thread of its own; end it where there are too many."""
        if len(self.connections) >= CONNECTIONS:
            self.shutdown_request(request)
            return
        self.connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """End a connection."""
        self.connections.discard(request)
        super().shutdown_request(request)

    def server_close(self) -> None:
        """Give the port back and end all connections: one that a browser keeps would be answered for ever."""
        super().server_close()
        for connection in tuple(self.connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: object, client_address: object) -> None:  # noqa: ARG002 - the library calls it so
        """Write into the log what went wrong with a connection: the others go on."""
        log.debug("a connection failed", exc_info=True)


class PageHandler(BaseHTTPRequestHandler):
    """One connection."""

    server: PageServer
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "archlang", ""
    timeout = SECONDS
    was_read = False
    """Tell whether the question was read; what is left of one that was refused is dropped."""

    def do_GET(self) -> None:
        """Answer with a part of the page."""
        self._answered(self._part)

    def do_POST(self) -> None:
        """Answer a question."""
        self.was_read = False
        self._answered(self._question)

    def _answered(self, work: Any) -> None:
        """Send what comes out, or why nothing does. A fault ends one answer, not the server."""
        try:
            reply = work(self.server.guard.admit(self.path, self._headers()))
        except RefusedError as refused:
            # What was refused would be taken for the next request.
            self.close_connection = True
            reply = _document({"problem": refused.reason}, refused.status)
        except Exception as fault:  # a mistake in archlang: the page says so, and the next question is answered
            log.exception("a question of the page failed")
            self.close_connection = True
            reply = _document({"problem": f"a mistake in archlang itself ({type(fault).__name__}: {fault})"}, 500)
        self._send(reply)
        if self.close_connection:
            self._drop()

    def _part(self, path: str) -> Reply:
        part = parts().get(path or "page.html")
        if part is None:
            raise RefusedError(404, "there is no such part of the page")
        return part

    def _question(self, path: str) -> Reply:
        question = self._read()
        name = path.removeprefix("ask/")
        return _document(self.server.answers.answer(name, question))

    def _headers(self) -> Message:
        """The headers. Raises RefusedError where one that is checked is there twice."""
        for name in ("Host", "Origin", "Content-Length"):
            if len(self.headers.get_all(name, [])) > 1:
                raise RefusedError(400, f"`{name}` is there twice")
        return self.headers

    def _read(self) -> dict[str, Any]:
        """The question that was sent. Raises RefusedError."""
        # A form of another site can send other kinds without being asked for leave.
        if self.headers.get_content_type() != "application/json":
            raise RefusedError(415, "a question is JSON")
        written = self.headers.get("Content-Length", "")
        if not (written.isascii() and written.isdigit() and len(written) < 12):
            raise RefusedError(411, "a question says how long it is")
        if int(written) > self.server.most:
            raise RefusedError(413, f"a question may hold {self.server.most} bytes")

        self.was_read = True
        data = self.rfile.read(int(written))
        if len(data) < int(written):
            raise RefusedError(400, "the question ends early")
        try:
            question = json.loads(data)
        except (ValueError, RecursionError):
            raise RefusedError(400, "the question is no JSON") from None
        if not isinstance(question, dict):
            raise RefusedError(400, "a question is an object")
        return question

    def _drop(self) -> None:
        """Read what is still to come, within bounds: closed before that, the connection would take our answer along.

        The answer is sent by then: who waits for it before sending the rest has it.
        """
        written = self.headers.get("Content-Length", "")
        left = 0
        if self.command == "POST" and not self.was_read and written.isascii() and written.isdigit():
            left = min(int(written[:12]), DROPPED)
        self.connection.settimeout(LINGER)
        with suppress(OSError):  # silence is an end, too
            while left > 0:
                part = self.rfile.read1(min(left, 1 << 16))
                if not part:
                    return
                left -= len(part)

    def _send(self, reply: Reply) -> None:
        self.send_response(reply.status)
        for name, value in {**HEADERS, "Content-Type": reply.kind, "Content-Length": str(len(reply.data))}.items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(reply.data)

    def log_message(self, format: str, *args: object) -> None:
        """Keep quiet: the address, which holds the token, belongs in no log."""


@dataclass(frozen=True)
class Reply:
    """An answer: its status, its kind, its bytes."""

    status: int
    kind: str
    data: bytes


def _document(value: dict[str, Any], status: int = 200) -> Reply:
    # In ASCII: a text may hold half a character, which UTF-8 cannot write.
    return Reply(status, "application/json", json.dumps(value, allow_nan=False).encode())


@cache
def parts() -> dict[str, Reply]:
    """The parts of the page by their paths: nothing else is ever read for a request."""
    found = {}
    for item in resources.files("archlang.page").joinpath("assets").iterdir():
        ending = item.name[item.name.rfind(".") :]
        if ending in KINDS:
            found[item.name] = Reply(200, KINDS[ending], item.read_bytes())
    return found
