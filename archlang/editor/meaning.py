"""The compiler's word on a text: its mistakes, and the type of what flows at every place, found in one build."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial

from archlang.diagnostics import ArchError, Diagnostic
from archlang.editor.reading import Reading
from archlang.elaborate.build import build
from archlang.elaborate.network import opened
from archlang.elaborate.values import (
    BlockValue,
    BundleValue,
    OpenWord,
    Poison,
    Stage,
    TensorValue,
)
from archlang.graph.ir import Graph, Node
from archlang.limits import DEFAULT, Limits
from archlang.ops import CATALOGUE, Catalogue
from archlang.ops.model import Entry
from archlang.ops.values import show
from archlang.project.locating import Folders, Located
from archlang.project.project import Held, Project, open_held
from archlang.shapes import Dim, Type
from archlang.source import Source, Span
from archlang.syntax.tree import Expr, TreeNode

MOST = 64
"""Passages through one stage that are kept: a loop may make thousands."""

Key = tuple[int, int]
"""Start and end of a part of the text."""


class OutdatedError(Exception):
    """The text has changed since: nobody waits for the answer any more."""


@dataclass(frozen=True)
class Situation:
    """All that an answer depends on beside the text itself: where it lies, and what it may read."""

    place: Located
    folders: Folders = ()
    held: Held = field(default_factory=dict)
    limits: Limits = DEFAULT
    catalogue: Catalogue = CATALOGUE
    given: Mapping[str, Expr] = field(default_factory=dict)
    """Values of dials that are given from outside the text."""


@dataclass(frozen=True)
class Passage:
    """One time that something went through a stage: what entered, what left, and the numbers of the nodes it made."""

    entered: str
    left: str
    nodes: range


@dataclass(frozen=True)
class StageCost:
    """The cost of what a stage made: numbers in parameters, FLOPs and result bytes of one sample."""

    parameters: Dim
    flops: Dim
    result_bytes: Dim


@dataclass
class Meaning:
    """All that the compiler knows of one text.

    diagnostics  every mistake and warning, as `archlang check` gives them
    passages     of each stage: what went through it
    values       of each name: the values that it had, as a reader would write them
    entries      of each name of the catalogue: its entry
    graph        the network, as far as it could be built
    project      the file and all that it imports; None where the file cannot be read at all
    is_tried     whether the mends of the first mistakes were tried on the text
    """

    source: Source
    diagnostics: tuple[Diagnostic, ...] = ()
    passages: dict[Key, list[Passage]] = field(default_factory=dict)
    values: dict[Key, list[str]] = field(default_factory=dict)
    entries: dict[Key, Entry] = field(default_factory=dict)
    graph: Graph = field(default_factory=lambda: Graph(""))
    project: Project | None = None
    is_tried: bool = False

    def types(self, span: Span) -> list[str]:
        """The types that leave the stage at a place, each once."""
        return list(dict.fromkeys(passage.left for passage in self.passages.get((span.start, span.end), ())))

    def cost(self, passages: Iterable[Passage]) -> StageCost:
        """The cost of all that some passages made; weights that they share count once."""
        nodes = [node for passage in passages for node in self._nodes(passage)]
        owners = {node.path: node for node in reversed(nodes)}
        graph = self.graph
        return StageCost(
            sum((w.numel for node in owners.values() for w in graph.weights(node) if w.trained), 0),
            sum((node.rows * node.op.flops(graph.call(node)) for node in nodes), 0),
            sum((node.rows * tensor.elements * 4 for node in nodes for tensor in node.outputs), 0),
        )

    def _nodes(self, passage: Passage) -> list[Node]:
        # A node that leads to no output was taken out of the network again.
        names = (f"n{number}" for number in passage.nodes)
        return [self.graph.nodes[name] for name in names if name in self.graph.nodes]


class _Notes:
    """Notes of what the build tells of one file; it stops as soon as nobody wants to know any more."""

    def __init__(self, meaning: Meaning, is_wanted: Callable[[], bool]) -> None:
        self.meaning, self.is_wanted = meaning, is_wanted
        self.seen: set[tuple[int, int, str, str]] = set()

    def begins(self, span: Span) -> None:  # noqa: ARG002 - the build tells where
        """Ask whether the answer is still wanted."""
        if not self.is_wanted():
            raise OutdatedError

    def passed(self, span: Span, entered: Type, left: Type, nodes: range) -> None:
        """Keep a passage through a stage of this file."""
        if span.source is not self.meaning.source:
            return
        found = self.meaning.passages.setdefault((span.start, span.end), [])
        # A loop of thousands of turns would fill the memory, and nobody reads so many.
        if len(found) < MOST:
            found.append(Passage(str(entered), str(left), nodes))

    def named(self, span: Span, declared: TreeNode, value: object) -> None:  # noqa: ARG002 - `names` knows it
        """Keep the value of a name."""
        text = shown(value)
        if span.source is not self.meaning.source or text is None:
            return
        found = self.meaning.values.setdefault((span.start, span.end), [])
        if text not in found and len(found) < MOST:
            found.append(text)

    def meant(self, span: Span, entry: Entry) -> None:
        """Keep the entry of a name of the catalogue."""
        if span.source is self.meaning.source:
            self.meaning.entries.setdefault((span.start, span.end), entry)


def meaning_of(reading: Reading, situation: Situation, is_wanted: Callable[[], bool] = lambda: True) -> Meaning:
    """Ask the compiler about a text. Raises OutdatedError as soon as `is_wanted` says no.

    Of a text that is unfinished the mistakes are the compiler's own, and all else comes from what can be read.
    """
    meaning = Meaning(reading.source)
    notes = _Notes(meaning, is_wanted)
    if not is_wanted():
        raise OutdatedError

    if not reading.is_whole:
        # The text as it stands is asked about its mistakes, the part that can be read about its types.
        meaning.diagnostics = _mistakes(reading, situation)
        if not reading.firm.declarations:
            return meaning
    try:
        meaning.project = open_held(situation.place, reading.source.text, situation.limits, situation.folders,
                                    situation.held, reading.firm)
    except ArchError as problem:
        meaning.diagnostics = meaning.diagnostics or problem.diagnostics
        return meaning

    built = build(meaning.project, situation.given, situation.catalogue, situation.limits, notes)
    meaning.graph = built.graph
    if reading.is_whole:
        meaning.diagnostics = built.diagnostics
    return meaning


def try_mends(meaning: Meaning, situation: Situation) -> None:
    """Keep those mends of the first mistakes that hold when the text is checked with them, as `check` does.

    It costs some checks of the text: whoever answers at each key leaves it until a mend is asked for.
    """
    if meaning.is_tried or not any(one.severity == "error" for one in meaning.diagnostics):
        return

    # Imported for a mistake alone, as all that explains them is.
    from archlang.elaborate.holding import bounded, with_mends_that_hold

    cheap = bounded(situation.limits)

    def recheck(text: str) -> tuple[Diagnostic, ...]:
        try:
            project = open_held(situation.place, text, cheap, situation.folders, situation.held)
            return build(project, situation.given, situation.catalogue, cheap).diagnostics
        except ArchError as problem:
            return problem.diagnostics

    def is_stage(name: str) -> bool:
        return situation.catalogue.stage(name) is not None

    meaning.diagnostics = with_mends_that_hold(meaning.diagnostics, meaning.source, recheck, is_stage)
    meaning.is_tried = True


def _mistakes(reading: Reading, situation: Situation) -> tuple[Diagnostic, ...]:
    """The mistakes of a text that cannot be read as a whole, as the compiler finds them."""
    # By the same way as `check`: it words the mistakes of a text anew that is another language.
    try:
        opened(partial(open_held, situation.place, reading.source.text, situation.limits, situation.folders,
                       situation.held), situation.limits, situation.catalogue)
    except ArchError as problem:
        return problem.diagnostics
    return ()


def shown(value: object) -> str | None:
    """A value as a hover shows it: a tensor by its type, a number as written; None where nothing is to be shown."""
    match value:
        case TensorValue() | BundleValue():
            return str(value.type)
        case None | Poison() | BlockValue() | Stage():
            return None
        case OpenWord():
            return value.text
        case bool() | int() | float() | str() | list() | tuple():
            return show(value)[:200]
    return None
