"""Compiled networks compute what the reference computes, with the names and numbers of weights that it predicts."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch

from archlang.elaborate import load, loads
from archlang.ops import CATALOGUE
from archlang.ops.model import Entry
from tests.reference.compare import check, check_text, known_sizes, pair_of, reference_of
from tests.reference.networks import ALL, BASE_CNN_CC
from tests.reference.token_uses import WITH_TOKENS
from tests.reference.uses import USES, text

ROOT = Path(__file__).parents[2]
ENTRIES: list[Entry] = [*CATALOGUE.ops.values(), *CATALOGUE.structures.values(), *CATALOGUE.settings.values()]
EXAMPLES = {
    entry.name: entry.example
    for entry in ENTRIES
    if entry.example.startswith("input") and getattr(entry, "available", True)
}
FILES = sorted([*ROOT.glob("specs/multipath/*.arch"), *ROOT.glob("specs/coded_resnext/*.arch")])


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.mark.parametrize(("number", "kind", "stages"), [(i, *use) for i, use in enumerate(USES)])
def test_each_use_of_an_operation(number: int, kind: str, stages: str) -> None:
    parallel = ("loop", "grouped", "auto")[number % 3]
    pair = pair_of(text(kind, stages), parallel=parallel)
    pair.compare(training=number % 2 == 0)
    pair.compare(training=number % 2 == 1, gradients=False)
    # What a shifted window does not see is added to its scores as minus infinity: of NaN that leaves NaN.
    # With fewer than eight keys torch's CPU kernel of attention loses a NaN that stands in a query alone.
    if "shift" not in stages and "memory = x -> linear(6) -> slice(1)" not in stages:
        pair.compare(nan=True, gradients=False)


@pytest.mark.parametrize("source", WITH_TOKENS)
def test_each_use_of_tokens_and_lengths(source: str) -> None:
    check_text(source)
    check_text(source, training=True)


def test_every_operation_and_structure_is_used() -> None:
    written = set(re.findall(r"\w+", " ".join((*(stages for _, stages in USES), *WITH_TOKENS))))
    names = list(CATALOGUE.stages)
    assert [name for name in names if name not in written] == []


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_each_example_of_the_catalogue(name: str) -> None:
    # The reference takes a table row by row: the vocabulary of a language is made smaller.
    example = EXAMPLES[name].replace("range = 50257", "range = 57")
    check_text(f"archlang 1\nnetwork N {{ {example} }}\n", gradients=False, batch=2)


@pytest.mark.parametrize("training", [False, True], ids=["evaluation", "training"])
@pytest.mark.parametrize("name", sorted(ALL))
def test_whole_networks(name: str, training: bool) -> None:
    check_text(ALL[name], training=training, parallel="loop")
    check_text(ALL[name], training=training, parallel="grouped")


@pytest.mark.parametrize("dials", [
    {"paths": "1"}, {"paths": "3", "hidden": "0"}, {"paths": "4", "classes": "3", "size": "12"},
    {"widths": "[4]", "last": "8"}, {"widths": "[]"},
], ids=str)
def test_dials_change_both_alike(dials: dict[str, str]) -> None:
    check_text(BASE_CNN_CC, dials=dials)
    check_text(BASE_CNN_CC, dials=dials, training=True, parallel="grouped")


def test_symbolic_sizes() -> None:
    source = """archlang 1
network N {
  input x: [3, H, W] where H % 4 == 0 and H >= 8 and W >= 12
  y = x -> conv(3x3, 4, stride = 2) -> batch_norm -> max_pool(2x2) -> to_sequence -> linear(in_size(3))
  output y -> global_avg_pool
}
""".replace("in_size(3)", "3")
    for sizes in ({"H": 8, "W": 12}, {"H": 20, "W": 13}):
        check(loads(source), sizes=sizes)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_networks_of_the_project(path: Path) -> None:
    """Names and numbers of all weights; the numbers computed where the network is small."""
    net = load(path)
    assert isinstance(net.flops, int)
    if net.flops < 4e8:  # the larger ones are computed by the campaign
        check(net, folder=path.parent, batch=2, gradients=net.flops < 1e8)
        return
    sizes = tuple(known_sizes(i.type, {}) for i in net.graph.inputs)
    plan = reference_of(net, folder=path.parent).plan(sizes, device="meta")
    assert (plan.total(True), plan.total(False)) == (net.parameters, net.buffers)
    assert set(plan.weights) == set(net.graph.modules())
