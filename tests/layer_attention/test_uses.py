"""Attention over layers in use: transformed networks, torch modules, watched training, the command line, plug-ins."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from archlang.cli.main import run
from archlang.compiler import compile, loads
from archlang.diagnostics import ArchError
from archlang.elaborate import load
from archlang.ops import catalogue_with
from archlang.studies.layer_attention.readings import attention_of, course_of
from archlang.studies.layer_attention.torch_models import KINDS, attend_layers, stages
from archlang.train import fit
from archlang.transform import apply

torch.set_num_threads(1)
ROOT = Path(__file__).parents[2]
SPECS = ROOT / "specs"
DIGITS = SPECS / "layer_attention" / "digits.arch"


@pytest.mark.parametrize(("file", "options", "layers"), [
    ("base_cnn", "", 6), ("base_cnn", "points=stages,kind=recurrent", 3), ("resnet_cifar", "kind=innate_static", 6),
    ("resnet_cifar", "kind=self_attention,heads=4,points=layer1+layer2+layer3,readout=resized", 3),
    ("base_cnn", "kind=mean,readout=flattened,width=8", 6),
])
def test_a_sequential_network_is_read_out(file: str, options: str, layers: int) -> None:
    before = load(SPECS / "multipath" / f"{file}.arch")
    after = apply(before, f"layer-attention{{{options}}}")
    assert after.warnings == ()
    attending = [n for n in after.graph if n.op.name.startswith("attend_")]
    assert [len(n.inputs) for n in attending] == [layers]
    assert after.graph.plan is not None
    assert loads(after.listing).parameters == after.parameters
    y = compile(after)(torch.randn(2, 3, 32, 32))
    assert y.shape == (2, 10)


@pytest.mark.parametrize("options", [
    "kind=max", "heads=3,kind=self_attention", "readout=x", "points=nowhere", "width=0",
])
def test_options_that_make_no_sense(options: str) -> None:
    with pytest.raises(ArchError) as caught:
        apply(load(SPECS / "multipath" / "base_cnn.arch"), f"layer-attention{{{options}}}")
    assert caught.value.diagnostics[0].name in ("out-of-range", "pass-does-not-apply")


def test_a_single_layer_is_no_choice() -> None:
    net = loads("archlang 1\nnetwork N { input x: [3, 8, 8]\n output x -> conv(3x3, 4) -> flatten -> linear(2) }")
    with pytest.raises(ArchError, match="fewer than two layers"):
        apply(net, "layer-attention")


def block(entering: int, leaving: int, stride: int) -> nn.Sequential:
    """A convolution with its norm and activation."""
    return nn.Sequential(nn.Conv2d(entering, leaving, 3, stride, 1), nn.BatchNorm2d(leaving), nn.ReLU(inplace=True))


class Net(nn.Module):
    """A stem, three stages and a head, called as torchvision calls them."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 4, 3, padding=1)
        self.layer1, self.layer2, self.layer3 = block(4, 4, 1), block(4, 6, 2), block(6, 8, 2)
        self.avgpool, self.fc = nn.AdaptiveAvgPool2d(1), nn.Linear(8, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.layer3(self.layer2(self.layer1(torch.relu(self.conv1(x)))))
        logits: torch.Tensor = self.fc(torch.flatten(self.avgpool(x), 1))
        return logits


@pytest.mark.parametrize("kind", KINDS)
def test_modules_of_torch_are_read_out(kind: str) -> None:
    model, x = Net(), torch.randn(2, 3, 8, 8)
    assert stages(model) == ["layer1", "layer2", "layer3"]
    made = attend_layers(model, None, kind, example=x, width=8, pooled=kind != "mean", taps=True)  # type: ignore[arg-type]
    y, taps = made(x)
    assert y.shape == (2, 5) and taps["layer_attention"].shape == (2, 3)
    y.sum().backward()
    assert float(made.get_parameter("layer1.0.weight").grad.norm()) > 0
    assert model.conv1.weight.grad is None


def test_what_cannot_be_read_out() -> None:
    x = torch.randn(2, 3, 8, 8)
    for points, kind, name in ((["layer9"], "mean", "unknown-name"), (["layer1"], "mean", "too-few-layers"),
                               (None, "max", "unknown-word")):
        with pytest.raises(ArchError) as caught:
            attend_layers(Net(), points, kind, example=x)  # type: ignore[arg-type]
        assert caught.value.diagnostics[0].name == name
    with pytest.raises(ArchError) as caught:
        attend_layers(nn.Sequential(block(3, 3, 1), block(3, 3, 1)), None, example=x)
    assert caught.value.diagnostics[0].name == "unsupported-module"


def test_training_is_watched_and_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fit(load(DIGITS, {"by": "self_attention(heads = 2)"}), "digits", epochs=1, run=tmp_path / "run")
    names = {path.name for path in (tmp_path / "run").iterdir()}
    assert {"attention.csv", "attention.svg", "gradients.csv", "gradients.svg"} <= names
    course = course_of(tmp_path / "run")
    assert len(course.columns) == 6 and len(course.rows) == 23
    assert all(abs(sum(row) - 1) < 1e-4 for row in course.rows)
    assert run(["show", "attention", str(tmp_path / "run"), "-o", str(tmp_path / "a.svg")]) == 0
    assert "logits.attend.6" in capsys.readouterr().out
    assert (tmp_path / "a.svg").read_text() == (tmp_path / "run" / "attention.svg").read_text()
    model = str(tmp_path / "run" / "best.safetensors")
    assert run(["show", "attention", model]) == 1
    assert "--data" in capsys.readouterr().err
    assert run(["show", "attention", model, "--data", "digits"]) == 0
    assert "mean over" in capsys.readouterr().out


def test_betas_are_watched(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fit(load(SPECS / "layer_attention" / "digits_residual.arch"), "digits", epochs=1, run=tmp_path / "run")
    head, first, *_ = (tmp_path / "run" / "betas.csv").read_text().splitlines()
    assert head.count("residual") == 3 and all(0 < float(v) < 1 for v in first.split(",")[2:])
    assert run(["show", "attention", str(tmp_path / "run")]) == 1


def test_static_attention_needs_no_data() -> None:
    found, = attention_of(compile(load(DIGITS)))
    assert found.mean == pytest.approx((1 / 6,) * 6) and found.deviation is None


PLUGIN = '''
import torch
from archlang.ops import Module, Op, Setting
from archlang.ops.layer_attention import need_layers
from archlang.shapes import Tensor

class Last(torch.nn.Module):
    def __init__(self, layers):
        super().__init__()
        self.layers = layers
    def forward(self, *layers):
        shares = torch.zeros(self.layers)
        shares[-1] = 1
        return layers[-1], shares.expand(layers[0].shape[0], -1)

OP = Op(name="attend_last", family="attending", doc="The last layer.", internal=True, takes="bundle", taps=((1, ""),),
        shape=lambda call: (need_layers(call, True, "it"), Tensor((len(call.inputs),))),
        torch=Module("{module}.Last", lambda call: {{"layers": len(call.inputs)}}))
GOOD = [Setting("last", "aggregator", "The last layer."), OP]
ALONE = [Setting("last", "aggregator", "The last layer.")]
ROLE = [Setting("last", "router", "The last layer."), OP]
TAKEN = [Setting("mean", "aggregator", "A mean.")]
'''


def test_a_plugin_adds_a_kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = "attention_plugin_of_a_test"
    (tmp_path / f"{module}.py").write_text(PLUGIN.format(module=module))
    info = tmp_path / f"{module}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
    names = ("GOOD", "ALONE", "ROLE", "TAKEN")
    (info / "entry_points.txt").write_text("[archlang.ops]\n" + "".join(f"{n.lower()} = {module}:{n}\n" for n in names))
    monkeypatch.syspath_prepend(str(tmp_path))
    net = load(DIGITS, {"by": "last"}, catalogue=catalogue_with(["good"]))
    y, taps = compile(net, taps=True)(torch.randn(2, 1, 8, 8))
    assert y.shape == (2, 10) and taps["logits.attend"].tolist() == [[0, 0, 0, 0, 0, 1]] * 2
    for name in ("alone", "role", "taken"):
        with pytest.raises(ArchError) as caught:
            catalogue_with([name])
        assert caught.value.diagnostics[0].name == "bad-plugin"
    sys.modules.pop(module, None)


@pytest.mark.parametrize(("name", "parameters"), [
    ("plain", 1_337_450), ("innate_static", 14_968_938), ("static_vector", 15_068_016),
    ("self_attention", 15_117_546), ("recurrent", 15_200_106), ("digits", 193_792),
    ("digits_shift", 193_792), ("digits_plain", 80_570),
])
def test_sizes_of_the_specs(name: str, parameters: int) -> None:
    assert load(SPECS / "layer_attention" / f"{name}.arch").parameters == parameters


def test_attention_in_a_layer_is_told_for_each_use() -> None:
    layer = "layer f = layers {{ linear(4); tanh }} -> attend(static_vector)"
    text = f"archlang 1\nnetwork N {{{{\n  input x: [4]\n  {layer}\n  output x -> {{}}\n}}}}\n"
    once, twice = (attention_of(compile(loads(text.format(flow)))) for flow in ("f", "f -> f"))
    assert [found.site for found in once] == ["f.attend"]
    assert [found.site for found in twice] == ["f.attend", "f.attend_2"]
    assert twice[0].mean == twice[1].mean == once[0].mean
