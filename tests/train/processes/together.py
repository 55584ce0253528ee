"""Trainings in two processes on the CPU, and the same ones in one."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import distributed, multiprocessing

from archlang.elaborate.network import loads
from archlang.train import Data, Progress, Tensors, fit
from archlang.train.loop.compiling import CompiledNetwork
from tests.forking import forks
from tests.train.nets import NETWORK, bars

PLAIN = NETWORK.replace(" -> dropout(0.1)", "")
CODED = """archlang 1
import std.coded (coded)
code one = design(classes = 3, branches = 3, active = 1, distance = 2)
network Coded {
  input image: [1, 6, 6]
  branches = image -> conv(3x3, 6) -> coded(8, 4, one, drop = 0)
  logits = branches -> global_avg_pool -> linear(3)
  output logits
}
"""
ROUTED = """archlang 1
network Routed {
  input image: [1, 6, 6]
  parts  = image -> patches(3x3)
                 -> experts(2, cosine_router(conv(3x3, 4) -> pyramid_pool(1), start = random)) { conv(3x3, 4) }
                 -> unpatch
  logits = parts -> flatten -> linear(3)
  output logits
}
"""


def train(loss: str = "cross_entropy(logits, label)", phases: str = "phase all { epochs = 2; lr = cosine }",
          more: str = "") -> str:
    """A `train`, of 97 samples in batches of 16: the last one has 17."""
    said = f"loss = {loss}\n  optimizer = sgd(lr = 0.05, momentum = 0.9)\n  batch = 16\n{more}\n{phases}"
    return f"train {{\n  {said}\n}}"


def spoiled() -> Data:
    """Numbers to predict, one of them too large: the batch that has it has no loss."""
    data = bars()
    targets = data.train.labels.float()[:, None].clone()
    targets[5] = 1e30
    return Data("spoiled", Tensors(data.train.samples, targets), Tensors(data.test.samples, targets[:40]))


STEPS = """train {
  step first  { loss = mse(logits, label); optimizer = sgd(lr = 0.02, momentum = 0.9) }
  step second { loss = mixture_em(other); optimizer = sgd(lr = 0.01) }
  batch = 16
  phase all { epochs = 2 }
}"""
TWO = PLAIN.replace("output logits", "other = features -> flatten -> linear(4)\n  output logits\n  output aux = other")


@dataclass(frozen=True)
class Case:
    """A training: a file, data, options of `fit`."""

    text: str
    data: Callable[[], Data] = bars
    options: Mapping[str, Any] = field(default_factory=dict)

    def go(self, **more: Any) -> Any:
        """The training's result."""
        return fit(loads(self.text), self.data(), device="cpu", **{**self.options, **more})


def small() -> Data:
    """97 samples to train on, and 257 to test on: at the end one alone."""
    return bars(test=257)


LOSS = "cross_entropy(logits, label)"
ADAM = "sgd(lr = 0.05, momentum = 0.9)", "adamw(lr = 0.002)"
FSDP = {"sharding": "fsdp"}
COMPILED = {"compile": "aot_eager"}
CASES = {
    "norm": Case(PLAIN + train(), small),
    "clipped": Case(PLAIN + train(more="clip = 0.1\n average = ema(0.9)")),
    "phases": Case(PLAIN + train(phases='phase head { steps = 4; only = "logits" }\nphase all { epochs = 1 }\n'
                                        'phase rest { steps = 3; freeze = "features.*" }')),
    "swa": Case(PLAIN + train(more="average = swa(after = 0)")),
    "coded": Case(CODED + train(f"{LOSS} + 2 * coding_loss(power = 4)")),
    "keys": Case(ROUTED + train(f"{LOSS} + 0.1 * confidence() + collapse(below = 0.5)",
                                "phase follow { steps = 3; keys = ema(0.5) }\nphase learn { steps = 2 }")),
    "clusters": Case(PLAIN + train("mixture_em(logits, gamma = 5)")),
    "gates": Case(PLAIN + train("mixture_em(logits, gamma = 2, statistics = batch, prior = ema)")),
    "spoiled": Case(PLAIN.replace("classes = 3", "classes = 1") + train("mse(logits, label)"), spoiled),
    "steps": Case(TWO + STEPS),
    "fsdp": Case(PLAIN + train(), options=FSDP),
    "fsdp_adam": Case((PLAIN + train(more="clip = 0.1")).replace(*ADAM), options=FSDP),
    "fsdp_phases": Case(PLAIN + train(phases='phase head { steps = 4; only = "logits" }\nphase all { epochs = 1 }'),
                        options=FSDP),
    "compiled": Case(PLAIN + train(phases='phase head { steps = 4; only = "logits" }\nphase all { epochs = 1 }'),
                     options=COMPILED),
    "fsdp_compiled": Case(PLAIN + train(), options={**FSDP, **COMPILED}),
}


def result_of(case: Case, **more: Any) -> dict[str, Any]:
    """What a training leaves."""
    made = case.go(**more)
    history = [{k: v for k, v in asdict(epoch).items() if k != "seconds"} for epoch in made.history]
    kinds = [type(module).__name__ for module in made.model.modules()]
    return {"weights": made.model.state_dict(), "history": history, "kinds": kinds}


class Halt(Progress):
    """Ends a training after so many steps."""

    def __init__(self, after: int) -> None:
        self.after = after

    def step(self, beat: Any) -> None:
        if beat.done == self.after:
            raise KeyboardInterrupt


def called() -> list[str]:
    """What is compiled writes `compiled` into this list whenever it is called."""
    seen: list[str] = []
    forward = CompiledNetwork.__call__

    def told(network: CompiledNetwork, inputs: torch.Tensor) -> Any:
        seen.append("compiled")
        return forward(network, inputs)

    CompiledNetwork.__call__ = told  # type: ignore[method-assign]
    return seen


def work(rank: int, folder: str) -> None:
    """One of two processes: every case, and a training that is stopped and gone on with."""
    torch.set_num_threads(1)
    os.environ["LOCAL_RANK"] = str(rank)
    distributed.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=2)
    found: dict[str, Any] = {"called": called()}
    for name, case in CASES.items():
        found["called"].append(f"began {name}")
        found[name] = result_of(case)
    for name in sorted({"clipped", "fsdp_adam"} & CASES.keys()):
        try:
            CASES[name].go(run=f"{folder}/{name}", progress=Halt(5))
        except KeyboardInterrupt:
            found[f"{name} stopped"] = True
        found[f"{name} resumed"] = result_of(CASES[name], run=f"{folder}/{name}", start="resume")
    torch.save(found, Path(folder) / f"{rank}.pt")
    distributed.destroy_process_group()


def both(folder: Path) -> list[dict[str, Any]]:
    """What the two processes found."""
    forks()  # says what their server imports
    multiprocessing.start_processes(work, (str(folder),), nprocs=2, start_method="forkserver")
    return [torch.load(folder / f"{rank}.pt", weights_only=False) for rank in (0, 1)]
