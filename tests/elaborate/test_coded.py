"""Branches of a code in the graph: who shares a mask, how it runs, what the file of a model says, exact counts."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from archlang.compiler import compile
from archlang.elaborate import load, loads
from archlang.emit import Parallel

HOW: tuple[Parallel, ...] = ("loop", "auto")
SPECS = Path(__file__).parents[2] / "specs" / "coded_resnext"
TEXT = """archlang 1
import std.coded (coded)
code a = words("1100", "0110", "0011", "1001", distance = 2, balanced = true)
code b = design(classes = 4, branches = 4, active = 1)
network N {
  input x: [3, 8, 8]
  y = x -> coded(8, 2, a) -> 2 * coded(8, 2, a) -> coded(8, 3, b, stride = 2) -> coded(8, 3, b)
  output y -> global_avg_pool -> linear(4)
}
"""


def test_blocks_of_one_code_share_the_mask() -> None:
    masks = [node for node in loads(TEXT).graph if node.op.name == "branch_mask"]
    assert [node.path[:2] for node in masks] == [("y", "coded"), ("y", "coded_3")]


@pytest.mark.parametrize(("rates", "masks"), [
    ((0.1, 0.1), [0.1]), ((0.1, 0.3), [0.1, 0.3]), ((0.3, 0.1), [0.3, 0.1]), ((0.1, 0.3, 0.1), [0.1, 0.3, 0.1]),
    ((0.3, 0, 0.3), [0.3]), ((0, 0.2), [0.2]), ((0, 0), []),
])
def test_blocks_of_one_code_share_the_mask_where_their_rates_agree(
    rates: tuple[float, ...], masks: list[float]
) -> None:
    blocks = " -> ".join(f"coded(8, 2, a, drop = {rate})" for rate in rates)
    graph = loads(TEXT.replace("x -> coded(8, 2, a) ->", f"x -> {blocks} ->")).graph
    drawn = [node for node in graph if node.op.name == "branch_mask"]
    assert [node.args["p"] for node in drawn][: len(masks)] == masks

    # Every block that drops branches weighs them by a mask of its own rate.
    by_id = {node.id: node.args["p"] for node in drawn}
    read = [by_id[node.inputs[0].node] for node in graph if node.op.name == "weigh" and node.inputs[0].node in by_id]
    assert read[: len(rates) - rates.count(0)] == [rate for rate in rates if rate]


def test_together_as_one_by_one() -> None:
    torch.set_num_threads(1)
    loop, auto = (compile(loads(TEXT), taps=True, parallel=how).double() for how in HOW)
    auto.load_state_dict(loop.state_dict())
    x = torch.randn(6, 3, 8, 8, dtype=torch.float64)
    for training in (True, False):
        results = []
        for model in (loop, auto):
            torch.manual_seed(1)
            model.train(training)
            y, taps = model(x)
            total = y.sin().sum() + torch.stack([e.square().sum() for e in taps.values()]).sum()
            results.append((y, taps, torch.autograd.grad(total, list(model.parameters()))))
        (y, taps, gradients), (y2, taps2, gradients2) = results
        assert torch.allclose(y, y2, atol=1e-12)
        assert list(taps) == list(taps2) and all(torch.allclose(taps[k], taps2[k], atol=1e-12) for k in taps)
        assert all(torch.allclose(g, h, atol=1e-10) for g, h in zip(gradients, gradients2, strict=True))
        assert all(e.shape == (6, 4) for e in taps.values()) and len(taps) == 5


def test_the_text_needs_no_other_file() -> None:
    net = load(SPECS / "cifar10.arch")
    again = loads(net.text)
    assert "from" not in net.text.split("network")[0].replace("from CIFAR", "") and again.text == net.text
    assert [s.code.words for s in again.graph.coded.values()] == [s.code.words for s in net.graph.coded.values()]


@pytest.mark.parametrize("shared", [True, False])
def test_a_table_is_written_out_with_what_it_allows(shared: bool, tmp_path: Path) -> None:
    words = ("110", "011", "110") if shared else ("110", "011", "101")
    (tmp_path / "words.csv").write_text("\n".join(words))
    allowed = "duplicates = true" if shared else "distance = 2"
    (tmp_path / "net.arch").write_text(f"""archlang 1
code c = from "words.csv" ({allowed})
network N {{
  input x: [3, 4, 4]
  output x -> branches(c) {{ conv(1x1, 4) }} -> energy_normalize -> sum -> global_avg_pool -> linear(3)
}}
""")
    net = load(tmp_path / "net.arch")
    again = loads(net.text)
    assert "from" not in net.text and again.text == net.text
    assert [site.code.words for site in again.graph.coded.values()] == [words]


@pytest.mark.parametrize(("name", "count"), [
    ("cifar10", 4_638_926), ("imagenet", 25_027_904), ("cifar100", 4_749_136), ("digits", 53_538),
])
@pytest.mark.parametrize("use", [True, False])
def test_parameters(name: str, count: int, use: bool) -> None:
    assert load(SPECS / f"{name}.arch", {"use_codes": use}).parameters == count
