"""Whatever looks into a model leaves it as it was: the mode of each of its modules, its weights, its hooks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import fx

from archlang.compiler import compile
from archlang.elaborate import load
from archlang.studies.clustering.clustering import assign
from archlang.studies.clustering.pictures import contours
from archlang.studies.coded import ablate, decode, judge
from archlang.studies.layer_attention.readings import attention_of
from archlang.studies.maximise import Ascent, maximise
from archlang.studies.multipath.gates import responses, routes
from archlang.studies.patch_experts.cutting import evaluate_cuts
from archlang.studies.patch_experts.patches import patches_of, usage_of
from archlang.train import evaluate
from archlang.train.data.splits import Data, Tensors

ROOT = Path(__file__).parents[2]
CHANCE = torch.Generator().manual_seed(0)
IMAGES = Tensors(torch.rand(20, 1, 8, 8, generator=CHANCE), torch.arange(20) % 10)
DIGITS = Data("noise", IMAGES, IMAGES, tuple("0123456789"))
POINTS = Tensors(torch.randn(20, 2, generator=CHANCE), torch.arange(20) % 2)
PLANE = Data("points", POINTS, POINTS, ("a", "b"))


def drawn(model: fx.GraphModule) -> object:
    return contours(model, PLANE, assign(model, PLANE), 5.0)


LOOKS: dict[str, tuple[str, Callable[[Any], object]]] = {
    "evaluate": ("examples/04_paths", lambda m: evaluate(m, DIGITS, device="cpu")),
    "responses": ("examples/04_paths", lambda m: responses(m, DIGITS, device="cpu")),
    "routes": ("examples/04_paths", lambda m: routes(m, torch.rand(2, 1, 8, 8), device="cpu")),
    "maximise": ("examples/04_paths", lambda m: maximise(m, "output", "3", ascent=Ascent(steps=2), device="cpu")),
    "assign": ("specs/clustering/digits", lambda m: assign(m, DIGITS)),
    "assign inside": ("specs/multipath/sparse_digits", lambda m: assign(m, DIGITS)),
    "contours": ("specs/clustering/two_d", drawn),
    "judge": ("specs/coded_resnext/digits", lambda m: judge(m, [1, 2], DIGITS)),
    "decode": ("specs/coded_resnext/digits", lambda m: decode(m, DIGITS)),
    "ablate": ("specs/coded_resnext/digits", lambda m: ablate(m, DIGITS, block="layer3", most=1)),
    "attention": ("specs/layer_attention/digits", lambda m: attention_of(m, device="cpu")),
    "usage": ("specs/pce/pce_tiny", lambda m: usage_of(m, DIGITS, device="cpu")),
    "patches": ("specs/pce/pce_tiny", lambda m: patches_of(m, torch.rand(2, 1, 8, 8), device="cpu")),
    "cuts": ("specs/pce/pce_tiny", lambda m: evaluate_cuts(m, DIGITS, [0.5], device="cpu")),
}


@contextmanager
def left_alone(model: fx.GraphModule) -> Iterator[None]:
    """Compare all that can be seen of a model with what it was before."""
    def seen() -> list[object]:
        modules = list(model.named_modules())
        return [
            [(name, module.training) for name, module in modules],
            [(name, len(module._forward_hooks), len(module._forward_pre_hooks)) for name, module in modules],
            [(name, weight.requires_grad, weight.grad is None) for name, weight in model.named_parameters()],
            str(getattr(model, "graph", "")),
        ]

    before, weights = seen(), {name: value.clone() for name, value in model.state_dict().items()}
    yield
    assert seen() == before
    assert all(torch.equal(value, weights[name]) for name, value in model.state_dict().items())


@pytest.mark.parametrize("mode", ["training", "evaluation", "training but for a norm", "evaluation but for a norm"])
@pytest.mark.parametrize("look", LOOKS)
def test_a_look_leaves_a_model_as_it_was(look: str, mode: str) -> None:
    torch.set_num_threads(1)
    file, function = LOOKS[look]
    model = compile(load(ROOT / f"{file}.arch"), seed=0)
    model.train(mode.startswith("training"))
    if "but" in mode:
        last = list(model.modules())[-1]
        last.training = not last.training

    with left_alone(model):
        function(model)
