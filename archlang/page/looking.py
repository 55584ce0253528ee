"""The view of a text: its mistakes with their mends, its drawing with facts about every box, its dials, its counts.

Everything is plain data, ready for JSON. Places are lines from 0 and UTF-16 units, as a browser counts them.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from archlang.analysis.diff import diff
from archlang.analysis.difference import describe
from archlang.changes import unified
from archlang.diagnostics import ArchError, Diagnostic
from archlang.diagnostics.render import chosen, concise
from archlang.diagnostics.render_json import as_json
from archlang.editor.hints import shape_hints
from archlang.editor.hover import bytes_shown, count_shown, explained_at
from archlang.editor.meaning import OutdatedError, meaning_of, try_mends
from archlang.editor.problems import Problem, fixes_of, formatted, problems_of
from archlang.editor.text import Edit, OpenText, TextPlace
from archlang.editor.workspace import ArchText, OpenDocument, OpenFiles
from archlang.elaborate.network import dial_expressions
from archlang.graph.ir import Graph
from archlang.limits import DEFAULT, Limits
from archlang.ops import CATALOGUE, Catalogue
from archlang.page.boxes import BoxFacts, stretch
from archlang.page.dials import dial_fields, dial_names
from archlang.project.locating import Folders, Located
from archlang.views.compose import compose
from archlang.views.dot import to_dot
from archlang.views.files import draw
from archlang.views.picture import Picture

KEPT = 8
"""Texts and drawings that are kept, so that a fold or a hover does not check a text again."""


def always() -> bool:
    """Tell that an answer is wanted."""
    return True


@dataclass(frozen=True)
class Asked:
    """A text that somebody looks at, and how.

    place   where the text lies
    text    the text, with line feeds alone
    dials   values of dials, as they were typed
    depth   how deep scopes are opened; None for as deep as the drawing stays readable
    opened  keys of scopes that are opened by hand
    closed  keys of scopes that are closed by hand
    """

    place: Located
    text: str
    dials: Mapping[str, str] = field(default_factory=dict)
    depth: int | None = None
    opened: frozenset[str] = frozenset()
    closed: frozenset[str] = frozenset()


class Viewer:
    """Answers for pages. Methods may be called from several threads; one text is checked at a time.

    Args:
        limits, catalogue, folders: those of the compiler.
    """

    def __init__(self, limits: Limits = DEFAULT, catalogue: Catalogue = CATALOGUE, folders: Folders = ()) -> None:
        self.limits, self.catalogue, self.folders = limits, catalogue, folders
        self._lock = threading.Lock()
        self._checked: OrderedDict[object, _Checked] = OrderedDict()
        self._drawn: OrderedDict[str, str] = OrderedDict()

    def look(self, asked: Asked, is_wanted: Callable[[], bool] = always, state: object = None) -> dict[str, Any]:
        """The view of a text. `state` differs whenever a file that the text may import does.

        Raises OutdatedError as soon as `is_wanted` says no, ArchError where the drawing fails.
        """
        with self._lock:
            checked = self._check(asked, is_wanted, state)
            view = checked.described()
            if checked.can_be_drawn:
                if not is_wanted():
                    raise OutdatedError
                view["drawing"] = self._drawing(checked, asked)
            return view

    def hover(self, asked: Asked, line: int, unit: int, state: object = None) -> dict[str, Any] | None:
        """All that is known of the word at a place: paragraphs of Markdown, and the stretch of the word."""
        with self._lock:
            checked = self._check(asked, always, state)
            text = checked.document.now.text
            found = explained_at(checked.files, checked.document, text.offset(TextPlace(line, unit)))
        if found is None:
            return None
        return {"text": found.text, **stretch(text, found.span.start, found.span.end)}

    def compare(self, asked: Asked, other: Asked, names: tuple[str, str], state: object = None) -> dict[str, Any]:
        """The differences of a text from another one: of both networks, and of the lines.

        Each has the dials that it declares. `problem` says why the networks cannot be compared.
        """
        patch = unified(other.text.split("\n"), asked.text.split("\n"), *names)
        with self._lock:
            new = self._check(asked, always, state)
            old = self._check(_with_own_dials(other, self, state), always, state)
            for checked, name in ((old, names[0]), (new, names[1])):
                if not checked.can_be_drawn:
                    return {"patch": patch, "problem": f"{name} has no network without mistakes"}

            found = diff(old.graph, new.graph)
            return {
                "patch": patch, "same": found.same, "text": describe(found),
                "changes": [{"what": one.what, "kind": one.kind, "name": one.name, "before": one.before}
                            for one in found.changes],
                "before": self._drawing(old, other),
            }

    def formatted(self, asked: Asked) -> str | None:
        """The text as `archlang fmt` writes it; None where it has a mistake in its form."""
        return formatted(ArchText("", asked.place, OpenText(asked.text), self.limits))

    # --- inner -------------------------------------------------------------------------------------------------------

    def _check(self, asked: Asked, is_wanted: Callable[[], bool], state: object) -> _Checked:
        """The text checked, or what was found when it was last."""
        key = (asked.place, asked.text, tuple(asked.dials.items()), repr(state))
        if key not in self._checked:
            self._checked[key] = self._checked_anew(asked, is_wanted)
        self._checked.move_to_end(key)
        while len(self._checked) > KEPT:
            self._checked.popitem(last=False)
        return self._checked[key]

    def _checked_anew(self, asked: Asked, is_wanted: Callable[[], bool]) -> _Checked:
        files = OpenFiles(self.limits, self.catalogue, self.folders)
        uri = asked.place.name
        if asked.place.path is not None:
            uri = asked.place.path.as_uri()
        # Two halves of a character may come from a page as two; together they are one.
        text = OpenText("").edited([Edit(None, asked.text)])
        document = OpenDocument(ArchText(uri, asked.place, text, self.limits), 0)
        files.documents[uri] = document

        refused: tuple[Diagnostic, ...] = ()
        situation = files.situation(document.now)
        try:
            situation = replace(situation, given=dial_expressions(asked.dials, self.limits))
        except ArchError as problem:
            refused = problem.diagnostics
        document.meaning = meaning_of(document.now.reading, situation, is_wanted)
        try_mends(document.meaning, situation)

        # As `check` does: a text that cannot be read hides what is wrong with the dials, and nothing else does.
        if refused and document.meaning.project is not None and document.now.reading.is_whole:
            document.meaning.diagnostics = refused
        return _Checked(files, document, asked.dials)

    def _drawing(self, checked: _Checked, asked: Asked) -> dict[str, Any]:
        picture = compose(checked.graph, asked.depth, asked.opened, asked.closed)
        facts = BoxFacts(checked.graph, checked.document.now.reading.source, checked.document.now.text)
        return {"svg": self._svg(picture), "boxes": facts.boxes(picture), "frames": facts.frames(picture)}

    def _svg(self, picture: Picture) -> str:
        """The drawing, or the one that was made when the picture was last the same."""
        key = to_dot(picture)
        if key not in self._drawn:
            self._drawn[key] = str(draw(picture, "svg"))
        self._drawn.move_to_end(key)
        while len(self._drawn) > KEPT:
            self._drawn.popitem(last=False)
        return self._drawn[key]


@dataclass(frozen=True)
class _Checked:
    """A text and what the compiler says of it."""

    files: OpenFiles
    document: OpenDocument
    dials: Mapping[str, str]

    @property
    def graph(self) -> Graph:
        """The network as far as it could be built."""
        assert self.document.meaning is not None
        return self.document.meaning.graph

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """Every mistake and warning."""
        assert self.document.meaning is not None
        return self.document.meaning.diagnostics

    @property
    def can_be_drawn(self) -> bool:
        """Tell whether there is a network, and no mistake: the drawing of a wrong text would be another network's."""
        return len(self.graph) > 0 and not any(one.severity == "error" for one in self.diagnostics)

    def described(self) -> dict[str, Any]:
        """All but the drawing."""
        document, text = self.document, self.document.now.text
        assert document.meaning is not None
        listed, _ = chosen(self.diagnostics, self.files.limits.diagnostics)
        problems = problems_of(self.files, document.now, document.meaning)
        return {
            "check": as_json(listed),
            "marks": [self._mark(problem) for problem in problems],
            "dials": dial_fields(document.now.reading.tree, self.graph, self.dials, text),
            "hints": self._hints(),
            "totals": self._totals(),
            "drawing": None,
        }

    def _mark(self, problem: Problem) -> dict[str, Any]:
        """A mistake with its mends."""
        text = self.document.now.text
        fixes = [
            {"title": fix.title, "is_certain": fix.is_certain,
             "edits": [{**stretch(text, start, end), "text": new} for start, end, new in fix.edits]}
            for fix in fixes_of([problem], self.document.now)
        ]
        return {
            "severity": problem.diagnostic.severity, "name": problem.diagnostic.name, "text": problem.text,
            "message": problem.diagnostic.message, "fixes": fixes,
            **stretch(text, problem.span.start, problem.span.end),
        }

    def _hints(self) -> list[dict[str, Any]]:
        """The type behind the last stage of each line."""
        found = {}
        for hint in shape_hints(self.document):
            place = self.document.now.text.place(hint.offset)
            found[place.line] = {"line": place.line, "text": hint.text, "full": hint.full}
        return list(found.values())

    def _totals(self) -> dict[str, str] | None:
        if not self.can_be_drawn:
            return None
        graph = self.graph
        return {
            "name": graph.name, "operations": str(len(graph)), "parameters": count_shown(graph.parameters),
            "flops": count_shown(graph.flops), "results": bytes_shown(graph.activation_bytes),
        }


def _with_own_dials(other: Asked, viewer: Viewer, state: object) -> Asked:
    """The same question with those of its dials alone that its text declares."""
    if not other.dials:
        return other
    plain = replace(other, dials={})
    declared = dial_names(viewer._check(plain, always, state).document.now.reading.tree)
    return replace(other, dials={name: value for name, value in other.dials.items() if name in declared})


def problem_lines(problem: ArchError) -> str:
    """All that is wrong, a line each."""
    return concise(problem.diagnostics)
