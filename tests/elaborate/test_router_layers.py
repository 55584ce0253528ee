"""A `layer` that holds a router: one set of weights for all stages that ask it."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import archlang
from archlang.analysis.report import report
from archlang.diagnostics import Diagnostic
from archlang.elaborate import check_text, loads
from archlang.elaborate.network import Network
from archlang.studies.patch_experts.patches import patches_of
from archlang.train import Data, Tensors, fit
from archlang.train.loop.evaluation import record_of
from archlang.views.compose import compose
from tests.reference.compare import check, filled

TRAIN = """train {
  loss      = cross_entropy(logits, label) + 0.1 * confidence()
  optimizer = sgd(lr = 0.1)
  phase all { steps = 2; keys = ema(0.9) }
}
"""

COSINE = "cosine_router(conv(3x3, 5) -> global_avg_pool, temperature = 0.5, start = random)"

ROUTERS = {
    COSINE: "x -> patches(4x4) -> experts(2, g) { conv(3x3, 4) } -> unpatch",
    "cross_connection(hidden = 3)": "x -> patches(4x4) -> experts(2, g) { conv(3x3, 4) } -> unpatch",
    "sparse_connection(keep = 1)": "x -> patches(4x4) -> experts(2, g) { conv(3x3, 4) } -> unpatch",
    "cross_connection(hidden = 0)": "x -> fork(2, g) -> each { conv(3x3, 4) } -> sum",
    "cross_stitch": "x -> parallel { relu; tanh } -> route(g) -> sum",
    "cross_prediction(conv(3x3, 4))": "x -> parallel { relu; tanh } -> route(g) -> sum",
}
"""Routers, each with a stage of [4, 8, 8] that asks it."""


def two(router: str, word: str = "layer", train: str = "") -> Network:
    """Two stages that ask the router `g`: the same one of a `layer`, one each of a `let`."""
    stage = ROUTERS[router]
    body = f"  y = {stage}\n  z = {stage.replace('x ->', 'y ->')}\n  logits = z -> flatten -> linear(3)\n"
    head = "  input x: [4, 8, 8]\n"
    return loads(f"archlang 1\nnetwork N {{\n{head}  {word} g = {router}\n{body}  output logits\n}}\n{train}")


def mistakes(body: str) -> list[Diagnostic]:
    return list(check_text(f"archlang 1\nnetwork N {{\n  input x: [4, 8, 8]\n{body}\n}}\n"))


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("router", ROUTERS)
def test_every_router_can_be_shared(router: str, training: bool) -> None:
    shared, own = two(router), two(router, "let")
    check(shared, training=training)

    held = [name for name in archlang.compile(shared).state_dict() if name.startswith("g.")]
    assert held
    model = archlang.compile(shared)
    weights = sum(parameter.numel() for name, parameter in model.named_parameters() if name in held)
    assert own.parameters == shared.parameters + weights
    assert own.flops == shared.flops


# --- beside a plain module of torch ----------------------------------------------------------------------------------


class TwoStages(nn.Module):
    """The network of the cosine router: one embedding and one set of keys, asked by two stages of two experts."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Conv2d(4, 5, 3, padding=1)
        self.keys = nn.Parameter(torch.empty(2, 5))
        self.experts = nn.ModuleList(nn.ModuleList(nn.Conv2d(4, 4, 3, padding=1) for _ in range(2)) for _ in range(2))
        self.last = nn.Linear(256, 3)

    def routed(self, x: Tensor, experts: nn.ModuleList) -> Tensor:
        """Patches of 4x4, each with weights of its own: eq. 2-11 with the adaptive threshold as printed."""
        total = torch.zeros_like(x)
        for top in (0, 4):
            for left in (0, 4):
                patch = x[:, :, top : top + 4, left : left + 4]
                weights = self.weights(self.embed(patch).mean((2, 3)))
                made = torch.stack([expert(patch) for expert in experts], 1)
                total[:, :, top : top + 4, left : left + 4] = (weights[:, :, None, None, None] * made).sum(1)
        return total

    def weights(self, e: Tensor) -> Tensor:
        w = torch.softmax(nn.functional.cosine_similarity(e[:, None], self.keys, dim=2) / 0.5, 1)
        largest, smallest = w.max(1, keepdim=True).values, w.min(1, keepdim=True).values
        entropy = -(w * w.log()).sum(1, keepdim=True) / math.log(2)
        threshold = 0.4 * (1 - largest) + 0.3 * entropy + 0.3 * (largest - smallest) / (largest + 1e-8)
        kept = w * torch.sigmoid(10 * (w - threshold))
        return kept / kept.sum(1, keepdim=True)

    def forward(self, x: Tensor) -> Tensor:
        for experts in self.experts:
            x = self.routed(x, experts)
        return self.last(x.flatten(1))


def test_a_shared_router_computes_what_a_module_called_twice_does() -> None:
    ours, theirs = filled(archlang.compile(two(COSINE))), TwoStages().double()
    state = ours.state_dict()
    names = {"embed": "g.conv", "last": "logits.linear"}
    names |= {f"experts.{i}.{j}": f"{'yz'[i]}.experts.{j}.conv" for i in range(2) for j in range(2)}
    with torch.no_grad():
        theirs.keys.copy_(state["g.cosine.keys"])
        for there, here in names.items():
            theirs.get_submodule(there).load_state_dict(
                {part: state[f"{here}.{part}"] for part in ("weight", "bias")})

    x = torch.randn(3, 4, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    a, b = ours(x), theirs(x)
    assert torch.allclose(a, b, rtol=0, atol=1e-9)

    a.square().sum().backward()
    b.square().sum().backward()
    assert torch.allclose(ours.get_parameter("g.cosine.keys").grad, theirs.keys.grad, rtol=1e-8, atol=1e-9)
    for there, here in names.items():
        for part in ("weight", "bias"):
            mine, other = ours.get_parameter(f"{here}.{part}"), theirs.get_parameter(f"{there}.{part}")
            assert torch.allclose(mine.grad, other.grad, rtol=1e-8, atol=1e-9), there


# --- what looks at it ------------------------------------------------------------------------------------------------


def test_a_shared_router_is_fused_saved_and_drawn(tmp_path: Path) -> None:
    net = two(COSINE)
    model = filled(archlang.compile(net)).eval()
    x = torch.randn(2, 4, 8, 8, dtype=torch.float64)
    assert torch.allclose(archlang.fuse(model)(x), model(x), rtol=0, atol=1e-9)

    model = model.float()
    archlang.save(model, tmp_path / "model.safetensors")
    again = archlang.load_model(tmp_path / "model.safetensors").eval()
    assert list(again.state_dict()) == list(model.state_dict())
    assert torch.equal(again(x.float()), model(x.float()))

    titles = [box.lines[0] for box in compose(net.graph, depth=0).boxes]
    assert "g (use 1 of 2)" in titles and "g (use 2 of 2)" in titles


def test_a_report_counts_the_router_at_both_stages() -> None:
    shared, own = report(two(COSINE)).experts, report(two(COSINE, "let")).experts
    assert [row.router_flops for row in shared] == [row.router_flops for row in own]
    assert shared[0].router_flops and [row.active_flops for row in shared] == [row.active_flops for row in own]


def _usage(text: Network, state: dict[str, Tensor] | None = None) -> list[tuple[object, ...]]:
    """What both stages did with some images: their usage and thresholds."""
    model = filled(archlang.compile(text)).float().eval()
    if state is not None:
        model.load_state_dict(state)
    x = torch.randn(4, 4, 8, 8, generator=torch.Generator().manual_seed(3))
    taken, usages = patches_of(model, x, device="cpu")
    assert all(len(stage.cells) == 4 for image in taken for stage in image)
    return [(usage.site, usage.rows, usage.mean, usage.thresholds) for usage in usages]


def test_a_look_keeps_both_stages_apart() -> None:
    """With the same weights in two routers, each stage says what it says with one for both."""
    shared = two(COSINE)
    state = filled(archlang.compile(shared)).float().state_dict()
    own = {}
    for name in archlang.compile(two(COSINE, "let")).state_dict():
        parts = name.split(".")
        key = "g." + ".".join(parts[parts.index("router") + 1 :]) if "router" in parts else name
        own[name] = state[key]
    assert _usage(shared, state) == _usage(two(COSINE, "let"), own)
    first, second = _usage(shared, state)
    assert first[2] != second[2]


def test_experts_in_a_layer_are_told_apart() -> None:
    """The whole stage in a layer, used twice: the second use has a row of its own, with its own numbers."""
    text = "archlang 1\nnetwork N {{\n  input x: [4, 8, 8]\n{}\n}}\n"
    stage = f"patches(4x4) -> experts(2, {COSINE}) {{ conv(3x3, 4) }} -> unpatch"
    once = _usage(loads(text.format(f"  layer f = {stage}\n  output x -> f")))
    twice = _usage(loads(text.format(f"  layer f = {stage}\n  output x -> f -> f")))
    assert [site for site, *_ in twice] == ["f.experts", "f.experts_2"]
    assert twice[0] == once[0] and twice[1][1:] != once[0][1:]


def test_a_training_logs_both_stages(tmp_path: Path) -> None:
    data = Data("noise", Tensors(torch.rand(16, 4, 8, 8), torch.arange(16) % 3),
                Tensors(torch.rand(6, 4, 8, 8), torch.arange(6) % 3), ("a", "b", "c"))
    done = fit(two(COSINE, train=TRAIN), data, seed=0, device="cpu", run=tmp_path)
    assert record_of(done.model).network.parameters == two(COSINE).parameters
    head, *rows = (tmp_path / "usage.csv").read_text().splitlines()
    assert head == "epoch,step,y.experts.1,y.experts.2,z.experts.1,z.experts.2"
    assert all(row.split(",")[2:4] != row.split(",")[4:6] for row in rows)


# --- mistakes --------------------------------------------------------------------------------------------------------

_CUT = "x -> patches(4x4)"


@pytest.mark.parametrize(("body", "name"), [
    (f"  layer g = cross_connection\n  output {_CUT} -> g -> unpatch", "wrong-kind"),
    (f"  layer g = cross_connection\n  y = {_CUT} -> experts(2, g) {{ relu }} -> unpatch\n"
     "  output y -> patches(4x4) -> experts(3, g) { relu } -> unpatch", "shared-shapes"),
    (f"  layer g = cosine_router(patches(2x2) -> experts(2, g) {{ relu }} -> unpatch -> flatten)\n"
     f"  output {_CUT} -> experts(2, g) {{ relu }} -> unpatch", "unknown-word"),
    (f"  layer g = cross_connection\n  layer h = g\n  y = {_CUT} -> experts(2, h) {{ relu }} -> unpatch\n"
     "  output y -> patches(4x4) -> experts(3, g) { relu } -> unpatch", "shared-shapes"),
    ("  layer g = kaiming_normal\n  output x -> conv(3x3, 4, init = g)", "wrong-kind"),
])
def test_mistakes(body: str, name: str) -> None:
    assert {mistake.name for mistake in mistakes(body) if mistake.severity == "error"} == {name}


def test_a_router_that_nothing_asks_is_a_warning() -> None:
    (warning,) = mistakes("  layer g = cross_connection\n  output x")
    assert (warning.name, warning.message) == ("unused-name", "the layer `g` is never used")
