"""A network of ours beside its peer with the same weights: outputs, gradients and statistics, in both modes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

import archlang
from archlang import Network
from archlang.layers import BranchMask, DropPath
from tests.peers.mapping import Mapper, Names, copied, in_order
from tests.peers.starts import random, undrawn
from tests.reference.compare import inputs_for

TOLERANCE = 1e-9
"""The largest difference that passes, relative to the largest number of the tensor that it is in."""

SMALL = 1e-3
"""Tensors smaller than this share of the largest of their kind are measured by that share: the gradient of a bias
before a batch norm is rounding noise."""

Silence = Callable[[nn.Module], None]


def no_chance(model: nn.Module) -> None:
    """Nothing is drawn: every dropout, dropped path and dropped branch has probability 0."""
    for module in model.modules():
        if isinstance(module, nn.modules.dropout._DropoutNd | DropPath | BranchMask):
            module.p = 0.0


def chances(model: nn.Module) -> list[float]:
    """The probabilities of all dropouts, in order: two networks of one name have the same."""
    return [m.p for m in model.modules() if isinstance(m, nn.modules.dropout._DropoutNd) and m.p]


def begun(model: nn.Module) -> None:
    """Keys count as placed: k-means would move them away from the weights that both sides share."""
    for name, buffer in model.named_buffers():
        if name.endswith(".started"):
            buffer.fill_(1)


@dataclass(frozen=True)
class Pair:
    """One of our networks or blocks, and what it must equal.

    ours     what of the repository it is: `specs/multipath/resnet18`, `std.resnet.basic`, `examples/13_table`.
    judge    whose the peer is, for the name of the test.
    network  makes our network, small; `peer` makes the other.
    mapper   pairs the names of their tensors.
    batch    how many samples.
    sizes    numbers for the symbols of our inputs.
    chances  whether both have the same dropouts (all are switched off for the comparison).
    unmoved  a part of the names of our weights that no loss moves in what is compared, and the reason.
    """

    ours: str
    judge: str
    network: Callable[[], Network]
    peer: Callable[[], nn.Module]
    mapper: Mapper = field(default_factory=in_order)
    batch: int = 3
    chances: bool = True
    sizes: Mapping[str, int] = field(default_factory=dict)
    unmoved: tuple[str, str] | None = None

    def __str__(self) -> str:
        return f"{self.ours} is {self.judge}"


def equal(pair: Pair) -> None:
    """Compare both. Raises AssertionError where they differ."""
    ours, peer, names, inputs = prepared(pair)
    _evaluation(ours, peer, inputs)
    _training(ours, peer, inputs, names, pair.unmoved)


def difference(pair: Pair) -> float:
    """The largest difference of the outputs in both modes, relative to the largest number of the output."""
    ours, peer, _, inputs = prepared(pair)
    worst = 0.0

    for mode in (False, True):
        with torch.no_grad():
            made, wanted = _drawn(ours.train(mode), inputs), _drawn(peer.train(mode), inputs)
        for name, tensor in wanted.items():
            worst = max(worst, float((made[name] - tensor).abs().max() / tensor.abs().max()))
    return worst


def prepared(pair: Pair) -> tuple[nn.Module, nn.Module, Names, list[Tensor]]:
    """Both networks with the same weights and nothing drawn, the names of their tensors in pairs, and inputs."""
    torch.set_num_threads(1)
    net = pair.network()
    with undrawn():
        ours = random(archlang.compile(net))
        peer = pair.peer().double()
    begun(ours)
    names = copied(ours, peer, pair.mapper)

    if pair.chances:
        assert chances(ours) == chances(peer), "the probabilities of dropping differ"
    no_chance(ours)
    no_chance(peer)
    return ours, peer, names, inputs_for(net, pair.batch, sizes=pair.sizes)


def _evaluation(ours: nn.Module, peer: nn.Module, inputs: Sequence[Tensor]) -> None:
    with torch.no_grad():
        made, wanted = _outputs(ours.eval()(*inputs)), _outputs(peer.eval()(*inputs))

    _same_keys(made, wanted)
    for name, tensor in wanted.items():
        assert tensor.std() > 1e-6, "an output that is everywhere the same compares nothing"
        close(made[name], tensor, float(tensor.abs().max()), f"output {name} in evaluation mode")


def _training(ours: nn.Module, peer: nn.Module, inputs: Sequence[Tensor], names: Names,
              unmoved: tuple[str, str] | None) -> None:
    """One forward and backward pass in training mode: outputs, gradients of everything, running statistics."""
    made, by_ours = _step(ours, inputs)
    wanted, by_peer = _step(peer, inputs)

    _same_keys(made, wanted)
    for name, tensor in wanted.items():
        close(made[name], tensor, float(tensor.abs().max()), f"output {name} in training mode")

    for index, (mine, theirs) in enumerate(zip(by_ours["inputs"], by_peer["inputs"], strict=True)):
        close(mine, theirs, float(theirs.abs().max()), f"gradient of input {index}")

    _gradients(ours, peer, names, unmoved)
    held, other = dict(ours.named_buffers()), dict(peer.named_buffers())
    for name, theirs in names:
        if name in held:
            wanted_buffer = other[theirs].double()
            close(held[name].double().reshape(wanted_buffer.shape), wanted_buffer,
                  float(wanted_buffer.abs().max()), f"{name} after a step")


def _step(model: nn.Module, inputs: Sequence[Tensor]) -> tuple[dict[str, Tensor], dict[str, list[Tensor]]]:
    """Outputs and the inputs' gradients of one pass in training mode; the weights' are left in them."""
    # Tokens have no gradient.
    leaves = [x.clone().requires_grad_(x.is_floating_point()) for x in inputs]
    outputs = _drawn(model.train(), leaves)
    draw = torch.Generator().manual_seed(5)

    total = torch.zeros((), dtype=torch.float64)
    for tensor in outputs.values():
        weights = torch.randn(tensor.shape, generator=draw, dtype=torch.float64)
        total = total + (tensor * weights).sum() / tensor.numel() ** 0.5
    total.backward()

    assert all(x.grad is not None for x in leaves if x.requires_grad)
    return {n: t.detach() for n, t in outputs.items()}, {"inputs": [x.grad for x in leaves if x.grad is not None]}


def _drawn(model: nn.Module, inputs: Sequence[Tensor]) -> dict[str, Tensor]:
    """Outputs, with torch's generator at the same place for both: what draws noise gets the same numbers."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(11)
        return _outputs(model(*inputs))


def _gradients(ours: nn.Module, peer: nn.Module, names: Names, unmoved: tuple[str, str] | None) -> None:
    mine, theirs = dict(ours.named_parameters()), dict(peer.named_parameters())
    sizes = {name: _largest(p.grad) for name, p in theirs.items()}
    largest = max(sizes.values())
    still = []

    for name, other in names:
        if name not in mine:
            continue
        a, b = mine[name].grad, theirs[other].grad
        if b is None or sizes[other] == 0:
            still.append(name)
            assert a is None or not bool(a.any()), f"{name} has a gradient, its peer has none"
            continue
        assert a is not None, f"{name} has no gradient, its peer has one"
        close(a.reshape(b.shape), b, max(sizes[other], SMALL * largest), f"gradient of {name}")

    expected = [name for name in mine if unmoved is not None and unmoved[0] in name]
    assert sorted(still) == sorted(expected), f"no gradient for {still}, expected for {expected}"


def _largest(tensor: Tensor | None) -> float:
    """The largest number of a tensor without its sign; 0 for none."""
    if tensor is None:
        return 0.0
    least, most = tensor.aminmax()
    return max(-float(least), float(most))


def _outputs(made: Tensor | Mapping[str, Tensor] | tuple[Tensor, ...]) -> dict[str, Tensor]:
    """Outputs by name; a single one has none."""
    if isinstance(made, Tensor):
        return {"": made}
    if isinstance(made, tuple):
        return {str(i): tensor for i, tensor in enumerate(made)}
    return dict(made)


def _same_keys(made: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> None:
    assert set(made) == set(wanted), f"outputs {sorted(made)} here, {sorted(wanted)} in the peer"


def close(made: Tensor, wanted: Tensor, scale: float, what: str) -> None:
    """Equal shapes, finite numbers, and a difference of at most `TOLERANCE` of the scale."""
    assert made.shape == wanted.shape, f"{what}: {tuple(made.shape)} is not {tuple(wanted.shape)}"
    if not wanted.numel():
        return

    # A number that is not finite on either side leaves a difference that is not: it needs no look of its own.
    worst = float((made.detach() - wanted.detach()).abs_().max())
    assert math.isfinite(worst) and math.isfinite(scale), f"{what} is not finite"
    worst /= max(scale, 1e-300)
    assert worst <= TOLERANCE, f"{what} differs by {worst:.3g} of its largest number"
