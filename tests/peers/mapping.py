"""Weights of one model put into another: every tensor of both sides is used exactly once, or the test fails."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn

Names = list[tuple[str, str]]
"""Pairs of names in two `state_dict`s: ours, the peer's."""

Mapper = Callable[[nn.Module, nn.Module], Names]


class Unmapped(AssertionError):
    """A tensor that no other stands for, or two that stand for one."""


def in_order(named: Mapping[str, str] | None = None, later: str = "") -> Mapper:
    """Tensors in the order of both `state_dict`s; `named` (ours to the peer's) are taken out before.

    `later` is a pattern for the peer's names; its first group is a prefix, behind whose other names these move.
    """
    first = dict(named or {})

    def pairs(ours: nn.Module, peer: nn.Module) -> Names:
        mine = [name for name in ours.state_dict() if name not in first]
        theirs = _moved([name for name in peer.state_dict() if name not in first.values()], later)

        if len(mine) != len(theirs):
            raise Unmapped(f"{len(mine)} tensors here, {len(theirs)} there: {_only_one_side(ours, peer, mine, theirs)}")
        return [*first.items(), *zip(mine, theirs, strict=True)]

    return pairs


def _moved(names: list[str], later: str) -> list[str]:
    """The names, those that match `later` behind the last one with their prefix."""
    places = {}
    for index, name in enumerate(names):
        match = re.fullmatch(later, name) if later else None
        if match:
            index = max(i for i, other in enumerate(names) if other.startswith(match.group(1)))
        places[name] = (index, bool(match))
    return sorted(names, key=lambda name: places[name])


def in_order_of_use(*inputs: tuple[int, ...], named: Mapping[str, str] | None = None) -> Mapper:
    """Tensors in the order in which the modules that hold them first run, on inputs of these shapes.

    Modules that never run are left over, and so are an error unless `named` has their tensors.
    """
    first = dict(named or {})

    def pairs(ours: nn.Module, peer: nn.Module) -> Names:
        mine = [name for name in _used(ours, inputs) if name not in first]
        theirs = [name for name in _used(peer, inputs) if name not in first.values()]

        if len(mine) != len(theirs):
            raise Unmapped(f"{len(mine)} tensors here, {len(theirs)} there: {_only_one_side(ours, peer, mine, theirs)}")
        return [*first.items(), *zip(mine, theirs, strict=True)]

    return pairs


def by_pattern(*rules: tuple[str, str]) -> Mapper:
    """Rules (pattern of the peer's whole name, our name with `\\1` for its groups); the first that fits counts."""

    def pairs(ours: nn.Module, peer: nn.Module) -> Names:
        found: Names = []

        for name in peer.state_dict():
            matches = [(match, mine) for pattern, mine in rules if (match := re.fullmatch(pattern, name))]
            if not matches:
                raise Unmapped(f"no rule is for {name} of the peer")
            match, mine = matches[0]
            found.append((match.expand(mine), name))

        return found

    return pairs


def copied(ours: nn.Module, peer: nn.Module, mapper: Mapper) -> Names:
    """Give the peer our weights and statistics; the pairs of names. Raises Unmapped."""
    pairs = mapper(ours, peer)
    mine, theirs = ours.state_dict(), peer.state_dict()

    _once([name for name, _ in pairs], mine, "here")
    _once([name for _, name in pairs], theirs, "in the peer")

    with torch.no_grad():
        for name, other in pairs:
            theirs[other].copy_(_shaped(mine[name], theirs[other].shape, f"{name} -> {other}"))
    return pairs


def _once(names: Sequence[str], held: Mapping[str, Tensor], where: str) -> None:
    """Raise Unmapped unless the names are those of all tensors, each once."""
    if len(set(names)) < len(names):
        raise Unmapped(f"{sorted(n for n in set(names) if names.count(n) > 1)} stand twice {where}")
    if set(names) != set(held):
        raise Unmapped(f"{sorted(set(held) ^ set(names))} stand on one side only {where}")


def _shaped(tensor: Tensor, shape: torch.Size, what: str) -> Tensor:
    """The tensor in another shape, if that only adds or leaves out sizes of 1 (a 1x1 convolution is a linear layer)."""
    if [n for n in tensor.shape if n != 1] != [n for n in shape if n != 1]:
        raise Unmapped(f"{what}: {tuple(tensor.shape)} is not {tuple(shape)}")
    return tensor.reshape(shape)


def _used(model: nn.Module, inputs: Sequence[tuple[int, ...]]) -> list[str]:
    """Names of tensors in the order in which their modules first run; evaluation mode, so that nothing moves."""
    names: list[str] = []
    hooks = []

    for path, module in model.named_modules():
        held = [*module.named_parameters(recurse=False), *module.named_buffers(recurse=False)]
        full = [f"{path}.{name}" if path else name for name, _ in held]

        def note(*_: object, full: list[str] = full) -> None:
            names.extend(name for name in full if name not in names)

        if held:
            hooks.append(module.register_forward_pre_hook(note))

    was_training = model.training
    dtype = next(model.parameters()).dtype
    with torch.no_grad():
        model.eval()(*(torch.zeros(shape, dtype=dtype) for shape in inputs))
    model.train(was_training)

    for hook in hooks:
        hook.remove()
    return names


def _only_one_side(ours: nn.Module, peer: nn.Module, mine: Sequence[str], theirs: Sequence[str]) -> str:
    """The first place where shapes differ, for the message."""
    here, there = ours.state_dict(), peer.state_dict()

    for a, b in zip(mine, theirs, strict=False):
        if here[a].squeeze().shape != there[b].squeeze().shape:
            return f"first {a} {tuple(here[a].shape)} beside {b} {tuple(there[b].shape)}"
    return f"then {[*mine[len(theirs):], *theirs[len(mine):]][:4]}"
