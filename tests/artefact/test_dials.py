"""Dials that are stages, lists, lists of lists, words and settings: given, told, kept in a model file, transformed."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import archlang
from archlang.analysis.report import report

NET = """archlang 1
block unit(k, c, act) = conv(size(k, k), c) -> act
network D(act = relu, rows = [(3, 8), (1, 4)], pad = same, by = cross_stitch, widths = [8, 4], last = relu -> tanh,
          body = unit(3, 8, relu), how = mean, acts = [relu, gelu]) {
  input image: [3, 8, 8]
  maps = image -> for (k, c) in rows { unit(k, c, act) } -> for w in widths { conv(3x3, w, padding = pad) }
  output maps -> last -> body -> fork(2, by) -> how -> for a in acts { a }
}
"""
GIVEN: list[tuple[dict[str, object], dict[str, str]]] = [
    ({}, {}),
    ({"act": "gelu"}, {"act": "gelu"}),
    ({"act": "conv(1x1, 5) -> relu"}, {"act": "conv(1x1, 5) -> relu"}),
    ({"rows": [(3, 16), (5, 8)]}, {"rows": "[[3, 16], [5, 8]]"}),
    ({"rows": "[(3, 16)]"}, {"rows": "[[3, 16]]"}),
    ({"widths": [2, 3, 4]}, {"widths": "[2, 3, 4]"}),
    ({"pad": "none", "how": "sum"}, {"pad": "none", "how": "sum"}),
    ({"by": "cross_connection(hidden = 3)"}, {"by": "cross_connection(hidden = 3)"}),
    ({"last": "tanh", "body": "unit(1, 2, gelu)"}, {"last": "tanh", "body": "unit(1, 2, gelu)"}),
    ({"acts": "[tanh, conv(1x1, 3) -> relu]"}, {"acts": "[tanh, conv(1x1, 3) -> relu]"}),
    ({"body": "if 3 > 2 { relu } else { tanh }"}, {"body": "if 3 > 2 { relu } else { tanh }"}),
]


@pytest.mark.parametrize(("given", "told"), GIVEN, ids=str)
def test_given_told_and_kept(given: dict[str, object], told: dict[str, str], tmp_path: Path) -> None:
    net = archlang.loads(NET, **given)
    shown = report(net.graph).dials
    for name, text in told.items():
        assert shown[name] == text
    assert shown["last"] == told.get("last", "relu -> tanh")

    # One file with the values as defaults is the same network, and so is the model file.
    again = archlang.loads(net.text)
    assert [(n.op.name, n.name, n.outputs) for n in again.graph] == [(n.op.name, n.name, n.outputs) for n in net.graph]
    model, x = archlang.compile(net).eval(), torch.randn(2, 3, 8, 8)
    archlang.save(model, tmp_path / "m.safetensors")
    torch.testing.assert_close(archlang.load_model(tmp_path / "m.safetensors").eval()(x), model(x))


def test_a_transformation_keeps_them() -> None:
    text = """archlang 1
network D(act = relu, widths = [8, 4]) {
  input image: [3, 8, 8]
  output image -> for w in widths { conv(3x3, w) -> batch_norm -> act } -> global_avg_pool -> linear(3)
}
"""
    net = archlang.loads(text, act="gelu", widths=[6, 5])
    changed = archlang.transform(net, "multipath{paths=2}")
    assert str(changed.dials["act"]) == "gelu"
    assert changed.dials["widths"] == [6, 5]
    assert [node.op.name for node in changed.graph].count("gelu") == 2 * 2  # in each turn on both paths
