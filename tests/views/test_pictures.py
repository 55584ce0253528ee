"""What is drawn: boxes, frames, fans, closed scopes; and the texts in golden files."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from archlang.elaborate import load, loads
from archlang.graph.ir import Graph
from archlang.views import dump, render
from archlang.views.compose import MOST, TALLEST, compose
from archlang.views.files import engines
from archlang.views.picture import Arrow, Picture
from tests.golden import check_golden
from tests.views.networks import RELU, Builder, base_cnn_cc, resnet50

GOLDEN = Path(__file__).parent / "golden"
NETWORKS = {"base_cnn_cc": base_cnn_cc, "resnet50": resnet50}

SMALL = """archlang 1
network Small(n = 2) {
  let gate = cross_prediction(linear(16), hidden = 8)
  input map: [3, H, W] where H % 8 == 0 and W % 8 == 0
  trunk = map -> conv(3x3, 8) -> relu -> parallel { conv(3x3, 8, stride = 2) as left; max_pool(2x2) -> conv(1x1, 8) }
              -> route(cross_stitch, to = 2)
  mixed = trunk -> each { global_avg_pool } -> route(gate, to = n) -> shared { linear(8) -> relu }
  level = mixed -> concat -> residual { linear(16) -> relu } -> residual(mix = learned) { linear(16) }
  steps = level -> layers { linear(8); linear(4) -> relu; linear(4) }
  output aux = steps[0] -> linear(2)
  output steps[1] -> add(steps[2]) -> dropout(0.5) -> linear(3)
}
"""


def labels(picture: Picture) -> list[str]:
    return ["|".join(box.lines) for box in picture.boxes]


def arrows(picture: Picture, line: str) -> list[Arrow]:
    return [arrow for arrow in picture.arrows if arrow.line == line]


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("form", ["dot", "mmd", "txt"])
def test_golden_texts(name: str, form: str) -> None:
    graph = NETWORKS[name]()
    text = dump(graph) if form == "txt" else str(render(graph, form))
    check_golden(GOLDEN / f"{name}.{form}", text)


def test_every_path_is_a_frame_of_its_own_and_units_are_stacked() -> None:
    picture = compose(base_cnn_cc(3))
    frames = [c.label for c in picture.clusters]
    assert frames.count("each.0") == frames.count("each.2") == 4
    assert labels(picture).count("unit|conv 3, 32|batch_norm|relu") == 3


@pytest.mark.parametrize("paths", [1, 2, 4])
def test_a_router_is_a_fan_from_every_input_to_every_output(paths: int) -> None:
    picture = compose(base_cnn_cc(paths))
    routers = 4
    assert len(arrows(picture, "fan")) == routers * paths * paths + paths
    assert len(arrows(picture, "gate")) == routers * 2 * paths + 1 + paths
    assert labels(picture).count("Σ") == (routers + 1) * paths


def test_all_forms_of_routers_have_their_fans() -> None:
    picture = compose(loads(SMALL).graph)
    assert {"0 → 0|linear 16", "1 → 0|linear 16", "0 → 1|linear 16", "1 → 1|linear 16"} <= set(labels(picture))
    assert len(arrows(picture, "fan")) == 4 + 4
    assert "parallel.0|left: conv 3x3, 8, stride = 2" in labels(picture)
    assert {"aux", "output"} <= set(labels(picture))


def test_depth_closes_scopes_and_counts_what_is_in_them() -> None:
    assert labels(compose(resnet50(), 0)) == [
        "image|[3, 224, 224]", "stem|4 ops · 9.54 k parameters", "layer1|32 ops · 216 k parameters",
        "layer2|42 ops · 1.22 M parameters", "layer3|62 ops · 7.1 M parameters", "layer4|32 ops · 15 M parameters",
        "logits|2 ops · 2.05 M parameters", "output",
    ]  # fmt: skip


def test_equal_closed_scopes_in_a_row_become_one() -> None:
    shown = labels(compose(resnet50(), 1))
    assert "2 × bottleneck|20 ops · 141 k parameters" in shown
    assert "5 × bottleneck_2|50 ops · 5.59 M parameters" in shown
    assert shown.count("bottleneck|12 ops · 379 k parameters") == 1


def test_several_tensors_between_closed_scopes_are_a_bundle() -> None:
    assert [a.label for a in compose(base_cnn_cc(3), 0).arrows] == ["[3, 32, 32]", "3 * [128, 8, 8]", "[10]"]


def test_without_a_wish_a_large_network_is_closed_until_it_is_readable() -> None:
    assert compose(resnet50()) == compose(resnet50(), 1)
    assert compose(base_cnn_cc()) == compose(base_cnn_cc(), 99)
    for graph in (resnet50(), base_cnn_cc(8)):
        picture = compose(graph)
        assert picture.height <= TALLEST and len(picture.boxes) <= MOST


def test_negative_depth_is_no_depth() -> None:
    assert compose(resnet50(), -1) == compose(resnet50(), 0)


def test_what_is_read_elsewhere_is_not_stacked() -> None:
    b = Builder("Net")
    x = b.conv(b.input("image", 3, 8, 8), "a", 3, 4)
    y = b.same(RELU, "a relu", x)
    b.output(y)
    b.output(x, "raw")
    assert "conv 3, 4" in labels(compose(b.graph))


def test_an_input_handed_out_at_once_is_drawn() -> None:
    b = Builder("Net")
    b.output(b.input("x", 3))
    picture = compose(b.graph)
    assert [(a.tail, a.head, a.label) for a in picture.arrows] == [("n0", "out0", "[3]")]
    assert "[3]" in str(render(b.graph, "svg", engine="builtin"))


def test_symbolic_sizes_are_shown() -> None:
    picture = compose(loads(SMALL).graph)
    assert "[8, H/2, W/2]" in {arrow.label for arrow in picture.arrows}


def test_dump_names_ports_and_members() -> None:
    text = dump(base_cnn_cc())
    assert "combine(column = auto, outputs = 2) n1 n0 -> [3, 32, 32], [3, 32, 32] @ trunk.fork.combine" in text
    assert " n2:1 -> [32, 32, 32] @ trunk.loop.0.each.1.unit.conv {each 1 of 2 in trunk.loop.0.each}" in text
    assert text.endswith("output n63\n")


@pytest.mark.parametrize("form", ["dot", "mmd", "svg", "html"])
def test_a_graph_without_nodes_draws(form: str) -> None:
    assert "Nothing" in str(render(Graph("Nothing"), form))


CODED = """archlang 1
code two = words("110", "011", "101")
network N {
  input x: [2, 4, 4]
  output x -> branches(two) { conv(1x1, 4) } -> energy_normalize -> sum -> global_avg_pool -> linear(3)
}
"""


@pytest.mark.parametrize("form", ["svg", "dot", "html"])
def test_a_code_stands_beside_the_diagram_as_a_matrix(form: str) -> None:
    drawn = str(render(loads(CODED), form, engine=None if form == "dot" else "builtin"))
    assert drawn.count("two: 3 classes x 3 branches") == 1
    assert drawn.count("#173e7a") == 6


def test_mermaid_names_the_code() -> None:
    assert 'code0["two: 3 classes x 3 branches"]' in str(render(loads(CODED), "mmd"))


def test_a_network_without_codes_has_no_matrix() -> None:
    plain = loads("archlang 1\nnetwork N { input x: [4]\n output x -> linear(3) }")
    assert "classes x" not in str(render(plain, "svg", engine="builtin"))


def _of_code(classes: int, named: int) -> str:
    names = ", ".join(f'"kind {i}"' for i in range(named))
    return f"""archlang 1
code some = design(classes = {classes}, branches = 8, active = 3)
network N {{
  input x: [2, 4, 4]
  y = x -> branches(some) {{ conv(1x1, 4) }} -> energy_normalize -> sum -> global_avg_pool -> linear({classes})
  output y
}}
train {{
  loss = cross_entropy(y, label)
  optimizer = sgd(lr = 0.1)
  labels = [{names}]
  phase all {{ epochs = 1 }}
}}
"""


@pytest.mark.parametrize("form", ["svg", "dot", "pdf"])
@pytest.mark.parametrize(("classes", "matrices"), [(6, 1), (30, 2)])
def test_the_classes_of_a_code_have_their_names(classes: int, matrices: int, form: str) -> None:
    drawn = render(loads(_of_code(classes, classes - 1)), form)
    if form == "pdf":  # what it shows is compressed; that it can be drawn is all that is tried
        assert drawn.startswith(b"%PDF")  # type: ignore[arg-type]
        return

    # Many names have no room beside a stage: the matrix stands there small, and with them in the appendix.
    text = str(drawn)
    assert text.count(f"some: {classes} classes x 8 branches") == matrices
    assert [text.count(f">kind {i}") for i in (0, classes - 2)] == [1, 1]
    # The last class has none: its number stands there.
    assert re.search(rf">{classes - 1} ?<", text)


def test_names_from_elsewhere_stand_in_the_place_of_the_file_s() -> None:
    network = loads(_of_code(6, 6))
    drawn = str(render(network, "svg", classes=[f"sort {i}" for i in range(6)]))
    assert drawn.count(">sort ") == 6 and ">kind " not in drawn


def test_names_of_a_table_of_words_stand_beside_them(tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text("class,code\ncat,110\n<owl>,011\ndog,101\n", encoding="utf-8")
    (tmp_path / "n.arch").write_text(CODED.replace('words("110", "011", "101")', 'from "c.csv"'), encoding="utf-8")
    for engine in ("builtin", "dot"):
        if engine in engines():
            drawn = str(render(load(tmp_path / "n.arch"), "svg", engine=engine))
            assert all(f">{name}<" in drawn.replace(" <", "<") for name in ("cat", "&lt;owl&gt;", "dog"))
