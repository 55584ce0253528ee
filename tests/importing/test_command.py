"""`archlang import` and `--init`, from the command line to a model that predicts as the torch model does."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import pytest
import torch

import archlang
from archlang.cli.main import run

MODULE = '''
import torch
from torch import nn

def net():
    torch.manual_seed(3)
    return nn.Sequential(nn.Conv2d(1, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2),
                         nn.Flatten(), nn.Linear(128, 10))

def sizes():
    return net(), torch.zeros(2, 1, 8, 8)

def nothing():
    return 3

def fails():
    raise RuntimeError("no such weights")
'''


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "torch_nets_of_a_test.py").write_text(MODULE, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "torch_nets_of_a_test", raising=False)
    return tmp_path


def test_a_function_of_ones_own_becomes_a_file_and_a_model_that_is_tuned(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch.export's own
        assert run(["import", "torch_nets_of_a_test:sizes", "-o", "net.arch", "--weights", "net.safetensors"]) == 0
    assert "all 8 tensors mapped" in capsys.readouterr().err

    import torch_nets_of_a_test as nets  # type: ignore[import-not-found]

    x = torch.rand(4, 1, 8, 8)
    torch.testing.assert_close(archlang.load_model("net.safetensors")(x), nets.net().eval()(x))

    # Other classes, from these weights, in one command.
    assert run(["compile", "net.arch", "-p", "classes=3", "--init", "net.safetensors", "-o", "tuned.safetensors"]) == 0
    said = capsys.readouterr().err
    assert "taken by names: 6 tensors" in said and "[3, 128] here, [10, 128] in the source" in said
    tuned, first = archlang.load_model("tuned.safetensors"), archlang.load_model("net.safetensors")
    kept = [name for name, value in first.state_dict().items() if value.shape == tuned.state_dict()[name].shape]
    assert all(torch.equal(first.state_dict()[name], tuned.state_dict()[name]) for name in kept)
    assert run(["train", "net.arch", "--data", "digits", "--init", "net.safetensors", "--epochs", "1",
                "--run", "run"]) == 0
    assert "taken by names: 8 tensors" in capsys.readouterr().err


def test_a_stored_program_is_read(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3), torch.nn.SiLU()).eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.export.save(torch.export.export(model, (torch.zeros(2, 1, 6, 6),)), "stored.pt2")
        assert run(["import", "stored.pt2"]) == 0
    assert "conv(3x3, 4, padding = none) -> silu" in capsys.readouterr().out


@pytest.mark.parametrize("open_sides", [(0,), (0, 2)])
def test_a_stored_program_of_open_sizes_is_refused(
    folder: Path, capsys: pytest.CaptureFixture[str], open_sides: tuple[int, ...]
) -> None:
    model = torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3), torch.nn.SiLU()).eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        shapes = (dict.fromkeys(open_sides, torch.export.Dim.DYNAMIC),)
        program = torch.export.export(model, (torch.zeros(2, 1, 6, 6),), dynamic_shapes=shapes)
        torch.export.save(program, "open.pt2")
        assert run(["import", "open.pt2", "-o", "net.arch"]) == 1
    assert "without `dynamic_shapes`" in capsys.readouterr().err and not Path("net.arch").exists()


@pytest.mark.parametrize(("argv", "status", "said"), [
    (["torch_nets_of_a_test:net"], 2, "nothing tells the sizes"),
    (["torch_nets_of_a_test:nett"], 1, "did you mean `net`?"),
    (["torch_nets_of_a_test:nothing"], 1, "gives a int"),
    (["torch_nets_of_a_test:fails"], 1, "no such weights"),
    (["no_such_module_of_a_test:net"], 1, "cannot be imported"),
    (["none.pt2"], 1, "there is no file"),
    (["resnet18"], 2, "names no torch model"),
    (["torch_nets_of_a_test:net", "--input", "0x3"], 2, "is no size of a sample"),
    (["torch_nets_of_a_test:sizes", "-o", "no/folder/net.arch"], 1, "no/folder"),
])
def test_what_names_no_torch_model(
    folder: Path, capsys: pytest.CaptureFixture[str], argv: list[str], status: int, said: str
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert run(["import", *argv]) == status
    assert said in capsys.readouterr().err


def test_a_spoiled_program_is_one_mistake(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """torch's own remarks on it do not stand before the message."""
    Path("spoiled.pt2").write_bytes(b"PK\x03\x04 no archive")
    assert run(["import", "spoiled.pt2"]) == 1
    said = capfd.readouterr().err
    assert said.startswith("error[unreadable-file]: `spoiled.pt2` is no program") and "Traceback" not in said
