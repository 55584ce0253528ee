"""The state of one build: the graph that grows, the mistakes found, the names used, the budgets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import field, replace
from math import prod
from typing import Any

from archlang.dataclass import dataclass
from archlang.diagnostics import Diagnostic, Fix, Label, error
from archlang.elaborate.values import Env, Flowing, Given, Place, Poisoned, Tag, TensorValue, Value
from archlang.elaborate.watching import Watcher
from archlang.graph.ir import Graph, Node, OutputSpec, Port
from archlang.graph.known_uses import KnownUses
from archlang.kernels import Window
from archlang.limits import Limits
from archlang.ops.kinds import Fault
from archlang.ops.model import Catalogue, Op, OpCall, Weight
from archlang.ops.values import CodeValue, Placed
from archlang.ops.whole import types_out
from archlang.project.project import CodeTable
from archlang.shapes import Dim, Tensor, at_least
from archlang.source import NOWHERE, Span
from archlang.syntax.tree import Block, CodeDeclaration, File, Let, ListOf, TreeNode

Declared = Block | Let | CodeDeclaration


STEPS = 5  # for each node that a network may have: stages, braces and members, with nodes of their own or without


class Abort(Exception):
    """The build stops at once: a budget is used up, and it is reported; or more mistakes were found than are shown."""


@dataclass(frozen=True)
class Rules:
    """The rule of every kind of expression and stage, and of every structural stage by its name.

    An expression's rule takes (build, expression, scope, the kind that is wanted) and returns its value. A stage's rule
    takes (build, stage, value, where it stands, the scope of its modules) and returns what comes out.
    """

    expressions: Mapping[type, Callable[..., object]]
    stages: Mapping[type, Callable[..., Flowing]]
    structures: Mapping[str, Callable[..., Value]]


@dataclass(frozen=True)
class ModuleForm:
    """All that makes a module what it is: its class, what its constructor gets, and its weights."""

    kind: str
    given: Mapping[str, Any]
    weights: tuple[Weight, ...]


@dataclass
class LayerUses:
    """The uses of a layer so far: the number of them, where the first one stands, and the modules that it made."""

    count: int = 0
    first: Span = NOWHERE
    entered: str = ""  # the type of what entered there
    modules: Mapping[tuple[str, ...], ModuleForm] | None = None


@dataclass
class Build:
    """Everything that the parts of a build share."""

    catalogue: Catalogue
    limits: Limits
    graph: Graph
    rules: Rules
    codes: dict[int, CodeValue] = field(default_factory=dict)  # what `design` and `from` gave, by id() of their tree
    tables: dict[int, ListOf] = field(default_factory=dict)  # the rows of tables, by id() of their `from`
    columns: dict[int, tuple[object, tuple[str, ...]]] = field(default_factory=dict)  # of rows (kept), by their id()
    proposed: dict[int, set[tuple[Placed, ...]]] = field(default_factory=dict)  # of `propose`, by id() of its tree
    mistakes: dict[tuple[object, ...], Diagnostic] = field(default_factory=dict)
    found: Counter[str] = field(default_factory=Counter)  # mistakes by severity
    repeats: dict[tuple[object, ...], int] = field(default_factory=dict)
    used: set[int] = field(default_factory=set)  # tree nodes whose name was read, by id()
    surveyed: set[int] = field(default_factory=set)
    surveying: int = 0  # above 0: code is read for mistakes only and makes no nodes
    active: list[Declared] = field(default_factory=list)  # what is being read or expanded, innermost last
    calls: dict[tuple[int, int], tuple[Declared, Declared, Span]] = field(default_factory=dict)  # who names whom
    circular: set[int] = field(default_factory=set)  # declarations that lead back to themselves, by id()
    reading: bool = True  # until the network is built
    inside_network: dict[str, Span] = field(default_factory=dict)  # the names that the network binds, for help
    fixed: dict[str, tuple[int, Span]] = field(default_factory=dict)  # symbolic sizes that were given numbers
    inputless: bool = False  # whether a network without an input is being built
    files: dict[int, CodeTable | None] = field(default_factory=dict)  # tables of codes, by id() of the `from`
    trees: list[File] = field(default_factory=list)  # the project's files
    hidden: dict[str, TreeNode] | None = None  # names in them that may not be seen, once asked for; see `scope`
    drops: dict[str, Tag] = field(default_factory=dict)  # the nodes that leave branches out, by id
    layers: dict[tuple[str, ...], LayerUses] = field(default_factory=dict)  # by the path of their modules
    running: set[int] = field(default_factory=set)  # stages of layers that something passes through now, by id()
    outputs: list[OutputSpec] = field(default_factory=list)  # the graph's, while they are declared
    further: dict[str, object] = field(default_factory=dict)  # outputs with names; absent ones too
    says_in: dict[int, bool] = field(default_factory=dict)  # whether `in` stands in an expression, by id() of its tree
    sorts: dict[tuple[int, int], tuple[Env, str]] = field(default_factory=dict)  # of `if`s, by id() of scope and tree
    known_uses: KnownUses = field(default_factory=KnownUses)
    steps: int = 0
    candidates: dict[tuple[object, ...], tuple[Window, ...]] = field(default_factory=dict)  # drawn
    searched: int = 0  # steps of the searches made for this file
    here: Span = NOWHERE  # the part of the network that is being built
    watcher: Watcher | None = None  # who is told what flows where

    # --- mistakes ----------------------------------------------------------------------------------------------------

    def report(self, diagnostic: Diagnostic) -> None:
        """Keep a mistake; the same one at the same place, in another copy of a block, only counts.

        Raises `Abort` once there is one error more than is shown: what is found then would be thrown away.
        """
        # By its kind and place: the message may name values, which differ from one copy of a block to the next.
        where: object = diagnostic.message
        if diagnostic.primary is not None:
            where = diagnostic.primary.span
        key = (diagnostic.name, where)
        if key in self.mistakes:
            self.repeats[key] = self.repeats.get(key, 0) + 1
            return

        severity = diagnostic.severity
        if self.found[severity] > self.limits.diagnostics:
            return
        self.found[severity] += 1
        self.mistakes[key] = diagnostic
        if severity == "error" and self.found[severity] > self.limits.diagnostics:
            raise Abort

    def has_error_at(self, span: Span) -> bool:
        """Tell whether an error stands at just this place."""
        return any(d.primary is not None and d.primary.span == span and d.severity == "error"
                   for d in self.mistakes.values())

    def refuse(self, name: str, message: str, span: Span, label: str = "", **more: Any) -> Poisoned:
        """Report a mistake and return what to raise after it."""
        self.report(error(name, message, span, label, **more))
        return Poisoned()

    def fault(self, fault: Fault, span: Span, given: Given | None = None, place: Place | None = None,
              secondary: Sequence[Label] = (), fix: Fix | None = None) -> Poisoned:
        """Report what an operation has against its use, at the argument at fault if it names one."""
        where = span
        if given is not None and fault.argument:
            where = given.spans.get(fault.argument, span)
        notes: tuple[str, ...] = ()
        if place is not None:
            notes = chain(place)
        return self.refuse(fault.name, fault.message, where, fault.label, help=fault.help, notes=notes,
                           secondary=secondary, fix=fix)

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """All mistakes in the order of the text, errors and warnings together; counts of copies added."""
        kept = [self._counted(key, d) for key, d in self.mistakes.items()]
        return tuple(sorted(kept, key=_order))

    def _counted(self, key: tuple[object, ...], diagnostic: Diagnostic) -> Diagnostic:
        others = self.repeats.get(key, 0)
        # Without a note that a block led here, repeats are no copies: a body is also read once for mistakes.
        if not others or not diagnostic.notes:
            return diagnostic

        copies = f"and in {others} more copies"
        if others == 1:
            copies = "and in 1 more copy"
        return replace(diagnostic, notes=(*diagnostic.notes, copies))

    # --- reading without building ------------------------------------------------------------------------------------

    @contextmanager
    def survey(self) -> Iterator[None]:
        """Within this, code is read for mistakes but makes no nodes."""
        self.surveying += 1
        try:
            yield
        finally:
            self.surveying -= 1

    def tick(self, span: Span, place: Place, count: int = 1) -> None:
        """Count stages passed through, braces entered and members made; ends the build when there are too many."""
        self.steps += count
        self.here = _outermost(place, span)
        if self.steps > STEPS * self.limits.nodes:
            raise self._exhausted(span, place)

    def search(self, steps: int, what: str, span: Span, help: str = "") -> None:
        """Count the steps of a search before it is made. Raises `Poisoned`, reported, where they are too many."""
        self.searched += steps
        if self.searched <= self.limits.search_steps:
            return

        self.searched -= steps  # a smaller search may still be made
        message = f"{what} takes {steps:,} steps; a file may take {self.limits.search_steps:,} in all"
        raise self.refuse("too-much-work", message, span, help=help or "a higher limit can be set on the command line")

    def counted(self, value: object, span: Span) -> object:
        """A value that was calculated, its items counted if it is a list: thousands of long ones would fill memory."""
        if isinstance(value, list):
            self.search(len(value), "a list that is calculated", span)
        return value

    def _exhausted(self, span: Span, place: Place) -> Abort:
        span = _outermost(place, span)
        message = f"expanded, this network has more than {self.limits.nodes} nodes; here the budget ends"
        help = "fewer repetitions, or a higher limit on the command line"
        self.report(error("too-many-nodes", message, span, help=help))
        return Abort()

    # --- nodes -------------------------------------------------------------------------------------------------------

    def emit(self, op: Op, args: Mapping[str, Any], inputs: Sequence[TensorValue], path: tuple[str, ...],
             place: Place, span: Span, rows: Dim | None = None) -> tuple[TensorValue, ...]:
        """Append a node and return its results. Raises `Fault` for a wrong use, `Poisoned` while surveying.

        A sample has as many `rows` of them as of what enters, unless they are given.
        """
        if self.surveying:
            raise Poisoned

        # Before anything is worked out: a network of millions of nodes ends here, soon and not out of memory.
        if len(self.graph) >= self.limits.nodes or self.graph.edges + len(inputs) > self.limits.edges:
            raise self._exhausted(span, place)
        if not op.copies and repeated(inputs) is not None:
            raise Fault("same-twice", "this would merge a tensor with itself", help=COPY)

        call = OpCall(tuple(v.type for v in inputs), args)
        outputs = self.known_uses.types_out(op, call, self._judge)
        if rows is None:
            rows = self.rows_of(inputs)
        node = Node(f"n{len(self.graph)}", op, args, tuple(v.port for v in inputs), outputs, path, span,
                    place.frames, place.members, rows)
        self.graph.add(node)
        return tuple(TensorValue(Port(node.id, i), t) for i, t in enumerate(outputs))

    def _judge(self, op: Op, call: OpCall) -> tuple[Tensor, ...]:
        """The types out of a use. Raises `Fault` for a wrong one, and where a size is past its limit."""
        outputs = types_out(op, call)
        for tensor in outputs:
            self._measure(tensor)
        # Weights are listed once the network stands, where no place would tell whose sizes are symbols.
        if any(not isinstance(size, int) for tensor in call.inputs for size in tensor.dims):
            op.weights(OpCall(call.inputs, call.args, outputs))
        return outputs

    def made_since(self, count: int) -> list[Node]:
        """List the nodes behind the first `count` of the graph."""
        # Ids are numbers in the order in which nodes come: nothing else has to be walked over.
        return [self.graph.node(f"n{number}") for number in range(count, len(self.graph))]

    def rows_of(self, values: Sequence[TensorValue]) -> Dim:
        """Count the rows that a sample has of these tensors: its patches, else 1."""
        if not values:
            return 1
        return self.graph.node(values[0].port.node).rows

    def _measure(self, tensor: Tensor) -> None:
        # Counted before the sizes are multiplied: sums of symbols would make products without bound.
        terms = prod(len(size.terms) for size in tensor.dims if not isinstance(size, int))
        if terms > self.limits.symbols:
            message = f"the sizes of this value are sums of symbols, whose product has {terms} terms"
            raise Fault("expression-too-long", message, help=f"{self.limits.symbols} terms are the limit")

        for size in tensor.dims:
            # A symbolic size may be out of its limits for some values only: what is not certain passes.
            if at_least(size, self.limits.dimension + 1) is True:
                raise Fault("dimension-too-large", f"a size of {size} is past the limit of {self.limits.dimension}")
            if at_least(size, 1) is False:
                raise Fault("empty-map", f"nothing is left of the value: it would be {tensor}")


CIRCLE = "everything is worked out where it is used, so nothing may hold itself; repeat with `for` or `n * stage`"
"""Help for what uses itself."""

COPY = "where that is meant, say so with a copy: `-> identity`"
"""Help for a tensor that would be merged with itself."""


def repeated(inputs: Sequence[TensorValue]) -> tuple[int, int] | None:
    """Return the places of the first tensor that is there twice, or None where all are different."""
    seen: dict[Port, int] = {}
    for index, value in enumerate(inputs):
        if value.port in seen:
            return seen[value.port], index
        seen[value.port] = index
    return None


def chain(place: Place) -> tuple[str, ...]:
    """The loops' values at a place and the blocks that led there, innermost first, as notes."""
    notes = []
    # The innermost six of each: blocks may stand hundreds deep.
    loops = ", ".join(f"{name} = {value}" for name, value in place.loops[-6:])
    if loops:
        notes.append(f"with {loops}")
    for frame in reversed(place.frames[-6:]):
        block = frame.block
        if frame.values:
            block += f"({', '.join(f'{name} = {value}' for name, value in frame.values)})"
        notes.append(f"in {block}, used at {frame.span.source.name}:{frame.span.line}")
    return tuple(notes)


def _outermost(place: Place, span: Span) -> Span:
    """Return the place in the network's own text that leads here: the use of the outermost block around."""
    if place.frames:
        return place.frames[0].span
    return span


def _order(diagnostic: Diagnostic) -> tuple[str, int, int]:
    if diagnostic.primary is None:
        return ("", 0, 0)
    span = diagnostic.primary.span
    return (span.source.name, span.start, span.end)
