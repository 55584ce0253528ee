"""Attention in windows, and rates that rise from block to block: torchvision's own classes in small."""

from __future__ import annotations

import re
import warnings

import pytest
import torch
from torch import nn

from archlang.importing import ImportedModel, import_model
from archlang.importing.ramps import Rising, rising
from tests.peers import libraries


def taken_in(model: nn.Module, side: int) -> ImportedModel:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch.export's own
        return import_model(model, (torch.zeros(2, 3, side, side),))


def same(found: ImportedModel, model: nn.Module, side: int, whole: bool = True) -> None:
    x = torch.randn(3, 3, side, side)
    with torch.no_grad():
        torch.testing.assert_close(found.model(x), model.eval()(x), rtol=1e-4, atol=1e-5)
    # What is looked up in a table of distances by code is stored as it came out.
    if whole:
        assert found.network.parameters == sum(weight.numel() for weight in model.parameters())


def swin(window: int) -> nn.Module:
    models = libraries.torchvision_models()
    return models.SwinTransformer(
        patch_size=[2, 2], embed_dim=8, depths=[2, 1], num_heads=[2, 4], window_size=[window, window],
        stochastic_depth_prob=0.3, num_classes=5,
    )


def test_windows_of_a_swin_are_one_operation() -> None:
    torch.manual_seed(0)
    model = swin(4)
    found = taken_in(model, 16)
    same(found, model, 16)
    assert re.search(r"shift\d? = 2", found.text)
    for word in ("window_attention(", "slice(1, stride = 2, axis = height)"):
        assert word in found.text
    for word in ("softmax", "einsum", "reshape", "permute"):
        assert word not in found.text
    assert any("-100" in note for note in found.notes)


def test_windows_that_do_not_tile_a_map_are_read_as_the_code_has_them() -> None:
    torch.manual_seed(0)
    model = swin(3)
    found = taken_in(model, 16)
    same(found, model, 16, whole=False)
    assert "window_attention" not in found.text
    assert "pad(" in found.text


@pytest.mark.parametrize(("side", "is_one"), [(32, True), (24, False)])
def test_windows_of_timms_swin_are_one_operation_where_they_tile(side: int, is_one: bool) -> None:
    torch.manual_seed(0)
    kind = libraries.timm().models.swin_transformer.SwinTransformer
    model = kind(img_size=side, patch_size=2, embed_dim=8, depths=(2, 1), num_heads=(2, 4), window_size=4,
                 drop_path_rate=0.2, num_classes=5)
    if not is_one:
        model = kind(img_size=side, patch_size=2, embed_dim=8, depths=(2,), num_heads=(2,), window_size=5,
                     num_classes=5)
    found = taken_in(model, side)
    same(found, model, side, whole=is_one)
    assert ("window_attention(" in found.text) is is_one
    assert ("softmax" not in found.text) is is_one
    # The second block of a stage is shifted by half a window.
    assert bool(re.search(r"shift\d? = 2", found.text)) is is_one


def test_grids_of_a_maxvit_are_windows_of_a_map_in_another_order() -> None:
    torch.manual_seed(0)
    models = libraries.torchvision_models()
    model = models.MaxVit(
        input_size=(32, 32), stem_channels=8, partition_size=2, block_channels=[8, 16], block_layers=[1, 2],
        head_dim=4, stochastic_depth_prob=0.2, num_classes=5,
    )
    found = taken_in(model, 32)
    same(found, model, 32)
    assert "window_attention(" in found.text
    assert f"scale = {16 ** -0.5}" in found.text or "scale2" in found.text
    assert "softmax" not in found.text


def test_bilinear_attention_multiplies_blocks_without_the_identity_between() -> None:
    torch.manual_seed(0)
    libraries.timm()
    from timm.layers.non_local_attn import BilinearAttnTransform

    model = nn.Sequential(nn.Conv2d(3, 8, 1), BilinearAttnTransform(8, 4, 2)).eval()
    found = taken_in(model, 12)
    same(found, model, 12)
    assert found.difference < 1e-9
    assert "einsum(" in found.text


def test_rates_that_rise_from_block_to_block_are_a_loop() -> None:
    torch.manual_seed(0)
    models = libraries.torchvision_models()
    setting = models.convnext.CNBlockConfig
    model = models.ConvNeXt([setting(8, 12, 3), setting(12, None, 4)], 0.3, num_classes=5)
    found = taken_in(model, 16)
    same(found, model, 16)
    assert "for i in range(3) { cn_block(0.3 * i / 6) }" in found.text
    assert "for i in range(3, 7) { cn_block(0.3 * i / 6) }" in found.text

    # Each block has the rate that torch gives it.
    ours = [node.args["p"] for node in found.network.graph if node.op.name == "drop_path"]
    theirs = [module.p for module in model.modules() if type(module).__name__ == "StochasticDepth"]
    assert ours == pytest.approx(theirs, rel=1e-12)


@pytest.mark.parametrize(("numbers", "found"), [
    ([0.0, 0.1, 0.2], Rising(0.2, 2, 0)),
    ([0.05, 0.1, 0.15], Rising(0.2, 4, 1)),
    ([0.1 * i / 17 for i in range(6, 15)], Rising(0.1, 17, 6)),
    ([float(one) for one in torch.linspace(0, 0.1, 12)], Rising(0.1, 11, 0)),
    ([0.1, 0.2, 0.31], None),
    ([0.3, 0.2, 0.1], None),
    ([0.1, 0.1, 0.1], None),
    ([0.1, 0.2], None),
    ([False, True, 2], None),
])
def test_a_ramp_is_a_line_through_all_numbers(numbers: list[float], found: Rising | None) -> None:
    assert next(iter(rising(numbers)), None) == found
