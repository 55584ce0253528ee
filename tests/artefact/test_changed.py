"""A model that no longer computes what its text says is not saved; what leaves results as they are is."""

from __future__ import annotations

import copy
import types
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations

from archlang.artefact import load_model, save
from archlang.compiler import compile, fuse
from archlang.diagnostics import ArchError
from archlang.elaborate import loads

TEXT = """archlang 1
network N {
  input image: [3, 8, 8]
  body = image -> conv(3x3, 6) -> batch_norm -> relu -> max_pool(2x2) -> dropout(0.1) -> conv(3x3, 2)
  output body -> flatten -> linear(3)
}
"""


def model() -> nn.Module:
    return compile(loads(TEXT)).eval()


def part(name: str, m: nn.Module) -> nn.Module:
    return m.get_submodule(f"body.{name}")


def swap(m: nn.Module, name: str, module: nn.Module) -> None:
    setattr(m.get_submodule("body"), name, module)


def without_relu(m: nn.Module) -> None:
    node = next(n for n in m.graph.nodes if "relu" in str(n.target))
    node.replace_all_uses_with(node.args[0])
    m.graph.erase_node(node)
    m.recompile()


def other_argument(m: nn.Module) -> None:
    node = next(n for n in m.graph.nodes if n.target is torch.flatten)
    node.kwargs = {"start_dim": 2}


def replaced_forward(m: nn.Module) -> None:
    type(m).forward = lambda self, x: x


CHANGES: dict[str, Callable[[nn.Module], object]] = {
    "eps": lambda m: setattr(part("batch_norm", m), "eps", 0.5),
    "momentum": lambda m: setattr(part("batch_norm", m), "momentum", 0.5),
    "stride": lambda m: setattr(part("conv", m), "stride", (2, 2)),
    "padding": lambda m: setattr(part("conv", m), "padding", (0, 0)),
    "padding mode": lambda m: setattr(part("conv", m), "padding_mode", "circular"),
    "groups": lambda m: setattr(part("conv", m), "groups", 3),
    "pool": lambda m: setattr(part("max_pool", m), "kernel_size", 1),
    "p": lambda m: setattr(part("dropout", m), "p", 0.5),
    "1 for True": lambda m: setattr(part("batch_norm", m), "affine", 1),
    "another class": lambda m: swap(m, "relu", nn.GELU()),
    "a subclass": lambda m: swap(m, "relu", type("Mine", (nn.ReLU,), {})()),
    "one module more": lambda m: swap(m, "extra", nn.ReLU()),
    "hook": lambda m: part("conv", m).register_forward_hook(lambda module, inputs, out: 2 * out),
    "pre-hook": lambda m: part("conv", m).register_forward_pre_hook(lambda module, inputs: (2 * inputs[0],)),
    "hook on the model": lambda m: m.register_forward_hook(lambda module, inputs, out: 2 * out),
    "forward of a part": lambda m: setattr(part("conv", m), "forward", lambda x: x),
    "a method of a part": lambda m: setattr(
        part("conv", m), "_conv_forward", types.MethodType(lambda self, x, w, b: x, part("conv", m))),
    "forward of the model": lambda m: setattr(m, "forward", lambda x: x),
    "forward of its class": replaced_forward,
    "edited graph": without_relu,
    "edited graph, old code": other_argument,
    "parametrised weights": lambda m: parametrizations.weight_norm(part("conv", m)),
}  # fmt: skip
LOST = ("forward of its class", "forward of the model", "parametrised weights", "hook on the model")
"""Changes that torch does not copy."""


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("copied", [False, True], ids=["itself", "copied after"])
def test_a_changed_model_is_not_saved(tmp_path: Path, change: str, copied: bool) -> None:
    changed = model()
    CHANGES[change](changed)
    if copied and change not in LOST:
        changed = copy.deepcopy(changed)
    with pytest.raises(ArchError) as caught:
        save(changed, tmp_path / "m")
    assert caught.value.diagnostics[0].name == "changed-model"
    assert not (tmp_path / "m").exists()


def test_the_message_names_the_place_and_both_values(tmp_path: Path) -> None:
    changed = model()
    CHANGES["eps"](changed)
    with pytest.raises(ArchError, match=r"`body\.batch_norm\.eps` is 0\.5, its text says 1e-05"):
        save(changed, tmp_path / "m")


KEPT: dict[str, Callable[[nn.Module], nn.Module]] = {
    "nothing": lambda m: m,
    "a copy": copy.deepcopy,
    "training mode": lambda m: m.train(),
    "half": lambda m: m.half(),
    "frozen weights": lambda m: m.requires_grad_(False),
    "a backward hook": lambda m: (part("conv", m).register_full_backward_hook(lambda *a: None), m)[1],
    "a note": lambda m: (setattr(m, "note", "mine"), setattr(part("conv", m), "note", 1), m)[2],
    "as compile() leaves it": lambda m: (setattr(part("conv", m), "_compiled_call_impl", None), m)[1],
    "recompiled": lambda m: (m.recompile(), m)[1],
    "synchronised norms": nn.SyncBatchNorm.convert_sync_batchnorm,
    "fused": fuse,
    "fused copy": lambda m: copy.deepcopy(fuse(m)),
    "with taps": lambda m: compile(m.archlang.network, taps=True),
    "fused with taps": lambda m: fuse(compile(m.archlang.network, taps=True).eval()),
    "one by one": lambda m: compile(m.archlang.network, parallel="loop"),
}


@pytest.mark.parametrize("change", KEPT)
def test_what_leaves_results_as_they_are_is_saved(tmp_path: Path, change: str) -> None:
    kept = KEPT[change](model())
    save(kept, tmp_path / "m")
    state = load_model(tmp_path / "m").state_dict()
    assert all(torch.equal(state[name], value) for name, value in kept.state_dict().items())


def test_a_changed_fused_model_is_not_saved(tmp_path: Path) -> None:
    changed = fuse(model())
    next(m for m in changed.modules() if isinstance(m, nn.Conv2d)).stride = (2, 2)
    with pytest.raises(ArchError) as caught:
        save(changed, tmp_path / "m")
    assert caught.value.diagnostics[0].name == "changed-model"
