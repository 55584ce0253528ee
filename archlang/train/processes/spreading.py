"""Experts spread over the processes of a training: their weights, gradients and what optimisers keep lie on one each.

Everything else is whole on every process. Weights of experts elsewhere are known here by name and shape (`meta`), so
that patterns, groups of optimisers and checkpoints are those of one process.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

import torch
from torch import Tensor, distributed, nn

from archlang.diagnostics import ArchError, error
from archlang.emit import ArchModule, module_name
from archlang.emit.spread import inside, spread
from archlang.graph.ir import Graph, Node, Port
from archlang.graph.patch_experts import dispatching, expert_of, expert_sites, holder_of
from archlang.graph.plan import Plan
from archlang.layers.clustering import Standardize
from archlang.layers.patch_experts.keys import Keyed
from archlang.layers.synced import unsynced
from archlang.ops.layer_attention import attends
from archlang.train.processes.world import World


@dataclass
class SpreadExperts:
    """The experts of a model among processes.

    module   runs the experts that are here, and sends rows to the others
    world    this process among all
    weights  those of experts, here and elsewhere; all others are the same on every process
    """

    module: ArchModule
    world: World
    weights: Sequence[nn.Parameter]
    _of_experts: set[int] = field(default_factory=set, repr=False)

    def __post_init__(self) -> None:
        self._of_experts = {id(weight) for weight in self.weights}

    def _parted(self, weights: Sequence[nn.Parameter]) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
        """Weights that are the same everywhere, and those of the experts here."""
        here = [weight for weight in weights if not weight.is_meta]
        common = [weight for weight in here if id(weight) not in self._of_experts]
        return common, [weight for weight in here if id(weight) in self._of_experts]

    @torch.no_grad()
    def combine(self, weights: Sequence[nn.Parameter]) -> None:
        """Make gradients those of the whole batch, as `World.all_gather` wants it.

        Those of experts have come from the rows of all processes, and are divided by the number of processes; those of
        common weights become their means, in one sum for each kind of numbers.
        """
        common, experts = self._parted(weights)
        for weight in experts:
            if weight.grad is not None:
                weight.grad.div_(self.world.size)

        has = torch.tensor([weight.grad is not None for weight in common], dtype=torch.int64)
        distributed.all_reduce(has)
        reached = [weight for weight, count in zip(common, has.tolist(), strict=True) if count]
        for weight in reached:
            if weight.grad is None:  # it has one elsewhere, and every process must join the sum
                weight.grad = torch.zeros_like(weight)

        # One after the other in large pieces: a sum for each small weight would wait for the others each time.
        for _, alike in groupby(sorted(reached, key=_kind), key=_kind):
            grads = [weight.grad for weight in alike if weight.grad is not None]
            flat = torch.cat([grad.reshape(-1) for grad in grads]).div_(self.world.size)
            distributed.all_reduce(flat)
            parts = torch.split(flat, [grad.numel() for grad in grads])
            torch._foreach_copy_(grads, [part.view_as(grad) for part, grad in zip(parts, grads, strict=True)])

    def norm(self, weights: Sequence[nn.Parameter]) -> Tensor:
        """The norm of the gradients of all weights, those of experts elsewhere too."""
        common, experts = self._parted(weights)
        square = _norm(experts).square()
        distributed.all_reduce(square)
        return (_norm(common).square() + square).sqrt()

    def gathered(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Named tensors, with those that lie on other processes alone; every process must ask for them.

        What all have, each takes from itself; the rest comes on the CPU.
        """
        here = {name: value for name, value in tensors.items() if not value.is_meta}
        names = self.world.gathered(list(here))
        everywhere = set(names[0]).intersection(*names[1:])
        more = {name: value.detach().cpu() for name, value in here.items() if name not in everywhere}

        found = {name: value for name, value in here.items() if name in everywhere}
        for others in self.world.gathered(more):
            found |= others
        return found


def _kind(weight: nn.Parameter) -> str:
    return str(weight.dtype)


def _norm(weights: Sequence[nn.Parameter]) -> Tensor:
    gradients = [weight.grad for weight in weights if weight.grad is not None]
    # A process without such gradients must join the sum with a number of the same kind at the same place.
    return torch.nn.utils.get_total_norm(gradients).double().cpu()


# --- spreading a model -----------------------------------------------------------------------------------------------


def spread_experts(model: ArchModule, graph: Graph, world: World, ports: Sequence[Port] = ()) -> SpreadExperts:
    """Leave a model the experts of this process, and give the module that trains it among the others.

    `ports` as `emit.observing` has them. Batch norms of experts become plain ones: an expert sees the rows of the whole
    batch, whose statistics are its own.
    """
    weights: list[nn.Parameter] = []
    for node in graph:
        holder = holder_of(node, world.size)
        if holder is None:
            continue

        path = module_name(node.path)
        holding = model.get_submodule(path.rpartition(".")[0])
        unsynced(holding)
        module = _module(model, path)
        if module is not None and holder != world.rank:
            _leave_shapes(module)
        if module is not None:
            weights += module.parameters()

    return SpreadExperts(spread(model, graph, world.rank, world.size, ports), world, list(dict.fromkeys(weights)))


def _module(model: nn.Module, path: str) -> nn.Module | None:
    """The module at a path; None for an operation that is a function."""
    try:
        return model.get_submodule(path)
    except AttributeError:
        return None


def _leave_shapes(module: nn.Module) -> None:
    """Let go of a module's tensors: their names and shapes stay."""
    for part in module.modules():
        for name, weight in part._parameters.items():
            if weight is not None:
                part._parameters[name] = nn.Parameter(weight.detach().to("meta"), weight.requires_grad)
        for name, value in part._buffers.items():
            if value is not None:
                part._buffers[name] = value.to("meta")


# --- what cannot be spread -------------------------------------------------------------------------------------------


def check_spread(world: World, graph: Graph, plan: Plan, model: nn.Module, read: Sequence[Port]) -> None:
    """Raises `ArchError` (usage, not-available) where the experts of a network cannot be spread over the processes.

    `read` are the ports inside the network that losses read.
    """
    if world.size == 1:
        help = "torchrun --nproc_per_node 2 -m archlang -- train ... --sharding experts"
        raise ArchError(error("usage", "experts are spread over several processes, and this is one", help=help))

    problem = next(_problems(world, graph, plan, model, read), None)
    if problem is not None:
        raise ArchError(error("not-available", problem, help="`--sharding ddp` keeps all experts on each process"))


def _problems(world: World, graph: Graph, plan: Plan, model: nn.Module, read: Sequence[Port]) -> Iterator[str]:
    """Everything that stands against spreading, in words."""
    stages = [node for node in dispatching(graph) if expert_of(node) is None]
    if not stages:
        yield "the network has no `experts` that could be spread over the processes"

    names = {node.id: site.name for node, site in zip(dispatching(graph), expert_sites(graph), strict=True)}
    for stage in stages:
        count = stage.args["experts"]
        if count < world.size:
            yield (f"`{names[stage.id]}` has {count} experts for {world.size} processes, each of which must hold one")
        for node in inside(graph, stage):
            reason = _reason(graph, node, model, stage)
            if reason is not None:
                yield f"{reason} `{node.name}`, inside experts that are spread"

    for port in (*read, *(output.port for output in graph.outputs)):
        if expert_of(graph.node(port.node)) is not None:
            yield f"`{graph.node(port.node).name}` is inside one expert, and all processes would have to read it"
    if plan.precision == "float16":
        yield "`precision = float16` scales the gradients of all processes alike, which experts that are spread do not"


def _reason(graph: Graph, node: Node, model: nn.Module, stage: Node) -> str | None:
    """The reason why a node cannot be in an expert that one process holds; None where there is none."""
    member = expert_of(node)
    assert member is not None
    # What stands elsewhere in the tree of modules is a `layer` with several users.
    if node.path[: len(member.region) + 1] != (*member.region, str(member.index)):
        return "other experts use the weights of"
    # Its sums would wait for processes that have no such expert.
    module = _module(model, module_name(node.path))
    over_all = isinstance(module, Keyed | Standardize) or node.op.sparse
    if over_all or node.op.piece == "dispatch":
        return "sums over the batch are taken by"
    # The first process alone writes their figures, of every step.
    if attends(node.op) or any(m.kind == "layers" for m in node.members):
        return "the figures of each step are those of"
    return None


def check_device(device: torch.device, world: World) -> None:
    """Raises `ArchError` (not-available) where processes share a GPU: their way to each other has no all-to-all."""
    if device.type == "cuda" and "cuda:nccl" not in str(distributed.get_backend_config()):
        message = f"{world.size} processes share a GPU, between which experts cannot be spread"
        raise ArchError(error("not-available", message, help="start one process for each GPU"))
