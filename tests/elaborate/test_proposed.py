"""`propose` written out in a network's text: the kernels themselves, wherever one list says them."""

from __future__ import annotations

from pathlib import Path

import pytest

import archlang
from archlang.elaborate import Network, load
from archlang.kernels import candidate
from tests.specs.test_pbconv import FOLDER

NET = """archlang 1
{above}
network N({dials}) {{
  input x: [4, 9, 9]
  output x -> {flow}
}}
"""


def net(flow: str, dials: str = "", above: str = "", **given: object) -> Network:
    """A network with this flow."""
    return archlang.loads(NET.format(flow=flow, dials=dials, above=above), **given)


def kernels(network: Network) -> list[str]:
    """The small kernels of each boosted convolution."""
    return [str(n.args["kernels"]) for n in network.graph if n.op.name == "boosted_sum"]


@pytest.mark.parametrize(("flow", "dials", "above", "given"), [
    ("pbconv(3x3, 8, kernels = propose(seed = 7))", "", "", {}),
    ("pbconv(3x3, 8, kernels = propose)", "", "", {}),
    ("2 * pbconv(3x3, 4, kernels = boost)", "boost = none", "", {"boost": "propose(seed = 3)"}),
    ("2 * pbconv(3x3, 4, kernels = boost)", "boost = none", "", {"boost": "pbconv"}),
    ("pbconv(5x5, 4, kernels = boost)", "boost = propose(seed = 2)", "", {}),
    ("unit(8, boost = propose(seed = 1, types = 2))", "", "import std.boost (boosted_unit as unit)", {}),
    ("b(propose(seed = 4))", "", "block b(k) { output in -> pbconv(3x3, 4, kernels = k) -> relu }", {}),
])
def test_the_text_says_the_kernels(flow: str, dials: str, above: str, given: dict[str, object]) -> None:
    made = net(flow, dials, above, **given)
    again = archlang.loads(made.text)
    assert "seed =" not in made.text and "propose" not in made.text and " at (" in made.text
    assert kernels(again) == kernels(made) != []
    assert again.text == made.text and again.parameters == made.parameters
    assert [n.path for n in again.graph] == [n.path for n in made.graph]


def test_what_no_single_list_says_stays() -> None:
    made = net("pbconv(3x3, 8, kernels = boost) -> pbconv(5x5, 8, kernels = boost)", "boost = propose(seed = 1)")
    assert "boost = propose(seed = 1)" in made.text  # two sizes, two lists
    assert kernels(archlang.loads(made.text)) == kernels(made)
    outside = net("pbconv(3x3, 8, kernels = boost) -> pbconv(5x5, 8, kernels = boost)", "boost = none",
                  boost="pbconv(seed = 1)")
    assert "boost = propose(seed = 1)" in outside.text  # `pbconv` in a file would be the stage
    assert kernels(archlang.loads(outside.text)) == kernels(made)
    scan = net("pbconv(5x5, 8, kernels = propose(seed = 1, rules = scan))")
    assert "rules = scan" in scan.text  # a list must cover every position
    assert kernels(archlang.loads(scan.text)) == kernels(scan)


def test_a_model_file_says_them(tmp_path: Path) -> None:
    network = load(FOLDER / "mobilenet_v2.arch", {"boost": "pbconv(seed = 5)", "classes": 2})
    assert ", ".join(map(str, candidate((3, 3), 5))) in " ".join(network.text.split())
    small = net("pbconv(3x3, 2, kernels = propose(seed = 7))")
    archlang.save(archlang.compile(small), tmp_path / "n.safetensors")
    assert b"3x3, 2, kernels = [" in (tmp_path / "n.safetensors").read_bytes()
