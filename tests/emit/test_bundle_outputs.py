"""A bundle as an output: the model gives a tuple, under its name where there are several outputs."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import archlang
from archlang.diagnostics import ArchError
from archlang.graph.scores import scores_port
from archlang.train import Data, Tensors, evaluate, fit

NET = """archlang 1
network Pyramid {{
  input image: [3, 16, 16]
  stem   = image -> conv(3x3, 4)
  levels = stem -> layers {{ conv(3x3, 4, stride = 2) -> relu; conv(3x3, 6, stride = 2) -> relu; identity }}
  {outputs}
}}
"""


def compiled(outputs: str) -> torch.fx.GraphModule:
    return archlang.compile(archlang.loads(NET.format(outputs=outputs))).eval()


def by_hand(model: torch.nn.Module, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """The levels, calculated from the weights."""
    state = model.state_dict()
    names = ("stem.conv", "levels.layers.0.conv", "levels.layers.1.conv")
    stem, first, second = ((state[f"{name}.weight"], state[f"{name}.bias"]) for name in names)
    value = torch.conv2d(x, *stem, padding=1)
    one = torch.conv2d(value, *first, padding=1, stride=2).relu()
    two = torch.conv2d(one, *second, padding=1, stride=2).relu()
    return one, two, two


@pytest.mark.parametrize("outputs", ["output levels", "output (levels[0], levels[1], levels[2])"])
def test_a_model_gives_the_members_as_a_tuple(outputs: str) -> None:
    model, x = compiled(outputs), torch.randn(2, 3, 16, 16)
    result = model(x)
    assert isinstance(result, tuple)
    for got, expected in zip(result, by_hand(model, x), strict=True):
        torch.testing.assert_close(got, expected)


def test_in_a_dict_of_outputs_the_tuple_has_its_name() -> None:
    model, x = compiled("output stem -> global_avg_pool\n  output pyramid = levels"), torch.randn(2, 3, 16, 16)
    result = model(x)
    assert list(result) == ["output", "pyramid"]
    for got, expected in zip(result["pyramid"], by_hand(model, x), strict=True):
        torch.testing.assert_close(got, expected)

    main = compiled("output levels\n  output low = levels[2] -> global_avg_pool")(x)
    assert list(main) == ["levels", "low"]
    assert [tuple(t.shape) for t in main["levels"]] == [(2, 4, 8, 8), (2, 6, 4, 4), (2, 6, 4, 4)]


def test_a_bundle_of_one_is_a_tuple_of_one() -> None:
    result = compiled("output (stem,)")(torch.randn(2, 3, 16, 16))
    assert isinstance(result, tuple)
    assert len(result) == 1


def test_saved_fused_exported_and_written_as_text(tmp_path: Path) -> None:
    model, x = compiled("output levels\n  output low = levels[1] -> batch_norm"), torch.randn(2, 3, 16, 16)
    archlang.save(model, tmp_path / "m.safetensors")
    loaded = archlang.load_model(tmp_path / "m.safetensors").eval()
    exported = torch.export.export(model, (x,)).module()
    for other in (loaded, exported, archlang.fuse(model)):
        for got, expected in zip(other(x)["levels"], model(x)["levels"], strict=True):
            torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-5)

    net = archlang.loads(NET.format(outputs="output levels"))
    again = archlang.loads(net.text)
    assert [output.label for output in again.graph.outputs] == ["output[0]", "output[1]", "output[2]"]
    assert all(f"output[{i}]" in archlang.draw(net).mermaid for i in range(3))


def test_grids_and_nested_bundles_are_refused() -> None:
    for outputs, words in (
        ("output (levels, stem)", "this bundle holds bundles"),
        ("output stem -> patches(4x4)", "a grid of patches"),
        ("output levels\n  output levels", "one main output"),
    ):
        with pytest.raises(ArchError, match=words):
            archlang.loads(NET.format(outputs=outputs))


TRAINED = """archlang 1
network Two {{
  input image: [1, 4, 4]
  heads = image -> flatten -> fork(2) -> each {{ linear(3) }}
  output heads
}}
train {{
  loss = {loss}
  optimizer = sgd(lr = 0.5)
  batch = 8
  phase all {{ epochs = 2 }}
}}
"""


def test_losses_read_members_by_index() -> None:
    """Only the head that a loss reads learns, and its accuracy is what is told."""
    net = archlang.loads(TRAINED.format(loss="cross_entropy(heads[1], label)"))
    before = {name: value.clone() for name, value in archlang.compile(net, seed=0).state_dict().items()}
    generator = torch.Generator().manual_seed(0)
    label = torch.randint(0, 3, (48,), generator=generator)
    image = torch.randn(48, 1, 4, 4, generator=generator) * 0.1
    image[torch.arange(48), 0, label, label] += 3
    data = Data("marks", Tensors(image, label), Tensors(image, label), ("a", "b", "c"))
    model = fit(net, data, seed=0, device="cpu").model

    changed = {name for name, value in model.state_dict().items() if not torch.equal(value, before[name])}
    assert changed == {"heads.each.1.linear.weight", "heads.each.1.linear.bias"}
    result = evaluate(model, data, device="cpu")
    with torch.no_grad():
        right = (model.eval()(image)[1].argmax(1) == label).float().mean()
    assert result.accuracy == pytest.approx(float(right))


def test_without_a_loss_no_member_holds_the_scores() -> None:
    net = archlang.loads(TRAINED.format(loss="cross_entropy(heads[0], label)").partition("train {")[0])
    with pytest.raises(ArchError, match="which member of the bundle `output` holds the scores"):
        scores_port(net.graph, ())
    model = archlang.compile(net)
    part = Tensors(torch.zeros(2, 1, 4, 4), torch.zeros(2, dtype=torch.long))
    data = Data("zeros", part, part, ("a", "b", "c"))
    with pytest.raises(ArchError, match="which member"):
        evaluate(model, data, device="cpu")
