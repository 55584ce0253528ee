"""Maps of another size beside torch's `interpolate`: all modes, whole factors and others, corners aligned or not."""

from __future__ import annotations

from itertools import product

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from archlang import compile, loads

FIXED, FREE = "[2, 20, 13]", "[2, H, W] where H >= 4 and W >= 4"
FACTORS = (2, 1.5, 0.5, 1.15, 0.7, (2.5, 0.75), (1, 3))
MODES = [(mode, aligned) for mode in ("nearest", "bilinear", "bicubic") for aligned in (False, True)
         if (mode, aligned) != ("nearest", True)]


def _text(factor: object) -> str:
    return str(list(factor)) if isinstance(factor, tuple) else str(factor)


def _network(type: str, stage: str) -> str:
    return f"archlang 1\nnetwork Resized {{ input x: {type}; output x -> {stage} }}"


def _extra(mode: tuple[str, bool]) -> str:
    return ", align_corners = true" if mode[1] else ""


def _aligned(mode: tuple[str, bool]) -> bool | None:
    """What torch is given: nothing for `nearest`, which has no corners."""
    return None if mode[0] == "nearest" else mode[1]


def _compare(model: torch.nn.Module, x: Tensor, **how: object) -> None:
    """Values and gradients in both modes."""
    for training in (True, False):
        mine, theirs = x.clone().requires_grad_(), x.clone().requires_grad_()
        made, wanted = model.train(training)(mine), F.interpolate(theirs, **how)  # type: ignore[arg-type]
        torch.testing.assert_close(made, wanted, rtol=0, atol=1e-12)

        weights = torch.randn_like(wanted)
        (made * weights).sum().backward()
        (wanted * weights).sum().backward()
        torch.testing.assert_close(mine.grad, theirs.grad, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(("factor", "mode"), list(product(FACTORS, MODES)), ids=str)
def test_a_factor_is_torchs_scale_factor(factor: object, mode: tuple[str, bool]) -> None:
    name, extra = mode[0], _extra(mode)
    model = compile(loads(_network(FIXED, f"upsample(factor = {_text(factor)}, mode = {name}{extra})"))).double()
    x = torch.randn(2, 2, 20, 13, dtype=torch.float64)
    _compare(model, x, scale_factor=factor, mode=name, align_corners=_aligned(mode))


@pytest.mark.parametrize("size", [(7, 30), (1, 13), (20, 1)])
@pytest.mark.parametrize("mode", MODES, ids=str)
def test_a_size_is_torchs_size(size: tuple[int, int], mode: tuple[str, bool]) -> None:
    name, extra = mode[0], _extra(mode)
    text = _network(FIXED, f"upsample(size = {size[0]}x{size[1]}, mode = {name}{extra})")
    x = torch.randn(2, 2, 20, 13, dtype=torch.float64)
    _compare(compile(loads(text)).double(), x, size=size, mode=name, align_corners=_aligned(mode))


@pytest.mark.parametrize(("height", "width"), [(4, 4), (5, 9), (14, 7), (33, 50)])
@pytest.mark.parametrize("factor", [1.5, 0.25, (0.5, 2.75)], ids=str)
def test_any_size_is_enlarged_as_predicted(factor: object, height: int, width: int) -> None:
    stage = f"upsample(factor = {_text(factor)}, mode = bilinear, align_corners = true)"
    net = loads(_network(FREE, stage))
    x = torch.randn(1, 2, height, width, dtype=torch.float64)
    model = compile(net).double()
    _compare(model, x, scale_factor=factor, mode="bilinear", align_corners=True)


@pytest.mark.parametrize("stage", ["upsample(factor = 1.5)", "upsample(size = x.size, mode = bilinear, "
                                                            "align_corners = true)"])
def test_torch_exports_it_for_any_size(stage: str) -> None:
    text = _network(FREE, f"max_pool(2x2) -> {stage}")
    model = compile(loads(text)).eval()
    free = torch.export.Dim.AUTO
    exported = torch.export.export(model, (torch.randn(2, 2, 8, 10),), dynamic_shapes=({2: free, 3: free},))
    for size in ((12, 6), (9, 15)):
        x = torch.randn(2, 2, *size)
        torch.testing.assert_close(exported.module()(x), model(x))
