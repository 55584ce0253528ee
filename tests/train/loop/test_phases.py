"""What phases, groups, averages, clipping and precision do to the weights, against plain torch."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn
from torch.optim import swa_utils

from archlang.compiler import compile as compile_network
from archlang.diagnostics import ArchError
from archlang.elaborate.network import Network, loads
from archlang.graph.ir import Port
from archlang.graph.patterns import chosen, matches, trained
from archlang.graph.plan import Loss, Phase
from archlang.layers.patch_experts.keys import Keyed
from archlang.ops.values import Option
from archlang.train import Progress, fit
from archlang.train.loop.phasing import enter, freeze_statistics, named_weights
from archlang.train.loop.stepping import Optimization, Stepper
from archlang.train.losses.objective import objective
from archlang.train.optimization.averaging import Average
from archlang.train.optimization.optimizers import divided, optimizer
from tests.train.nets import NETWORK, TRAIN, bars, outputs, tiny

ROUTED = """archlang 1

network Routed(classes = 3) {
  input image: [1, 6, 6]
  parts  = image -> patches(3x3)
                 -> experts(2, cosine_router(conv(3x3, 4) -> pyramid_pool(1))) { conv(3x3, 4) } -> unpatch
  logits = parts -> flatten -> linear(classes)
  output logits
}
"""
KEYS = """
train {
  loss      = cross_entropy(logits, label)
  optimizer = sgd(lr = 0.1, momentum = 0.9)
  batch     = 32
  phase follow { epochs = 2; keys = ema(0.5) }
  phase learn  { epochs = 1; keys = learned }
}
"""


class Snapshots(Progress):
    """The weights at the end of every epoch, before the mean replaces them."""

    def __init__(self) -> None:
        self.epochs: list[dict[str, torch.Tensor]] = []
        self.model: nn.Module | None = None

    def epoch(self, epoch, best) -> None:
        assert self.model is not None
        self.epochs.append(copy.deepcopy(self.model.state_dict()))


def snapshots(network: Network, monkeypatch: pytest.MonkeyPatch, **options: object) -> list[dict[str, torch.Tensor]]:
    """The weights before a training and after each of its epochs."""
    from archlang.train.loop import preparing

    seen = Snapshots()

    def compiled(*args: object, **more: object) -> nn.Module:
        seen.model = compile_network(*args, **more)
        seen.epochs.append(copy.deepcopy(seen.model.state_dict()))
        return seen.model

    monkeypatch.setattr(preparing, "compile_network", compiled)
    fit(network, bars(), progress=seen, **options)
    return seen.epochs


def changed(before: dict[str, torch.Tensor], after: dict[str, torch.Tensor]) -> set[str]:
    return {name for name in before if not torch.equal(before[name], after[name])}


STATISTICS = {f"features.batch_norm.{name}" for name in ("running_mean", "running_var", "num_batches_tracked")}
FEATURES = {"features.conv.weight", "features.batch_norm.weight", "features.batch_norm.bias"}
HEAD = {"logits.linear.weight", "logits.linear.bias"}


@pytest.mark.parametrize(("setting", "moves"), [
    ("only = \"logits\"", HEAD),
    ("freeze = [\"logits\", \"*.bias\"]", {"features.conv.weight", "features.batch_norm.weight"} | STATISTICS),
    ("only = [\"features\", \"*.linear\"]; freeze = \"*.conv\"",
     HEAD | {"features.batch_norm.weight", "features.batch_norm.bias"} | STATISTICS),
    ("freeze = \"features.conv.weight\"", HEAD | FEATURES | STATISTICS - {"features.conv.weight"}),
])
def test_a_phase_trains_what_it_says(setting: str, moves: set[str], monkeypatch: pytest.MonkeyPatch) -> None:
    train = TRAIN.replace("phase all { epochs = 3; lr = cosine }", f"phase one {{ epochs = 1; {setting} }}\n"
                          "  phase all { epochs = 1 }")
    start, first, second = snapshots(tiny(train), monkeypatch)
    assert changed(start, first) == moves - ({"features.conv.weight"} if "conv.weight\"" in setting else set())
    assert changed(first, second) == HEAD | FEATURES | STATISTICS


def test_keys_follow_and_are_learned(monkeypatch: pytest.MonkeyPatch) -> None:
    decays: list[float | None] = []
    told = Snapshots.epoch

    def epoch(self: Snapshots, epoch, best) -> None:
        decays.extend(module.decay for module in self.model.modules() if isinstance(module, Keyed))
        told(self, epoch, best)

    monkeypatch.setattr(Snapshots, "epoch", epoch)
    start, *epochs = snapshots(loads(ROUTED + KEYS), monkeypatch)
    key = next(name for name in start if name.endswith("keys"))
    assert decays == [0.5, 0.5, None]
    assert all(key in changed(a, b) for a, b in zip([start, *epochs], epochs, strict=False))


def test_frozen_keys_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    network = loads(ROUTED + KEYS.replace("keys = ema(0.5)", 'keys = ema(0.5); freeze = "parts.*.keys"'))
    model = compile_network(network)
    enter(network.graph.plan.phases[0], network.graph, model)
    (keyed,) = (m for m in model.modules() if isinstance(m, Keyed))
    assert keyed.decay is None
    assert not keyed.keys.requires_grad
    enter(network.graph.plan.phases[1], network.graph, model)
    assert keyed.keys.requires_grad


def test_a_skipped_step_puts_followed_keys_back() -> None:
    network = loads(ROUTED + KEYS)
    graph, plan = network.graph, network.graph.plan
    model = compile_network(network).train()
    enter(plan.phases[0], graph, model)
    stage = Optimization(objective(plan.losses, graph), torch.optim.SGD(model.parameters(), lr=0.1))
    stepper = Stepper(model, graph, graph.outputs[0].port)
    images = bars().train.samples[:8]
    assert stepper(stage, images, torch.zeros(8, dtype=torch.int64)) is not None
    before = copy.deepcopy(model.state_dict())
    images = images.clone()
    images[0] = float("nan")
    assert stepper(stage, images, torch.zeros(8, dtype=torch.int64)) is None
    assert not changed(before, model.state_dict())


def test_a_phase_of_steps_and_its_rounds() -> None:
    train = TRAIN.replace("epochs = 3; lr = cosine", "steps = 8; lr = steps(7, by = 0.5)")
    result = fit(tiny(train), bars())
    assert [epoch.samples for epoch in result.history] == [97, 32]
    assert int(result.model.get_submodule("features.batch_norm").num_batches_tracked) == 8
    assert [epoch.lr for epoch in result.history] == [0.1, 0.1]


def test_patterns() -> None:
    names = ("layer1.conv.weight", "layer1.conv.bias", "layer10.conv.weight", "head.weight")
    assert chosen(names, ["layer1"]) == {"layer1.conv.weight", "layer1.conv.bias"}
    assert chosen(names, ["*.bias", "head"]) == {"layer1.conv.bias", "head.weight"}
    assert chosen(names, ["layer?"]) == {"layer1.conv.weight", "layer1.conv.bias"}
    assert trained(names, ["layer*"], ["*.bias"]) == {"layer1.conv.weight", "layer10.conv.weight"}
    assert not matches("layer[1]", names[0])


def test_a_frozen_batch_norm_rests() -> None:
    network = tiny(TRAIN.replace("epochs = 3;", 'epochs = 3; freeze = "features.batch_norm";'))
    model = compile_network(network).train()
    enter(network.graph.plan.phases[0], network.graph, model)
    freeze_statistics(model)
    assert not model.get_submodule("features.batch_norm").training
    assert model.get_submodule("features.dropout").training
    enter(Phase("all", 1), network.graph, model)
    model.train()
    freeze_statistics(model)
    assert model.get_submodule("features.batch_norm").training


# --- groups ----------------------------------------------------------------------------------------------------------


def test_groups_are_torchs() -> None:
    text = TRAIN.replace("momentum = 0.9", 'momentum = 0.9, weight_decay = 0.1, groups = [group("*.bias", '
                         'weight_decay = 0), group("logits", lr = 0.3, momentum = 0)]')
    network = tiny(text)
    ours, plain = compile_network(network), compile_network(network)
    made = optimizer(network.graph.plan.optimizer, named_weights(network.graph, ours))
    named = dict(plain.named_parameters())
    biases = [weight for name, weight in named.items() if name.endswith("bias")]
    theirs = torch.optim.SGD([
        {"params": [named["features.conv.weight"], named["features.batch_norm.weight"]]},
        {"params": biases, "weight_decay": 0},
        {"params": [named["logits.linear.weight"]], "lr": 0.3, "momentum": 0},
    ], lr=0.1, momentum=0.9, weight_decay=0.1, fused=True)
    for _ in range(3):
        for model, optim in ((ours, made), (plain, theirs)):
            torch.manual_seed(0)
            optim.zero_grad()
            model(bars().train.samples[:16]).square().sum().backward()
            optim.step()
    assert not changed(ours.state_dict(), plain.state_dict())


def test_schedules_start_at_each_groups_rate() -> None:
    rates = []

    class Watcher(Progress):
        def step(self, beat) -> None:
            rates.append([group["lr"] for group in made[0].param_groups])

    made = []
    text = TRAIN.replace("momentum = 0.9", 'momentum = 0.9, groups = [group("logits", lr = 0.2)]')
    text = text.replace("lr = cosine", "lr = steps(1, by = 0.5)")
    from archlang.train.loop import preparing

    class Noted(Optimization):
        def __init__(self, *args: object) -> None:
            super().__init__(*args)
            made.append(self.optimizer)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(preparing, "Optimization", Noted)
        fit(tiny(text), bars(), epochs=3, progress=Watcher())
    assert rates[0] == [0.1, 0.2]
    assert rates[6] == [0.05, 0.1]


def test_a_group_for_everything_leaves_no_empty_one() -> None:
    group = Option("group", "group", {"names": ("*",), "lr": 0.5})
    found = divided(Option("sgd", "optimizer", {"lr": 0.1, "groups": (group,)}), {"a": nn.Parameter(torch.ones(1))})
    assert [part["lr"] for part in found] == [0.5]


# --- averages --------------------------------------------------------------------------------------------------------


def moved(model: nn.Module, seed: int) -> None:
    with torch.no_grad():
        for number, value in enumerate([*model.parameters(), *model.buffers()]):
            if value.is_floating_point():
                value.add_(torch.randn(value.shape, generator=torch.Generator().manual_seed(seed * 100 + number)))


def test_a_moving_average_is_torchs() -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    ours = Average(Option("ema", "average", {"decay": 0.9}), model)
    theirs = swa_utils.AveragedModel(model, multi_avg_fn=swa_utils.get_ema_multi_avg_fn(0.9), use_buffers=True)
    for seed in range(5):
        moved(model, seed)
        ours.step()
        ours.epoch(seed + 1)
        theirs.update_parameters(model)
    for name, value in ours.state().items():
        assert torch.allclose(value, theirs.module.state_dict()[name], rtol=1e-6), name


def test_a_plain_mean_is_torchs() -> None:
    model = nn.Linear(3, 4)
    ours = Average(Option("swa", "average", {"after": 2}), model)
    theirs = swa_utils.AveragedModel(model)
    for seed in range(6):
        moved(model, seed)
        ours.step()
        ours.epoch(seed + 1)
        if seed >= 2:
            theirs.update_parameters(model)
    assert ours.count == 4
    for name, value in ours.state().items():
        assert torch.allclose(value, theirs.module.state_dict()[name], rtol=1e-5, atol=1e-6), name


def test_the_mean_is_what_is_tested_and_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    train = TRAIN.replace("batch ", "average = swa(after = 1)\n  batch ")
    plain, *epochs = snapshots(tiny(train), monkeypatch)
    averaged = fit(tiny(train), bars())
    mean = (epochs[1]["logits.linear.weight"] + epochs[2]["logits.linear.weight"]) / 2
    assert torch.allclose(averaged.model.state_dict()["logits.linear.weight"], mean, atol=1e-6)
    assert plain.keys() == epochs[0].keys()


def test_statistics_are_taken_anew_for_a_plain_mean() -> None:
    train = TRAIN.replace("batch ", "average = swa(after = 1)\n  batch ").replace("shift(1), erase(p = 0.1)", "")
    result = fit(tiny(train), bars())
    norm, conv = (result.model.get_submodule(f"features.{name}") for name in ("batch_norm", "conv"))
    images = bars().train.samples
    mean, std = result.model.archlang.mean[0], result.model.archlang.std[0]
    seen = conv((images - mean) / std)
    assert torch.allclose(norm.running_mean, seen.mean((0, 2, 3)), atol=0.05)
    assert int(norm.num_batches_tracked) == 6


def test_an_average_is_swapped_without_a_copy() -> None:
    model = nn.Linear(2, 2)
    average = Average(Option("ema", "average", {"decay": 0.5}), model)
    own = model.weight.data
    with average.applied():
        assert model.weight.data.data_ptr() == own.data_ptr()  # nothing was averaged yet
    average.step()
    moved(model, 1)
    before = model.weight.detach().clone()
    with average.applied():
        assert model.weight.data.data_ptr() != own.data_ptr()
    assert torch.equal(model.weight, before)
    assert model.weight.data.data_ptr() == own.data_ptr()


# --- a step ----------------------------------------------------------------------------------------------------------

OUT = Port("n1")
GRAPH = outputs(OUT)


def stepped(model: nn.Module, precision: str = "float32", clip: float | None = None, factor: float = 1.0) -> Stepper:
    scaler = torch.amp.GradScaler("cpu") if precision == "float16" else None
    goal = objective([Loss(factor, Option("cross_entropy", "loss"), (OUT, "label"))], GRAPH)
    stepper = Stepper(model, GRAPH, OUT, clip=clip, precision=precision)
    stage = Optimization(goal, torch.optim.SGD(model.parameters(), lr=1.0), scaler)
    stepper(stage, torch.ones(4, 3), torch.tensor([0, 1, 1, 1]))
    return stepper


def test_clipping_is_torchs() -> None:
    torch.manual_seed(0)
    ours, plain = (nn.Linear(3, 2) for _ in range(2))
    plain.load_state_dict(ours.state_dict())
    stepped(ours, clip=0.01)
    torch.nn.functional.cross_entropy(plain(torch.ones(4, 3)), torch.tensor([0, 1, 1, 1])).backward()
    torch.nn.utils.clip_grad_norm_(plain.parameters(), 0.01)
    torch.optim.SGD(plain.parameters(), lr=1.0).step()
    assert torch.equal(ours.weight, plain.weight)


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_lower_precision_is_near(precision: str) -> None:
    torch.manual_seed(0)
    low, high = (nn.Linear(3, 2) for _ in range(2))
    high.load_state_dict(low.state_dict())
    seen: list[torch.dtype] = []
    low.register_forward_hook(lambda module, inputs, result: seen.append(result.dtype))
    stepped(low, precision)
    stepped(high)
    assert seen == [getattr(torch, precision)]
    assert low.weight.dtype == torch.float32
    assert not torch.equal(low.weight, high.weight)
    assert torch.allclose(low.weight, high.weight, atol=0.02)


def test_a_scale_that_is_too_large_is_no_divergence() -> None:
    model = nn.Linear(3, 2)
    goal = objective([Loss(100.0, Option("cross_entropy", "loss"), (OUT, "label"))], GRAPH)
    stage = Optimization(goal, torch.optim.SGD(model.parameters(), lr=1e-3), torch.amp.GradScaler("cpu"))
    stepper = Stepper(model, GRAPH, OUT, precision="float16")
    label = torch.tensor([0, 1, 1, 1])
    outcomes = [stepper(stage, torch.ones(4, 3), label) for _ in range(14)]
    assert outcomes[0] is None
    assert outcomes[-1] is not None
    assert 0 < stepper.skipped < 10
    assert stepper.in_a_row == 0


def test_a_file_says_precision_and_clip() -> None:
    text = TRAIN.replace("batch ", "clip = 0.5\n  precision = bfloat16\n  batch ")
    result = fit(tiny(text), bars())
    assert result.best.test_accuracy > 0.8
    assert all(value.dtype != torch.bfloat16 for value in result.model.state_dict().values())


def test_one_pixel_and_one_sample_cannot_be_normalised() -> None:
    text = NETWORK.replace("conv(3x3, 6) -> batch_norm", "conv(3x3, 6) -> global_avg_pool -> batch_norm")
    text = text.replace("features -> flatten", "features")
    with pytest.raises(ArchError, match="single value a channel"):
        fit(loads(text + TRAIN.replace("16", "1")), bars())
