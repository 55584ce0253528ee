"""`train --compile`: the weights of a training whose network is not compiled, and what is refused by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from archlang.cli.main import run
from archlang.diagnostics import ArchError
from archlang.elaborate.network import load, loads
from archlang.train import fit
from archlang.train.loop import compiling
from tests.train.nets import NETWORK, TRAIN, bars, tiny

ROOT = Path(__file__).parents[3]
PHASES = """
train {
  loss      = cross_entropy(logits, label)
  optimizer = sgd(lr = 0.1, momentum = 0.9, groups = [group("*.bias", weight_decay = 0)])
  batch     = 16
  clip      = 1
  average   = ema(0.9)
  phase head { steps = 3; only = "logits" }
  phase all  { epochs = 2 }
}
"""


def weights(train: str, **more: Any) -> dict[str, torch.Tensor]:
    return fit(tiny(train), bars(), device="cpu", **more).model.state_dict()


@pytest.mark.parametrize("train", [TRAIN, PHASES, TRAIN.replace("batch     = 16", "batch = 16\n accumulate = 2")])
def test_weights_are_those_of_a_plain_training(train: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = weights(train)
    called = []
    forward = compiling.CompiledNetwork.__call__
    monkeypatch.setattr(compiling.CompiledNetwork, "__call__",
                        lambda self, inputs: called.append(len(inputs)) or forward(self, inputs))
    fast = weights(train, compile="aot_eager")
    assert called
    assert plain.keys() == fast.keys()
    for name, weight in plain.items():
        torch.testing.assert_close(fast[name], weight, rtol=1e-4, atol=1e-6, msg=name)


@pytest.mark.parametrize("spec", ["coded_resnext/digits", "multipath/sparse_digits", "layer_attention/digits"])
def test_gradients_of_the_networks_of_papers(spec: str) -> None:
    """Losses of steps, which follow from the gradients of the steps before them."""
    network = load(ROOT / "specs" / f"{spec}.arch")
    generator = torch.Generator().manual_seed(0)
    data = torch.rand(40, 1, 8, 8, generator=generator), torch.arange(40) % 10
    losses = [fit(network, data, epochs=2, device="cpu", compile=backend).history[-1].train_loss
              for backend in (False, "aot_eager")]
    assert losses[1] == pytest.approx(losses[0], rel=1e-4)


def test_a_backend_that_torch_does_not_know_is_refused() -> None:
    with pytest.raises(ArchError, match="no backend `inducter`") as caught:
        weights(TRAIN, compile="inducter")
    assert "inductor" in str(caught.value.diagnostics[0].help)


def test_a_missing_compiler_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "/nowhere/g++")
    from torch._inductor import config

    monkeypatch.setattr(config.cpp, "cxx", ("/nowhere/g++",))
    with pytest.raises(ArchError, match="needs a C\\+\\+ compiler") as caught:
        weights(TRAIN, compile=True)
    assert caught.value.diagnostics[0].name == "missing-tool"


def test_a_network_that_cannot_be_compiled_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(graph: Any, _inputs: Any) -> Any:
        raise RuntimeError("no code for this")

    torch._dynamo.register_backend(broken, name="broken_for_a_test")
    with pytest.raises(ArchError, match="`broken_for_a_test` cannot compile this network") as caught:
        weights(TRAIN, compile="broken_for_a_test")
    assert caught.value.diagnostics[0].name == "not-available"


def test_an_error_of_the_network_is_told_as_without_compiling() -> None:
    text = NETWORK.replace("conv(3x3, 6) -> batch_norm", "conv(3x3, 6) -> global_avg_pool -> batch_norm")
    one = loads(text.replace("features -> flatten", "features") + TRAIN.replace("16", "1"))
    for backend in (False, "aot_eager"):
        with pytest.raises(ArchError, match="cannot train on a single value"):
            fit(one, bars(), device="cpu", compile=backend)


def test_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["train", f"{ROOT}/examples/04_paths.arch", "--data", "digits:train=40", "--epochs", "1", "--device", "cpu"]
    assert run([*words, "--run", f"{tmp_path}/run", "--compile", "aot_eager"]) == 0
    assert "best epoch 1" in capsys.readouterr().out
    assert run([*words, "--run", f"{tmp_path}/other", "--compile", "inducter"]) == 2
