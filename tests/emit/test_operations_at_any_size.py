"""Operations whose result depends on sizes that are symbols: compiled once, run at several sizes, beside torch."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch.nn import functional

import archlang

Peer = Callable[[torch.Tensor], torch.Tensor]
CASES: list[tuple[str, Peer]] = [
    ("max_pool(3x3, stride = 2, padding = 1, ceil = true)",
     lambda x: functional.max_pool2d(x, 3, 2, 1, ceil_mode=True)),
    ("avg_pool(2x2, ceil = true)", lambda x: functional.avg_pool2d(x, 2, ceil_mode=True)),
    ("pad([0, H % 2], axis = height) -> pad([W % 4, 1], axis = width, mode = replicate)",
     lambda x: functional.pad(functional.pad(x, (0, 0, 0, x.shape[2] % 2)), (x.shape[3] % 4, 1, 0, 0), "replicate")),
    ("slice(1, stride = 3, axis = width) -> slice(0, stop = H - 1, stride = 2, axis = height)",
     lambda x: x[:, :, : x.shape[2] - 1 : 2, 1::3]),
    ("unfold(3x2) -> fold(x.size, 3x2)",
     lambda x: functional.fold(functional.unfold(x, (3, 2), stride=(3, 2)), x.shape[2:], (3, 2), stride=(3, 2))),
    ("pick([1, 0]) -> grid_sample(x -> coordinates)", lambda x: x[:, [1, 0]]),
    ("grid_sample(x -> coordinates -> scale(0.5) -> add(parameter([2], trained = false, values = [0.1, -0.2])))",
     lambda x: functional.grid_sample(x, functional.affine_grid(
         torch.tensor([[0.5, 0, 0.1], [0, 0.5, -0.2]]).expand(2, -1, -1), list(x.shape), align_corners=False),
         align_corners=False)),
    ('einsum("c h w -> w h")', lambda x: x.sum(1).transpose(1, 2)),
    ("choose(x -> above(0.3), other = x -> neg)", lambda x: torch.where(x > 0.3, x, -x)),
]


@pytest.mark.parametrize(("stages", "peer"), CASES, ids=[stages for stages, _ in CASES])
def test_equal_at_every_size(stages: str, peer: Peer) -> None:
    net = archlang.loads(f"archlang 1\nnetwork N {{\n  input x: [2, H, W] where H >= 5 and W >= 5\n"
                         f"  output x -> {stages}\n}}\n")
    model = archlang.compile(net)
    for height, width in ((5, 8), (6, 7), (9, 5)):
        x = torch.randn(2, 2, height, width, generator=torch.Generator().manual_seed(height))
        made, wanted = model(x), peer(x)
        assert torch.allclose(made, wanted, atol=1e-6)

        # What was foretold of the size is what comes.
        sized = archlang.loads(net.text, H=height, W=width)
        assert sized.graph.type(sized.graph.outputs[0].port).dims == tuple(made.shape[1:])


def test_indices_of_each_sample_are_exported_for_any_batch() -> None:
    net = archlang.loads("archlang 1\nnetwork N {\n  input x: [6, 4]\n  near = x -> argmax(axis = features)\n"
                         "  output x -> gather(near -> pick([5, 0]), axis = positions) -> linear(3)\n}\n")
    model, x = archlang.compile(net), torch.randn(3, 6, 4)
    exported = torch.export.export(model, (x,), dynamic_shapes=({0: torch.export.Dim("batch", min=2)},))
    assert torch.equal(exported.module()(torch.cat([x, x])), model(torch.cat([x, x])))
