"""Every layer read out: a sequential network gets readouts and attention over its layers in place of its last layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from archlang.diagnostics import Diagnostic
from archlang.elaborate.network import Network, rebuilt
from archlang.syntax.mapping import mapped
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
    Let,
    ListOf,
    Name,
    Number,
    Output,
    Parameter,
    Parens,
    SizeLiteral,
    TreeNode,
    TupleOf,
)
from archlang.syntax.walk import walk
from archlang.transform.base import Transformation, refuse
from archlang.transform.layer_cut import LayerCut, cut_layers
from archlang.transform.sequence import (
    SequentialFlow,
    bare,
    flows_of,
    one_flow,
    skips,
    steps_of,
    tree_of,
    with_network,
)
from archlang.transform.unroll import unrolled

KINDS = ("innate_static", "static_vector", "self_attention", "recurrent", "mean")
READOUTS = ("pooled", "flattened", "resized")


@dataclass(frozen=True)
class LayerAttention(Transformation):
    """`x -> f -> g -> h -> head  -->  x -> layers { f; g; h } -> each { readout } -> attend(kind) -> head`.

    1. A layer ends after each convolution or block with convolutions, with the norm and activation behind it; loops are
       written out. A pool begins the next layer. With `points=stages` only those count after which the map shrinks, and
       the last one. With names, `points=stem+layer1`, the flows bound to them.
    2. The readouts are linear maps to `width` features, of each channel's mean (`pooled`) or of all numbers
       (`flattened`); what made a vector of the map goes, what follows stays. With `resized` they are 1x1 convolutions,
       brought to the last layer's size, and the whole head stays.
    3. A flow keeps its name; one that holds several layers becomes a bundle, and flows after it begin at its last one.
       A step that reads such a flow from further back reads its last layer.

    Bird 2022, section 3. Without a map, the linear layers but the last one are what is read out.
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
        """The network is one sequence of at least two layers, with a head behind them."""
        flows, reasons = flows_of(net)
        if reasons:
            return reasons

        names = [flow.name for flow in flows if flow.name]

        wanted: list[str] = []
        if self.points not in ("layers", "stages"):
            wanted = self.points.split("+")

        unknown = [name for name in wanted if name not in names]
        if unknown:
            return [refuse(f"no flow of this network is called `{unknown[0][:64]}`", tree_of(net).name_span,
                           help=f"there are: {', '.join(names)}; or `points=layers`, `points=stages`")]

        # Layers are those of the network as it will be written, each turn of a loop one.
        net = _written_out(self, net)
        flows, _ = flows_of(net)
        cut = cut_layers(self.points, flows)
        return self._without_layers(net, flows, cut) or self._with_hidden_values(net, flows, cut)

    def _without_layers(self, net: Network, flows: Sequence[SequentialFlow], cut: LayerCut) -> list[Diagnostic]:
        """Too few layers, no head, or a last layer whose size the readouts cannot take."""
        place = tree_of(net).name_span
        steps = [step for flow in flows for step in flow.steps]
        if not any(step.dense for step in steps[cut.head :]):
            # The readouts change the width; only a linear layer behind them gives the outputs their size again.
            return [refuse("this network has no head with a linear layer that attention over its layers could feed",
                           place, help="end it with one: `-> global_avg_pool -> linear(classes)`")]
        if len(cut.ends) < 2:
            return [refuse("this network has fewer than two layers to choose between", place)]

        last = steps[cut.ends[-1]].leaving
        if self.readout == "resized" and not (last.rank == 3 and all(isinstance(d, int) for d in last.dims)):
            return [refuse(f"`readout=resized` brings maps to the size of the last layer, which is {last}", place,
                           help="with `readout=pooled` any size will do")]
        return []

    def _with_hidden_values(self, net: Network, flows: Sequence[SequentialFlow], cut: LayerCut) -> list[Diagnostic]:
        """Values that are read beside the flow and would be nowhere in the new network."""
        tree = tree_of(net)
        stages = [s.value for s in tree.body.statements if isinstance(s, Let)]
        inside = {id(node) for stage in stages for node in walk(stage)}
        # Inside a `let`, a stage may be used anywhere: which layer it would read is not known.
        moved = _moved_on(flows, cut)
        for node, name in skips(net):
            if name in moved or id(node) in inside:
                return [refuse(f"`{name}` is read beside the flow, and its last steps would belong to the next layer",
                               node.span, help="bind what is read to a flow that ends with a layer")]
        return []

    def run(self, net: Network) -> File:
        """The file with readouts and attention, and with a dial for the readouts' width."""
        net = _written_out(self, net)
        flows, _ = flows_of(net)
        tree = tree_of(net)

        # Dials, flows and names in expressions: a new name must not take the place of any.
        names = {getattr(n, "name", None) for n in walk(tree)} | {n.text for n in walk(tree) if isinstance(n, Name)}
        width = next(c for c in ("width", *(f"width_{i}" for i in range(2, 99))) if c not in names)
        levels = next(c for c in ("levels", *(f"levels_{i}" for i in range(2, 99))) if c not in names)

        written = _Rewriting(self, flows, width, levels).statements()
        statements = tuple(new for s in tree.body.statements for new in written.get(id(s), (s,)))
        dials = (*tree.dials, Parameter(width, Number(self.width)))

        new = replace(tree, dials=dials, body=replace(tree.body, statements=statements))
        return with_network(net, new)


def _written_out(option: LayerAttention, net: Network) -> Network:
    """The network with the loops of its flows written out, so that each turn is a layer; not where names say where."""
    if option.points not in ("layers", "stages"):
        return net
    tree = tree_of(net)
    steps = [s for v in tree.body.statements if isinstance(v, Bind | Output) for s in steps_of(v.value)]
    loops = [loop for loop in map(bare, steps) if isinstance(loop, For)]
    # All or none: with one loop left, its turns would be one layer and the others' several.
    if not loops or not all(isinstance(loop.values, ListOf) for loop in loops):
        return net
    return rebuilt(net, unrolled(net))


def _moved_on(flows: Sequence[SequentialFlow], cut: LayerCut) -> set[str]:
    """The names of flows whose last steps stand behind their last layer, so that the next layer begins with them."""
    moved, done = set(), 0
    for flow in flows:
        inside = range(done, done + len(flow.steps))
        done += len(flow.steps)
        # Steps behind the last layer of a flow begin the next one, so the flow's name would mean less than it did.
        ends = [i for i in cut.ends if i in inside]
        if flow.name and ends and ends[-1] + 1 < min(inside.stop, cut.head):
            moved.add(flow.name)
    return moved


class _Rewriting:
    """Writes the network's flows anew; `statements` gives what stands for each, by its id."""

    def __init__(self, option: LayerAttention, flows: Sequence[SequentialFlow], width: str, levels: str) -> None:
        self.option, self.flows, self.levels = option, flows, levels
        self.width: Expr = Name(width)
        self.cut = cut_layers(option.points, flows)
        self.steps = [step for flow in flows for step in flow.steps]

        self.layers: list[Expr] = []  # the expression of each layer in the head
        self.current: Expr = Name(flows[0].head)
        self.waiting: list[Expr] = []  # steps behind the last layer, which the next flow begins with
        self.bundled: dict[str, Expr] = {}  # flows that became bundles: their last layer, by name

    def statements(self) -> dict[int, tuple[Bind | Output, ...]]:
        """The new statements for every flow."""
        written: dict[int, tuple[Bind | Output, ...]] = {}
        done = 0
        for flow in self.flows:
            inside = range(done, done + len(flow.steps))

            done += len(flow.steps)
            if flow.steps:
                written[id(flow.statement)] = tuple(self._flow(flow, inside))
        return written

    def _flow(self, flow: SequentialFlow, inside: range) -> list[Bind | Output]:
        """The statements for one flow: a trunk, what follows the head, or the flow that holds the head's beginning."""
        body = [i for i in inside if i < self.cut.head]
        ends = [i for i in self.cut.ends if i in body]
        if inside.stop <= self.cut.head:
            return [replace(flow.statement, value=self._trunk(str(flow.name), body, ends))]
        if inside.start > self.cut.head:
            return [replace(flow.statement, value=_with_values(flow.statement.value, self.bundled))]

        before: list[Bind | Output] = []
        if ends:
            before.append(Bind(self.levels, self._trunk(self.levels, body, ends)))
        rest = [self._expr(i) for i in inside if i >= self.cut.head + self._dropped()]
        return [*before, replace(flow.statement, value=Flow((*self._attended(), *rest)))]

    def _expr(self, i: int) -> Expr:
        """A step; where it reads a flow that is a bundle now, it reads the flow's last layer."""
        return _with_values(self.steps[i].expr, self.bundled)

    def _dropped(self) -> int:
        """1 where the step that makes a vector of the map goes, 0 where it stays."""
        step = self.steps[self.cut.head]
        # A vector needs nothing that makes one of a map; `resized` keeps the whole head, which still gets a map.
        return int(step.entering.rank >= 3 and self.option.readout != "resized")

    def _trunk(self, name: str, body: Sequence[int], ends: Sequence[int]) -> Expr:
        """A flow up to its last layer; it is the layer itself, or a bundle of several."""
        parts: list[list[Expr]] = [[*self.waiting]]
        for i in body:
            parts[-1].append(self._expr(i))
            if i in ends:
                parts.append([])
        if ends:
            self.waiting = parts.pop()
        else:
            self.waiting = []

        # The next flow begins at this one's name, whatever it stands for.
        start, self.current = self.current, Name(name)
        if len(ends) < 2:
            if ends:
                self.layers.append(Name(name))
            if parts[0]:
                return Flow((start, *parts[0]))

            return start

        # Several layers are a bundle: the flow after it begins at the last.
        self.layers += [Index(Name(name), Number(i)) for i in range(len(ends))]
        self.current = self.bundled[name] = self.layers[-1]
        # A loop alone would hand out each of its turns; here all of it is one layer.
        flows = tuple(Parens(flow) if isinstance(flow, For) else flow for flow in map(one_flow, parts))
        return Flow((start, Call(Name("layers"), None, Body(flows=flows))))

    def _attended(self) -> tuple[Expr, ...]:
        """All layers, their readouts, the attention."""
        owners = {layer.value if isinstance(layer, Index) else None for layer in self.layers}
        first = self.layers[0]
        bundle: Expr = TupleOf(tuple(self.layers))
        if isinstance(first, Index) and len(owners) == 1:
            bundle = first.value  # all layers stand in one bundle, which has a name

        each = Call(Name("each"), None, Body(flows=(self._readout(),)))
        return bundle, each, Call(Name("attend"), (Argument(None, self._kind()),))

    def _readout(self) -> Expr:
        """The flow that makes features of one layer's result."""
        if self.option.readout == "resized":
            last = self.steps[self.cut.ends[-1]].leaving
            cells = SizeLiteral(tuple(d for d in last.dims[1:] if isinstance(d, int)))
            one = SizeLiteral((1,) * (last.rank - 1))
            conv = Call(Name("conv"), (Argument(None, one), Argument(None, self.width)))
            return Flow((conv, Call(Name("adaptive_avg_pool"), (Argument(None, cells),))))

        linear = Call(Name("linear"), (Argument(None, self.width),))
        if self.steps[self.cut.ends[0]].leaving.rank == 1:
            return linear
        vector = "flatten" if self.option.readout == "flattened" else "global_avg_pool"
        return Flow((Name(vector), linear))

    def _kind(self) -> Expr:
        """The kind of attention with its arguments."""
        match self.option.kind:
            case "innate_static" | "recurrent":
                return Call(Name(self.option.kind), (Argument(None, self.width),))
            case "self_attention":
                return Call(Name(self.option.kind), (Argument("heads", Number(self.option.heads)),))
        return Name(self.option.kind)


def _with_values(expr: Expr, values: Mapping[str, Expr]) -> Expr:
    """An expression with other expressions in the place of some names."""
    def change(node: TreeNode) -> TreeNode:
        if isinstance(node, Name) and node.text in values:
            return values[node.text]
        return node

    if values:
        return mapped(expr, change)
    return expr
