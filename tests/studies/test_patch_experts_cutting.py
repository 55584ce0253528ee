"""What leaving experts out at inference costs and saves, from Python and from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from archlang.artefact import save
from archlang.cli.main import run
from archlang.compiler import compile
from archlang.diagnostics import ArchError
from archlang.elaborate import load, loads
from archlang.layers.patch_experts.dispatch import dispatches
from archlang.studies.patch_experts.cutting import evaluate_cuts
from archlang.train import evaluate

SPEC = Path(__file__).parents[2] / "specs" / "pce" / "pce_tiny.arch"
PATCHES = 359 * (4 + 16)


def test_cuts_go_from_all_experts_to_one() -> None:
    torch.set_num_threads(1)
    model = compile(load(SPEC)).eval()
    dense, all_of, some, one = evaluate_cuts(model, "digits", (0.0, 0.5, 1.0), device="cpu")
    assert dense.cut is None and dense.found == evaluate(model, "digits", device="cpu")
    assert all_of.of == 4 * PATCHES and one.pairs == PATCHES and one.pairs <= some.pairs <= all_of.pairs
    assert all_of.found.loss == pytest.approx(dense.found.loss, abs=1e-5)
    assert {site.rows for site in one.sites.values()} == {359 * 4, 359 * 16}
    assert all(place.cut is None for place in dispatches(model).values())


def test_a_model_without_experts_is_refused() -> None:
    model = compile(loads("archlang 1\nnetwork N { input x: [1, 8, 8]\n output x -> flatten -> linear(10) }"))
    with pytest.raises(ArchError, match="no experts"):
        evaluate_cuts(model, "digits", (0.5,))


def test_from_the_command_line(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    torch.set_num_threads(1)
    file = str(tmp_path / "m.safetensors")
    save(compile(load(SPEC)).eval(), file)
    assert run(["eval", file, "--data", "digits", "--cut", "0.5", "--cut", "1", "--format", "json"]) == 0
    found = json.loads(capfd.readouterr().out)
    assert [c["cut"] for c in found["cuts"]] == [0.5, 1.0]
    assert found["cuts"][1]["pairs"] == PATCHES == sum(s["pairs"] for s in found["cuts"][1]["sites"])
    assert run(["eval", file, "--data", "digits", "--cut", "1"]) == 0
    assert f"{PATCHES:,} of {4 * PATCHES:,} (25.0 %)" in capfd.readouterr().out
    assert run(["eval", file, "--data", "digits", "--cut", "1.5"]) == 2
    assert "1.5 is not in the range" in capfd.readouterr().err
