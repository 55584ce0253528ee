"""Which expert took which patch: against the taps of the model, and drawn from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from archlang.artefact import save
from archlang.cli.main import run
from archlang.compiler import compile
from archlang.elaborate import load, loads
from archlang.emit import ArchModule
from archlang.layers.patch_experts.dispatch import dispatches
from archlang.studies.patch_experts.patches import patches_of, usage_of

SPEC = Path(__file__).parents[2] / "specs" / "pce" / "pce_tiny.arch"
SPARSE = """archlang 1
network N {
  input image: [1, 8, 8]
  logits = image -> experts(3, sparse_connection) { conv(3x3, 4) } -> patches(3x3, stride = 2)
                 -> experts(2, cosine_router(flatten)) { conv(3x3, 4) } -> unpatch -> global_avg_pool -> linear(10)
  output logits
}
"""


def test_weights_are_those_of_the_taps_and_usage_their_means() -> None:
    torch.set_num_threads(1)
    net = load(SPEC)
    model, images = compile(net).eval(), torch.rand(3, 1, 8, 8)
    with torch.no_grad():
        taps = compile(net, taps=True).eval()(images)[1]
    taken, usage = patches_of(model, images, device="cpu")
    for place, used in enumerate(usage):
        weights = taps[f"{used.site}.router"]
        assert used.rows == weights.shape[0] * weights.shape[1]
        assert used.mean == pytest.approx(weights.flatten(0, 1).mean(0).tolist(), abs=1e-6)
        first = weights.flatten(0, 1).argmax(1)
        assert used.largest == pytest.approx([float((first == i).double().mean()) for i in range(4)])
        assert used.thresholds is not None
        assert used.thresholds.mean == pytest.approx(float(taps[f"{used.site}.router.threshold"].mean()), abs=1e-6)
        for image in range(3):
            cells = taken[image][place].cells
            assert [c.weights for c in cells] == [pytest.approx(row.tolist(), abs=1e-6) for row in weights[image]]
            assert [c.expert for c in cells] == weights[image].argmax(1).tolist()


def test_patches_lie_where_they_were_cut() -> None:
    taken, _ = patches_of(compile(load(SPEC)).eval(), torch.rand(1, 1, 8, 8), device="cpu")
    edges = [(c.left, c.top, c.right, c.bottom) for c in taken[0][0].cells]
    assert edges == [(0, 0, 0.5, 0.5), (0.5, 0, 1, 0.5), (0, 0.5, 0.5, 1), (0.5, 0.5, 1, 1)]


def test_overlapping_patches_and_whole_samples() -> None:
    model = compile(loads(SPARSE)).eval()
    taken, usage = patches_of(model, torch.rand(2, 1, 8, 8), device="cpu")
    whole, cut = taken[1]
    assert len(whole.cells) == 1 and usage[0].rows == 2 and usage[0].thresholds is None
    assert len(cut.cells) == 16
    assert (cut.cells[5].left, cut.cells[5].right) == (2 / 8, 5 / 8)
    assert cut.cells[-1].right == 1  # what reaches over the edge is cut off
    assert [place.cut for place in dispatches(model).values()] == [0.0, None]


def test_usage_on_data() -> None:
    torch.set_num_threads(1)
    model = compile(load(SPEC)).eval()
    first, second = usage_of(model, "digits", device="cpu")
    assert (first.rows, second.rows) == (359 * 4, 359 * 16)
    assert sum(first.largest) == pytest.approx(1)


def test_from_the_command_line(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    torch.set_num_threads(1)
    file, drawn = str(tmp_path / "m.safetensors"), tmp_path / "p.svg"
    model = compile(load(SPEC)).eval()
    assert isinstance(model, ArchModule)
    save(model, file)
    call = ["show", "patches", file, "--data", "digits"]
    assert run([*call, "--samples", "0,4", "-o", str(drawn), "--format", "json"]) == 0
    found = json.loads(capfd.readouterr().out)["usage"][0]
    assert [site["rows"] for site in found["sites"]] == [359 * 4, 359 * 16]
    assert drawn.read_text().count("<image") == 2 * 3 and drawn.read_text().count("<title>") == 2 * (4 + 16)
    assert run(call) == 0
    assert "threshold" in capfd.readouterr().out
    assert run(["show", "patches", file]) == 2
    assert run([*call, "-o", str(tmp_path / "p.gif")]) == 2
    plain = str(tmp_path / "plain.safetensors")
    save(compile(loads("archlang 1\nnetwork N { input x: [1, 8, 8]\n output x -> flatten -> linear(10) }")), plain)
    capfd.readouterr()
    assert run(["show", "patches", plain, "--data", "digits"]) == 1
    assert "hands patches to experts" in capfd.readouterr().err
