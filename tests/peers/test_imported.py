"""Networks of timm and torchvision, imported: equal to the originals, and their weights in networks of this project."""

from __future__ import annotations

import warnings

import pytest
import torch
from torch import nn

import archlang
from archlang.importing import ImportedModel, import_model
from tests.peers import libraries


def imported(model: nn.Module, *size: int) -> ImportedModel:
    """Import a model with running statistics that are not 0 and 1, and compare both as they are."""
    torch.manual_seed(0)
    for name, value in model.named_buffers():
        if name.endswith("running_mean"):
            value.normal_(0, 0.1)
        elif name.endswith("running_var"):
            value.uniform_(0.5, 1.5)

    x = torch.randn(3, *size)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # torch.export's own
        found = import_model(model.eval(), (torch.zeros(2, *size),))
        torch.testing.assert_close(found.model(x), model(x), rtol=1e-4, atol=1e-5)
    assert found.network.parameters == sum(weight.numel() for weight in model.parameters())
    return found


@pytest.mark.parametrize(("name", "options", "words"), [
    ("test_resnet", {"drop_path_rate": 0.1}, ("block basic_block(c, p)", "drop_path(p)")),
    ("test_efficientnet", {}, ("depthwise_conv", "reduce([height, width], keep = true)")),
    ("test_convnext", {}, ("layer_norm", "affine(scale = 1e-6, shift = none)")),
    ("vit_tiny_patch16_224", {"img_size": 64, "depth": 3},
     ("to_sequence", "class_token", "position_embedding", "3 * vision_transformer_block", "attention(3)")),
])
def test_a_network_of_timm(name: str, options: dict[str, object], words: tuple[str, ...]) -> None:
    # Most of these start with zeros at the ends of branches, and dropped paths stay in the text.
    model = libraries.timm().create_model(name, pretrained=False, **options)
    found = imported(model, 3, 64, 64)
    assert all(word in found.text for word in words)
    assert found.text.count("\n") < found.nodes / 2
    assert "reshape" not in found.text and "permute" not in found.text


def test_weights_of_torchvision_in_a_network_of_this_project() -> None:
    model = libraries.torchvision_models().resnet18(weights=None)
    found = imported(model, 3, 64, 64)
    ours = archlang.compile(archlang.load("specs/multipath/resnet18.arch"), seed=1).eval()
    table = archlang.adopt(ours, found.model)
    assert (table.how, table.new, table.left) == ("structure", {}, ())
    x = torch.randn(1, 3, 224, 224)
    with torch.no_grad():
        torch.testing.assert_close(ours(x), model(x), rtol=1e-4, atol=1e-5)
