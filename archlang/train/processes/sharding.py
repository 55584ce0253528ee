"""Weights of a model on several processes: whole on each (DDP), or in parts (FSDP); torch's own engines."""

from __future__ import annotations

from collections.abc import Sequence
from inspect import signature
from typing import Any, Literal

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from archlang.diagnostics import ArchError, error
from archlang.emit import ArchModule
from archlang.graph.plan import Plan
from archlang.layers.patch_experts.keys import Keyed
from archlang.ops.values import Option
from archlang.train.processes.world import World

Sharding = Literal["auto", "ddp", "fsdp", "experts"]
BUFFERS = "broadcast_buffers"
"""Torch's word for broadcasting buffers in every step, which is left out: they are the same everywhere."""
if "forward_sync_buffers" in signature(DistributedDataParallel).parameters:
    BUFFERS = "forward_sync_buffers"  # as newer versions call it
LARGE = 2**20
"""From how many numbers on the weights of an operation are gathered for it alone, and not for all at once."""


def check(sharding: Sharding, world: World, plan: Plan, model: nn.Module) -> None:
    """Raises `ArchError`: usage where there are no processes to share between, not-available where parts do not do."""
    if sharding != "fsdp":
        return
    if world.size == 1:
        help = "torchrun --nproc_per_node 2 -m archlang train ..."
        raise ArchError(error("usage", "weights are divided among several processes, and this is one", help=help))

    reasons = {
        "`average`": plan.average is not None,
        "`precision = float16`": plan.precision == "float16",
        "`branches`": any(map(_has_branches, (plan.optimizer, *(step.optimizer for step in plan.steps)))),
        "a router of experts": any(isinstance(module, Keyed) for module in model.modules()),
    }
    for reason, is_so in reasons.items():
        if is_so:
            message = f"{reason} wants its weights whole on each process"
            raise ArchError(error("not-available", message, help="`--sharding ddp` keeps them whole"))


def _has_branches(optimizer: Option | None) -> bool:
    """Tell an optimiser that trains kernels as branches, all of them or those of a group."""
    if optimizer is None:
        return False
    groups: Any = optimizer.args.get("groups") or ()
    return any(option.args.get("branches") is not None for option in (optimizer, *groups))


def wrapped(model: nn.Module, weights: Sequence[nn.Parameter]) -> nn.Module:
    """A model whose gradients of these weights become means over the processes while they are calculated.

    Those of others must never come: what a loss does not reach, or a phase freezes.
    """
    moved = {id(weight) for weight in weights}
    still = [w for w in model.parameters() if w.requires_grad and id(w) not in moved]
    for weight in still:
        weight.requires_grad_(False)

    # torch's engine takes up the weights that want gradients at this moment.
    try:
        settings: dict[str, Any] = {BUFFERS: False}
        return DistributedDataParallel(model, **settings)
    finally:
        for weight in still:
            weight.requires_grad_(True)


@torch.no_grad()
def average_gradients(weights: Sequence[nn.Parameter], world: World) -> list[nn.Parameter]:
    """Make gradients their means over the processes; the weights that have one on any process are returned."""
    has = torch.tensor([weight.grad is not None for weight in weights], dtype=torch.int64)
    distributed.all_reduce(has)
    reached = [weight for weight, count in zip(weights, has.tolist(), strict=True) if count]

    for weight in reached:
        if weight.grad is None:  # it has one elsewhere, and every process must join the sum
            weight.grad = torch.zeros_like(weight)
        distributed.all_reduce(weight.grad.div_(world.size))
    return reached


def divide(model: ArchModule, device: torch.device, world: World) -> None:
    """Divide a model's weights among the processes: each keeps a part of every tensor, and of what optimisers keep."""
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    mesh = init_device_mesh(device.type, (world.size,))
    for module in large(model):
        fully_shard(module, mesh=mesh)
    fully_shard(model, mesh=mesh)


def reshard(model: nn.Module) -> None:
    """Let go of weights that were gathered for a calculation: what is done to them then would be lost."""
    for module in model.modules():
        sharded: Any = module
        if hasattr(module, "reshard"):
            sharded.reshard()


def large(model: ArchModule) -> list[nn.Module]:
    """Modules with many weights that the generated code calls, and whose weights it reads in no other way."""
    called = [str(node.target) for node in model.graph.nodes if node.op == "call_module"]
    read = [str(node.target) for node in model.graph.nodes if node.op == "get_attr"]

    # Weights that are read past their module would be missing there: they are gathered with the rest.
    names = [n for n in dict.fromkeys(called) if not any(target.startswith(f"{n}.") for target in read)]
    modules = [model.get_submodule(name) for name in names]
    return [m for m in modules if sum(w.numel() for w in m.parameters()) >= LARGE]


def full(value: Tensor) -> Tensor:
    """A tensor with all its parts; every process must ask for it."""
    tensor: Any = value
    if hasattr(tensor, "full_tensor"):
        gathered: Tensor = tensor.full_tensor()
        return gathered
    return value


def local(value: Tensor) -> Tensor:
    """The part of a tensor that lies here."""
    tensor: Any = value
    if hasattr(tensor, "to_local"):
        part: Tensor = tensor.to_local()
        return part
    return value


def like(value: Tensor, other: Tensor) -> Tensor:
    """A whole tensor divided as another one is."""
    pattern: Any = other
    # A checkpoint in shards was read in parts already.
    if not hasattr(pattern, "device_mesh") or hasattr(value, "device_mesh"):
        return value
    from torch.distributed.tensor import distribute_tensor

    divided: Tensor = distribute_tensor(value.to(pattern.device), pattern.device_mesh, pattern.placements)
    return divided


def norm(gradients: Sequence[Tensor]) -> Tensor:
    """The norm of all gradients, with the parts that lie elsewhere."""
    here = torch.nn.utils.get_total_norm([local(gradient) for gradient in gradients])
    # Without parts elsewhere a sum over processes would count every gradient several times.
    if all(gradient is local(gradient) for gradient in gradients):
        return here

    square = here.square()
    distributed.all_reduce(square)
    return square.sqrt()


def clip(gradients: Sequence[Tensor], largest: float, norm: Tensor) -> None:
    """Scale gradients down to a norm, as `torch.nn.utils.clip_grads_with_norm_` does."""
    if gradients:
        # As torch writes it: the small term keeps a norm of 0 from dividing.
        share = torch.clamp(largest / (norm + 1e-6), max=1.0)
        torch._foreach_mul_([local(gradient) for gradient in gradients], share)
