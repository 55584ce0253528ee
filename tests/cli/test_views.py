"""`archlang info`, `draw`, `diff`, `ops`, and the stairs of `compile --show` that need no torch."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from archlang.ops import CATALOGUE
from archlang.project.standard import standard_library
from archlang.views.palette import active
from tests.cli.conftest import DEMO, ROOT, Call


def test_info_for_people(call: Call, demo: str) -> None:
    outcome = call("info", demo)
    assert outcome.status == 0
    assert outcome.out.startswith("Demo(width = 16)\n")
    assert "634" in outcome.out
    assert outcome.err == ""


def test_info_as_json_with_dials(call: Call, demo: str) -> None:
    one = json.loads(call("info", demo, "--format", "json").out)
    two = json.loads(call("info", demo, "-p", "width=32", "--format", "json").out)
    fields = {"format_version", "network", "parameters", "buffers", "flops", "activation_bytes", "nodes", "codes"}
    assert fields <= set(one)
    assert (one["parameters"], one["buffers"]) == (16 * 27 + 32 + 170, 33)
    assert two["parameters"] == 32 * 27 + 64 + 330


EXPERTS = """archlang 1
network Spread {
  input x: [4]
  output x -> linear(6) -> experts(4, cross_connection(hidden = 0)) { linear(8) -> relu -> linear(6) }
}
"""


def test_info_counts_what_lies_on_each_of_several_processes(call: Call, tmp_path: Path) -> None:
    """By hand: one row of 6 numbers a sample, four experts of 110 numbers, and 30 + 24 that every process has."""
    file = tmp_path / "spread.arch"
    file.write_text(EXPERTS)
    costs = json.loads(call("info", str(file), "--processes", "2", "--format", "json").out)["processes"]
    assert (costs["processes"], costs["samples"]) == (2, 1)
    assert costs["weights"] == 4 * (30 + 24 + 4 * 110)
    assert costs["spread_weights"] == 4 * (30 + 24 + 2 * 110)
    assert costs["spread_sums"] == 4 * (30 + 24)
    # Rows, results and both gradients to two processes; four weights there, their gradients back; two counts.
    assert costs["exchanged_all"] == 4 * (2 * 4 * 6 + 4 + 2 * 2) + 2 * 8
    assert costs["exchanged_one"] == 4 * (4 * 6 + 2 + 2) + 2 * 8

    shown = call("info", str(file), "--depth", "0", "--processes", "2").out
    assert "on each of 2 processes" in shown
    assert "1.07 KiB of weights, the experts spread over the processes" in shown
    # Eight processes cannot hold an expert each.
    assert json.loads(call("info", str(file), "--processes", "8", "--format", "json").out)["processes"][
        "spread_weights"] is None


def test_costs_of_processes_want_numbers(call: Call, tmp_path: Path) -> None:
    file = tmp_path / "open.arch"
    file.write_text("archlang 1\nnetwork Open { input x: [T, 4]\n output x -> experts(2, cross_connection(hidden = 0), "
                    "over = positions) { linear(4) } }")
    outcome = call("info", str(file), "--processes", "2")
    assert outcome.status == 2
    assert "is counted in numbers, this is T" in outcome.err


@pytest.mark.parametrize(
    ("form", "start"),
    [("svg", b"<"), ("dot", b"digraph"), ("mmd", b"flowchart"), ("html", b"<!"), ("png", b"\x89PNG"), ("pdf", b"%PDF"),
     ("tex", b"\\documentclass")],
)
def test_draw_in_every_format(form: str, start: bytes, call: Call, demo: str, tmp_path: Path) -> None:
    out = tmp_path / f"out.{form}"
    outcome = call("draw", demo, "-o", str(out))
    assert (outcome.status, outcome.out, outcome.err) == (0, "", "")
    assert start in out.read_bytes()[:200]


def test_draw_sideways_on_paper_and_unfolded(call: Call, demo: str, tmp_path: Path) -> None:
    down, right = tmp_path / "down.svg", tmp_path / "right.svg"
    assert call("draw", demo, "-o", str(down)).status == 0
    assert call("draw", demo, "-o", str(right), "--direction", "right", "--style", "paper", "--unfold").status == 0
    sizes = []
    for file in (down, right):
        wide, high = re.findall(r'(?:width|height)="([0-9.]+)', file.read_text())[:2]
        sizes.append(float(wide) / float(high))
    assert sizes[0] < 1 < sizes[1]
    assert call("draw", demo, "--direction", "left").status == 2


def test_draw_to_standard_output(call: Call, demo: str) -> None:
    assert "<svg" in call("draw", demo).out
    assert call("draw", demo, "--to", "dot", "--depth", "0").out.startswith("digraph")


def test_a_format_that_does_not_exist(call: Call, demo: str) -> None:
    outcome = call("draw", demo, "-o", "net.jpeg")
    assert outcome.status == 2
    assert "error[usage]" in outcome.err


def test_diff(call: Call, demo: str, tmp_path: Path) -> None:
    other = tmp_path / "other.arch"
    other.write_text(DEMO.replace("linear(10)", "linear(20)"))
    outcome = call("diff", demo, str(other))
    assert outcome.status == 0
    assert "linear(10) -> linear(20)" in outcome.out
    assert "no difference" in call("diff", demo, demo).out
    document = json.loads(call("diff", demo, str(other), "--format", "json").out)
    assert document["format_version"] == 1
    assert document["parameters"]["after"] - document["parameters"]["before"] == 170


def test_ops_lists_all_that_files_can_use(call: Call) -> None:
    outcome = call("ops")
    assert outcome.status == 0
    listed = {line.split()[0] for line in outcome.out.splitlines() if line.startswith("  ")}
    assert listed == {*CATALOGUE.stages, *(name for _, name in CATALOGUE.settings)}
    assert max(map(len, outcome.out.splitlines())) < 150


@pytest.mark.parametrize("name", [*CATALOGUE.stages, *dict.fromkeys(name for _, name in CATALOGUE.settings)])
def test_every_entry_is_described(name: str, call: Call) -> None:
    outcome = call("ops", name)
    assert outcome.status == 0
    assert outcome.out.startswith(name)
    stage = CATALOGUE.stage(name)
    if stage is not None:
        assert stage.doc in outcome.out
        assert all(arg.name in outcome.out for arg in stage.args)


def test_one_entry_in_full(call: Call) -> None:
    text = call("ops", "max_pool").out
    assert text.splitlines()[0].startswith("max_pool(")
    assert "arguments" in text
    assert "example" in text


def test_ops_lists_the_standard_library(call: Call) -> None:
    outcome = call("ops", "std")
    assert outcome.status == 0
    assert "std.resnet\n  projection(c, stride = 1)\n    A shortcut: " in outcome.out
    assert "    [64, 56, 56] -> projection(128, stride = 2)\n" in outcome.out
    assert len(re.findall(r"^  \w", outcome.out, re.MULTILINE)) == len(standard_library())

    one = call("ops", "std.dense").out
    assert one.startswith("std.dense\n  dense_layer(growth, width = 4)\n")
    assert "std.resnet" not in one


def test_ops_finds_a_standard_block(call: Call) -> None:
    assert call("ops", "basic").out == """\
basic(c, stride = 1)
  block of std.resnet

  Two 3x3 convolutions beside a shortcut.

  example
    import std.resnet (basic)
    input x: [64, 56, 56]
    output x -> basic(128, stride = 2) -> basic(128)
"""
    both = call("ops", "pooled").out
    assert "block of std.heads" in both
    assert "block of std.layers" in both
    assert "did you mean `bottleneck`" in call("ops", "botleneck").err


def test_an_unknown_op(call: Call) -> None:
    outcome = call("ops", "batchnorm")
    assert outcome.status == 1
    assert "did you mean `batch_norm`" in outcome.err


def test_stairs_without_torch(call: Call, demo: str) -> None:
    assert "Network" in call("compile", demo, "--show", "tree").out
    graph = call("compile", demo, "--show", "graph").out
    assert graph.startswith("graph Demo\ndial width = 16\n")
    outcome = call("compile", demo, "--show", "attic")
    assert outcome.status == 2
    assert "is none of tree, graph, module, python, after:pass" in outcome.err.lower()


def test_two_networks_side_by_side(call, tmp_path):
    page = tmp_path / "both.html"
    files = [str(ROOT / f"specs/multipath/{name}.arch") for name in ("base_cnn", "base_cnn_cc")]
    done = call("diff", *files, "-o", str(page))
    assert done.status == 0 and "~ dial paths: none -&gt; 2" in page.read_text()
    assert page.read_text().count("<section>") == 2 and page.read_text().count("</svg>") == 2 and done.out
    assert call("diff", "a.arch", "b.arch", "-o", "both.jpg").status == 2

    # As one picture: a frame each, and red what the other side does not have.
    for kind, first in (("svg", b"<?xml"), ("png", b"\x89PNG"), ("pdf", b"%PDF")):
        place = tmp_path / f"both.{kind}"
        assert call("diff", *files, "-o", str(place)).status == 0
        assert place.read_bytes().startswith(first)
    text = (tmp_path / "both.svg").read_text()
    red = active(1.0).fill
    assert text.count(red) > 3 and "BaseCNN (" in text and "BaseCNN_CC (" in text
    assert call("diff", files[0], files[0], "-o", str(tmp_path / "both.svg")).status == 0
    assert red not in (tmp_path / "both.svg").read_text()
