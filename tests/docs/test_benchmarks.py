"""The peer by hand computes what archlang's network computes, or comparing their times would mean nothing."""

from __future__ import annotations

import json

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from archlang.compiler import compile, load, loads
from benchmarks import front, page
from benchmarks.by_hand import BaseCNNCC
from benchmarks.cases import Case, cases, output
from benchmarks.check import RATIOS, pairs, slower
from benchmarks.devices import measure
from benchmarks.devices import table as devices_table
from benchmarks.goals import EXPERTS, GROUPS, WIDE, Line, Readouts
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


def small() -> Case:
    return Case("linear", "itself", lambda: nn.Linear(4, 3), lambda: nn.Linear(4, 3), (4,))


def test_rows_on_a_device() -> None:
    """Every form gives its ratios, or says why it has none."""
    rows = list(measure(torch.device("cpu"), (1, 2), 3, 1.0, ("eager", "graph", "bfloat16"), (small(),)))
    assert [(row["form"], row["batch"], row["run"]) for row in rows] == [
        (form, batch, run) for form in ("eager", "graph", "bfloat16") for batch in (1, 2)
        for run in ("forward", "training step")
    ]
    for row in rows:
        if row["form"] == "graph":
            assert "GPU" in row["missing"]
        else:
            assert 0 < row["least"] <= row["ratio"] <= row["most"] and row["pairs"] == 3
    assert len(devices_table(rows).splitlines()) == 2 + len(rows)


def test_a_row_that_fails_leaves_the_others() -> None:
    wrong = Case("linear", "wider", lambda: nn.Linear(4, 3), lambda: nn.Linear(5, 3), (4,), step=False)
    rows = list(measure(torch.device("cpu"), (1,), 1, 1.0, ("eager",), (wrong, small())))
    assert rows[0]["missing"].startswith("RuntimeError") and "ratio" in rows[1]


def test_no_row_begins_after_the_minutes() -> None:
    rows = list(measure(torch.device("cpu"), (1,), 1, 0.0, ("eager",), (small(),)))
    assert {row["missing"] for row in rows} == {"the minutes were over"}


def test_cases_give_an_output() -> None:
    """Each model takes its shape; the largest are not run here."""
    for case in list(cases())[:2]:
        for make in (case.ours, case.theirs):
            with torch.no_grad():
                assert output(make().eval()(torch.randn(1, *case.shape))).shape[0] == 1


def test_committed_ratios_name_what_is_measured() -> None:
    committed = json.loads(RATIOS.read_text())
    assert list(committed) == list(pairs())
    assert slower(committed, committed) == [] and slower({name: 1.3 * r for name, r in committed.items()}, committed)


def test_peers_have_the_flops_that_they_are_said_to_have() -> None:
    """Attention over layers beside the plain network with readouts; four experts beside one convolution."""
    net = load("specs/layer_attention/self_attention.arch")
    with FlopCounterMode(display=False) as counter:
        Readouts()(torch.zeros(1, 3, 32, 32))
    assert counter.get_total_flops() == pytest.approx(net.flops, rel=0.02)
    assert loads(WIDE).flops == pytest.approx(loads(EXPERTS).flops, rel=0.02)


def timed(line: Line, monkeypatch: pytest.MonkeyPatch, known: page.Rows) -> page.Rows:
    monkeypatch.setitem(GROUPS, "paths", lambda: iter([line]))
    return dict(page.measured("paths", 1, known, "cpu", 3))


def test_a_row_of_the_page_is_measured_once(monkeypatch: pytest.MonkeyPatch) -> None:
    line = Line("a", "b", lambda: sum(range(99999)), lambda: sum(range(99999)), 1e9)
    rows = timed(line, monkeypatch, {})
    ((name, row),) = rows.items()
    assert len(row["ours"]) == len(row["theirs"]) == 3
    assert page.met([row], 1e9) == "yes" and page.met([row], 1e-9) == "no" and page.met([row], None) == ""
    assert timed(line, monkeypatch, {name: row}) == {}


def test_a_row_of_the_page_that_fails_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    (row,) = timed(Line("a", "b", lambda: 1 // 0, lambda: 1), monkeypatch, {}).values()
    assert row["missing"].startswith("ZeroDivisionError") and page.said(row) == row["missing"]
    assert page.met([row], 1.0) == "not measured"


def test_goals_of_the_page_are_judged_with_each_number_of_threads() -> None:
    good, bad = {"ours": [1.0, 1.0, 9.0], "theirs": [1.0] * 3}, {"ours": [2.0] * 3, "theirs": [1.0] * 3}
    assert page.met([good, good], 1.0) == "yes" and page.met([bad, bad], 1.5) == "no"
    assert page.met([good, bad], 1.5) == "with 1 thread" and page.met([bad, good], 1.5) == "with 2 threads"


def test_tables_are_written_between_their_marks() -> None:
    row = {"what": "a", "peer": "b", "most": 1.5, "ours": [1.0, 2.0, 3.0], "theirs": [1.0] * 3}
    about = {"processor": "P", "cores": 2, "python": "3", "torch": "2", "date": "2026-12-01", "load": 0.1}
    about["clock"] = "wall"
    found = {"machine": about, "rows": {page.key("coded", 1, "a", "b"): row}}
    text = "before\n<!-- table: coded -->\nold\n<!-- end -->\nafter <!-- end -->\n"
    written = page.tables(text, found)
    assert "| a | b | 2.00 s | 1.00 s | 1.00, 2.00, 3.00 | not measured | 1.5 | no |" in written
    assert "old" not in written and written.startswith("before\n")
    assert written.endswith("<!-- end -->\nafter <!-- end -->\n")
    assert page.tables(written, found) == written


def test_the_page_has_a_place_for_every_group() -> None:
    text = page.PAGE.read_text()
    for group in (*page.names(), "machine"):
        assert text.count(f"<!-- table: {group} -->\n") == 1
    assert text.count("<!-- table:") == text.count("<!-- end -->")
