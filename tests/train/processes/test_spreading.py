"""Experts that are spread over two and four processes are those of one: outputs, gradients, trainings, checkpoints."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from archlang.analysis.processes import process_costs
from archlang.analysis.report import FLOAT_BYTES
from archlang.compiler import compile
from archlang.diagnostics import ArchError
from archlang.elaborate.network import loads
from archlang.graph.patch_experts import held
from archlang.train import Run, fit
from archlang.train.kept.sharded import model_bytes
from archlang.train.loop.compiling import compiled
from archlang.train.losses.objective import inner_ports
from archlang.train.processes.spreading import check_spread
from archlang.train.processes.world import World
from tests.train.nets import bars, tiny
from tests.train.processes import spread_apart as apart
from tests.train.processes.test_processes import same

# The first test waits for all processes, on a machine with ten times the work that it can do as well.
pytestmark = pytest.mark.timeout(1800)

Found = dict[int, list[dict[str, Any]]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("apart")


@pytest.fixture(scope="module")
def found(folder: Path) -> Found:
    return apart.all_of_them(folder)


CASES = apart.COMPARED


@pytest.mark.parametrize("name", CASES)
def test_spread_experts_are_those_of_one_process(found: Found, name: str) -> None:
    text, batch, alike = CASES[name]
    one = apart.among(text, batch, World(), alike)
    for size, ranks in found.items():
        for rank in ranks:
            for key in ("outputs", *map(str, apart.CUTS)):
                assert torch.allclose(rank[name][key], one[key], rtol=0, atol=1e-12), (size, key)
            for key in ("grads", "state"):
                assert rank[name][key].keys() == one[key].keys()
                for weight, value in one[key].items():
                    assert torch.allclose(rank[name][key][weight], value, rtol=1e-10, atol=1e-10), (size, key, weight)
            assert float(rank[name]["norm"]) == pytest.approx(float(one["norm"]), rel=1e-10)


@pytest.mark.parametrize("name", CASES)
def test_every_process_holds_its_share_of_the_weights(found: Found, name: str) -> None:
    """Those that are not experts' lie on each, the others on one."""
    model = apart.made(CASES[name][0], alike=False)
    experts = sum(p.numel() for n, p in model.named_parameters() if ".experts." in n and ".router." not in n)
    common = sum(p.numel() for p in model.parameters()) - experts
    for size, ranks in found.items():
        assert sum(rank[name]["here"] - common for rank in ranks) == experts
        assert max(rank[name]["here"] for rank in ranks) < common + experts * 2 / size


@pytest.mark.parametrize("name", ["soft 8", "as many as processes 8", "idle 8"])
def test_the_cost_is_what_is_handed_to_collectives(found: Found, name: str) -> None:
    """Weights are float64 here, the counts are of float32: numbers are compared."""
    network = loads(CASES[name][0])
    for size, ranks in found.items():
        costs = process_costs(network, size, 8)
        assert costs.spread_weights is not None
        assert costs.spread_weights == FLOAT_BYTES * max(rank[name]["here"] for rank in ranks)
        assert {FLOAT_BYTES * rank[name]["summed"]["floats"] for rank in ranks} == {costs.spread_sums}

        handed = [FLOAT_BYTES * rank[name]["exchanged"]["floats"] + 8 * rank[name]["exchanged"]["whole"]
                  for rank in ranks]
        if name != "idle 8":
            assert max(handed) == costs.exchanged_all
        else:  # every row goes to the first process, which has the fewest experts
            assert costs.exchanged_one is not None
            assert sum(handed) / size == pytest.approx(costs.exchanged_one, rel=0.05)


@pytest.mark.parametrize("name", apart.TRAININGS)
def test_a_training_with_spread_experts_is_that_of_one_process(found: Found, name: str) -> None:
    one = apart.result_of(apart.TRAININGS[name])
    for ranks in found.values():
        assert all(same(rank[name], one) for rank in ranks)


def test_it_goes_on_with_other_numbers_of_processes(found: Found, folder: Path) -> None:
    """What four left after five steps, two went on with; what two left, one does."""
    assert all(rank["stopped"] for ranks in found.values() for rank in ranks)
    whole = apart.result_of(apart.TRAININGS[apart.STOPPED])
    assert all(same(rank["resumed"], whole) for rank in found[2])
    assert same(apart.result_of(apart.TRAININGS[apart.STOPPED], run=folder / "of2", start="resume"), whole)


@pytest.mark.parametrize("experts", [1, 4, 5, 32])
def test_each_expert_is_held_once(experts: int) -> None:
    for size in range(1, experts + 1):
        runs = [held(experts, rank, size) for rank in range(size)]
        assert [expert for run in runs for expert in run] == list(range(experts))
        assert all(runs)


# --- what cannot be spread -------------------------------------------------------------------------------------------


def refused(text: str, size: int = 2) -> str:
    """The message that a network is refused with."""
    network = loads(text)
    plan = network.graph.plan
    assert plan is not None
    with pytest.raises(ArchError) as problem:
        check_spread(World(0, size), network.graph, plan, compile(network), inner_ports(plan.losses, network.graph))
    assert problem.value.diagnostics[0].name == "not-available"
    return problem.value.diagnostics[0].message


TRAIN = apart.train(loss="cross_entropy(logits, label)")
INNER = f"patches(2x2) -> experts(2, {apart.SOFT}) {{ conv(3x3, 4) }} -> unpatch"
HELD = """archlang 1
network Held {
  input image: [1, 6, 6]
  layer turn = conv(3x3, 3)
  logits = image -> patches(3x3) -> experts(3, cross_connection) { turn } -> unpatch -> flatten -> linear(3)
  output logits
}
"""
RELEVANT = apart.STAGES["tokens"].replace("gelu -> linear(6)", "gelu -> linear(6) -> standardize")


@pytest.mark.parametrize(("text", "size", "message"), [
    (apart.STAGES["soft"] + TRAIN, 6, "`first.experts` has 5 experts for 6 processes, each of which must hold one"),
    (tiny().text, 2, "the network has no `experts` that could be spread over the processes"),
    (apart.network(apart.SOFT, INNER) + TRAIN, 2, "sums over the batch are taken by `first.experts.0"),
    (RELEVANT + TRAIN, 2, "sums over the batch are taken by `made.experts.0.standardize`"),
    (HELD + TRAIN, 2, "other experts use the weights of `turn"),
    (apart.STAGES["soft"] + apart.train("precision = float16"), 2, "`precision = float16` scales"),
])
def test_what_cannot_be_spread_is_refused_by_name(text: str, size: int, message: str) -> None:
    assert message in refused(text, size)


def test_compiled_networks_keep_their_experts() -> None:
    with pytest.raises(ArchError, match="`--compile` and `--sharding experts` do not go together"):
        compiled(torch.nn.Linear(1, 1), "aot_eager", torch.device("cpu"), "experts")


def test_one_process_has_nobody_to_spread_experts_over() -> None:
    with pytest.raises(ArchError, match="spread over several processes, and this is one"):
        fit(tiny(), bars(), sharding="experts")


# --- checkpoints in shards -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", apart.TRAININGS_IN_SHARDS)
def test_shards_go_on_bit_for_bit_and_with_other_numbers(found: Found, folder: Path, name: str) -> None:
    for ranks in found.values():
        for rank in ranks:
            assert rank[f"{name} left"]
            again = rank[f"{name} went on"]["weights"]
            assert all(torch.equal(again[weight], value) for weight, value in rank[name]["weights"].items())

    one = apart.result_of(apart.TRAININGS_IN_SHARDS[name], sharding="auto")
    assert all(same(rank[f"{name} took over"], one) for rank in found[2])
    more = {"run": folder / f"{name}-left2", "start": "resume", "sharding": "auto"}
    assert same(apart.result_of(apart.TRAININGS_IN_SHARDS[name], **more), one)


@pytest.mark.parametrize("name", apart.TRAININGS_IN_SHARDS)
@pytest.mark.parametrize("size", [2, 4])
def test_shards_hold_the_model_file(found: Found, folder: Path, name: str, size: int) -> None:
    last = Run(folder / f"{name}-again{size}").checkpoints[-1]
    assert len(list(last.glob("shard-*"))) == size
    assert model_bytes(last) == (folder / f"{name}-whole{size}" / "last.safetensors").read_bytes()
