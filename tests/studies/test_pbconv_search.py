"""The search in small: scores, ranking, resumption, failing candidates, the same result in several processes."""

from __future__ import annotations

import itertools
import multiprocessing
import os
from collections.abc import Sequence
from pathlib import Path
from statistics import mean, stdev

import numpy
import pytest
import torch

from archlang.compiler import loads
from archlang.diagnostics import ArchError
from archlang.studies.pbconv import trial as boost_trial
from archlang.studies.pbconv.search import Audience, agreement, proposals, ranked, search, spread, winner
from archlang.studies.pbconv.trial import Settings, Trial, run_trial
from archlang.views.canvas.shapes import Polyline
from archlang.views.canvas.svg import svg_of
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


DATA = "tests.studies.test_pbconv_search:images"


class Told(Audience):
    """Remembers what it is told."""

    def __init__(self) -> None:
        self.begun: list[int] = []
        self.steps: list[tuple[int, int]] = []
        self.trials: list[Trial] = []

    def start(self, settings: Settings, sizes: Sequence[str], done: int) -> None:
        assert list(sizes) == ["1x3", "3x3"]
        self.begun.append(done)

    def step(self, trial: Trial, done: int) -> None:
        self.steps.append((trial.number, done))

    def trial(self, trial: Trial) -> None:
        self.trials.append(trial)


def test_a_search_ranks_its_candidates_and_goes_on(tmp_path: Path) -> None:
    net, journal, told = loads(TEXT), tmp_path / "out.journal.jsonl", Told()
    trials = search(net, DATA, QUICK, journal=journal, audience=told)
    assert [t.number for t in trials] == [0, 1, 2] and not any(t.failed for t in trials) and told.trials == trials
    assert told.steps == [(number, step) for number in range(3) for step in range(3)] and told.begun == [0]
    assert set(trials[0].kernels) == {"1x3", "3x3"} and trials[0].trace[0][0] == 0
    best = winner(net, trials)
    assert all(ranked(trials, size)[0].kernels[size] in " ".join(best.listing.split()) for size in ("1x3", "3x3"))
    with pytest.raises(ArchError, match="was not finished"):
        search(net, DATA, QUICK, journal=journal)
    lines = journal.read_text().splitlines()
    journal.write_text("\n".join([*lines[:2], lines[2][:40]]))  # interrupted while the second was written
    again = search(net, DATA, QUICK, journal=journal, resume=True, audience=told)
    assert len(told.trials) == 5 and told.begun == [0, 1] and [t.scores for t in again] == [t.scores for t in trials]
    assert len(journal.read_text().splitlines()) == 4  # the line that was cut off is gone
    with pytest.raises(ArchError, match="another search"):
        search(net, DATA, Settings(candidates=2), journal=journal, resume=True)


def test_a_trial_with_several_seeds_is_the_mean_of_trials_with_one() -> None:
    """Seed by seed by other searches, whose first training has that seed."""
    torch.set_num_threads(1)
    several = Settings(candidates=1, iterations=2, seed=5, seeds=3)
    (trial,) = search(loads(TEXT), DATA, several)
    alone = [
        run_trial(loads(TEXT), DATA, Trial(0, trial.kernels), Settings(1, 2, several.training_seed(index)))
        for index in range(3)
    ]
    assert len({several.training_seed(index) for index in range(3)}) == 3 and several.training_seed(0) == 5
    for size in ("1x3", "3x3"):
        assert [scores[size] for scores in trial.each] == [one.scores[size] for one in alone]
        assert trial.scores[size] == pytest.approx(mean(one.scores[size] for one in alone))
        assert trial.starts[size] == pytest.approx(mean(one.trace[0][1][size] for one in alone))
        assert spread(trial, size) == pytest.approx(stdev(one.scores[size] for one in alone))
        assert trial.maps[size] == [pytest.approx([mean(cells) for cells in zip(*rows, strict=True)])
                                    for rows in zip(*(one.maps[size] for one in alone), strict=True)]
    assert spread(alone[0], "3x3") is None


def test_scores_before_and_after_are_compared() -> None:
    trials = [Trial(n, {"3x3": ""}, {"3x3": after}, {"3x3": before})
              for n, (before, after) in enumerate([(0.1, 0.3), (0.2, 0.5), (0.4, 0.6), (0.3, 0.2)])]
    wanted = numpy.corrcoef([0.1, 0.2, 0.4, 0.3], [0.3, 0.5, 0.6, 0.2])[0, 1]
    assert agreement(trials, "3x3") == pytest.approx(wanted)
    assert agreement([*trials, Trial(4, {"3x3": ""}, failed="bad")], "3x3") == pytest.approx(wanted)
    assert agreement(trials[:2], "3x3") is None
    same = [Trial(n, {"3x3": ""}, {"3x3": 0.1}, {"3x3": 0.1 * n}) for n in range(3)]
    assert agreement(same, "3x3") is None


@pytest.mark.parametrize("order", list(itertools.permutations([0.2, 0.7, 0.4])))
def test_the_candidate_whose_positions_differ_most_wins_size_by_size(order: tuple[float, ...]) -> None:
    listed = ["1x2 at (1, 1), 1x2 at (1, 2)", "1x2 at (1, 1), 1x1 at (1, 3)", "1x1 at (1, 1), 1x2 at (1, 2)"]
    trials = [Trial(n, {"1x3": f"[{listed[n]}]"}, {"1x3": score, "3x3": -score}) for n, score in enumerate(order)]
    failed = Trial(3, {"1x3": ""}, failed="bad")
    for size, wanted in (("1x3", sorted(order, reverse=True)), ("3x3", sorted(-score for score in order)[::-1])):
        assert [trial.scores[size] for trial in ranked([failed, *trials], size)] == wanted

    best = winner(loads(TEXT), [failed, *trials]).listing
    assert listed[order.index(0.7)] in " ".join(best.split())


def test_searches_of_neighbouring_seeds_propose_other_candidates() -> None:
    proposed = [{trial.kernels["3x3"] for trial in proposals(loads(TEXT), Settings(seed=seed))} for seed in range(8)]
    assert len(set.union(*proposed)) > 40 and all(len(one) == 10 for one in proposed)
    assert all(len(a & b) < 8 for a, b in itertools.combinations(proposed, 2))


def test_one_failing_candidate_does_not_stop_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    real = boost_trial._trained

    def sometimes(net: object, data: object, trial: Trial, *rest: object) -> Trial:
        if trial.number == 1:
            raise RuntimeError("out of memory\nand more")
        return real(net, data, trial, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(boost_trial, "_trained", sometimes)
    trials = search(loads(TEXT), DATA, QUICK)
    assert [t.failed for t in trials] == ["", "out of memory", ""] and len(ranked(trials, "3x3")) == 2
    with pytest.raises(ArchError, match="no candidate could be trained: bad"):
        winner(loads(TEXT), [Trial(0, {"3x3": ""}, failed="bad")])


def images_that_kill() -> object:
    """A little data that ends the process of the second trial that comes to it."""
    folder = Path(os.environ["MARKS"])
    if multiprocessing.parent_process() is not None:
        for place in ("first", "second"):
            try:
                (folder / place).touch(exist_ok=False)
            except FileExistsError:
                continue
            if place == "second":
                os._exit(9)
            break
    return images()


def test_processes_give_the_same_and_one_that_dies_is_one_failed_trial(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MARKS", str(tmp_path))
    alone = search(loads(TEXT), DATA, QUICK)
    told = Told()
    together = search(loads(TEXT), "tests.studies.test_pbconv_search:images_that_kill", QUICK, jobs=2, audience=told)
    failed = [t.failed for t in together if t.failed]
    assert failed == ["its process ended with status 9"]
    assert all(one.scores == other.scores and one.trace == other.trace and one.maps == other.maps
               for one, other in zip(alone, together, strict=True) if not other.failed)
    assert len(told.trials) == 3 and {done for _, done in told.steps} == {0, 1, 2}


def test_a_picture_of_maps_and_curves() -> None:
    page = heatmaps([Map("a <b>", [[1.0, 0.25], [0.5, 0.0]])] * 6, [Curve("c", [(0, 0.1), (5, 0.2)])])
    text = svg_of(page)
    assert text.count(" C") == 0 and text.count("&lt;b&gt;") == 6 + 1 and ">dispersion of positions<" in text
    (line,) = [shape for shape in page.shapes if isinstance(shape, Polyline) and shape.tip == "c"]
    assert len(line.points) == 2 and line.points[0][1] > line.points[1][1]
