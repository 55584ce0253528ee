"""Every spec is without mistakes and warnings, in canonical form, says what it is and how it is trained."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from archlang.diagnostics import ArchError
from archlang.elaborate import check, load
from archlang.source import Source
from archlang.syntax import parse
from archlang.syntax.printer import print_file
from archlang.train.optimization.schedule import rate
from archlang.transform import apply
from tests.specs.rows import MULTIPATH, ROOT, SPECS, Dials

STANDARD = sorted((ROOT / "archlang" / "std").glob("*.arch"))


@pytest.mark.parametrize("path", [*SPECS, *STANDARD], ids=lambda p: p.stem)
def test_checked_and_canonical(path: Path) -> None:
    text = path.read_text()
    tree = parse(Source(path.name, text))
    assert check(path) == ()
    assert print_file(tree) == text
    assert tree.doc


@pytest.mark.parametrize(
    "path", [p for p in SPECS if p.parent == MULTIPATH and p.stem != "sparse_digits"], ids=lambda p: p.stem)
def test_training_of_the_thesis(path: Path) -> None:
    """Sections 3.4.1 to 3.4.3: SGD with momentum 0.9 from 0.1, divided by ten at two or three epochs."""
    plan = load(path).graph.plan
    assert plan is not None
    epochs = {"resnet_cifar": 350, "resnet50": 90, "vgg13_cc": 90, "resnet18": 120, "resnet34": 120, "resnet101": 90,
              "resnext50": 90, "wide_resnet50": 90, "wide_resnet18": 120, "resnet164": 350, "wide_resnet_cifar": 350,
              "se_resnet_cifar": 350}
    batches = {"resnet_cifar": 64, "resnet164": 64, "wide_resnet_cifar": 64, "se_resnet_cifar": 64, "resnet": 256,
               "resnext": 256, "wide_resnet": 256, "vgg13_cc": 256}
    assert [phase.epochs for phase in plan.phases] == [_of(path.stem, epochs, 200)]
    assert plan.batch == _of(path.stem, batches, 128)


@pytest.mark.parametrize("name", ["base_cnn_cc", "base_cnn_cp"])
def test_the_longer_training_of_table_32(name: str) -> None:
    """Its last column: 350 epochs, divided by ten after 150 and 250."""
    plan = load(MULTIPATH / f"{name}.arch", {"epochs": 350}).graph.plan
    assert plan is not None
    [phase] = plan.phases
    assert phase.epochs == 350
    rates = [rate(phase.lr, 0.1, epoch, 350) for epoch in (0, 149, 150, 249, 250, 349)]
    assert rates == pytest.approx([0.1, 0.1, 0.01, 0.01, 0.001, 0.001])


def _of(name: str, table: dict[str, int], otherwise: int) -> int:
    return next((value for start, value in table.items() if name.startswith(start)), otherwise)


@pytest.mark.parametrize(("name", "places"), [
    ("base_cnn", []), ("base_cnn_x", []), ("cross_stitch", []),
    ("base_cnn_cc", [3, 32, 64, 128, 32]),
    ("base_cnn_cp", [3, 32, 64, 32]),
    ("resnet_cifar_cc", [16, 16, 32, 64]),
    ("resnet_cifar_cp", [3, 16, 32]),
    ("resnet18_cc", [64, 64, 128, 256, 512]),
    ("resnet50_cc", [64, 256, 512, 1024, 2048]),
    ("vgg13_cc", [3, 32, 64, 128, 256, 256, 256]),
])
def test_where_the_gates_stand(name: str, places: list[int]) -> None:
    """Channels or features under each layer of gates (section 3.4): the first is the connector of one input."""
    graph = load(MULTIPATH / f"{name}.arch").graph
    calls = [graph.call(node) for node in graph if node.op.name == "gates"]
    assert [call.x.dims[0] for call in calls] == places
    assert [len(call.inputs) for call in calls] == [1, *[2] * (len(places) - 1)][: len(places)]


@pytest.mark.parametrize("name", ["base_cnn_x", "base_cnn_cc", "base_cnn_cp", "resnet_cifar_cc", "resnet18_cc"])
def test_more_paths_cost_what_they_should(name: str) -> None:
    counts = [load(MULTIPATH / f"{name}.arch", {"paths": p}).parameters for p in (1, 2, 3, 4)]
    steps = [b - a for a, b in pairwise(counts)]
    second = [b - a for a, b in pairwise(steps)]
    assert second[0] == second[1]  # quadratic: gates and predictions go from every path to every path
    assert (second[0] == 0) == (name == "base_cnn_x")


@pytest.mark.parametrize(("name", "dials"), [
    ("base_cnn", {"classes": 100}), ("wide_cnn", {"classes": 2}), ("deep_cnn", {"classes": 7}),
    ("base_cnn_cc", {"hidden": 0, "paths": 3}), ("base_cnn_cp", {"hidden": 0}), ("cross_stitch", {"paths": 1}),
    ("se_base_cnn", {"hidden": 2}), ("resnet_cifar", {"depth": 8}), ("resnet_cifar", {"depth": 110}),
    ("resnet_cifar_cc", {"depth": 14, "paths": 1, "hidden": 4}), ("resnet_cifar_cp", {"depth": 32, "paths": 4}),
    ("resnet50_cc", {"paths": 4, "classes": 1000}), ("vgg13_cc", {"paths": 3, "hidden": 8}),
])
def test_dials(name: str, dials: Dials) -> None:
    assert check(MULTIPATH / f"{name}.arch", dials) == ()


@pytest.mark.parametrize(("name", "dials", "mistake"), [
    ("base_cnn_cc", {"paths": 0}, "out-of-range"),
    ("base_cnn_cc", {"hidden": -1}, "out-of-range"),
    ("base_cnn", {"paths": 2}, "unknown-dial"),
    ("resnet_cifar", {"depth": 21}, "inexact-division"),
    ("resnet_cifar", {"depth": 2}, "out-of-range"),
])
def test_dials_that_make_no_sense(name: str, dials: Dials, mistake: str) -> None:
    with pytest.raises(ArchError) as caught:
        load(MULTIPATH / f"{name}.arch", dials)
    assert {d.name for d in caught.value.diagnostics} == {mistake}


@pytest.mark.parametrize(("plain", "router", "written"), [
    ("base_cnn", "cross_connection", "base_cnn_cc"),
    ("base_cnn", "cross_prediction", "base_cnn_cp"),
    ("base_cnn", "cross_stitch", "cross_stitch"),
    ("base_cnn", "none", "base_cnn_x"),
    ("resnet_cifar", "cross_connection", "resnet_cifar_cc"),
    ("resnet_cifar", "cross_prediction", "resnet_cifar_cp"),
    ("resnet18", "cross_connection", "resnet18_cc"),
    ("resnet50", "cross_connection", "resnet50_cc"),
])
def test_the_pass_makes_what_is_written_by_hand(plain: str, router: str, written: str) -> None:
    made = apply(load(MULTIPATH / f"{plain}.arch", {"classes": 7}), f"multipath{{paths=2,router={router}}}")
    by_hand = load(MULTIPATH / f"{written}.arch", {"classes": 7, "paths": 2})
    assert [(n.op.name, n.outputs) for n in made.graph] == [(n.op.name, n.outputs) for n in by_hand.graph]
    assert made.parameters == by_hand.parameters
    if router != "cross_prediction":  # there the predictions are written in place, by hand as a block
        assert [n.name for n in made.graph] == [n.name for n in by_hand.graph]
