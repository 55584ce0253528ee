"""Pictures read downwards: boxes and arrows of every network in the repository have no circle, at any depth."""

from __future__ import annotations

import re
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import archlang
import archlang.views.compose as composing
from archlang.graph.ir import Graph
from archlang.graph.outline import Cost
from archlang.views.compose import compose
from archlang.views.layered import layout
from archlang.views.picture import Arrow, Box, Cluster, Picture, ranks
from tests.views.networks import ADD, RELU, Builder

ROOT = Path(__file__).parents[2]
FILES = sorted([*ROOT.glob("specs/*/*.arch"), *ROOT.glob("examples/*.arch"), *ROOT.glob("examples/networks/*.arch")])
WRONG = frozenset({"mistakes.arch", "mistakes_pytorch.arch"})
"""Examples of what is refused."""


def one_each(graph: Graph) -> dict[str, Cost]:
    return {node.id: Cost(ops=1) for node in graph}


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_arrows_lead_down(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if path.name in WRONG:
        with pytest.raises(archlang.ArchError):
            archlang.load(path)
        return

    graph = archlang.load(path).graph
    # Costs are written into boxes and take most of the time; no arrow depends on them.
    monkeypatch.setattr(composing, "costs", one_each)
    for depth in (0, 1, 2, 3, 64):
        picture = compose(graph, depth)
        before: dict[str, set[str]] = {box.id: set() for box in picture.boxes}
        for arrow in picture.arrows:
            before[arrow.head].add(arrow.tail)
        # Raises CycleError where arrows lead round.
        assert len(list(TopologicalSorter(before).static_order())) == len(picture.boxes)

        rank = ranks(picture)
        assert all(rank[arrow.tail] < rank[arrow.head] for arrow in picture.arrows)


def test_experts_stand_in_a_frame_between_their_router_and_their_sum() -> None:
    picture = compose(archlang.load(ROOT / "specs/pce/pce_tiny.arch").graph, 2)
    frames = [cluster for cluster in picture.clusters if cluster.label == "experts"]
    assert len(frames) == 2

    rank = ranks(picture)
    for frame in frames:
        inside, _ = picture.inside(frame.id)
        router, *members, total = inside
        assert [b.lines[0] for b in inside] == ["router, dispatch", *(f"experts.{i}" for i in range(4)), "Σ"]
        assert {rank[member.id] - rank[router.id] for member in members} == {1}
        assert rank[total.id] == rank[members[0].id] + 1
        # The parts have their own costs: four operations above, and the sum.
        assert router.lines[1].startswith("4 ops")


def test_scopes_that_read_each_other_are_cut() -> None:
    """`a` reads `b` and `b` reads `a`, though no way leads out of either and back."""
    b = Builder("Crossed")
    x = b.input("x", 4)
    first, second = b.same(RELU, "a relu", x), b.same(RELU, "b relu", x)
    crossed = b.same(RELU, "a relu", second), b.same(RELU, "b relu", first)
    b.output(b.same(ADD, "add", *crossed))

    picture = compose(b.graph, 0)
    rank = ranks(picture)
    assert all(rank[arrow.tail] < rank[arrow.head] for arrow in picture.arrows)
    # One of the two is cut; the other stays one box between its parts.
    assert [b.lines[0] for b in picture.boxes] == ["x", "b", "a", "b", "add", "output"]


def test_a_table_that_is_read_again_at_the_end_stands_in_two_parts() -> None:
    picture = compose(archlang.load(ROOT / "examples/networks/gpt2.arch").graph, 0)
    tables = [box.lines for box in picture.boxes if box.lines[0] == "table"]
    first = ("table", "embedding 768, init = normal(mean = 0.0, std = 0.02)")
    assert tables == [first, ("table", "embedding: unembed table")]


@pytest.mark.parametrize("name", ["specs/coded_resnext/digits", "specs/layer_attention/digits", "examples/05_branches"])
@pytest.mark.parametrize("depth", [None, 64])
def test_the_built_in_layout_puts_members_in_the_order_of_their_numbers(name: str, depth: int | None) -> None:
    picture = compose(archlang.load(ROOT / f"{name}.arch").graph, depth)
    done = layout(picture)

    # Members in the same frame and row, by the places and the names that are drawn.
    rows: dict[tuple[str | None, str, float], list[tuple[float, int]]] = {}
    drawn = [(box.cluster, box.lines[0], done.boxes[box.id]) for box in picture.boxes]
    drawn += [(cluster.parent, cluster.label, done.frames[cluster.id]) for cluster in picture.clusters]
    for frame, label, place in drawn:
        found = re.match(r"(each|parallel|branches)\.(\d+)", label)
        if found:
            middle = round(place.y + place.h / 2)
            rows.setdefault((frame, found[1], middle), []).append((place.x, int(found[2])))

    assert any(len(row) > 2 for row in rows.values())
    for row in rows.values():
        numbers = [number for _, number in sorted(row)]
        assert numbers == sorted(numbers)


@pytest.mark.parametrize("framed", [False, True])
def test_members_keep_their_order_where_arrows_would_turn_it(framed: bool) -> None:
    """`a` feeds the second member and `b` the first: the arrows cross, and the members stand in order."""
    homes: list[str | None] = [None, None]
    clusters: tuple[Cluster, ...] = ()
    if framed:
        homes = ["c0", "c1"]
        clusters = (Cluster("c0", "each.0", None, ("each", 0)), Cluster("c1", "each.1", None, ("each", 1)))

    sources = [Box(name, (name,), "plain", "linear", "", None) for name in "ab"]
    turns = [None if framed else ("each", i) for i in range(2)]
    members = [Box(f"m{i}", (f"m{i}",), "plain", "linear", "", homes[i], turn=turns[i]) for i in range(2)]
    crossing = (Arrow("a", "m1", "", "flow"), Arrow("b", "m0", "", "flow"))

    done = layout(Picture("p", (*sources, *members), crossing, clusters))
    assert done.boxes["m0"].x < done.boxes["m1"].x
