"""A running server of a project, and questions to it as a page asks them."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from archlang.page.answers import PageAnswers
from archlang.page.files import ProjectFiles
from archlang.page.looking import Viewer
from archlang.page.server import PageServer

ROOT = Path(__file__).resolve().parents[2]

PATHS = (ROOT / "examples" / "04_paths.arch").read_text(encoding="utf-8")
WRONG = PATHS.replace("relu", "rleu", 1)


class Page:
    """What a page does: it asks questions below the server's address."""

    def __init__(self, server: PageServer) -> None:
        self.server, self.port, self.token = server, server.guard.port, server.guard.token
        self.number = 0

    def request(self, method: str, path: str, body: bytes | None = None,
                headers: Mapping[str, str] | None = None) -> tuple[int, bytes, Mapping[str, str]]:
        """A bare request: status, body and headers of the answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, path, body, dict(headers or {}))
            answer = connection.getresponse()
            return answer.status, answer.read(), answer.headers
        finally:
            connection.close()

    def post(self, name: str, body: bytes, **headers: str) -> tuple[int, Any]:
        """A question as bytes."""
        head = {"Content-Type": "application/json", **{key.replace("_", "-"): value for key, value in headers.items()}}
        status, data, _ = self.request("POST", f"/{self.token}/ask/{name}", body, head)
        return status, json.loads(data)

    def ask(self, name: str, **question: Any) -> Any:
        """The answer to a question that is asked well."""
        status, answer = self.post(name, json.dumps(question).encode())
        assert status == 200, answer
        return answer

    def look(self, text: str, file: str = "net.arch", **more: Any) -> Any:
        """The view of a text."""
        self.number += 1
        question = {"file": file, "text": text, "dials": {}, "depth": None, "opened": [], "closed": [],
                    "client": "test", "number": self.number}
        return self.ask("look", **{**question, **more})


@contextmanager
def serving(file: Path, dials: Mapping[str, str] | None = None) -> Iterator[Page]:
    """A server in a thread of its own."""
    with PageServer(PageAnswers(ProjectFiles(file), Viewer(), dials or {})) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield Page(server)
        finally:
            server.shutdown()
            thread.join(10)
