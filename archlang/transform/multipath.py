"""One path to many: a sequential network gets parallel paths, a router where its stages end, and a mean at its end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from archlang.diagnostics import Diagnostic
from archlang.elaborate.network import Network, rebuilt
from archlang.syntax.tree import Argument, Bind, Body, Call, Expr, File, Flow, For, Let, Name, Number, Output, Parameter
from archlang.syntax.tree import NetworkDeclaration as NetworkTree
from archlang.transform.base import Transformation, refuse
from archlang.transform.naming import fresh, names_in
from archlang.transform.predict import Predicted, predictions
from archlang.transform.sequence import (
    SequentialFlow,
    SequentialStep,
    bare,
    flows_of,
    one_flow,
    skips,
    tree_of,
    with_network,
)
from archlang.transform.unroll import unrolled

ROUTERS = ("cross_connection", "cross_prediction", "cross_stitch", "none")


@dataclass(frozen=True)
class Multipath(Transformation):
    """`x -> f -> g  -->  x -> fork(paths, gate) -> each { f } -> route(gate) -> each { g } -> mean`.

    1. The paths begin at the input, or after the flow called `after` (by default `stem`, where there is one).
    2. A router stands where a stage ends: after a pool, before a convolution with a stride and before the map becomes
       a vector, after each turn of a loop, and after the first of several linear layers.
    3. With `cross_prediction` the first convolution or linear layer of a stage becomes the prediction; before a block
       that cannot be one, a 3x3 prediction at the width that enters is put in. Loops are written out.
    4. With `none` the paths are never joined before their mean.
    5. With `fork=copied` each path gets all that enters, and not its share by a gate: a trained network with shortcuts
       can then compute at first what it did.

    Tissera 2023, sections 3.1, 3.2 and 3.4. Blocks, loops and everything else stay as they are written. A network in
    which a step reads a value from further back is refused: that value would be a bundle of paths.
    """

    name: ClassVar[str] = "multipath"
    copies: ClassVar[str] = "each"

    paths: int = 2
    router: str = "cross_connection"
    hidden: int = 16
    after: str = "auto"
    fork: str = "gated"

    def __post_init__(self) -> None:
        if self.paths < 1:
            raise ValueError("there is at least one path")
        if self.hidden < 0:
            raise ValueError("a gate has at least 0 hidden units")
        if self.router not in ROUTERS:
            raise ValueError(f"the router is one of {', '.join(ROUTERS)}")
        if self.fork not in ("gated", "copied"):
            raise ValueError("the fork is one of gated, copied")
        if self.fork == "copied" and self.router == "cross_prediction":
            raise ValueError("a prediction forks the paths itself: `fork=copied` is for other routers")

    @property
    def even(self) -> bool:
        """Gates hand out shares of an input, and even shares of copies add up to what one was."""
        return True

    def requires(self, net: Network) -> list[Diagnostic]:
        """The network is one sequence of steps, with layers in it."""
        flows, reasons = flows_of(net)
        if reasons:
            return reasons

        beside = skips(net)
        if beside:
            node, name = beside[0]
            return [refuse(f"this network is not sequential: `{name}` is read beside the flow", node.span,
                           help="a shortcut inside a block (`residual { ... }`, `add(in)`) goes with its path")]

        names = [flow.name for flow in flows if flow.name]
        if self.after != "auto" and self.after not in names:
            return [refuse(f"no flow of this network is called `{self.after[:64]}`", tree_of(net).name_span,
                           help=f"there are: {', '.join(names)}")]

        if not any(step.windowed or step.dense for flow in flows for step in flow.steps):
            return [refuse("this network has nothing to put into paths", tree_of(net).name_span)]
        return []

    def run(self, net: Network) -> File:
        """The file with paths, and with dials for their number and for the gates' hidden units."""
        # In a loop that is kept, no turn could have a prediction of its own.
        if self.router == "cross_prediction":
            net = rebuilt(net, unrolled(net))
        flows, _ = flows_of(net)
        tree = tree_of(net)
        names = _FreshNames(tree, self.router, self.fork)

        values = _rewritten(self, net, flows, names)
        statements = tuple(
            # By identity: two statements may have the same text.
            replace(s, value=values[id(s)]) if isinstance(s, Bind | Output) and id(s) in values else s
            for s in tree.body.statements
        )
        # Before all others, since flows name it.
        if names.gate:
            statements = (Let(names.gate, names.router()), *statements)

        dials = (*tree.dials, Parameter(names.paths, Number(self.paths)))
        if names.hidden:
            dials = (*dials, Parameter(names.hidden, Number(self.hidden)))

        new = replace(tree, dials=dials, body=replace(tree.body, statements=statements))
        return with_network(net, new)


class _FreshNames:

    """Names for the new dials and the gate that nothing in the network has; empty where a router needs none."""

    def __init__(self, tree: NetworkTree, router: str, forked: str) -> None:
        taken = names_in(tree)

        self.kind, self.forked = router, forked
        self.paths = fresh("paths", taken)
        if router in ("cross_connection", "cross_prediction"):
            self.hidden = fresh("hidden", taken)
        else:
            self.hidden = ""
        if router in ("cross_connection", "cross_stitch"):
            self.gate = fresh("gate", taken)
        else:
            self.gate = ""

    def router(self) -> Expr:
        """`cross_connection(hidden = hidden)`, or `cross_stitch`."""
        if not self.hidden:
            return Name(self.kind)
        return Call(Name(self.kind), (Argument("hidden", Name(self.hidden)),))

    def fork(self) -> Expr:
        """The stage that begins the paths."""
        gated = self.gate and self.kind == "cross_connection" and self.forked == "gated"
        if gated:
            return _call("fork", Name(self.paths), Name(self.gate))
        return _call("fork", Name(self.paths))

    def predicting(self, first: bool, mapping: Expr) -> Expr:
        """`fork(paths, cross_prediction(...))` or `route(cross_prediction(...))`."""
        router = Call(Name(self.kind), (Argument(None, mapping), Argument("hidden", Name(self.hidden))))
        if first:
            return _call("fork", Name(self.paths), router)
        return _call("route", router)


def _call(name: str, *arguments: Expr) -> Call:
    """`name(arguments)`."""
    return Call(Name(name), tuple(Argument(None, a) for a in arguments))


def _each(steps: Sequence[Expr]) -> Call:
    """`each { steps }`."""
    return Call(Name("each"), None, Body(flows=(one_flow(steps),)))


# --- where the routers stand -----------------------------------------------------------------------------------------


def stage_ends(steps: Sequence[SequentialStep], start: int) -> set[int]:
    """The indices of steps behind which a router stands; steps before `start` are outside the paths."""
    ends = set()
    for i in range(start, len(steps) - 1):
        # The step in front decides with the one behind: a router needs both sides.
        here, following = steps[i], steps[i + 1]
        loop = isinstance(bare(following.expr), For)

        pooled = here.shrinks and not here.windowed
        before_stride = following.shrinks and following.windowed and not loop
        before_loop = following.windowed and loop
        if pooled or before_stride or before_loop or following.makes_vector:
            ends.add(i)

    dense = [i for i, step in enumerate(steps) if step.dense and i >= start]
    if len(dense) > 1:
        end = dense[0]
        # The activation behind the first linear layer belongs to its stage.
        while end + 1 < dense[1] and steps[end + 1].leaving == steps[end].leaving:
            end += 1
        ends.add(end)
    return ends


def _start(option: str, flows: Sequence[SequentialFlow]) -> int:
    """The number of steps that stand before the paths begin."""
    if option == "auto":
        named = "stem"
    else:
        named = option

    count = 0
    for flow in flows:
        count += len(flow.steps)
        if flow.name == named:
            return count
    return 0


def _rewritten(option: Multipath, net: Network, flows: Sequence[SequentialFlow], names: _FreshNames) -> dict[int, Expr]:
    """The new value of every statement that has steps, by the statement's id."""
    steps = [step for flow in flows for step in flow.steps]
    predicting = option.router == "cross_prediction"
    # A prediction makes the paths differ from the first layer on, so that no stem is left out by default.
    start = 0
    if not predicting or option.after != "auto":
        start = _start(option.after, flows)
    ends = stage_ends(steps, start)
    if predicting:
        predicted = predictions(net, steps, start, ends)
    else:
        predicted = {}
    paths = _Paths(steps, start, ends, names, predicted)

    values: dict[int, Expr] = {}
    done = 0
    for flow in flows:
        if flow.steps:
            span = range(done, done + len(flow.steps))
            values[id(flow.statement)] = one_flow([Name(flow.head), *paths.flow(span)])
        done += len(flow.steps)
    return values


@dataclass
class _Paths:
    """Writes flows of steps in their new form: `start` is the first step in the paths, `ends` those behind which a
    router stands, `predicted` the predictions by the step that they begin at.
    """

    steps: Sequence[SequentialStep]
    start: int
    ends: set[int]
    names: _FreshNames
    predicted: dict[int, Predicted]

    def flow(self, span: range) -> Iterator[Expr]:
        """The steps of one flow; `span` are their indices."""
        group: list[Expr] = []
        consumed = 0
        for i in span:
            if i < self.start:
                yield self.steps[i].expr
                continue

            # Where a prediction begins the paths, it forks them itself.
            if i == self.start and i not in self.predicted:
                yield self.names.fork()
            if i in self.predicted:
                yield from _closed(group)
                yield self.names.predicting(i == self.start, self.predicted[i].mapping)
                consumed = self.predicted[i].consumed
            # Steps that became part of the prediction are not written once more.
            if consumed:
                consumed -= 1
                continue

            loop = bare(self.steps[i].expr)
            # With a router, a loop routes after each turn; without one, it goes into the paths as it is.
            if self.names.gate and isinstance(loop, For) and self.steps[i].windowed:
                yield from _closed(group)
                yield self.loop(loop)
                continue

            group.append(self.steps[i].expr)
            if i in self.ends and self.names.gate:
                yield from _closed(group)
                yield _call("route", Name(self.names.gate))

        yield from _closed(group)
        # The last flow ends with one tensor again.
        if span.stop == len(self.steps):
            yield Name("mean")

    def loop(self, loop: For) -> For:
        """`for c in list { f }  -->  for c in list { each { f } -> route(gate) }`."""
        inner = Call(Name("each"), None, replace(loop.body, after=()))
        turn = Flow((inner, _call("route", Name(self.names.gate))))
        return replace(loop, body=Body(flows=(turn,)))


def _closed(group: list[Expr]) -> Iterator[Expr]:
    """`each { ... }` around the steps of a group, which is empty then; nothing for no steps."""
    if group:
        yield _each(group)
        group.clear()
