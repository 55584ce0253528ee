"""Single scopes folded and unfolded: each operation stays in the picture once, and arrows still lead down."""

from __future__ import annotations

from pathlib import Path

import pytest

import archlang
from archlang.graph.ir import Graph
from archlang.views.compose import compose
from archlang.views.picture import Picture

ROOT = Path(__file__).resolve().parents[2]
FILES = ("specs/multipath/base_cnn_cc.arch", "specs/pce/pce_tiny.arch", "examples/02_blocks.arch",
         "examples/15_layer.arch")


def graph_of(name: str) -> Graph:
    return archlang.load(ROOT / name).graph


def check(graph: Graph, picture: Picture) -> None:
    """Each operation is in one box (a router has one for each output), and every arrow leads to a later box."""
    held = [node for box in picture.boxes if box.look != "sum" for node in box.nodes]
    sums = {node for box in picture.boxes if box.look == "sum" for node in box.nodes}
    assert sorted([*held, *sums]) == sorted(graph.nodes)
    place = {box.id: number for number, box in enumerate(picture.boxes)}
    assert all(place[arrow.tail] < place[arrow.head] for arrow in picture.arrows)


@pytest.mark.parametrize("name", FILES)
def test_every_frame_closes_and_every_closed_scope_opens(name: str) -> None:
    graph = graph_of(name)
    whole = compose(graph, 9)
    for cluster in whole.clusters:
        folded = compose(graph, 9, closed=cluster.scopes)
        check(graph, folded)
        # The frame is gone (that of members stays around them), and nothing that stands elsewhere is touched.
        assert cluster.scopes and len(folded.boxes) < len(whole.boxes)
        if len(cluster.scopes) == 1:
            assert not {key for one in folded.clusters for key in one.scopes} & set(cluster.scopes)
        inside = {node for box in folded.boxes if set(box.scopes) & set(cluster.scopes) for node in box.nodes}
        elsewhere = [box.nodes for box in whole.boxes if not set(box.nodes) & inside]
        assert inside and elsewhere and [b.nodes for b in folded.boxes if not set(b.nodes) & inside] == elsewhere


@pytest.mark.parametrize("name", FILES)
def test_what_is_closed_opens_alone(name: str) -> None:
    graph = graph_of(name)
    flat = compose(graph, 0)
    closed = [box for box in flat.boxes if box.scopes]
    assert closed
    for box in closed:
        opened = compose(graph, 0, opened=box.scopes)
        check(graph, opened)
        assert len(opened.boxes) >= len(flat.boxes)
        assert box.scopes not in {other.scopes for other in opened.boxes}
        # A box that opens shows what is in it, not just one box within.
        shown = [other for other in opened.boxes if set(other.nodes) & set(box.nodes)]
        assert len(shown) > 1 or not shown[0].scopes
        # All others stay as they are.
        assert {other.scopes for other in closed if other is not box} <= {other.scopes for other in opened.boxes}


def test_a_frame_of_members_closes_them_all() -> None:
    graph = graph_of("specs/pce/pce_tiny.arch")
    frames = [cluster for cluster in compose(graph, 9).clusters if len(cluster.scopes) > 1]
    assert frames, "no frame around experts"
    folded = compose(graph, 9, closed=frames[0].scopes)
    check(graph, folded)
    assert set(frames[0].scopes) <= {key for box in folded.boxes for key in box.scopes} | {frames[0].scopes[0]}


def test_equal_scopes_in_a_row_open_together() -> None:
    graph = graph_of("examples/networks/gpt2.arch")
    repeated = [box for box in compose(graph, 1).boxes if len(box.scopes) > 1]
    assert repeated and repeated[0].lines[0].startswith(f"{len(repeated[0].scopes)} × ")
    opened = compose(graph, 1, opened=repeated[0].scopes)
    check(graph, opened)


def test_without_folds_nothing_changes() -> None:
    graph = graph_of("specs/multipath/base_cnn_cc.arch")
    assert compose(graph, opened=["no/such"], closed=["scope"]) == compose(graph)
