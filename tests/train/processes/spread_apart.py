"""Experts spread over four processes and over two, on the CPU in float64, and the same in one."""

from __future__ import annotations

import os
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, distributed, multiprocessing

from archlang.compiler import compile
from archlang.elaborate.network import Network, loads
from archlang.layers import set_cut
from archlang.layers.synced import synced
from archlang.train.processes.spreading import SpreadExperts, spread_experts
from archlang.train.processes.world import World
from tests.train.nets import bars
from tests.train.processes.together import CASES, Case, Halt

EMBED = "conv(3x3, 4) -> pyramid_pool(1)"
PLAIN = "conv(3x3, 4) -> relu -> conv(3x3, 4)"
NORMED = "conv(3x3, 4) -> batch_norm -> relu -> conv(3x3, 4) -> batch_norm"


def network(router: str, expert: str = PLAIN, experts: int = 5) -> str:
    """Two stages of experts behind each other, with weights before, between and behind them."""
    stage = f"patches(3x3) -> position -> experts({experts}, {router}) {{ {expert} }} -> unpatch"
    return f"""archlang 1
network Routed {{
  input image: [1, 6, 6]
  first  = image -> conv(3x3, 3) -> batch_norm -> {stage}
  second = first -> conv(3x3, 4) -> {stage}
  logits = second -> flatten -> linear(3)
  output logits
}}
"""


def cosine(more: str) -> str:
    """A cosine router whose keys start anywhere."""
    return f"cosine_router({EMBED}, start = random{more})"


SOFT = cosine(", temperature = 0.1")
ONE = cosine(", keep = top(1)")
STAGES = {
    "soft": network(SOFT),
    "soft with norms": network(SOFT, NORMED),
    "hard": network(cosine(", temperature = 0.3, threshold = fixed(0.15), keep = hard")),
    "one": network(ONE),
    "one with norms": network(ONE, NORMED),
    "two of seven": network(cosine(", temperature = 0.2, keep = top(2)"), experts=7),
    "as many as processes": network(SOFT, experts=4),
    "gates": network("cross_connection"),
    "room": network("sparse_connection(keep = 2, capacity = 0.7, shares = divided)"),
    "tokens": """archlang 1
network Tokens {
  input image: [1, 6, 6]
  made   = image -> to_sequence -> linear(6)
                 -> experts(5, sparse_connection(keep = 1), over = positions) { linear(8) -> gelu -> linear(6) }
  logits = made -> flatten -> linear(3)
  output logits
}
""",
}
"""Networks whose experts are spread, by what their router does."""
IDLE = "one"
"""The one that is run once more with patches that are alike to the router: the first expert gets all of them."""
COUNTED = ("soft", "as many as processes")
"""Those whose bytes are counted, in batches that divide evenly."""
COMPARED = {f"{name} 9": (text, 9, False) for name, text in STAGES.items()}
# Of a batch of three every one of four processes has all samples.
COMPARED |= {f"{name} 3": (STAGES[name], 3, False) for name in ("soft with norms", "hard", "room")}
COMPARED |= {f"{name} 8": (STAGES[name], 8, False) for name in COUNTED}
COMPARED |= {f"idle {size}": (STAGES[IDLE], size, True) for size in (9, 8)}


def made(text: str, alike: bool) -> Any:
    """A model in float64, in training; where patches are `alike` to the router, all go to its first expert."""
    model: Any = compile(loads(text), seed=3, parallel="loop").double()
    for name, value in model.named_parameters():
        if alike and name.endswith("keys"):
            value.data[0] = 1.0
            value.data[1:] = torch.tensor([1.0, -1.0, 1.0, -1.0])
        elif alike and ".router." in name:
            value.data[:] = 1.0 if name.endswith("bias") else 0.001 * value.data
    return model


def batch(size: int) -> Tensor:
    """Samples."""
    return torch.rand(size, 1, 6, 6, generator=torch.Generator().manual_seed(size), dtype=torch.float64)


def scored(outputs: Tensor) -> Tensor:
    """A loss that is not alike for any two samples."""
    return (outputs * torch.linspace(0.5, 2, outputs.numel(), dtype=outputs.dtype).view_as(outputs)).square().sum()


STEPS = 3
"""Optimizer steps, each on the same batch."""
CUTS = (None, 0.5)


def among(text: str, size: int, world: World, alike: bool = False) -> dict[str, Any]:
    """Outputs and gradients of the first step, what several steps make of weights and statistics, and outputs in
    evaluation mode, with all experts and cut. In one process the experts are those of the compiled model itself.
    """
    network: Network = loads(text)
    model = made(text, alike)
    x = batch(size)[list(world.share(range(size)))]
    running, spread = model, None
    if world.size > 1:
        spread = spread_experts(synced(model), network.graph, world)
        running = spread.module

    weights = list(model.parameters())
    exchanged = Counted("all_to_all_single", 1)
    summed = Counted("all_reduce", 0)
    optimizer = torch.optim.AdamW(weights, lr=0.01)
    found: dict[str, Any] = {"here": sum(p.numel() for p in weights if not p.is_meta)}
    for step in range(STEPS):
        optimizer.zero_grad()
        with exchanged:
            outputs = _run(running, x, size, world)
            scored(outputs).backward()
        if spread is not None:
            with summed:
                spread.combine(weights)
        if step == 0:
            found["outputs"] = outputs.detach()
            found["grads"] = _whole(spread, {n: p.grad for n, p in model.named_parameters() if p.grad is not None})
            found["norm"] = (spread.norm if spread else _norm)(weights)
            found["exchanged"], found["summed"] = dict(exchanged.numbers), dict(summed.numbers)
        optimizer.step()

    found["state"] = _whole(spread, model.state_dict())
    running.eval()
    for cut in CUTS:
        set_cut(running, cut)
        with torch.no_grad():
            found[str(cut)] = _run(running, x, size, world)
    return found


class Counted:
    """Within this, the numbers that a collective is handed: floats, and whole ones."""

    def __init__(self, name: str, place: int) -> None:
        self.name, self.place = name, place
        self.numbers = {"floats": 0, "whole": 0}

    def __enter__(self) -> None:
        self.plain = plain = getattr(distributed, self.name)

        def counting(*given: Any, **more: Any) -> Any:
            handed = given[self.place]
            kind = "floats" if handed.is_floating_point() else "whole"
            self.numbers[kind] += handed.numel()
            return plain(*given, **more)

        setattr(distributed, self.name, counting)

    def __exit__(self, *_: object) -> None:
        setattr(distributed, self.name, self.plain)


def _run(model: Any, x: Tensor, size: int, world: World) -> Tensor:
    with world.mode(size):
        mine = model(x)
    return world.all_gather(mine, size)


def _whole(spread: SpreadExperts | None, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    if spread is not None:
        tensors = spread.gathered(tensors)
    return {name: value.detach().clone() for name, value in tensors.items()}


def _norm(weights: list[Any]) -> Tensor:
    return torch.nn.utils.get_total_norm([p.grad for p in weights if p.grad is not None])


# --- trainings -------------------------------------------------------------------------------------------------------


def train(more: str = "", loss: str = "cross_entropy(logits, label) + 0.1 * confidence() + collapse(below = 0.5)",
          optimizer: str = "adamw(lr = 0.01)",
          phases: str = "phase first { steps = 4 }\nphase rest { epochs = 1; lr = cosine }") -> str:
    """A `train` of 97 samples in batches of 16; the last one of an epoch has 17."""
    return f"train {{\n  loss = {loss}\n  optimizer = {optimizer}\n  batch = 16\n{more}\n{phases}\n}}"


PHASES = """phase follow { steps = 3; keys = ema(0.5) }
phase one { steps = 2; only = "first.experts.0" }
phase rest { steps = 3; freeze = "second.experts.4" }"""
GENTLE = "sgd(lr = 0.05, momentum = 0.9)"
"""Norms make gradients of rounding noise, which larger steps of float32 let grow, in one process and in several."""
TRAININGS = {
    "adam": Case(STAGES["soft"] + train("clip = 0.1\n average = ema(0.9)", "cross_entropy(logits, label)",
                                        "adamw(lr = 0.001)")),
    "clipped": Case(STAGES["soft with norms"] + train("clip = 0.1", optimizer=GENTLE)),
    "phases": Case(STAGES["hard"] + train(optimizer=GENTLE, phases=PHASES)),
    "swa": Case(STAGES["soft with norms"] + train("clip = 0.1\n average = swa(after = 0)", optimizer=GENTLE),
                lambda: bars(test=257)),
    "sparse": Case(STAGES["room"] + train(loss="cross_entropy(logits, label) + 0.1 * load_balance()")),
}


STOPPED = "adam"
"""The one that is stopped, and gone on with."""


DIVIDED = CASES["fsdp_adam"]
"""A training whose weights are divided (FSDP)."""


def result_of(case: Case, **more: Any) -> dict[str, Any]:
    """What a training leaves."""
    left = case.go(**more)
    history = [{k: v for k, v in asdict(epoch).items() if k != "seconds"} for epoch in left.history]
    return {"weights": left.model.state_dict(), "history": history}


def go(folder: Path, world: World) -> dict[str, Any]:
    """Everything that is compared, on one of several processes."""
    found: dict[str, Any] = {}
    for name, (text, size, alike) in COMPARED.items():
        found[name] = among(text, size, world, alike)
    for name, case in TRAININGS.items():
        found[name] = result_of(case, sharding="experts", run=folder / f"{name}-whole{world.size}")

    try:
        TRAININGS[STOPPED].go(run=folder / f"of{world.size}", progress=Halt(5), sharding="experts")
    except KeyboardInterrupt:
        found["stopped"] = True
    return found


PARTED = {"experts": STOPPED, "fsdp": "divided"}
"""Trainings whose checkpoints lie in shards, by how their weights are shared."""
TRAININGS_IN_SHARDS = {STOPPED: TRAININGS[STOPPED], "divided": DIVIDED}


def shards(folder: Path, size: int) -> dict[str, Any]:
    """Trainings with checkpoints in shards: whole, stopped and gone on with, and gone on with where others stopped."""
    found: dict[str, Any] = {}
    for sharding, name in PARTED.items():
        case = TRAININGS_IN_SHARDS[name]
        more: dict[str, Any] = {"sharding": sharding, "checkpoints": "shards"}
        if sharding == "fsdp":  # the other one is among `TRAININGS`
            found[name] = result_of(case, run=folder / f"{name}-whole{size}", sharding=sharding)
        try:
            case.go(run=folder / f"{name}-left{size}", progress=Halt(5), **more)
        except KeyboardInterrupt:
            found[f"{name} left"] = True

        if distributed.get_rank() == 0:
            shutil.copytree(folder / f"{name}-left{size}", folder / f"{name}-again{size}")
        distributed.barrier()
        found[f"{name} went on"] = result_of(case, run=folder / f"{name}-again{size}", start="resume", **more)
        if size == 2:
            found[f"{name} took over"] = result_of(case, run=folder / f"{name}-left4", start="resume", **more)
    return found


def work(rank: int, folder: str) -> None:
    """One of four processes; when they are done, the first two begin anew as two."""
    torch.set_num_threads(1)
    os.environ["LOCAL_RANK"] = str(rank)
    for size in (4, 2):
        if rank >= size:
            return
        distributed.init_process_group("gloo", init_method=f"file://{folder}/store{size}", rank=rank, world_size=size)
        found = go(Path(folder), World(rank, size, rank))
        found |= shards(Path(folder), size)
        if size == 2:
            # What four left, two go on with.
            found["resumed"] = result_of(TRAININGS[STOPPED], run=Path(folder) / "of4", start="resume",
                                         sharding="experts")
        torch.save(found, Path(folder) / f"{size}-{rank}.pt")
        distributed.destroy_process_group()


def all_of_them(folder: Path) -> dict[int, list[dict[str, Any]]]:
    """What the processes found, by how many there were."""
    multiprocessing.spawn(work, (str(folder),), nprocs=4)
    return {size: [torch.load(folder / f"{size}-{rank}.pt", weights_only=False) for rank in range(size)]
            for size in (4, 2)}
