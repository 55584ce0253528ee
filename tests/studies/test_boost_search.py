"""The search in small: scores, ranking, resumption, failing candidates, the same result in several processes."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from archlang.compiler import loads
from archlang.diagnostics import ArchError
from archlang.studies import boost_search
from archlang.studies.boost_search import Settings, Trial, ranked, search, winner
from archlang.views.heatmap import Curve, Map, heatmaps

TEXT = """archlang 1
import std.conv (unit)
network Digits {
  input image: [1, 8, 8]
  logits = image -> unit(4, stride = 2) -> unit(4, kernel = 1x3) -> global_avg_pool -> linear(10)
  output logits
}
train { loss = cross_entropy(logits, label)
  optimizer = sgd(lr = 0.1)
  batch = 32
  phase all { epochs = 2 } }
"""
QUICK = Settings(candidates=3, iterations=2)


def images() -> object:
    """A little data."""
    torch.manual_seed(0)
    return torch.rand(80, 1, 8, 8), torch.arange(80) % 10


DATA = "tests.studies.test_boost_search:images"


def test_a_search_ranks_its_candidates_and_goes_on(tmp_path: Path) -> None:
    net, journal, told = loads(TEXT), tmp_path / "out.journal.jsonl", []
    trials = search(net, DATA, QUICK, journal=journal, told=told.append)
    assert [t.number for t in trials] == [0, 1, 2] and not any(t.failed for t in trials) and len(told) == 3
    assert set(trials[0].kernels) == {"1x3", "3x3"} and trials[0].trace[0][0] == 0
    best = winner(net, trials)
    assert all(ranked(trials, size)[0].kernels[size] in " ".join(best.listing.split()) for size in ("1x3", "3x3"))
    with pytest.raises(ArchError, match="was not finished"):
        search(net, DATA, QUICK, journal=journal)
    lines = journal.read_text().splitlines()
    journal.write_text("\n".join([*lines[:2], lines[2][:40]]))  # interrupted while the second was written
    again = search(net, DATA, QUICK, journal=journal, resume=True, told=told.append)
    assert len(told) == 5 and [t.scores for t in again] == [t.scores for t in trials]
    with pytest.raises(ArchError, match="another search"):
        search(net, DATA, Settings(candidates=2), journal=journal, resume=True)


def test_one_failing_candidate_does_not_stop_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    real = boost_search._trained

    def sometimes(net: object, data: object, trial: Trial, settings: Settings) -> Trial:
        if trial.number == 1:
            raise RuntimeError("out of memory\nand more")
        return real(net, data, trial, settings)  # type: ignore[arg-type]

    monkeypatch.setattr(boost_search, "_trained", sometimes)
    trials = search(loads(TEXT), DATA, QUICK)
    assert [t.failed for t in trials] == ["", "out of memory", ""] and len(ranked(trials, "3x3")) == 2
    with pytest.raises(ArchError, match="no candidate could be trained: bad"):
        winner(loads(TEXT), [Trial(0, {"3x3": ""}, failed="bad")])


def test_a_picture_of_maps_and_curves() -> None:
    text = heatmaps([Map("a <b>", [[1.0, 0.25], [0.5, 0.0]])] * 6, [Curve("c", [(0, 0.1), (5, 0.2)])])
    assert text.count("<rect") == 1 + 6 * 4 + 1 and "&lt;b&gt;" in text and text.count("<polyline") == 1
