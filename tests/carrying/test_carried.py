"""Weights through a transformation: a torch model is made over, and computes at first what it did."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest
import torch
from torch import nn

import archlang
from archlang.carrying.following import ancestors
from archlang.cli.main import run
from archlang.importing.importing import ImportedModel
from archlang.passes.catalogue import PASSES


class Unit(nn.Module):
    """A residual block, as many models have it."""

    def __init__(self, inside: int, out: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inside, out, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(out)
        self.conv2 = nn.Conv2d(out, out, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(out)
        self.shortcut = nn.Conv2d(inside, out, 1, stride)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (self.bn2(self.conv2(self.bn1(self.conv1(x)).relu())) + self.shortcut(x)).relu()


class Plain(nn.Module):
    """A small network of torch alone, whose weights are all different."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU())
        self.trunk = nn.Sequential(Unit(8, 8, 1), Unit(8, 16, 2))
        self.wide = nn.Sequential(nn.Conv2d(16, 32, 1), nn.BatchNorm2d(32), nn.ReLU(), nn.Conv2d(32, 16, 1))
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.head = nn.Linear(16, 5)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.head(self.pool(self.wide(self.trunk(self.stem(image))).relu()).flatten(1))


def perturbed(model: nn.Module) -> nn.Module:
    """The model with weights and statistics that nothing makes equal."""
    chance = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, value in (*model.named_parameters(), *model.named_buffers()):
            if value.is_floating_point():
                value.add_(0.2 * torch.rand(value.shape, generator=chance))
    return model.eval()


@pytest.fixture(scope="module")
def torch_model() -> nn.Module:
    torch.manual_seed(0)
    return perturbed(Plain())


@pytest.fixture(scope="module")
def imported(torch_model: nn.Module) -> ImportedModel:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch.export's own
        return archlang.import_model(torch_model, (torch.zeros(2, 3, 16, 16),))


def images() -> torch.Tensor:
    return torch.rand(3, 3, 16, 16, generator=torch.Generator().manual_seed(2))


KEPT = (
    "pbconv{gamma=zero}", "pbconv{boost=acb,gamma=zero}", "multipath", "multipath{router=none,paths=3}",
    "multipath{router=cross_stitch}", "patch-experts{stage=trunk}", "patch-experts{stage=wide,split=true}",
    "patch-experts{stage=wide,size=4x4}", "patch-experts{stage=trunk,router=sparse_connection,keep=2}",
    "patch-experts{stage=wide,size=8x8,split=true,experts=2}",
)
"""Forms that can compute at first what the model did."""

SOURCES = (KEPT[0], "multipath{router=cross_stitch}", "patch-experts{stage=wide,size=8x8,split=true,experts=2}")
"""Those whose PyTorch source is run too; one of each kind, as it takes seconds."""


@pytest.mark.parametrize("what", KEPT)
def test_a_torch_model_is_made_over_and_computes_at_first_what_it_did(
    what: str, imported: ImportedModel, torch_model: nn.Module
) -> None:
    made = archlang.transform(imported.model, what)
    with torch.no_grad():
        torch.testing.assert_close(made(images()), torch_model(images()), rtol=1e-4, atol=1e-5)

    report = made.meta["report"]
    assert report.equal and "at first it computes what it did" in str(report)
    assert {*report.taken, *report.new} == set(made.state_dict())
    assert archlang.loads(made.archlang.network.text).parameters == sum(p.numel() for p in made.parameters())
    # Text, module and PyTorch source are one network: `export` runs the source beside the model.
    if what in SOURCES:
        assert "equal to" in archlang.export(made, "python").checked


OTHERWISE = {
    "pbconv": "new branches add what they are", "patch-experts{stage=trunk,size=4x4}": "patches have borders of zeros",
    "multipath{router=cross_prediction}": "a prediction is another layer", "layer-attention": "the head is new",
    "patch-experts{stage=wide,split=true,router=sparse_connection}": "one share is not the whole",
}
"""Forms that cannot, each with the reason."""


@pytest.mark.parametrize("what", OTHERWISE)
def test_where_results_change_it_is_said(what: str, imported: ImportedModel, torch_model: nn.Module) -> None:
    made = archlang.transform(imported.model, what)
    report = made.meta["report"]
    assert not report.equal and "at first outputs differ by up to" in str(report)
    assert len(report.taken) > len(report.new) / 2
    with torch.no_grad():
        assert float((made(images()) - torch_model(images())).abs().max()) > 1e-3


def test_shortcuts_leave_paths_as_they_were_where_the_fork_copies() -> None:
    model = perturbed(archlang.compile(archlang.loads("""archlang 1
    network N {
      input image: [3, 8, 8]
      stem = image -> conv(3x3, 8)
      output stem -> residual { conv(3x3, 8) } -> 2 * residual { conv(1x1, 8) } -> global_avg_pool -> linear(4)
    }
    """)))
    assert not archlang.transform(model, "multipath").meta["report"].equal
    assert archlang.transform(model, "multipath{fork=copied}").meta["report"].equal


def test_a_coded_network_keeps_the_kernels_of_its_groups() -> None:
    model = perturbed(archlang.compile(archlang.loads("""archlang 1
    network N {
      input image: [3, 8, 8]
      a = image -> conv(1x1, 12) -> batch_norm -> relu -> conv(3x3, 12, groups = 4) -> batch_norm -> relu
                -> conv(1x1, 8) -> batch_norm
      output a -> global_avg_pool -> linear(4)
    }
    """), seed=1))
    made = archlang.transform(model, 'coded{code=words("1100", "0110", "0011", "1001"),loss=0}')
    report, old, new = made.meta["report"], model.state_dict(), made.state_dict()
    # What is normalised by its energy is not what it was.
    assert not report.new and not report.equal

    # By hand: branch 2 is the third quarter of every layer, and of the last one's inputs.
    part = slice(6, 9)
    for layer, kernel in (("conv.weight", part), ("batch_norm_2.running_var", part), ("conv_2.weight", part),
                          ("conv_3.weight", (slice(None), part))):
        assert torch.equal(new[f"a.branches.2.{layer}"], old[f"a.{layer}"][kernel])


def test_noise_moves_copies_apart_and_not_the_first(imported: ImportedModel) -> None:
    made = archlang.transform(imported.model, "patch-experts{stage=trunk,experts=3}", noise=0.01, seed=5)
    state, old = made.state_dict(), imported.model.state_dict()
    name = "unit.body.conv1.weight"
    source = next(theirs for ours, theirs in made.meta["report"].taken.items() if ours.endswith(f"experts.1.{name}"))
    copies = [state[f"trunk.experts.{i}.{name}"] for i in range(3)]
    assert torch.equal(copies[0], old[source])

    moved = [(copy - copies[0]).std() / copies[0].std() for copy in copies[1:]]
    assert all(0.008 < float(share) < 0.012 for share in moved)
    assert not torch.equal(copies[1], copies[2])
    # Statistics are no weights, and the same seed makes the same copies.
    norms = [state[f"trunk.experts.{i}.unit.body.bn1.running_var"] for i in range(2)]
    assert torch.equal(*norms)
    again = archlang.transform(imported.model, "patch-experts{stage=trunk,experts=3}", noise=0.01, seed=5)
    assert all(torch.equal(again.state_dict()[name], value) for name, value in state.items())


def test_trained_gates_and_shares_stay_where_another_stage_is_split() -> None:
    model = perturbed(archlang.compile(archlang.loads("""archlang 1
    network N {
      input image: [3, 8, 8]
      a = image -> experts(2, cross_connection(hidden = 4)) { conv(1x1, 8) -> relu -> conv(1x1, 6) }
      b = a -> fork(2, cross_connection(hidden = 4)) -> each { conv(1x1, 6) } -> mean
      c = b -> conv(1x1, 8) -> relu -> conv(1x1, 4)
      output c -> global_avg_pool
    }
    """)))
    made = archlang.transform(model, "patch-experts{stage=c,split=true,experts=2}")
    x = torch.rand(3, 3, 8, 8)
    with torch.no_grad():
        torch.testing.assert_close(made(x), model(x))
    gates = "a.experts.router.gates.excite"
    assert torch.equal(made.state_dict()[gates], model.state_dict()[gates])


def test_what_stood_somewhere_is_found_in_every_network(tmp_path: Path) -> None:
    # Every module of every spec has an ancestor's name, and every module before is one, however the text was written.
    for spec in ("multipath/resnet18", "pbconv/mobilenet_v2", "multipath/se_base_cnn", "pce/pce_tiny"):
        net = archlang.load(f"specs/{spec}.arch")
        for what in ("pbconv{gamma=zero}", "multipath", "layer-attention"):
            if spec == "pbconv/mobilenet_v2" and what.startswith("pbconv"):
                continue
            chosen = PASSES.parse(what)
            after = archlang.transform(net, chosen)
            known = ancestors(net, after, chosen.copies)
            assert {ancestor.path for ancestor in known.values()} >= set(net.graph.modules())


def test_a_model_keeps_what_it_knows(imported: ImportedModel) -> None:
    model = imported.model
    half = archlang.transform(model, "multipath")
    assert half.archlang.labels == model.archlang.labels and not half.training
    assert half.archlang.passes == ()


@pytest.mark.parametrize(("model", "said"), [
    (nn.Linear(3, 4), "this model has none"),
    (archlang.fuse(archlang.compile(archlang.load("examples/01_sequential.arch")).eval()), "changed since by fuse"),
])
def test_a_model_without_a_text_is_refused(model: nn.Module, said: str) -> None:
    with pytest.raises(archlang.ArchError, match="pass-does-not-apply") as caught:
        archlang.transform(model, "multipath")
    assert said in str(caught.value)


def test_a_model_file_is_made_over_by_a_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, wide = f"{tmp_path}/m.safetensors", f"{tmp_path}/wide.safetensors"
    assert run(["compile", "examples/01_sequential.arch", "-o", file]) == 0
    assert run(["transform", file, "multipath{paths=2}", "-o", wide, "--verify"]) == 0
    assert "at first it computes what it did" in capsys.readouterr().err
    x = torch.rand(2, *archlang.load_model(file).archlang.network.graph.inputs[0].type.dims)
    torch.testing.assert_close(archlang.load_model(wide)(x), archlang.load_model(file)(x))

    # What differs is not written where that was asked for.
    other = f"{tmp_path}/other.safetensors"
    assert run(["transform", file, "pbconv", "-o", other, "--verify"]) == 3
    assert not Path(other).exists()
    assert run(["transform", file, "pbconv", "-o", f"{tmp_path}/other.arch"]) == 0
    assert "pbconv(" in Path(f"{tmp_path}/other.arch").read_text()
    assert run(["transform", file, "multipath", "-p", "classes=3"]) == 2
    assert run(["transform", "examples/01_sequential.arch", "multipath", "--noise", "0.1"]) == 2
    assert run(["transform", file, "fuse", "--noise", "0.1"]) == 2


def test_a_pass_says_what_it_did(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = f"{tmp_path}/coded.safetensors"
    assert run(["compile", "specs/coded_resnext/digits.arch", "-o", file]) == 0
    capsys.readouterr()
    assert run(["transform", file, "extract{class=3}"]) == 0
    said = capsys.readouterr().err
    assert said.startswith("extract{class=3}: ") and "folded" not in said


LAYERED = """archlang 1
network Layered {
  input x: [3, 16, 16]
  layer eye = conv(3x3, 3) -> batch_norm -> relu
  body = x -> eye -> eye
  output body -> eye -> global_avg_pool -> linear(4)
}
"""


@pytest.mark.parametrize("noise", [0.0, 0.1])
def test_a_layer_that_all_experts_use_keeps_its_weights(noise: float) -> None:
    """It is one module and no copy of one: its trained weights were drawn anew, and noise leaves it alone."""
    model = archlang.compile(archlang.loads(LAYERED), seed=1).eval()
    made = archlang.transform(model, "patch-experts{stage=body,experts=3}", noise=noise).eval()
    x = torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(made(x), model(x))
    for name in model.state_dict():
        assert torch.equal(made.state_dict()[name], model.state_dict()[name])
    assert all("router" in name for name in made.meta["report"].new)
