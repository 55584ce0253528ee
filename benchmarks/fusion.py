"""Fused networks, timed: `python -m benchmarks.fusion [--threads N] [--repetitions N]`.

A ResNet-18 whose 3x3 convolutions have four strips beside them, fused, against a plain fused ResNet-18; the plain one
against torch's own fusion; RepVGG and MobileOne of timm against timm's `reparameterize_model`. In the first
row node types and their numbers are asserted to be equal before, and results to agree. Last a step of the search for
small kernels against a step of the same network without them.
"""

from __future__ import annotations

import argparse
import warnings
from collections import Counter
from collections.abc import Callable
from typing import Any

import torch
from torch import fx, nn

from archlang.compiler import loads
from archlang.rewrite import fuse
from archlang.studies.pbconv.search import proposals
from archlang.studies.pbconv.trial import Settings, Trial, run_trial
from benchmarks.timing import CLOCKS, Row, Watch, table
from tests.campaign.boost import NET
from tests.campaign.fusion import timm_networks
from tests.rewrite.branches import Placed, Total
from tests.rewrite.subjects import randomised


def boosted(model: nn.Module) -> nn.Module:
    """Each 3x3 convolution of a model gets four strips: the middle column and row, the left column and row."""
    for name, child in list(model.named_children()):
        if isinstance(child, nn.Conv2d) and child.kernel_size == (3, 3):
            channels = (child.in_channels, child.out_channels)
            strips = [((3, 1), (0, 1)), ((1, 3), (1, 0)), ((3, 1), (0, 0)), ((1, 3), (0, 0))]
            parts = [Placed(channels, kernel, at, (3, 3), stride=child.stride) for kernel, at in strips]
            setattr(model, name, Total(nn.Sequential(child, nn.BatchNorm2d(channels[1])), *parts))
        else:
            boosted(child)
    return model


def kinds(model: fx.GraphModule) -> Counter[str]:
    """What a graph computes: how many nodes of each kind."""
    return Counter(type(model.get_submodule(str(n.target))).__name__ if n.op == "call_module" else str(n.target)
                   for n in model.graph.nodes if n.op.startswith("call"))


def pairs() -> list[tuple[str, str, Any, Any, tuple[int, ...]]]:
    """What is compared: ours, the peer's name, both models, the input's shape."""
    made = timm_networks()
    from timm.utils.model import reparameterize_model
    from torch.fx.experimental.optimization import fuse as torch_fuse
    from torchvision.models import resnet18

    shape = (1, 3, 224, 224)
    x = torch.randn(shape)
    plain = randomised(resnet18()).float().eval()
    ours = fuse(plain, [x])
    strips = fuse(boosted(randomised(resnet18())).float().eval(), [x])
    assert kinds(strips) == kinds(ours)
    found: list[tuple[str, str, Any, Any, tuple[int, ...]]] = [
        ("ResNet-18 with four strips, fused", "plain ResNet-18, fused", strips, ours, shape),
        ("ResNet-18, fused", "torch.fx fuse", ours, torch_fuse(plain), shape)]
    for name in ("repvgg_a0", "mobileone_s0"):
        model = randomised(made[name]()[0]).eval()
        wide = x.double()
        one, other = fuse(model, [wide]), reparameterize_model(model)
        with torch.no_grad():
            torch.testing.assert_close(one(wide), other(wide), rtol=1e-9, atol=1e-9)
        found.append((f"{name}, fused", "timm reparameterize_model", one.float(), other.float(), shape))
    return found


def fusion(watch: Watch) -> list[Row]:
    """A row for each pair."""
    rows = []
    for what, peer, ours, theirs, shape in pairs():
        x = torch.randn(shape)

        def run(model: Callable[..., Any], x: torch.Tensor = x) -> Callable[[], Any]:
            return lambda: torch.no_grad()(model)(x)

        rows.append(watch.compared(what, peer, run(ours), run(theirs)))
    return rows


def searching(watch: Watch, steps: int = 20) -> Row:
    """Some steps of a candidate, with its maps and their dispersion, against as many of the plain network."""
    net = loads(NET)
    settings = Settings(candidates=1, iterations=steps)
    (trial,) = proposals(net, settings)
    return watch.compared(f"{steps} iterations of a candidate ({trial.kernels['3x3']})", "the plain network",
                          lambda: run_trial(net, "digits", trial, settings),
                          lambda: run_trial(net, "digits", Trial(0, {}), settings))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fusion", description=__doc__)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repetitions", type=int, default=9)
    parser.add_argument("--clock", choices=CLOCKS, default="cpu")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(given.threads)
    watch = Watch(given.repetitions, CLOCKS[given.clock])
    print(table([*fusion(watch), searching(watch)]))


if __name__ == "__main__":
    main()
