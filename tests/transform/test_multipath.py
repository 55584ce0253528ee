"""The transformation `multipath`: counts of the thesis' tables, text as a person would write it, refusals."""

from __future__ import annotations

import pytest

from archlang.diagnostics import ArchError
from archlang.elaborate import Network, load, loads
from archlang.passes.catalogue import PASSES
from archlang.syntax import parse
from archlang.syntax.printer import print_file
from archlang.transform.base import apply
from archlang.transform.multipath import Multipath

BASE = """archlang 1
block unit(c) = conv(3x3, c) -> batch_norm -> relu

network BaseCNN(classes = 10) {
  input image: [3, 32, 32]
  # the trunk
  trunk  = image -> for c in [32, 64] { unit(c) -> unit(c) -> max_pool(2x2) } -> unit(128) -> unit(128)
  logits = trunk -> flatten -> linear(32) -> relu -> linear(32) -> relu -> linear(classes)
  output logits
}
"""

RESNET = """archlang 1
import std.resnet (projection)

block basic(c, stride = 1) {
  body = in -> conv(3x3, c, stride = stride) -> batch_norm -> relu -> conv(3x3, c) -> batch_norm
  output body -> add(in -> projection(c, stride)) -> relu
}

network ResNet20(classes = 10) {
  input image: [3, 32, 32]
  stem   = image -> conv(3x3, 16) -> batch_norm -> relu
  layer1 = stem -> 3 * basic(16)
  layer2 = layer1 -> basic(32, stride = 2) -> 2 * basic(32)
  layer3 = layer2 -> basic(64, stride = 2) -> 2 * basic(64)
  logits = layer3 -> global_avg_pool -> linear(classes)
  output logits
}
"""


@pytest.mark.parametrize(
    ("text", "step", "parameters"),
    [  # Tissera 2023, tables 3.2 and 3.3, to the last digit
        (BASE, "multipath{paths=2}", 1_110_564),
        (BASE, "multipath{paths=3}", 1_666_014),
        (BASE, "multipath{paths=4}", 2_221_592),
        (BASE, "multipath{paths=2,router=cross_prediction}", 1_293_604),
        (BASE, "multipath{paths=3,router=cross_prediction}", 2_221_326),
        (BASE, "multipath{paths=4,router=cross_prediction}", 3_336_344),
        (BASE, "multipath{paths=3,router=none}", 3 * 551_018),
        (RESNET, "multipath{paths=2}", 548_548),
        (RESNET, "multipath{paths=3}", 822_606),
        (RESNET, "multipath{paths=4}", 1_096_760),
        (RESNET, "multipath{paths=2,router=cross_prediction}", 593_156),
        (RESNET, "multipath{paths=3,router=cross_prediction}", 924_654),
    ],
)
def test_counts_of_the_tables(text: str, step: str, parameters: int) -> None:
    assert apply(loads(text), step).parameters == parameters


def test_the_text_reads_as_written_by_hand() -> None:
    assert apply(loads(BASE), "multipath{paths=3,hidden=8}").listing == """archlang 1
block unit(c) = conv(3x3, c) -> batch_norm -> relu

network BaseCNN(classes = 10, paths = 3, hidden = 8) {
  let gate = cross_connection(hidden = hidden)
  input image: [3, 32, 32]
  # the trunk
  trunk  = image -> fork(paths, gate)
                 -> for c in [32, 64] { each { unit(c) -> unit(c) -> max_pool(2x2) } -> route(gate) }
                 -> each { unit(128) -> unit(128) } -> route(gate)
  logits = trunk -> each { flatten -> linear(32) -> relu } -> route(gate)
                 -> each { linear(32) -> relu -> linear(classes) } -> mean
  output logits
}
"""


def test_the_stem_of_a_residual_network_stays_single() -> None:
    after = apply(loads(RESNET), "multipath")
    assert [n.name for n in after.graph if n.op.name == "gates"] == [
        "layer1.fork.gates", "layer1.route.gates", "layer2.route.gates", "layer3.route.gates",
    ]
    assert "import std.resnet (projection)" in after.listing
    assert "import" not in after.text


def test_the_new_dials_work_and_the_text_is_canonical() -> None:
    listing = apply(loads(BASE), "multipath").listing
    assert print_file(parse(loads(listing).project.main.source)) == listing
    assert loads(listing, {"paths": 4}).parameters == 2_221_592
    assert loads(listing, {"hidden": 0}).parameters < 1_110_564


def test_the_paths_begin_where_asked() -> None:
    text = " ".join(apply(loads(RESNET), "multipath{after=layer1}").listing.split())
    assert "layer2 = layer1 -> fork(paths, gate)" in text
    assert "layer1 = stem -> 3 * basic(16)" in text


def test_taken_names_are_left_alone() -> None:
    text = BASE.replace("classes = 10", "classes = 10, paths = 7").replace("linear(classes)", "linear(classes * paths)")
    after = apply(loads(text), "multipath")
    assert after.dials["paths"] == 7
    assert after.dials["paths_2"] == 2


def test_dials_given_stay_given() -> None:
    assert apply(loads(BASE, {"classes": 3}), "multipath").graph.type(
        apply(loads(BASE, {"classes": 3}), "multipath").graph.outputs[0].port
    ).dims == (3,)


def refused(net: Network, step: str) -> ArchError:
    with pytest.raises(ArchError) as caught:
        apply(net, step)
    return caught.value


@pytest.mark.parametrize(
    ("step", "name"),
    [
        ("multipth", "unknown-pass"),
        ("multipath{", "usage"),
        ("multipath{paths}", "usage"),
        ("multipath{paths=2,paths=3}", "repeated-argument"),
        ("multipath{path=2}", "unknown-argument"),
        ("multipath{paths=two}", "wrong-kind"),
        ("multipath{paths=0}", "out-of-range"),
        ("multipath{hidden=-1}", "out-of-range"),
        ("multipath{router=switch}", "out-of-range"),
        ("multipath{after=nowhere}", "pass-does-not-apply"),
    ],
)
def test_wrong_passes(step: str, name: str) -> None:
    assert [d.name for d in refused(loads(BASE), step).diagnostics] == [name]


def test_a_network_with_paths_is_refused_at_its_place() -> None:
    net = apply(loads(BASE), "multipath")
    diagnostics = refused(net, "multipath").diagnostics
    assert {d.name for d in diagnostics} == {"pass-does-not-apply"}
    assert all(d.primary is not None for d in diagnostics)


def test_a_network_with_branches_is_no_sequence() -> None:
    text = """archlang 1
network N {
  input image: [3, 8, 8]
  a = image -> conv(3x3, 4)
  b = image -> conv(3x3, 4)
  output a -> add(b) -> flatten -> linear(2)
}
"""
    assert refused(loads(text), "multipath").diagnostics[0].name == "pass-does-not-apply"


def test_a_loop_over_a_name_cannot_be_written_out() -> None:
    text = BASE.replace("block unit", "let widths = [32, 64]\nblock unit").replace("in [32, 64]", "in widths")
    assert apply(loads(text), "multipath").parameters == 1_110_564
    assert refused(loads(text), "multipath{router=cross_prediction}").diagnostics[0].name == "pass-does-not-apply"


def test_a_pass_prints_as_it_is_written() -> None:
    assert str(Multipath(paths=3, router="cross_stitch")) == "multipath{paths=3,router=cross_stitch}"
    assert PASSES.parse(str(Multipath(paths=3))) == Multipath(paths=3)
    assert str(Multipath()) == "multipath"


def test_relative_imports_stay_readable(tmp_path: object) -> None:
    from pathlib import Path

    folder = Path(str(tmp_path))
    (folder / "blocks.arch").write_text("archlang 1\nblock unit(c) = conv(3x3, c) -> batch_norm -> relu\n")
    text = BASE.replace("block unit(c) = conv(3x3, c) -> batch_norm -> relu\n", 'import "./blocks.arch" (unit)\n')
    (folder / "net.arch").write_text(text)
    after = apply(load(folder / "net.arch"), "multipath{router=cross_prediction}")
    assert after.parameters == 1_293_604
    assert loads(after.listing).parameters == 1_293_604


def test_what_was_said_of_one_path_is_not_said_of_many() -> None:
    text = BASE.replace("archlang 1\n", 'archlang 1\n"""551,018 parameters."""\n')
    listing = apply(loads(text), "multipath{paths=3}").listing
    assert listing.startswith('archlang 1\n"""BaseCNN, made over by `multipath{paths=3}`."""\n')


def test_a_loop_that_says_in_is_not_written_out() -> None:
    flow = "image -> for c in [3, 3] { conv(3x3, c) -> add(in) } -> global_avg_pool -> linear(2)"
    net = loads(f"archlang 1\nnetwork N {{ input image: [3, 8, 8]\n output {flow} }}\n")
    with pytest.raises(ArchError, match="enters each of its turns"):
        apply(net, Multipath(router="cross_prediction"))
