"""Counts: totals equal the graph's, scopes add up, JSON and table hold them."""

from __future__ import annotations

import json

import msgspec
import pytest

from archlang.analysis import Report, report, table
from archlang.analysis.report import BlockRow, peak_bytes
from archlang.elaborate import loads
from archlang.graph.ir import Graph
from tests.views.networks import RELU, Builder, base_cnn_cc, resnet50
from tests.views.test_pictures import SMALL

SHARED = """archlang 1
network Tied {
  input x: [8]
  y = x -> fork(3) -> shared { linear(8) -> relu } -> sum
  output y
}
"""


def block(found: Report, name: str) -> BlockRow:
    return next(row for row in found.blocks if row.name == name)


@pytest.mark.parametrize("make", [base_cnn_cc, resnet50, lambda: base_cnn_cc(4)])
def test_totals_are_the_graphs_and_the_sums_of_the_rows(make: object) -> None:
    graph: Graph = make()  # type: ignore[operator]
    found = report(graph)
    for name in ("parameters", "buffers", "flops", "activation_bytes"):
        total = getattr(graph, name)
        assert getattr(found, name) == total == sum(getattr(row, name) for row in found.nodes)
        assert sum(getattr(row, name) for row in found.blocks if row.depth == 1) == total - sum(
            getattr(row, name) for row in found.nodes if "." not in row.name
        )


def test_known_counts() -> None:
    assert [report(base_cnn_cc(p)).parameters for p in (2, 3, 4)] == [1_110_564, 1_666_014, 2_221_592]
    assert report(resnet50()).parameters == 25_557_032


def test_scopes_hold_what_is_in_them() -> None:
    found = report(resnet50())
    row = block(found, "layer2.bottleneck_2.0")
    assert (row.depth, row.ops, row.parameters) == (2, 10, 280_064)
    assert block(found, "layer2").parameters == 379_392 + 3 * 280_064


def test_paths_are_counted_one_by_one() -> None:
    rows = [row for row in report(base_cnn_cc(3)).paths if row.region == "trunk.loop.1.each"]
    assert [(r.kind, r.index, r.of, r.ops, r.parameters) for r in rows] == [("each", i, 3, 7, 55_552) for i in range(3)]


def test_shared_weights_count_once() -> None:
    found = report(loads(SHARED))
    assert found.parameters == 8 * 8 + 8
    assert [row.parameters for row in found.nodes if row.op == "linear"] == [72, 0, 0]
    assert found.flops == 3 * 2 * 64


def test_json_says_what_the_report_says() -> None:
    found = report(loads(SMALL))
    text = found.json()
    assert msgspec.json.decode(text, type=Report) == found
    parsed = json.loads(text)
    keys = {"format_version", "network", "parameters", "buffers", "flops", "activation_bytes", "nodes", "codes"}
    assert keys <= set(parsed) and parsed["dials"] == {"n": 2}
    conv = parsed["nodes"][1]
    assert (conv["name"], conv["op"], conv["call"], conv["line"]) == ("trunk.conv", "conv", "conv(3x3, 8)", 5)
    assert conv["args"]["channels"] == 8 and conv["args"]["kernel"] == "3x3" and conv["args"]["bias"] is True


def test_symbolic_counts_are_text() -> None:
    found = report(loads(SMALL))
    assert isinstance(found.parameters, int) and found.peak_bytes is None
    assert found.nodes[0].activation_bytes == "12*H*W"
    assert "12*H*W" in table(found)


def test_peak_is_what_is_alive_at_once() -> None:
    b = Builder("Net")
    x = b.input("x", 10)  # 40 bytes, alive until the sum
    y = b.same(RELU, "relu", b.same(RELU, "relu", x))
    b.output(b.same(RELU, "relu", y))
    assert peak_bytes(b.graph) == 80
    b.output(x, "raw")
    assert peak_bytes(b.graph) == 120


def test_table_is_aligned_and_hierarchical() -> None:
    lines = table(report(resnet50()), 1).splitlines()
    assert "  parameters   25,557,032 (25.6 M)" in lines
    assert "  FLOPs        8,178,368,512 (8.18 G; one sample; a multiply-add counts as two)" in lines
    rows = lines[lines.index("") + 3 :]
    assert rows[1].startswith("stem ") and rows[2].startswith("  conv ") and "conv(7, 64, stride = 2)" in rows[2]
    assert not any("body" in row for row in rows)
    assert len({len(row) for row in rows}) == 1


def test_depth_zero_is_one_row_a_name() -> None:
    text = table(report(base_cnn_cc()), 0)
    names = [line.split()[0] for line in text.split("\n\n")[1].splitlines()[2:]]
    assert names == ["image", "trunk", "logits"]


EXPERTS = """archlang 1
network N {
  input image: [3, 8, 8]
  output image -> patches(4x4) -> experts(3, cosine_router(conv(1x1, 2) -> flatten)) { conv(3x3, 5) -> conv(1x1, 5) }
               -> unpatch
}
"""


def test_experts_dense_and_at_any_activity() -> None:
    (row,) = report(loads(EXPERTS)).experts
    pair, router = 2 * 16 * (27 * 5 + 5 * 5), 2 * 16 * 3 * 2 + 2 * 32 * 3
    assert (row.name, row.rows, row.experts, row.pair_flops, row.router_flops) == ("experts", 4, 3, pair, router)
    assert row.active_flops == [4 * (router + k * pair) for k in (1, 2, 3)]
    assert row.active_flops[-1] == loads(EXPERTS).flops
    text = table(report(loads(EXPERTS)))
    line = next(line for line in text.splitlines() if line.startswith("experts  ") and "5,120" in line)
    assert line.split() == ["experts", "4", "3", "5,120", "384", "62,976", "42,496", "22,016"]
