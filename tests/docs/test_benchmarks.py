"""The peer by hand computes what archlang's network computes, or comparing their times would mean nothing."""

from __future__ import annotations

import pytest
import torch

from archlang.compiler import compile, load, loads
from benchmarks import front
from benchmarks.by_hand import BaseCNNCC
from benchmarks.measure import PATHS
from benchmarks.timing import CLOCKS, Row, Watch, table


@pytest.mark.parametrize("paths", [2, 3])
def test_the_network_by_hand_is_the_same(paths: int) -> None:
    ours = compile(load(PATHS, paths=paths)).eval()
    hand = BaseCNNCC(paths).eval()
    state = ours.state_dict()
    taken = {name: _found(name, state, paths) for name in hand.state_dict()}
    hand.load_state_dict(taken)
    x = torch.rand(3, 3, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(ours(x), hand(x))


def _found(name: str, state: dict[str, torch.Tensor], paths: int) -> torch.Tensor:
    """Our weight for one of theirs: gates are stacked over the inputs, members stand under `each`."""
    parts = name.split(".")
    if parts[0] in ("fork", "routes"):
        gates = "trunk.fork.gates" if parts[0] == "fork" else [
            "trunk.loop.0.route.gates", "trunk.loop.1.route.gates", "trunk.route.gates", "logits.route.gates",
        ][int(parts.pop(1))]
        return state[f"{gates}.{parts[1]}"][int(parts[2])]
    stage, member, place, last = ("4" if parts[0] == "heads" else parts.pop(1)), parts[1], int(parts[2]), parts[3]
    home = ["trunk.loop.0.each", "trunk.loop.1.each", "trunk.each", "logits.each", "logits.each_2"][int(stage)]
    if stage in "012":
        unit = "unit" if place < 3 else "unit_2"
        return state[f"{home}.{member}.{unit}.{'conv' if place % 3 == 0 else 'batch_norm'}.{last}"]
    layer = "linear" if stage == "3" or place == 0 else "linear_2"
    return state[f"{home}.{member}.{layer}.{last}"]


def test_a_table_has_a_row_for_what_is_missing_too() -> None:
    row = Watch(3, CLOCKS["cpu"]).compared("nothing", "nothing", lambda: sum(range(99999)), lambda: sum(range(99999)))
    lines = table([row, Row("a", "b", missing="it is not installed")]).split("\n")
    assert len(lines) == 4
    assert row.repetitions == 3
    assert "it is not installed" in lines[3]


def test_the_front_half_is_measured_on_networks_of_that_size() -> None:
    assert 300 <= len(loads(front.row_of(300)).graph) <= 310


def test_goals_are_judged_by_the_median() -> None:
    good, bad = [goal.most for goal in front.GOALS], [2 * goal.most for goal in front.GOALS]
    lines = front.table([[good, good, bad], [bad, bad, good]])
    assert [line.split(" | ")[-1] for line in lines[2:]] == ["yes |"] * len(front.GOALS)
    assert [line.split(" | ")[-1] for line in front.table([[bad, good, bad]])[2:]] == ["no |"] * len(front.GOALS)
