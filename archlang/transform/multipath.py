"""One path to many: a sequential network gets parallel paths, a router where its stages end, and a mean at its end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from archlang.diagnostics import Diagnostic
from archlang.elaborate import Network
from archlang.elaborate.network import rebuilt
from archlang.syntax.tree import Argument, Bind, Body, Call, Expr, File, Flow, For, Let, Name, Number, Output, Parameter
from archlang.syntax.tree import NetworkDeclaration as NetworkTree
from archlang.syntax.walk import walk
from archlang.transform.base import Pass, refuse
from archlang.transform.predict import Predicted, predictions
from archlang.transform.sequence import Line, Step, bare, lines_of, tree_of
from archlang.transform.unroll import unrolled

ROUTERS = ("cross_connection", "cross_prediction", "cross_stitch", "none")


@dataclass(frozen=True)
class Multipath(Pass):
    """`x -> f -> g  -->  x -> fork(paths, gate) -> each { f } -> route(gate) -> each { g } -> mean`.

    1. The paths begin at the input, or after the flow called `after` (by default `stem`, where there is one).
    2. A router stands where a stage ends: after a pool, before a convolution with a stride and before the map becomes
       a vector, after each turn of a loop, and after the first of several dense layers.
    3. With `cross_prediction` the first convolution or dense layer of a stage becomes the prediction; before a block
       that cannot be one, a 3x3 prediction at the width that enters is put in. Loops are written out.
    4. With `none` the paths are never joined before their mean.

    Tissera 2023, sections 3.1, 3.2 and 3.4. Blocks, loops and everything else stay as they are written.
    """

    name: ClassVar[str] = "multipath"

    paths: int = 2
    router: str = "cross_connection"
    hidden: int = 16
    after: str = "auto"

    def __post_init__(self) -> None:
        if self.paths < 1:
            raise ValueError("there is at least one path")
        if self.hidden < 0:
            raise ValueError("a gate has at least 0 hidden units")
        if self.router not in ROUTERS:
            raise ValueError(f"the router is one of {', '.join(ROUTERS)}")

    def requires(self, net: Network) -> list[Diagnostic]:
        lines = lines_of(net)
        if not lines or isinstance(lines[0], Diagnostic):
            return [d for d in lines if isinstance(d, Diagnostic)] or [refuse("this network has no flow")]
        names = [line.statement.name for line in lines if isinstance(line, Line)]
        if self.after != "auto" and self.after not in names:
            return [refuse(f"no flow of this network is called `{self.after[:64]}`", tree_of(net).name_span,
                           help=f"there are: {', '.join(n for n in names if n)}")]
        if not any(step.windowed or step.dense for line in lines if isinstance(line, Line) for step in line.steps):
            return [refuse("this network has nothing to put into paths", tree_of(net).name_span)]
        return []

    def run(self, net: Network) -> File:
        if self.router == "cross_prediction":
            net = rebuilt(net, unrolled(net))
        lines = [line for line in lines_of(net) if isinstance(line, Line)]
        tree = tree_of(net)
        names = _Names(tree, self.router)
        values = _rewritten(self, net, lines, names)
        statements = tuple(
            replace(s, value=values[id(s)]) if isinstance(s, Bind | Output) and id(s) in values else s
            for s in tree.body.statements
        )
        if names.gate:
            statements = (Let(names.gate, names.router()), *statements)
        dials = (*tree.dials, Parameter(names.paths, Number(self.paths)))
        if names.hidden:
            dials = (*dials, Parameter(names.hidden, Number(self.hidden)))
        new = replace(tree, dials=dials, body=replace(tree.body, statements=statements))
        main = net.project.main.file
        return replace(main, declarations=tuple(new if d is tree else d for d in main.declarations))

    def ensures(self, before: Network, after: Network) -> list[str]:
        claims = []
        if [s.type for s in before.graph.inputs] != [s.type for s in after.graph.inputs]:
            claims.append("the inputs have changed")
        if [before.graph.type(o.port) for o in before.graph.outputs] != [
            after.graph.type(o.port) for o in after.graph.outputs
        ]:
            claims.append("the outputs have changed")
        return claims


class _Names:
    """Names for the new dials and the gate that nothing in the network has."""

    def __init__(self, tree: NetworkTree, router: str) -> None:
        taken = {getattr(node, "name", None) for node in walk(tree)} | {
            node.text for node in walk(tree) if isinstance(node, Name)
        }
        self.kind = router
        self.paths = _fresh("paths", taken)
        self.hidden = _fresh("hidden", taken) if router in ("cross_connection", "cross_prediction") else ""
        self.gate = _fresh("gate", taken) if router in ("cross_connection", "cross_stitch") else ""

    def router(self) -> Expr:
        """`cross_connection(hidden = hidden)`, or `cross_stitch`."""
        if not self.hidden:
            return Name(self.kind)
        return Call(Name(self.kind), (Argument("hidden", Name(self.hidden)),))

    def fork(self) -> Expr:
        """How the paths begin."""
        gated = self.gate and self.kind == "cross_connection"
        return call("fork", Name(self.paths), *([Name(self.gate)] if gated else []))

    def predicting(self, stage: str, mapping: Expr) -> Expr:
        """`fork(paths, cross_prediction(...))` or `route(cross_prediction(...))`."""
        router = Call(Name(self.kind), (Argument(None, mapping), Argument("hidden", Name(self.hidden))))
        return call("fork", Name(self.paths), router) if stage == "fork" else call("route", router)


def call(name: str, *arguments: Expr) -> Call:
    """`name(arguments)`."""
    return Call(Name(name), tuple(Argument(None, a) for a in arguments))


def each(steps: Sequence[Expr]) -> Call:
    """`each { steps }`."""
    return Call(Name("each"), None, Body(flows=(flow(steps),)))


def flow(steps: Sequence[Expr]) -> Expr:
    """Steps as one expression."""
    return steps[0] if len(steps) == 1 else Flow(tuple(steps))


def _fresh(name: str, taken: set[object]) -> str:
    candidates = [name, *(f"{name}_{i}" for i in range(2, len(taken) + 3))]
    return next(c for c in candidates if c not in taken)


# --- where the routers stand -----------------------------------------------------------------------------------------


def cuts(steps: Sequence[Step], start: int) -> set[int]:
    """The indices of steps behind which a router stands; steps before `start` are outside the paths."""
    found = set()
    dense = [i for i, step in enumerate(steps) if step.dense and i >= start]
    for i in range(start, len(steps) - 1):
        here, following = steps[i], steps[i + 1]
        pooled = here.shrinks and not here.windowed
        strided = following.shrinks and following.windowed and not isinstance(bare(following.expr), For)
        loops = isinstance(bare(following.expr), For) and following.windowed
        if pooled or strided or loops or following.leaves_map:
            found.add(i)
    if len(dense) > 1:
        end = dense[0]
        while end + 1 < dense[1] and steps[end + 1].leaving == steps[end].leaving:
            end += 1
        found.add(end)
    return found


def _start(option: str, lines: Sequence[Line]) -> int:
    """How many steps stand before the paths begin."""
    named = "stem" if option == "auto" else option
    count = 0
    for line in lines:
        count += len(line.steps)
        if line.statement.name == named:
            return count
    return 0


def _rewritten(option: Multipath, net: Network, lines: Sequence[Line], names: _Names) -> dict[int, Expr]:
    """The new value of every statement that has steps, by the statement's id."""
    steps = [step for line in lines for step in line.steps]
    predicting = option.router == "cross_prediction"
    start = _start("" if predicting and option.after == "auto" else option.after, lines)
    ends = cuts(steps, start)
    predicted = predictions(net, steps, start, ends) if predicting else {}
    values: dict[int, Expr] = {}
    done = 0
    for line in lines:
        if line.steps:
            span = range(done, done + len(line.steps))
            made = list(_line(option, steps, span, start, ends, names, predicted))
            values[id(line.statement)] = flow([Name(line.head), *made])
        done += len(line.steps)
    return values


def _line(option: Multipath, steps: Sequence[Step], span: range, start: int, ends: set[int], names: _Names,
          predicted: dict[int, Predicted]) -> Iterator[Expr]:
    """The steps of one flow in their new form."""
    group: list[Expr] = []
    skip = 0
    for i in span:
        if i < start:
            yield steps[i].expr
            continue
        if i == start and i not in predicted:
            yield names.fork()
        if i in predicted:
            if group:
                yield each(group)
                group = []
            yield names.predicting("fork" if i == start else "route", predicted[i].mapping)
            skip = predicted[i].consumed
        if skip:
            skip -= 1
            continue
        loop = bare(steps[i].expr)
        if names.gate and isinstance(loop, For) and steps[i].windowed:
            if group:
                yield each(group)
                group = []
            yield _loop(loop, names)
            continue
        group.append(steps[i].expr)
        if i in ends and names.gate:
            yield each(group)
            yield call("route", Name(names.gate))
            group = []
    if group:
        yield each(group)
    if span.stop == len(steps):
        yield Name("mean")


def _loop(loop: For, names: _Names) -> For:
    """`for c in list { f }  -->  for c in list { each { f } -> route(gate) }`."""
    inner = Call(Name("each"), None, replace(loop.body, after=()))
    return replace(loop, body=Body(flows=(Flow((inner, call("route", Name(names.gate)))),)))
