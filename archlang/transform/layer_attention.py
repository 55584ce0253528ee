"""Every layer read out: a sequential network gets readouts and attention over its layers in place of its last layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import ClassVar

from archlang.diagnostics import Diagnostic
from archlang.elaborate import Network
from archlang.elaborate.network import rebuilt
from archlang.syntax.tree import (
    Argument,
    Bind,
    Body,
    Call,
    Expr,
    File,
    Flow,
    For,
    Index,
    ListOf,
    Name,
    Number,
    Output,
    Parameter,
    SizeLiteral,
    TupleOf,
)
from archlang.syntax.walk import walk
from archlang.transform.base import Pass, refuse
from archlang.transform.sequence import Line, Step, bare, lines_of, tree_of
from archlang.transform.unroll import unrolled

KINDS = ("innate_static", "static_vector", "self_attention", "recurrent", "mean")
READOUTS = ("pooled", "flattened", "resized")


@dataclass(frozen=True)
class LayerAttention(Pass):
    """`x -> f -> g -> h -> head  -->  x -> layers { f; g; h } -> each { readout } -> attend(kind) -> head`.

    1. A layer ends after each convolution or block with convolutions, with the norm and activation behind it; loops are
       written out. A pool begins the next layer. With `points=stages` only those count after which the map shrinks, and
       the last one. With names, `points=stem+layer1`, the flows bound to them.
    2. The readouts are dense maps to `width` features, of each channel's mean (`pooled`) or of all numbers
       (`flattened`); what made a vector of the map goes, what follows stays. With `resized` they are 1x1 convolutions,
       brought to the last layer's size, and the whole head stays.
    3. A flow keeps its name; one that holds several layers becomes a bundle, and flows after it begin at its last one.

    Bird 2022, section 3. Without a map, the dense layers but the last one are what is read out.
    """

    name: ClassVar[str] = "layer-attention"

    kind: str = "static_vector"
    points: str = "layers"
    readout: str = "pooled"
    width: int = 64
    heads: int = 1

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"the kind is one of {', '.join(KINDS)}")
        if self.readout not in READOUTS:
            raise ValueError(f"the readout is one of {', '.join(READOUTS)}")
        if self.width < 1 or self.heads < 1:
            raise ValueError("width and heads are at least 1")
        if self.width % self.heads:
            raise ValueError(f"{self.heads} heads do not divide the width {self.width}")

    def requires(self, net: Network) -> list[Diagnostic]:
        found = lines_of(net)
        lines = [line for line in found if isinstance(line, Line)]
        if not lines:
            return [d for d in found if isinstance(d, Diagnostic)] or [refuse("this network has no flow")]
        names = [line.statement.name for line in lines if line.statement.name]
        wanted = () if self.points in ("layers", "stages") else self.points.split("+")
        unknown = [name for name in wanted if name not in names]
        if unknown:
            return [refuse(f"no flow of this network is called `{unknown[0][:64]}`", tree_of(net).name_span,
                           help=f"there are: {', '.join(names)}; or `points=layers`, `points=stages`")]
        lines = _spelt(self, net)
        cut = _cut(self, lines)
        if len(cut.ends) < 2:
            return [refuse("this network has fewer than two layers to choose between", tree_of(net).name_span)]
        last = [step for line in lines for step in line.steps][cut.ends[-1]].leaving
        if self.readout == "resized" and not (last.rank == 3 and all(isinstance(d, int) for d in last.dims)):
            return [refuse(f"`readout=resized` brings maps to the size of the last layer, which is {last}",
                           tree_of(net).name_span, help="with `readout=pooled` any size will do")]
        return []

    def run(self, net: Network) -> File:
        net = _written_out(self, net)
        lines = _spelt(self, net)
        tree = tree_of(net)
        names = {getattr(n, "name", None) for n in walk(tree)} | {n.text for n in walk(tree) if isinstance(n, Name)}
        width = next(c for c in ("width", *(f"width_{i}" for i in range(2, 99))) if c not in names)
        levels = next(c for c in ("levels", *(f"levels_{i}" for i in range(2, 99))) if c not in names)
        made = _Rewriting(self, lines, width, levels).statements()
        statements = tuple(new for s in tree.body.statements for new in made.get(id(s), (s,)))
        dials = (*tree.dials, Parameter(width, Number(self.width)))
        new = replace(tree, dials=dials, body=replace(tree.body, statements=statements))
        main = net.project.main.file
        return replace(main, declarations=tuple(new if d is tree else d for d in main.declarations))

    def ensures(self, before: Network, after: Network) -> list[str]:
        claims = []
        if [s.type for s in before.graph.inputs] != [s.type for s in after.graph.inputs]:
            claims.append("the inputs have changed")
        ends = [[n.graph.type(o.port) for o in n.graph.outputs] for n in (before, after)]
        if ends[0] != ends[1]:
            claims.append("the outputs have changed")
        return claims


def _written_out(option: LayerAttention, net: Network) -> Network:
    """The network with the loops of its flows written out, so that each turn is a layer; not where names say where."""
    tree = tree_of(net)
    steps = [s for v in tree.body.statements if isinstance(v, Bind | Output) for s in _steps(v.value)]
    loops = [loop for loop in map(bare, steps) if isinstance(loop, For)]
    if option.points not in ("layers", "stages") or not all(isinstance(loop.values, ListOf) for loop in loops):
        return net
    return rebuilt(net, unrolled(net)) if loops else net


def _steps(value: Expr) -> tuple[Expr, ...]:
    return value.steps if isinstance(value, Flow) else (value,)


def _spelt(option: LayerAttention, net: Network) -> list[Line]:
    return [line for line in lines_of(_written_out(option, net)) if isinstance(line, Line)]


# --- where layers end ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Cut:
    """Indices among all steps: the last step of each layer, and the first step of the head."""

    ends: tuple[int, ...]
    head: int


def _cut(option: LayerAttention, lines: Sequence[Line]) -> _Cut:
    steps = [step for line in lines for step in line.steps]
    maps = any(step.entering.rank >= 3 for step in steps[:1])
    if maps:
        head = next((i for i, s in enumerate(steps) if s.leaving.rank != s.entering.rank), len(steps))
        ends = [_behind(steps, i) for i in range(head) if steps[i].windowed]
    else:
        dense = [i for i, s in enumerate(steps) if s.dense]
        head = dense[-1] if dense else 0
        ends = [_behind(steps, i) for i in dense[:-1]]
    if option.points == "stages":
        ends = [a for a, b in pairwise(ends) if _size(steps[a]) != _size(steps[b])] + ends[-1:]
    elif option.points != "layers":
        ends = _named(option.points.split("+"), lines, head)
    elif ends:
        ends[-1] = head - 1
    if option.points == "stages" and ends:
        ends[-1] = head - 1
    return _Cut(tuple(dict.fromkeys(ends)), head)


def _size(step: Step) -> tuple[object, ...]:
    return step.leaving.dims[1:]


def _behind(steps: Sequence[Step], i: int) -> int:
    """The norm and activation that follow a layer belong to it."""
    while i + 1 < len(steps) and steps[i + 1].leaving == steps[i].leaving and not (
        steps[i + 1].windowed or steps[i + 1].dense
    ):
        i += 1
    return i


def _named(names: Sequence[str], lines: Sequence[Line], head: int) -> list[int]:
    ends, done = [], 0
    for line in lines:
        done += len(line.steps)
        if line.statement.name in names and 0 < done <= head:
            ends.append(done - 1)
    return ends


# --- the new flows ---------------------------------------------------------------------------------------------------


class _Rewriting:
    """Writes the network's flows anew; `statements` gives what stands for each, by its id."""

    def __init__(self, option: LayerAttention, lines: Sequence[Line], width: str, levels: str) -> None:
        self.option, self.lines, self.levels = option, lines, levels
        self.width: Expr = Name(width)
        self.cut = _cut(option, lines)
        self.steps = [step for line in lines for step in line.steps]
        self.layers: list[Expr] = []  # how each layer is called in the head
        self.current: Expr = Name(lines[0].head)
        self.waiting: list[Expr] = []  # steps behind the last layer, which the next flow begins with

    def statements(self) -> dict[int, tuple[Bind | Output, ...]]:
        """What stands for every flow."""
        made: dict[int, tuple[Bind | Output, ...]] = {}
        done = 0
        for line in self.lines:
            inside = range(done, done + len(line.steps))
            done += len(line.steps)
            if line.steps:
                made[id(line.statement)] = tuple(self._line(line, inside))
        return made

    def _line(self, line: Line, inside: range) -> list[Bind | Output]:
        body = [i for i in inside if i < self.cut.head]
        ends = [i for i in self.cut.ends if i in body]
        if self.cut.head not in inside and not (inside and inside[0] > self.cut.head):
            return [replace(line.statement, value=self._trunk(str(line.statement.name), body, ends))]
        if inside and inside[0] > self.cut.head:
            return [line.statement]
        before: list[Bind | Output] = []
        if ends:
            before.append(Bind(self.levels, self._trunk(self.levels, body, ends)))
        rest = [self.steps[i].expr for i in inside if i >= self.cut.head + self._dropped()]
        return [*before, replace(line.statement, value=Flow((*self._attended(), *rest)))]

    def _dropped(self) -> int:
        """Whether the step that makes a vector of the map goes."""
        step = self.steps[self.cut.head] if self.cut.head < len(self.steps) else None
        return int(step is not None and step.entering.rank >= 3 and self.option.readout != "resized")

    def _trunk(self, name: str, body: Sequence[int], ends: Sequence[int]) -> Expr:
        """A flow up to its last layer; it is the layer itself, or a bundle of several."""
        parts: list[list[Expr]] = [[*self.waiting]]
        for i in body:
            parts[-1].append(self.steps[i].expr)
            if i in ends:
                parts.append([])
        self.waiting = parts.pop() if ends else []
        start, self.current = self.current, Name(name)
        if len(ends) < 2:
            if ends:
                self.layers.append(Name(name))
            return Flow((start, *parts[0])) if parts[0] else start
        self.layers += [Index(Name(name), Number(i)) for i in range(len(ends))]
        self.current = self.layers[-1]
        flows = tuple(part[0] if len(part) == 1 else Flow(tuple(part)) for part in parts)
        return Flow((start, Call(Name("layers"), None, Body(flows=flows))))

    def _attended(self) -> tuple[Expr, ...]:
        """All layers, their readouts, the attention."""
        owners = {layer.value if isinstance(layer, Index) else None for layer in self.layers}
        first = self.layers[0]
        whole = isinstance(first, Index) and len(owners) == 1
        bundle = first.value if isinstance(first, Index) and whole else TupleOf(tuple(self.layers))
        each = Call(Name("each"), None, Body(flows=(self._readout(),)))
        return bundle, each, Call(Name("attend"), (Argument(None, self._kind()),))

    def _readout(self) -> Expr:
        if self.option.readout == "resized":
            last = self.steps[self.cut.ends[-1]].leaving
            cells = SizeLiteral(tuple(d for d in last.dims[1:] if isinstance(d, int)))
            conv = Call(Name("conv"), (Argument(None, SizeLiteral((1,) * (last.rank - 1))), Argument(None, self.width)))
            return Flow((conv, Call(Name("adaptive_avg_pool"), (Argument(None, cells),))))
        dense = Call(Name("linear"), (Argument(None, self.width),))
        if self.steps[self.cut.ends[0]].leaving.rank == 1:
            return dense
        return Flow((Name("flatten" if self.option.readout == "flattened" else "global_avg_pool"), dense))

    def _kind(self) -> Expr:
        match self.option.kind:
            case "innate_static" | "recurrent":
                return Call(Name(self.option.kind), (Argument(None, self.width),))
            case "self_attention":
                return Call(Name(self.option.kind), (Argument("heads", Number(self.option.heads)),))
        return Name(self.option.kind)
