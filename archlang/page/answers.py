"""The questions of a page, by name, and their answers: JSON in, JSON out."""

from __future__ import annotations

import hashlib
import json
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from archlang.diagnostics import ArchError
from archlang.diagnostics.render_json import as_json
from archlang.editor import words
from archlang.editor.meaning import OutdatedError
from archlang.page.files import ChangedFileError, ProjectFiles
from archlang.page.guard import RefusedError
from archlang.page.looking import Asked, Viewer, problem_lines
from archlang.version import VERSION

CLIENTS = 64
"""Pages of which it is known what they asked last."""

DEEPEST = 64

Kind = TypeVar("Kind")


class PageAnswers:
    """Everything that a page can ask.

    Args:
        files: the project.
        viewer: what works out views.
        dials: the values of dials with which the page begins.
    """

    def __init__(self, files: ProjectFiles, viewer: Viewer, dials: Mapping[str, str]) -> None:
        self.files, self.viewer, self.dials = files, viewer, dict(dials)
        self._newest: OrderedDict[str, int] = OrderedDict()
        self._lock = threading.Lock()
        self.questions: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "begin": self.begin, "open": self.open, "look": self.look, "hover": self.hover, "compare": self.compare,
            "format": self.format, "save": self.save, "news": self.news,
        }

    def answer(self, name: str, question: dict[str, Any]) -> dict[str, Any]:
        """Answer a question. Raises RefusedError for one that is not asked so.

        A mistake of files is an answer too: `{"problem": ..., "check": ...}`.
        """
        asked = self.questions.get(name)
        if asked is None:
            raise RefusedError(404, "there is no such question")
        try:
            return asked(question)
        except OutdatedError:
            return {"outdated": True}
        except ArchError as problem:
            return {"problem": problem_lines(problem), "check": as_json(problem.diagnostics)}

    # --- questions ---------------------------------------------------------------------------------------------------

    def begin(self, _: dict[str, Any]) -> dict[str, Any]:
        """All that a page needs to know once."""
        return {
            "version": VERSION, "main": self.files.main, "files": self.files.names(), "dials": self.dials,
            "folder": self.files.root.name, "most": self.files.limits.file_bytes,
            "words": {
                "keyword": [*words.DECLARING, *words.FLOW, *words.OPERATORS], "constant": list(words.CONSTANTS),
                "stage": list(words.STAGES), "structure": [*words.STRUCTURES, *words.FUNCTIONS],
                "setting": list(words.SETTINGS),
            },
        }

    def open(self, question: dict[str, Any]) -> dict[str, Any]:
        """A file as it is stored."""
        state = self.files.state(field(question, "file", str))
        return {"text": state.text, "mark": state.mark}

    def look(self, question: dict[str, Any]) -> dict[str, Any]:
        """The view of a text."""
        asked = self._asked(question)
        client, number = field(question, "client", str), field(question, "number", int)
        self._note(client, number)

        def is_wanted() -> bool:
            return self._newest.get(client, number) <= number

        return self.viewer.look(asked, is_wanted, self._state())

    def hover(self, question: dict[str, Any]) -> dict[str, Any]:
        """All that is known of a word."""
        line, unit = field(question, "line", int), field(question, "unit", int)
        return {"found": self.viewer.hover(self._asked(question), line, unit, self._state())}

    def compare(self, question: dict[str, Any]) -> dict[str, Any]:
        """The differences from the text as it is stored, or from another file."""
        asked = self._asked(question)
        name, other = field(question, "file", str), field(question, "with", str)
        stored = Asked(self.files.locate(other), self.files.state(other).text, asked.dials, asked.depth,
                       asked.opened, asked.closed)
        names = (other, f"{name} (this page)")
        if name == other:
            names = (f"{other} (stored)", f"{name} (this page)")
        return self.viewer.compare(asked, stored, names, self._state())

    def format(self, question: dict[str, Any]) -> dict[str, Any]:
        """The text in canonical form."""
        return {"text": self.viewer.formatted(self._asked(question))}

    def save(self, question: dict[str, Any]) -> dict[str, Any]:
        """Write a file. `mark` is that of the state that was edited; without it the file is written all the same."""
        name, text, known = field(question, "file", str), field(question, "text", str), None
        if question.get("mark") is not None:
            known = field(question, "mark", str)
        try:
            return {"mark": self.files.save(name, text, known).mark}
        except ChangedFileError as changed:
            return {"problem": problem_lines(changed), "conflict": True}

    def news(self, _: dict[str, Any]) -> dict[str, Any]:
        """Changes on the disk: the mark of all files, and whether the folder is there."""
        is_there = self.files.root.is_dir()
        return {"state": self._state(), "is_there": is_there, "files": self.files.names()}

    # --- inner -------------------------------------------------------------------------------------------------------

    def _asked(self, question: dict[str, Any]) -> Asked:
        """The text that a question looks at. Raises RefusedError for wrong fields, ArchError for other files."""
        dials = field(question, "dials", dict)
        depth = question.get("depth")
        if not all(isinstance(name, str) and isinstance(value, str) for name, value in dials.items()):
            raise RefusedError(400, "`dials` are texts by name")
        if depth is not None and not (isinstance(depth, int) and 0 <= depth <= DEEPEST):
            raise RefusedError(400, f"`depth` is a number up to {DEEPEST}")
        return Asked(
            self.files.locate(field(question, "file", str)), field(question, "text", str), dials, depth,
            keys(question, "opened"), keys(question, "closed"),
        )

    def _note(self, client: str, number: int) -> None:
        """Keep the newest question of a page: older ones need no answer any more."""
        with self._lock:
            self._newest[client] = max(number, self._newest.get(client, number))
            self._newest.move_to_end(client)
            while len(self._newest) > CLIENTS:
                self._newest.popitem(last=False)

    def _state(self) -> str:
        """The state of all files of the project, in a few letters."""
        marks = json.dumps(self.files.marks(), sort_keys=True)
        return hashlib.sha256(marks.encode()).hexdigest()[:16]


def field(question: Mapping[str, Any], name: str, kind: type[Kind]) -> Kind:
    """A field of a question. Raises RefusedError where it is missing or of another kind."""
    value = question.get(name)
    # Python counts `true` as a number.
    if not isinstance(value, kind) or isinstance(value, bool):
        raise RefusedError(400, f"`{name}` is missing, or of the wrong kind")
    return value


def keys(question: Mapping[str, Any], name: str) -> frozenset[str]:
    """A list of texts in a question. Raises RefusedError."""
    found = field(question, name, list)
    if not all(isinstance(one, str) for one in found):
        raise RefusedError(400, f"`{name}` is a list of texts")
    return frozenset(found)
