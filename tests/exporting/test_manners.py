"""A compiled model among other modules of torch: names of inputs, devices, features, short texts."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

import archlang
from archlang.analysis import diff, report
from archlang.exporting import export

ROOT = Path(__file__).parents[2]

TEXT = """archlang 1
network Two(classes = 3) {
  input image: [3, 8, 8]
  input class: [4]
  maps = image -> conv(3x3, 4) -> batch_norm -> relu
  pair = (maps, maps -> conv(1x1, 4) as point) -> each { relu }
  output pair -> sum -> global_avg_pool -> add(class) -> linear(classes)
}
"""


@pytest.fixture(scope="module")
def model():
    return archlang.compile(archlang.loads(TEXT), seed=1).eval()


def given(count: int = 2) -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    return torch.randn(count, 3, 8, 8), torch.randn(count, 4)


def test_inputs_have_the_names_of_the_file(model):
    image, other = given()
    assert "def forward(self, image, class_):" in model.code
    right = model(image, other)
    assert torch.equal(model(**{"class": other, "image": image}), right)
    assert torch.equal(model(class_=other, image=image), right) and torch.equal(model(image, input_1=other), right)

    program = torch.export.export(model, (), {"image": image, "class_": other})
    assert program.graph_signature.user_inputs == ("image", "class_")


def test_features_by_the_names_of_the_file(model):
    values = {}
    hook = model.get_submodule("maps.relu").register_forward_hook(lambda module, args, result: values.update(x=result))
    image, other = given()
    found = archlang.features(model, ["maps", "pair", "maps.conv", "image"])(image, other)
    hook.remove()
    assert list(found) == ["maps", "pair", "maps.conv", "image"]
    assert torch.equal(found["maps"], values["x"]) and len(found["pair"]) == 2 and found["image"] is image
    assert torch.equal(found["maps.conv"], model.get_submodule("maps.conv")(image))
    with pytest.raises(archlang.ArchError, match="did you mean `maps`"):
        archlang.features(model, ["map"])
    with pytest.raises(archlang.ArchError, match="only a model that archlang compiled"):
        archlang.features(nn.Linear(2, 2), ["map"])


def test_features_after_a_pass(model):
    fused = archlang.fuse(model)
    image, other = given()
    found = archlang.features(fused, ["maps"])(image, other)
    assert torch.allclose(found["maps"], archlang.features(model, ["maps"])(image, other)["maps"], atol=1e-6)
    with pytest.raises(archlang.ArchError, match="no value of its own after fuse"):
        archlang.features(fused, ["maps.batch_norm"])


def test_the_device_and_the_kind_of_numbers_around(model):
    net = archlang.loads(TEXT)
    with torch.device("meta"):
        assert {p.device.type for p in archlang.compile(net).parameters()} == {"meta"}
        assert {p.device.type for p in archlang.compile(net, device="cpu").parameters()} == {"cpu"}
    half = archlang.compile(net, seed=1, dtype=torch.bfloat16)
    assert {b.dtype for b in half.state_dict().values()} == {torch.bfloat16, torch.int64}
    weight = model.state_dict()["maps.conv.weight"]
    assert torch.equal(half.state_dict()["maps.conv.weight"], weight.bfloat16())

    torch.set_default_dtype(torch.float64)
    try:
        assert archlang.compile(net).get_parameter("maps.conv.weight").dtype == torch.float64
    finally:
        torch.set_default_dtype(torch.float32)


def test_what_a_file_holds_does_not_depend_on_who_reads_it(model, tmp_path):
    archlang.save(model, tmp_path / "m.safetensors")
    torch.set_default_dtype(torch.float64)
    try:
        with torch.device("meta"):
            again = archlang.load_model(tmp_path / "m.safetensors")
    finally:
        torch.set_default_dtype(torch.float32)
    assert {(p.dtype, p.device.type) for p in again.parameters()} == {(torch.float32, "cpu")}


def test_short_texts_and_pictures(model):
    net = model.archlang.network
    assert repr(net) == "<Network Two(classes = 3): 151 parameters, image [3, 8, 8], class [4] -> output [3]>"
    assert net._repr_svg_().startswith("<") and "<svg" in net._repr_svg_()
    assert "<figcaption>Network Two(classes = 3): 151 parameters" in model._repr_html_()
    assert "before fuse" in archlang.fuse(model)._repr_html_()
    with pytest.raises(archlang.ArchError) as problem:
        archlang.loads("archlang 1\nnetwork N { input x: [3]\n output x -> lineer(2) }")
    shown = problem.value.diagnostics[0]._repr_html_()
    assert shown.startswith("<pre>error[unknown-stage]") and "-&gt; lineer" in shown


def test_models_are_drawn_counted_and_compared(model):
    net = archlang.loads(TEXT, classes=5)
    assert report(model).parameters == 151
    assert archlang.draw(model).svg == archlang.draw(model.archlang.network).svg
    assert diff(model, net).parameters.after == net.parameters
    with pytest.raises(archlang.ArchError, match="was not compiled from a file"):
        archlang.draw(torch.fx.symbolic_trace(nn.Linear(2, 2))).svg


def test_a_model_by_name(tmp_path):
    model = archlang.create_model("resnet_cifar", num_classes=7, in_chans=1, seed=2).eval()
    assert model(torch.rand(1, 1, 32, 32)).shape == (1, 7)
    with pytest.raises(archlang.ArchError, match="the same dial"):
        archlang.create_model("resnet_cifar", num_classes=7, classes=7)

    export(model, "state_dict", tmp_path / "w.safetensors")
    archlang.save(model, tmp_path / "m.safetensors")
    for name in ("w", "m"):
        again = archlang.create_model("resnet_cifar", num_classes=7, in_chans=1,
                                      checkpoint_path=tmp_path / f"{name}.safetensors")
        assert all(torch.equal(a, b) for a, b in
                   zip(again.state_dict().values(), model.state_dict().values(), strict=True))


def test_bad_checkpoints(tmp_path):
    torch.save({"a": torch.ones(2)}, tmp_path / "w.pt")
    small = archlang.compile(archlang.loads(TEXT))
    export(small, "state_dict", tmp_path / "other.safetensors")
    (tmp_path / "text.safetensors").write_text("no weights")
    for name, message in (("w.pt", "pickle"), ("other.safetensors", "another network"), ("text.safetensors", "no saf"),
                          ("gone.safetensors", "no such file")):
        with pytest.raises(archlang.ArchError, match=message):
            archlang.create_model("base_cnn", checkpoint_path=tmp_path / name)


def test_names_that_several_networks_have():
    assert archlang.models.model_path("resnet50").parent.name == "multipath"
    with pytest.raises(archlang.ArchError, match="may be one of"):
        archlang.models.model_path("digits")
