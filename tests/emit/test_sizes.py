"""Symbolic sizes at run time: networks for any size beside plain modules, and inputs whose sizes do not agree."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from archlang import ArchError, compile, loads

U_NET = """archlang 1
network UNet(classes = 2) {
  input image: [3, H, W] where H >= 16 and W >= 16
  a = image -> conv(3x3, 8) -> relu
  b = a -> max_pool(2x2) -> conv(3x3, 16) -> relu
  c = b -> max_pool(2x2) -> conv(3x3, 32) -> relu
  d = (b, c -> upsample(size = b.size, mode = bilinear)) -> concat -> conv(3x3, 16) -> relu
  output (a, d -> upsample(size = size(a.height, a.width))) -> concat -> conv(1x1, classes)
}
"""

CELLS = """archlang 1
network Cells {
  input image: [3, H, W] where H >= 8 and W >= 8
  small  = image -> avg_pool(3x3, stride = 2) -> conv(3x3, 4)
  output image -> adaptive_avg_pool(small.size) -> concat(small)
  output upper = image -> slice(1, stop = image.height // 2, axis = height)
  output turned = image -> reshape([image.width, image.height, 3])
  output halves = image -> split([image.width // 3, image.width - image.width // 3], axis = width)
               -> each { global_avg_pool } -> sum
  output back = image -> to_sequence -> to_map(image.width, image.height)
}
"""


class UNet(nn.Module):
    """The same network, written by hand."""

    def __init__(self) -> None:
        super().__init__()
        channels = ((3, 8, 3), (8, 16, 3), (16, 32, 3), (48, 16, 3), (24, 2, 1))
        self.convs = nn.ModuleList(nn.Conv2d(i, o, k, padding=k // 2) for i, o, k in channels)

    def forward(self, x: Tensor) -> Tensor:
        a = self.convs[0](x).relu()
        b = self.convs[1](F.max_pool2d(a, 2)).relu()
        c = self.convs[2](F.max_pool2d(b, 2)).relu()
        up = F.interpolate(c, size=b.shape[2:], mode="bilinear")
        d = self.convs[3](torch.cat([b, up], 1)).relu()
        result: Tensor = self.convs[4](torch.cat([a, F.interpolate(d, size=a.shape[2:])], 1))
        return result


SIZES = ((16, 16), (17, 31), (33, 18), (50, 47))


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_a_u_net_takes_any_size(height: int, width: int) -> None:
    model, peer = compile(loads(U_NET)).double(), UNet().double()
    peer.load_state_dict(dict(zip(peer.state_dict(), model.state_dict().values(), strict=True)))
    x = torch.randn(2, 3, height, width, dtype=torch.float64)

    one, other = model(x), peer(x)
    torch.testing.assert_close(one, other, rtol=0, atol=1e-12)

    one.square().sum().backward()
    other.square().sum().backward()
    for mine, theirs in zip(model.parameters(), peer.parameters(), strict=True):
        torch.testing.assert_close(mine.grad, theirs.grad, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(("height", "width"), [(8, 8), (9, 14), (13, 11)])
def test_sizes_are_calculated_from_the_image(height: int, width: int) -> None:
    model = compile(loads(CELLS)).eval()
    x = torch.randn(2, 3, height, width)
    made = model(x)

    pooled = F.adaptive_avg_pool2d(x, made["output"].shape[2:])
    torch.testing.assert_close(made["output"][:, :3], pooled)
    torch.testing.assert_close(made["upper"], x[:, :, 1 : height // 2])
    torch.testing.assert_close(made["turned"], x.reshape(2, width, height, 3))
    torch.testing.assert_close(made["back"], x.reshape(2, 3, width, height))
    parts = x.split([width // 3, width - width // 3], dim=3)
    torch.testing.assert_close(made["halves"], sum(part.mean((2, 3)) for part in parts))


def test_export_keeps_the_sizes_open() -> None:
    model = compile(loads(U_NET)).eval()
    dims = {2: torch.export.Dim("H", min=16, max=512), 3: torch.export.Dim("W", min=16, max=512)}
    program = torch.export.export(model, (torch.randn(1, 3, 32, 32),), dynamic_shapes=(dims,))
    x = torch.randn(1, 3, 37, 50)
    torch.testing.assert_close(program.module()(x), model(x))


TWO = """archlang 1
network Two {
  input image: [3, 2 * H, W + 1] where H >= 4 and W <= 20
  input flat: [H * W]
  output image -> slice(0, stop = H, axis = height) -> slice(0, stop = W, axis = width) -> flatten
    -> concat(flat)
}
"""


def test_symbols_are_told_from_the_sizes_that_hold_them() -> None:
    model = compile(loads(TWO))
    image, flat = torch.randn(2, 3, 8, 6), torch.randn(2, 20)
    expected = torch.cat([image[:, :, :4, :5].flatten(1), flat], 1)
    torch.testing.assert_close(model(image, flat), expected)


@pytest.mark.parametrize(("image", "flat", "says"), [
    ((2, 3, 9, 6), (2, 20), "no `H` makes 2*H this size"),
    ((2, 3, 6, 6), (2, 20), "`H` goes from 4"),
    ((2, 3, 8, 22), (2, 84), "`W` goes from 1 to 20"),
    ((2, 3, 8, 6), (2, 21), "H*W is 20 here"),
])
def test_sizes_that_do_not_agree_are_refused(image: tuple[int, ...], flat: tuple[int, ...], says: str) -> None:
    model = compile(loads(TWO))
    with pytest.raises(ArchError) as caught:
        model(torch.zeros(image), torch.zeros(flat))
    assert says in str(caught.value)
