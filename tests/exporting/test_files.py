"""Files for other programs, and the command: names, metadata, open sizes, endings, refusals."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import safetensors.torch
import torch

import archlang
from archlang.cli.main import run
from archlang.exporting import export
from archlang.exporting.interchange import compared
from archlang.exporting.traced import batches

ROOT = Path(__file__).parents[2]

TEXT = """archlang 1
network Small(classes = 3) {
  input image: [3, H, W] (mean = [0.5, 0.4, 0.3], std = [0.2, 0.2, 0.2]) where H >= 8 and W >= 8
  maps = image -> conv(3x3, 4, stride = 2) -> batch_norm -> relu
  both = maps -> fork(2) -> each { conv(1x1, 4) -> relu } -> route(cross_connection(hidden = 2))
  output both -> sum -> upsample(size = image.size) -> conv(1x1, classes)
  output levels = both
}
"""


@pytest.fixture(scope="module")
def model():
    return archlang.compile(archlang.loads(TEXT), seed=1)


def test_onnx_runs_in_onnxruntime_with_the_names_of_the_file(model, tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxscript")
    exported = export(model, "onnx", tmp_path / "m.onnx")
    assert "ran in onnxruntime" in exported.checked and model.training

    session = onnxruntime.InferenceSession(str(tmp_path / "m.onnx"), providers=["CPUExecutionProvider"])
    assert [(i.name, i.shape) for i in session.get_inputs()] == [("image", ["batch", 3, "H", "W"])]
    assert [o.name for o in session.get_outputs()] == ["output", "levels.0", "levels.1"]
    image = torch.randn(3, 3, 21, 12)
    given = session.run(None, {"image": image.numpy()})
    right = model.eval()(image)
    model.train()
    for one, other in zip((right["output"], *right["levels"]), given, strict=True):
        assert torch.allclose(one, torch.from_numpy(other), atol=1e-5)

    file = onnx.load(tmp_path / "m.onnx")
    names = [node.name for node in file.graph.node]
    assert any(name.startswith("both.route.gates/") for name in names) and len(set(names)) == len(names)
    assert any(name.startswith("both.route.combine/") for name in names)
    told = {entry.key: entry.value for entry in file.metadata_props}
    assert json.loads(told["archlang.inputs"])[0]["mean"] == [0.5, 0.4, 0.3]
    assert archlang.loads(told["archlang.text"]).parameters == model.archlang.network.parameters


def test_a_program_of_torch_export(model, tmp_path):
    exported = export(model, "pt2", tmp_path / "m.pt2")
    assert "unpickling" in exported.note
    extra = {"archlang.json": ""}
    program = torch.export.load(tmp_path / "m.pt2", extra_files=extra)
    assert json.loads(extra["archlang.json"])["network"] == "Small"
    image = torch.randn(5, 3, 18, 33)
    right = model.eval()(image)
    model.train()
    assert torch.allclose(program.module()(image)["output"], right["output"], atol=1e-6)


@pytest.mark.parametrize("compiler", ["/nowhere/c++", "false"])
def test_without_a_compiler_machine_code_is_refused_by_name(compiler, tmp_path):
    (tmp_path / "net.arch").write_text(TEXT)
    # torch keeps the compiler that it found: a process of its own finds none.
    command = [sys.executable, "-m", "archlang", "export", str(tmp_path / "net.arch"), "--to", "aot", "-o"]
    done = subprocess.run([*command, str(tmp_path / "net.pt2")], env={**os.environ, "CXX": compiler}, text=True,
                          capture_output=True, timeout=300)
    assert done.returncode == 4 and "error[missing-tool]" in done.stderr and "CXX" in done.stderr, done.stderr
    assert not (tmp_path / "net.pt2").exists()


def test_a_file_that_differs_is_noticed(model):
    with pytest.raises(archlang.ArchError, match="results differ"):
        compared(model.eval(), lambda image: torch.utils._pytree.tree_map(lambda t: t + 1e-3, model(image)),
                 batches(model.archlang.network.graph))
    with pytest.raises(archlang.ArchError, match="other shapes"):
        compared(model, lambda image: model(image)["output"], batches(model.archlang.network.graph))
    model.train()


@pytest.mark.parametrize("wrong", [1, 2])
def test_a_file_is_run_for_each_number_of_samples(model, wrong):
    """The model's results for one sample are the first of those for two; the file's are its own."""
    two = batches(model.archlang.network.graph)[0]
    cases = [two, [x[:1] for x in two]]
    model.eval()
    compared(model, model, cases)

    def other(image):
        made = model(image)
        if len(image) == wrong:
            made["levels"][1].add_(0.1)
        return made

    with pytest.raises(archlang.ArchError, match="results differ"):
        compared(model, other, cases)
    model.train()


def test_the_command(tmp_path, capsys):
    file, made = tmp_path / "net.arch", tmp_path / "net.py"
    file.write_text(TEXT)
    assert run(["export", str(file), "-p", "classes=2", "-o", str(made)]) == 0
    assert "ran the source: outputs and" in capsys.readouterr().err
    assert "classes: int = 2" in made.read_text()

    assert run(["compile", str(file), "-o", str(tmp_path / "m.safetensors")]) == 0
    weights = tmp_path / "w.safetensors"
    assert run(["export", str(tmp_path / "m.safetensors"), "--to", "state_dict", "-o", str(weights)]) == 0
    state = archlang.load_model(tmp_path / "m.safetensors").state_dict()
    assert all(torch.equal(value, state[name]) for name, value in safetensors.torch.load_file(weights).items())


@pytest.mark.parametrize(("words", "status", "said"), [
    (["--to", "onnx"], 2, "-o NAME.onnx"),
    (["-o", "net.txt"], 2, "-o net.py"),
    (["--to", "pt2", "-o", "net.py"], 2, "this is written as .pt2"),
    (["--to", "state_dict", "-o", "gone/w.safetensors"], 1, "cannot be written"),
])
def test_calls_that_are_refused(words, status, said, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("net.arch").write_text(TEXT)
    assert run(["export", "net.arch", *words]) == status
    assert said in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == [tmp_path / "net.arch"]


def test_without_onnx_the_command_says_what_to_install(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name, package=None: None)
    (tmp_path / "net.arch").write_text(TEXT)
    assert run(["export", str(tmp_path / "net.arch"), "-o", str(tmp_path / "net.onnx")]) == 4
    assert "pip install 'archlang[onnx]'" in capsys.readouterr().err
