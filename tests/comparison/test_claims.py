"""The harness of the claims' campaigns: its intervals and verdicts beside scipy's, its shares beside scikit-learn's."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from scipy import stats
from sklearn.metrics import mutual_info_score

from archlang.comparison.statistics import interval
from archlang.elaborate.network import load, loads
from archlang.kernels import candidate, candidates
from archlang.source import Source
from archlang.studies.clustering.clustering import cluster
from archlang.syntax import parse, print_file
from archlang.views.canvas.svg import svg_of
from tests.campaign.claims import clustering, harness
from tests.campaign.claims.harness import Claim, accuracies, arm, forest, judged, trained, verdict
from tests.campaign.claims.pbconv import CANDIDATES, compared, correlation, moved
from tests.campaign.claims.pce import told

SPECS = sorted((harness.SPECS / "claims").glob("*.arch"))


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_specs_of_claims_are_canonical(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    tree = parse(Source(str(path), text))
    assert print_file(tree) == text
    assert tree.doc
    assert not load(path).warnings


def test_a_study_of_two_rows_prints_what_scipy_says(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    claim = Claim("small", "digits:train=300", 2, 2, tmp_path)
    rows = [arm("narrow", "claims/single", c=4, n=1), arm("wide", "claims/single", c=8, n=1)]
    done = trained(claim, rows)
    values = [done.values(0), done.values(1)]
    accuracies(done)

    printed = capsys.readouterr().out
    for row in values:
        low, high = stats.t.interval(0.95, 1, loc=sum(row) / 2, scale=stats.sem(row))
        assert f"{100 * low:.2f} to {100 * high:.2f}" in printed
    assert f"| {stats.ttest_rel(values[1], values[0]).pvalue:.2g} |" in printed
    # What is there is not trained again, and its models can be looked into.
    assert trained(claim, rows).values(1) == values[1]
    assert "0 trainings" in capsys.readouterr().err
    assert sum(weight.numel() for weight in done.model(1, 0).parameters()) == rows[1].parameters


def test_a_verdict_is_what_the_interval_says(capsys: pytest.CaptureFixture[str]) -> None:
    first, second = [0.91, 0.92, 0.90, 0.93], [0.93, 0.95, 0.93, 0.94]
    low, high = stats.ttest_rel(second, first).confidence_interval(0.95)
    judged("second beside first", second, first)
    said = capsys.readouterr().out
    assert f"({100 * low:+.2f} to {100 * high:+.2f}, p = {stats.ttest_rel(second, first).pvalue:.2g})" in said
    assert said.endswith("better: holds\n")

    assert verdict(interval([-0.03, -0.02, -0.025])) == "does not hold"
    assert verdict(interval([-0.03, 0.01, 0.02])) == "not resolved"
    # To a margin of a point, a loss of half a point is none.
    assert verdict(interval([-0.006, -0.005, -0.005])) == "does not hold"
    assert verdict(interval([-0.006, -0.005, -0.005]), margin=0.01) == "holds"


def test_a_correlation_has_fishers_interval(capsys: pytest.CaptureFixture[str]) -> None:
    first, second = [1.0, 2.0, 3.0, 4.0, 5.0], [1.0, 3.0, 2.0, 5.0, 4.0]
    # Fisher: tanh(atanh(r) -+ 1.96 / sqrt(n - 3)).
    middle, reach = torch.atanh(torch.tensor(0.8)), stats.norm.ppf(0.975) / 2 ** 0.5
    low, high = torch.tanh(middle - reach), torch.tanh(middle + reach)
    correlation("both", first, second)
    assert f"r = +0.80 ({low:+.2f} to {high:+.2f})" in capsys.readouterr().out


def test_comparisons_of_pbconv_are_corrected_for_their_number(capsys: pytest.CaptureFixture[str]) -> None:
    plain, small, large = [0.80, 0.82, 0.81, 0.84], [0.86, 0.87, 0.88, 0.88], [0.87, 0.86, 0.90, 0.88]
    compared([("small beside plain", small, plain), ("large beside small", large, small)])
    first, second = capsys.readouterr().out.splitlines()[-2:]

    surer = stats.ttest_rel(small, plain)
    low, high = surer.confidence_interval(0.95)
    # Holm: the smaller of two p-values counts twice, the larger one stays.
    assert first == (f"| small beside plain | +5.50 | {100 * low:+.2f} to {100 * high:+.2f} | {surer.pvalue:.2g} | "
                     f"{2 * surer.pvalue:.2g} | holds |")
    p = f"{stats.ttest_rel(large, small).pvalue:.2g}"
    assert second.endswith(f"| {p} | {p} | not resolved |")


def test_rules_of_pbconv_move_kernels_and_keep_their_shapes() -> None:
    found = moved()
    drawn = [windows for _, windows in candidates((3, 3), CANDIDATES)]
    assert {rule for rule, _, _ in found} == {"no_centre", "no_coverage", "scan"}
    # Two 3x2 kernels fit in two places, whatever the rule: there is nothing to compare.
    assert 0 not in {number for _, number, _ in found}

    for rule, number, seed in found:
        other = candidate((3, 3), seed, rules=rule)
        assert set(other) != set(drawn[number]) or len(other) != len(drawn[number])
        if rule != "no_centre":
            # A rule without the centre may cover all positions with fewer kernels.
            shapes = [[(window.height, window.width) for window in windows] for windows in (other, drawn[number])]
            assert shapes[0] == shapes[1]


def test_what_a_place_tells_is_scikit_learns_mutual_information() -> None:
    counts = torch.tensor([[7.0, 1.0, 2.0], [0.0, 5.0, 4.0]], dtype=torch.float64)
    places = [row for row in range(2) for column in range(3) for _ in range(int(counts[row, column]))]
    experts = [column for row in range(2) for column in range(3) for _ in range(int(counts[row, column]))]
    entropy = stats.entropy(counts.sum(0))
    assert told(counts) == pytest.approx(mutual_info_score(places, experts) / entropy, rel=1e-12)


def test_the_picture_has_a_line_for_each_row() -> None:
    drawn = svg_of(forest({"one": interval([1.0, 2.0]), "two & three": interval([2.0, 2.5])}, "accuracy, %"))
    assert drawn.count("<circle") + drawn.count("<ellipse") == 2
    assert "two &amp; three" in drawn


def test_a_clustering_is_kept_by_what_decides_on_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    claim = Claim("small", "digits:train=100", 2, 1, tmp_path)
    text = clustering.TWO_FOLD.replace("[1, 14, 14]", "[1, 8, 8]").replace("crop(2)", "crop(1)")
    made = clustering.clustered(claim, text, None, 0)
    _, peer = cluster(loads(text), claim.data, epochs=1, seed=0, device="cpu")
    assert made == (peer.accuracy, peer.information)

    # What is there is not trained again; another seed, text, or baseline would be.
    def refuse(*_given: object, **_named: object) -> None:
        raise AssertionError("trained again")

    monkeypatch.setattr(clustering, "cluster", refuse)
    assert clustering.clustered(claim, text, None, 0) == made
    for other in ((text, None, 1), (text + "\n", None, 0), (text, "iic", 0)):
        with pytest.raises(AssertionError, match="trained again"):
            clustering.clustered(claim, *other)
