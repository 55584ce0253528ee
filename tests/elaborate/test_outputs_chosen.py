"""Further outputs under a dial: `output aux = if deep { flow }`."""

from __future__ import annotations

import pytest
import torch

import archlang
from archlang.elaborate.network import check_text, loads
from tests.elaborate.texts import wrong
from tests.reference.compare import check_text as compare

TEXT = """archlang 1
network N(deep = true, wide = false) {
  input image: [1, 8, 8]
  maps = image -> conv(3x3, 4) -> relu
  output maps -> global_avg_pool -> linear(10)
  output aux = if deep { maps -> flatten -> linear(10) } else if wide { maps -> global_max_pool -> linear(5) }
}
train {
  loss = LOSS
  optimizer = sgd(lr = 0.1)
  phase all { epochs = 1 }
}
"""
WITHOUT = TEXT[: TEXT.index("train")]


@pytest.mark.parametrize(("dials", "size"), [
    ({"deep": "true"}, 10), ({"deep": "false", "wide": "true"}, 5), ({"deep": "false"}, 0),
])
def test_the_output_of_the_branch_that_is_taken(dials: dict[str, str], size: int) -> None:
    net = loads(WITHOUT, dials)
    found = archlang.compile(net)(torch.rand(2, 1, 8, 8))
    if size:
        assert {name: tuple(x.shape) for name, x in found.items()} == {"output": (2, 10), "aux": (2, size)}
    else:
        assert tuple(found.shape) == (2, 10)
    compare(WITHOUT, dials=dials)
    # What is not handed out has no weights either.
    assert net.parameters == 40 + 50 + {10: 256 * 10 + 10, 5: 25, 0: 0}[size]


def test_a_loss_reads_outputs_by_their_names() -> None:
    chosen = TEXT.replace("LOSS", "if deep { cross_entropy(aux, label) } else { mse(maps, maps) }")
    for deep in ("true", "false"):
        assert wrong(chosen, {"deep": deep}) == []
    absent = check_text(TEXT.replace("LOSS", "cross_entropy(aux, label)"), {"deep": "false"})
    assert [d.name for d in absent] == ["wrong-kind"]
    assert "its `if` leaves out" in absent[0].message


@pytest.mark.parametrize(("output", "kind"), [
    ("output if deep { maps -> flatten }", "missing-else"),  # the main output is always there
    ("output first = if deep == 3 { maps -> rleu }", "unknown-stage"), ("output first = if 3 { maps }", "wrong-kind"),
    ("output maps = if deep { image }", "already-bound"), ("output first = if dep { maps }", "undefined-name"),
    ("output first = if deep { flatten }", "stage-is-no-tensor"),
])
def test_wrong_outputs(output: str, kind: str) -> None:
    assert kind in wrong(WITHOUT.replace("output maps -> global_avg_pool -> linear(10)", output))


def test_a_network_without_outputs() -> None:
    text = WITHOUT.replace("output maps -> global_avg_pool -> linear(10)\n", "")
    assert wrong(text) == []
    assert wrong(text, {"deep": "false"}) == ["missing-output"]
