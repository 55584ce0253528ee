"""From a graph to its picture: what becomes a box, what is stacked in one, what is closed, what gets a frame.

- An operation is a box; norms, activations and dropouts that follow it at once stand in the same box.
- A router's `combine` is one circle an output, with a fan of arrows from every input; its gates are a circle beside.
- Attention over layers is a box with an arrow of its own from every layer.
- A layer that is used several times has a frame for each use, with its number.
- Arrows lead down. A closed scope that feeds members and gathers from them is cut in a part above and a part below.
- Scopes are frames. `depth` closes those that lie deeper to one box, unless they hold one operation alone; equal closed
  scopes in a row become `3 x name`.
- A scope that would frame a single box lends it its name instead.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace

from archlang.graph.ir import Graph, Node, Port
from archlang.graph.outline import Cost, Scope, arguments, compact, costs, levels
from archlang.views.folds import Folds, Levels
from archlang.views.grouping import Group, Grouping, ScopedGraph, stem_of
from archlang.views.picture import Arrow, Box, Cluster, Line, Picture, ShownCode, Turn, clean
from archlang.views.repeats import Repeats, repeats_of

TALLEST, MOST = 32, 160
"""Without a wish, a picture is opened as deep as keeps it within so many boxes from top to bottom, and in all."""

FANNED = 3
"""So many arrows from one box may carry the same label; of more the first has it."""

def compose(graph: Graph, depth: int | None = None, opened: Collection[str] = (), closed: Collection[str] = (),
            once: bool = False) -> Picture:
    """Compose the picture of a graph, with scopes opened to `depth` (0: none).

    Without a depth, scopes are opened as deep as `TALLEST` and `MOST` allow. `opened` and `closed` are the keys of
    scopes (`Box.scopes`, `Cluster.scopes`) that are open or closed whatever their depth. With `once`, equal open scopes
    in a row are drawn once, and their frame says how many they are.
    """
    scoped = ScopedGraph(graph, costs(graph))
    folds = Folds(0, frozenset(opened), frozenset(closed))
    if depth is not None:
        return _Composer(scoped, folds.at(max(depth, 0)), once).picture()

    found, picture = _readable(scoped, once)
    if not folds.opened and not folds.closed:
        return picture
    return _Composer(scoped, folds.at(found), once).picture()


def _readable(scoped: ScopedGraph, once: bool) -> tuple[int, Picture]:
    """The greatest depth at which the picture stays within `MOST` and `TALLEST`, and that picture; 0 if none does."""
    # All scopes open first, then one level less each time: the first picture that is small enough.
    deepest = max(map(len, scoped.steps.values()), default=1)
    # A scope of one operation is never closed: where all are such, one picture is that of every depth.
    if all(scope.cost.ops < 2 for levels, scope in scoped.scopes.items() if levels):
        return deepest, _Composer(scoped, Folds(deepest), once).picture()

    whole = _fitting(scoped, deepest, once)
    if whole is not None:
        return deepest, whole

    # By halving: a large picture takes a second, and there may be sixty depths.
    fitting = None
    low, high = 0, deepest - 2
    # Depth 0 needs no trial: it is what is left.
    while low <= high and high > 0:
        middle = (low + high + 1) // 2
        found = _fitting(scoped, middle, once)
        if found is None:
            high = middle - 1
        else:
            fitting, low = (middle, found), middle + 1
    return fitting or (0, _Composer(scoped, Folds(0), once).picture())


def _fitting(scoped: ScopedGraph, depth: int, once: bool) -> Picture | None:
    """The picture with scopes opened to a depth, or None where it is larger than `MOST` and `TALLEST` allow."""
    composer = _Composer(scoped, Folds(depth), once)
    if sum(map(_box_count, composer.groups)) + len(scoped.graph.outputs) > MOST:
        return None

    picture = composer.picture()
    if picture.height > TALLEST:
        return None
    return picture


def _chain(cluster: str | None, parents: Mapping[str, str | None]) -> list[str]:
    """A frame and those around it, from the inside out."""
    found = []
    while cluster is not None:
        found.append(cluster)
        cluster = parents[cluster]
    return found


class _Composer:
    """Makes boxes, frames and arrows of the groups of nodes."""

    def __init__(self, scoped: ScopedGraph, folds: Folds, once: bool) -> None:
        self.graph = scoped.graph
        self.grouping = Grouping(scoped, folds)
        self.groups, self.of = self.grouping.groups, self.grouping.by_node()

        self.repeats = Repeats({}, {})
        if once:
            self.repeats = repeats_of(self.graph, self.groups)
            self.groups = [group for group in self.groups if group.nodes[0].id not in self.repeats.twins]
            for group in self.groups:
                group.home = self.repeats.called(group.home)

    def picture(self) -> Picture:
        """Boxes, then frames around them, then arrows."""
        homes = [(group.home, _box_count(group)) for group in self.groups]
        frames = _Frames(homes, self._folded_with)

        boxes: list[Box] = []
        # A box is called by its first node, whose id is no word of Graphviz or Mermaid.
        self.ids: dict[int, str] = {}
        for group in self.groups:
            self.ids[id(group)] = group.nodes[0].id
            boxes += self._boxes(group, frames)
        boxes.extend(
            Box(f"out{i}", (clean(output.label),), "end", "end", "output of the network", None)
            for i, output in enumerate(self.graph.outputs)
        )

        shown = self._codes(boxes, frames.clusters)
        return Picture(self.graph.name, tuple(boxes), tuple(self._arrows()), tuple(frames.clusters), shown)

    def _codes(self, boxes: Sequence[Box], clusters: Sequence[Cluster]) -> tuple[ShownCode, ...]:
        """Every code once, although several blocks may share it, with the frame that all of them stand in."""
        parents = {cluster.id: cluster.parent for cluster in clusters}
        homes = {node: box.cluster for box in boxes for node in box.nodes}
        codes = {site.code.words: site.code for site in self.graph.coded.values()}
        labels: tuple[str, ...] = ()
        if self.graph.plan is not None:
            labels = self.graph.plan.labels or ()

        around: dict[tuple[str, ...], list[str]] = {}
        # Nearly all networks have none, and members by the thousand.
        if not self.graph.coded:
            return ()
        for node in self.graph:
            for member in node.members:
                site = self.graph.coded.get(member.region)
                # What has a twin is drawn there.
                if site is None or node.id not in homes:
                    continue
                chain = _chain(homes[node.id], parents)
                shared = around.setdefault(site.code.words, chain)
                around[site.code.words] = [cluster for cluster in shared if cluster in chain]

        return tuple(
            ShownCode(clean(code.name), words, next(iter(around.get(words, [])), None), code.names or labels)
            for words, code in codes.items()
        )

    def _folded_with(self, scope: Levels) -> tuple[str, ...]:
        # A frame that stands for several scopes has a name of its own, and no scope that would fold.
        if self.repeats.times:
            return ()
        return self.grouping.folded_with(scope)

    def _boxes(self, group: Group, frames: _Frames) -> list[Box]:
        first = group.nodes[0]
        cluster, missing = frames.place(group.home)
        caption = (*missing, *group.caption)
        held = tuple([node.id for node in group.nodes])
        if group.scope is not None:
            box = _closed(group, group.scope, cluster, caption)
            return [replace(box, turn=_turn((*caption, group.scope.name)), nodes=held,
                            scopes=self.grouping.closed_in(group))]

        tip = clean("  ".join([f"{n.id} {n.name}" for n in group.nodes]), 400)
        # An input or output is called by its last step: that is the name in the file.
        if first.op.drawn == "end":
            lines_of_end = clean(first.path[-1]), clean(str(first.outputs[0]))
            return [Box(first.id, lines_of_end, "end", "end", tip, cluster, nodes=held)]
        if first.op.drawn == "sum":
            return [Box(_circle(first, i), ("Σ",), "sum", "multipath", tip, cluster, nodes=held)
                    for i in range(len(first.outputs))]
        if first.op.drawn == "gates":
            return [Box(first.id, ("gates",), "gate", "multipath", tip, cluster, nodes=held)]

        lines: list[str] = []
        if caption:
            lines.append(_caption(caption))
        if first.op.drawn == "attention":
            lines.append(clean(_attention(first)))
        else:
            lines += [clean(line) for node in group.nodes for line in (_line(node), *_map(node))]
        return [Box(first.id, tuple(lines), "plain", first.op.family, tip, cluster, turn=_turn(caption), nodes=held)]

    def _arrows(self) -> list[Arrow]:
        # Tensors between the same two boxes share an arrow; a dict keeps them in order and once.
        carried: dict[tuple[str, str, Line], dict[Port, None]] = {}
        for node in self.graph:
            # What has a twin is drawn there. The other reads the rows of a tensor and none of its numbers.
            if node.id in self.repeats.twins or node.op.own:
                continue
            for slot, port in enumerate(map(self.repeats.port, node.inputs)):
                if self.of[node.id] is not self.of[port.node]:
                    for tail, head, line in self._strokes(node, slot, port):
                        carried.setdefault((tail, head, line), {})[port] = None
        for i, output in enumerate(self.graph.outputs):
            port = self.repeats.port(output.port)
            carried.setdefault((self._tail(port), f"out{i}", "flow"), {})[port] = None

        arrows = [
            Arrow(tail, head, self._label(line, list(ports)), line, tuple(ports))
            for (tail, head, line), ports in carried.items()
        ]
        return _named_once(arrows)

    def _strokes(self, node: Node, slot: int, port: Port) -> list[tuple[str, str, Line]]:
        tail = self._tail(port)
        if self.of[node.id].scope is not None:
            return [(tail, self.ids[id(self.of[node.id])], "flow")]

        if node.op.drawn == "sum":
            # The first input of a weighted sum are its gates; the others are what it sums.
            line: Line = "fan"
            if node.op.weighted and slot == 0:
                line = "gate"
            return [(tail, _circle(node, i), line) for i in range(len(node.outputs))]

        return [(tail, self.ids[id(self.of[node.id])], _LINES.get(node.op.drawn, "flow"))]

    def _tail(self, port: Port) -> str:
        node, group = self.graph.node(port.node), self.of[port.node]
        if node.op.drawn == "sum" and group.scope is None:
            return _circle(node, port.index)
        return self.ids[id(group)]

    def _label(self, line: Line, ports: list[Port]) -> str:
        """The types of the tensors that an arrow carries; a router's arrows are too many for labels."""
        if line not in ("flow", "attend"):
            return ""

        types = [self._type(port) for port in ports]
        if len(types) == 1:
            return types[0]
        if len(set(types)) == 1:
            return f"{len(types)} * {types[0]}"
        if len(types) < 4:
            return clean(", ".join(types))
        return f"{len(types)} tensors"

    def _type(self, port: Port) -> str:
        rows = self.graph.node(port.node).rows
        if rows == 1:
            return str(self.graph.type(port))
        return f"{rows} × {self.graph.type(port)}"


def _named_once(arrows: list[Arrow]) -> list[Arrow]:
    """Of many arrows from one box that carry the same type, the first alone says so: beside members, labels collide."""
    times = Counter((arrow.tail, arrow.label) for arrow in arrows)
    shown: list[Arrow] = []
    told: set[tuple[str, str]] = set()
    for arrow in arrows:
        key = arrow.tail, arrow.label
        if times[key] > FANNED and key in told:
            arrow = Arrow(arrow.tail, arrow.head, "", arrow.line, arrow.ports, arrow.strength)
        told.add(key)
        shown.append(arrow)
    return shown


_LINES: dict[str, Line] = {"gates": "gate", "attention": "attend"}
"""The arrows that lead to what is drawn so; `flow` to all else."""


def _closed(group: Group, scope: Scope, cluster: str | None, caption: tuple[str, ...]) -> Box:
    """The box of a closed scope, or of several equal ones in a row."""
    title = _caption((*caption, group.title or scope.name))
    if group.times > 1:
        title = f"{group.times} × {stem_of(title)}"

    lines = (clean(title), _summary(group.cost))
    return Box(group.nodes[0].id, lines, "scope", "scope", clean(scope.path, 200), cluster)


class _Frames:
    """The scopes that get a frame: those that would hold at least two things, boxes or frames."""

    def __init__(self, homes: list[tuple[Levels, int]], folded_with: Callable[[Levels], tuple[str, ...]]) -> None:
        held: dict[tuple[str, ...], int] = {}  # boxes and frames directly in each scope
        known: set[tuple[str, ...]] = set()
        for home, boxes in homes:
            held[home] = held.get(home, 0) + boxes
            for depth in range(1, len(home) + 1):
                known.add(home[:depth])

        # From the inside out: a scope that holds anything is one thing to the scope around it.
        for scope in sorted(known, key=len, reverse=True):
            inner = held.get(scope, 0)
            held[scope[:-1]] = held.get(scope[:-1], 0) + min(inner, 1)

        order = {home[:d]: None for home, _ in homes for d in range(1, len(home) + 1)}
        self.names: dict[tuple[str, ...], str] = {}
        self.clusters: list[Cluster] = []
        for scope in order:
            if held.get(scope, 0) > 1:
                # A frame may stand in one that got none: its caption takes up the names between.
                parent, caption = self.place(scope[:-1])
                self.names[scope] = f"c{len(self.clusters)}"
                label = _caption((*caption, scope[-1]))
                turn = _turn((*caption, scope[-1]))
                self.clusters.append(Cluster(self.names[scope], label, parent, turn, folded_with(scope)))

    def place(self, home: tuple[str, ...]) -> tuple[str | None, tuple[str, ...]]:
        """The innermost frame around a scope, and the names of the scopes between that got none."""
        for depth in range(len(home), 0, -1):
            if home[:depth] in self.names:
                return self.names[home[:depth]], home[depth:]
        return None, home


def _turn(steps: tuple[str, ...]) -> Turn | None:
    """The place of a member among its like, by the outermost scope that it stands for: `experts.2` is the third."""
    found = re.fullmatch(r"(\D.*)\.(\d+)", "".join(steps[:1]))
    if found is None:
        return None
    return found[1], int(found[2])


def _box_count(group: Group) -> int:
    first = group.nodes[0]
    if group.scope is None and first.op.drawn == "sum":
        return len(first.outputs)
    return 1


def _circle(node: Node, index: int) -> str:
    return f"{node.id}_{index}"


def _caption(steps: tuple[str, ...]) -> str:
    """Scope names in a row; a router's stage is called by the input and the output that it lies between."""
    # `2.0`: the third input of the router, and its first output.
    pair = re.fullmatch(r"(\d+)\.(\d+)", steps[-1])
    if pair:
        return clean(f"{pair[1]} → {pair[2]}")
    return clean(".".join(steps))


def _map(node: Node) -> tuple[str, ...]:
    """A line for each row of a boosted kernel: how often each position is covered."""
    if "coverage" not in node.args:
        return ()
    return tuple(node.args["coverage"].split(" / "))


def _line(node: Node) -> str:
    if node.op.line is not None:
        return node.op.line(node.args)

    # A module that is called as its operation is, perhaps with a number, needs no name beside it.
    leaf = levels(node.path)[-1]
    named = f"{leaf}: "
    if re.fullmatch(rf"{re.escape(node.op.name)}_?(_\d+)?(\.\d+)*", leaf):
        named = ""
    return f"{named}{node.op.name} {arguments(node)}".rstrip()


def _attention(node: Node) -> str:
    """The kind of attention over layers and its arguments; `attend` stands above as the name of its scope."""
    if node.args.get("bypass"):
        return f"join {len(node.inputs)} layers"
    kind = node.op.name.removeprefix("attend_")
    return f"{kind} {arguments(node)}".rstrip()


def _summary(cost: Cost) -> str:
    ops = f"{cost.ops} ops"
    if cost.ops == 1:
        ops = "1 op"
    if cost.parameters == 0:
        return ops
    return f"{ops} · {compact(cost.parameters)} parameters"
