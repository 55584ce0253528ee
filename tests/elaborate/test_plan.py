"""`train { }` as the graph has it: losses, phases, steps, and what is refused."""

from __future__ import annotations

import pytest
import torch

from archlang import ArchError, loads
from archlang.graph.ir import Port
from archlang.graph.plan import Plan
from archlang.train import Data, Tensors, fit
from tests.elaborate.texts import net, text, wrong

BODY = "scores = x -> flatten -> linear(4)\n output scores"


def plan(inside: str) -> Plan:
    """The plan of a small network with this `train`."""
    found = net(BODY, f"train {{\n{inside}\n}}").graph.plan
    assert found is not None
    return found


LOSS, SGD, ALL = "loss = cross_entropy(scores, label)", "optimizer = sgd(lr = 0.1)", "phase all { epochs = 2 }"


def test_a_plan_with_everything() -> None:
    made = plan("let w = 0.5\n loss = cross_entropy(scores, label) + w * mse(scores, scores)\n"
                "optimizer = adam(lr = 1e-3)\n"
                'batch = 32\n seed = 7\n augment = [flip, crop(2)]\n labels = ["a", "b", "c", "d"]\n'
                "phase warm { epochs = 1; lr = linear }\n phase all { epochs = 9; lr = 0.3 * cosine(to = 1e-5) }")
    assert [(loss.weight, loss.option.name) for loss in made.losses] == [(1.0, "cross_entropy"), (0.5, "mse")]
    assert isinstance(made.losses[0].reads[0], Port)
    assert made.losses[0].reads[1] == "label"
    assert (made.batch, made.seed, made.labels) == (32, 7, ("a", "b", "c", "d"))
    assert [option.name for option in made.augment] == ["flip", "crop"]
    assert [(phase.name, phase.epochs) for phase in made.phases] == [("warm", 1), ("all", 9)]
    assert made.phases[1].lr is not None
    assert made.phases[1].lr.terms[0][0] == 0.3


def test_steps_have_losses_and_optimizers_of_their_own() -> None:
    two = "step two { loss = mse(scores, scores); optimizer = adam(lr = 0.1) }"
    made = plan(f"step one {{ {LOSS}; {SGD} }}\n {two}\n {ALL}")
    losses = [(step.name, step.losses[0].option.name) for step in made.steps]
    assert losses == [("one", "cross_entropy"), ("two", "mse")]
    assert made.losses == ()


@pytest.mark.parametrize(("inside", "kinds"), [
    (f"{SGD}\n {ALL}", {"missing-loss"}),
    (f"{LOSS}\n {ALL}", {"missing-argument"}),
    (f"{LOSS}\n {SGD}", {"missing-phase"}),
    (f"{LOSS}\n {SGD}\n phase all {{ lr = cosine }}", {"bad-phase"}),
    (f"{LOSS}\n {SGD}\n phase all {{ epochs = 0 }}", {"out-of-range"}),
    (f"{LOSS}\n {SGD}\n {ALL}\n {ALL}", {"already-bound"}),
    (f"{LOSS}\n {LOSS}\n {SGD}\n {ALL}", {"already-bound"}),
    (f"{LOSS}\n {SGD}\n {ALL}\n epochs = 3", {"unknown-setting"}),
    (f"{LOSS}\n {SGD}\n step a {{ {LOSS}; {SGD} }}\n {ALL}", {"bad-phase"}),
    (f"loss = 3\n {SGD}\n {ALL}", {"wrong-kind"}),
    (f"loss = sgd(lr = 0.1)\n {SGD}\n {ALL}", {"wrong-kind"}),
    (f"loss = cross_entropy(lost, label)\n {SGD}\n {ALL}", {"undefined-name"}),
    (f"loss = cross_entropy(label, label)\n {SGD}\n {ALL}", {"unknown-site"}),
    (f"{LOSS}\n optimizer = sgd(lr = -1)\n {ALL}", {"out-of-range"}),
    (f"{LOSS}\n {SGD}\n phase p {{ epochs = 3; lr = constant(warmup = 2, cooldown = 2) }}", {"bad-phase"}),
    (f"{LOSS}\n {SGD}\n phase p {{ epochs = 3; lr = constant(cooldown = 4) }}", {"bad-phase"}),
    (f'{LOSS}\n {SGD}\n {ALL}\n labels = ["a", "a"]', {"repeated-argument"}),
    (f'{LOSS}\n {SGD}\n {ALL}\n labels = ["a", "b", "c", "d", "e"]', {"wrong-count"}),  # four scores
    (f'{LOSS}\n {SGD}\n {ALL}\n let labels = ["a", "b", "c", "d"]', {"unused-name"}),  # a value, and no setting
    (f"{LOSS}\n {SGD}\n phase all {{ epochs = 2; let lr = 3 }}", {"unused-name"}),
    (f"{LOSS}\n {SGD}\n {ALL}\n batch = 2.5\n augment = [flop]", {"wrong-kind", "unknown-word"}),
])
def test_what_no_plan_can_be_made_of(inside: str, kinds: set[str]) -> None:
    assert set(wrong(text(BODY, f"train {{\n{inside}\n}}"))) == kinds


@pytest.mark.parametrize(("sizes", "augment", "kinds"), [
    ("3, 8, 6", "crop(6)", []),
    ("3, 8, 6", "crop(7)", ["out-of-range"]),
    ("3, 8, 6", "crop(100000)", ["out-of-range"]),
    ("3, 3, 3", "crop", ["out-of-range"]),  # four pixels, where nothing is said
    ("3, 8, 6", "shift(7)", ["out-of-range"]),
    ("3, H, 6", "shift(7)", ["out-of-range"]),
    ("3, H, W", "crop(100000)", []),  # known with the data, which training judges
    ("3, 8, 6", "rand_augment(count = 100)", []),
    ("3, 8, 6", "rand_augment(count = 101)", ["out-of-range"]),
    ("3, 8, 6", "crop_from(7)", []),
    ("3, 8, 6", "crop_from(6)", ["out-of-range"]),
    ("3, 8, 6", "crop_from", ["missing-argument"]),
    ("3, 8, 6", "crop_from(9), flip, crop_from(7)", ["repeated-argument"] * 2),
    ("3, H, W", "crop_from(7)", ["conflicting-arguments"]),
    ("8", "crop_from(9)", ["wrong-rank"]),
    ("8", "flip", ["wrong-rank"]),
    ("8, 6", "flip", ["wrong-rank"]),
])
def test_augmentations_that_the_input_cannot_take(sizes: str, augment: str, kinds: list[str]) -> None:
    pool = " -> global_avg_pool" if sizes.count(",") == 2 else " -> flatten"
    source = (f"archlang 1\nnetwork N {{\n input x: [{sizes}]\n scores = x{pool} -> linear(4)\n output scores\n}}\n"
              f"train {{\n{LOSS}\n {SGD}\n {ALL}\n augment = [{augment}]\n}}\n")
    assert wrong(source) == kinds


@pytest.mark.parametrize(("more", "loss", "kinds"), [
    ("", "mixture_em(scores)", []),
    ("", "agreement(scores)", ["conflicting-arguments"]),
    ("", "mixture_em(scores) + agreement(scores)", ["conflicting-arguments"]),
    ("input y: [3, 8, 6]", LOSS.removeprefix("loss = "), ["conflicting-arguments"]),
])
def test_windows_that_nobody_could_cut_in_the_middle(more: str, loss: str, kinds: list[str]) -> None:
    read = "(x, y) -> concat" if more else "x"
    network = f"input x: [3, 8, 6]\n {more}\n scores = {read} -> global_avg_pool -> linear(4)\n output scores"
    train = f"loss = {loss}\n {SGD}\n {ALL}\n augment = [crop_from(9)]"
    assert wrong(f"archlang 1\nnetwork N {{\n {network}\n}}\ntrain {{\n {train}\n}}\n") == kinds


def test_label_is_a_word_of_train_only() -> None:
    assert wrong(text("output x -> add(label)")) == ["undefined-name"]


TWO_HEADS = """archlang 1
network N {
  input x: [4]
  a = x -> linear(3)
  y = a -> linear(3)
  z = x -> linear(3)
  output y
  output other = z
}
"""


@pytest.mark.parametrize(("loss", "phase", "kinds"), [
    ("mse(a, label)", 'only = "y"', ["bad-phase"]),
    ("mse(a, label)", 'only = "a"', []),
    ("mse(y, label)", 'only = "a"', []),
    ("mse(y, label)", 'freeze = ["a", "y"]', ["bad-phase"]),
    ("mse(x, label)", "", ["unknown-site"]),  # said of the loss itself
    ("mse(y, label) + 0.1 * mse(z, label)", 'only = "z"', []),
    ("mse(y, z)", 'only = "z"', []),
    ("kl(y, z)", 'only = "z"', ["bad-phase"]),  # its target teaches
    ("kl(y, z)", 'only = "a"', []),
])
def test_a_phase_trains_something_that_the_loss_depends_on(loss: str, phase: str, kinds: list[str]) -> None:
    source = TWO_HEADS + f"train {{\n loss = {loss}\n {SGD}\n phase p {{ steps = 1; {phase} }}\n}}\n"
    assert [kind for kind in wrong(source) if kind != "never-trained"] == kinds
    if not kinds:
        data = Tensors(torch.rand(4, 4), torch.rand(4, 3))
        assert fit(loads(source), Data("d", data, data), device="cpu").model is not None


@pytest.mark.parametrize(("settings", "at"), [
    ("metrics = [psnr]\n best = ssim", "psnr"), ("metrics = [top_k(2)]\n best = ssim", "ssim"),
    ("metrics = [top_k(2), mae]", "mae"), ("metrics = [top_k(2), top_k(2)]", "top_k(2)"),
])
def test_a_metric_that_does_not_fit_is_shown_where_it_stands(settings: str, at: str) -> None:
    with pytest.raises(ArchError) as caught:
        plan(f"{LOSS}\n{SGD}\n{settings}\n{ALL}")
    shown = caught.value.diagnostics[0].primary
    assert shown is not None
    assert shown.span.source.text[shown.span.start : shown.span.end] == at
