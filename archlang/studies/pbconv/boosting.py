"""Any model with its convolutions boosted: an ordinary module again, trained on and then fused."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from torch import fx, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd

import archlang.rewrite.calls as calls
from archlang.diagnostics import ArchError, error
from archlang.kernels import PEERS, RULES, Extent, Window, candidate, complaints, draw_seed
from archlang.rewrite.arguments import argument
from archlang.rewrite.graphs import copied
from archlang.rewrite.report import Obstacle
from archlang.rewrite.stored import HOOKS, plain_kind, stored
from archlang.rewrite.tracing import graph_of
from archlang.studies.pbconv.functions import inlined, with_modules
from archlang.studies.pbconv.modules import BoostedConv, Gamma, plane

By = Literal["size", "layer"]

REASONS: dict[str, str] = {
    "volume": "small kernels have places in planes and lines; this one is a volume",
    "transposed": "it is a transposed convolution",
    "shared": "it is called more than once",
    "read-elsewhere": "its weights are read outside of it too",
    "hooks": "it has hooks, which its boosted form would not call",
    "parametrised": "its weights are parametrised",
    "no-weights-yet": "its weights are not there yet",
    "own-class": "its class computes something of its own",
    "calculated-weights": "its weights are calculated, not stored",
    "function": "it is a function; of a graph (`torch.fx.symbolic_trace`, `torch.export`) functions are boosted too",
    "other-size": "the given small kernels are for another size",
    "dilated": "the mean of a diverse branch block cannot be dilated",
    "no-zero": "without batch norms the mean of each channel has no weights that could start at 0",
    "not-called": "the model's graph does not call it",
}
"""Every reason for which a convolution with a kernel larger than 1x1 is left as it is."""


class _Stays(Exception):
    """The reason for which a convolution is left as it is: a name of `REASONS`."""

    def __init__(self, name: str) -> None:
        super().__init__(REASONS[name])
        self.name = name


@dataclass(frozen=True)
class Boosted:
    """A convolution that was boosted: its name, its batch norm's (empty: none was taken in), its small kernels."""

    name: str

    norm: str
    windows: tuple[Window, ...]

    def __str__(self) -> str:
        kernels = ", ".join(map(str, self.windows))
        if not self.norm:
            return f"{self.name}: {kernels}"
        return f"{self.name} with {self.norm}: {kernels}"


@dataclass(frozen=True)
class Left:
    """A convolution that stays as it is, with the reason's name (of `REASONS`) and its words."""

    name: str
    reason: str

    def __str__(self) -> str:
        return f"{self.name} left: {self.reason}: {REASONS[self.reason]}"


@dataclass(frozen=True)
class Boosting:
    """The changes that `boost` made to a model."""

    boosted: tuple[Boosted, ...] = ()
    left: tuple[Left, ...] = ()

    def __str__(self) -> str:
        return "\n".join(map(str, (*self.boosted, *self.left)))


@dataclass(frozen=True)
class Choice:
    """The choice of small kernels for a model."""

    kernels: str | Sequence[Window] | Mapping[Extent, Sequence[Window]]
    seed: int
    types: int | None
    rules: str
    gamma: Gamma
    by: By

    def __post_init__(self) -> None:
        words = {"gamma": ("zero", "one"), "by": ("size", "layer"), "rules": RULES}
        if isinstance(self.kernels, str):
            words["kernels"] = ("pbconv", *PEERS)

        for name, known in words.items():
            if getattr(self, name) not in known:
                # What was given may be of any type and length, and the message has to stay one short line.
                shown = f"{name} is one of {', '.join(known)}, not {str(getattr(self, name))[:40]!r}"
                raise ArchError(error("out-of-range", shown))
        if not isinstance(self.kernels, str) and not self.kernels:
            raise ArchError(error("out-of-range", "at least one small kernel is wanted"))

    def windows(self, kernel: Extent, index: int) -> tuple[Window, ...]:
        if not isinstance(self.kernels, str):
            chosen = self.kernels
            if isinstance(chosen, Mapping):
                chosen = chosen.get(kernel, ())
            if not chosen or complaints(kernel, chosen):
                raise _Stays("other-size")
            return tuple(chosen)
        if self.kernels in PEERS:
            return PEERS[self.kernels](kernel)

        # By size, every layer of a size gets the same kernels: one seed gives one candidate for it.
        seed = self.seed
        if self.by == "layer":
            seed = draw_seed(self.seed, index)
        try:
            return candidate(kernel, seed, self.types, self.rules)
        except ValueError as problem:
            raise ArchError(error("out-of-range", f"no candidate: {problem}")) from None

    def made(self, conv: nn.Conv1d | nn.Conv2d, norm: nn.Module | None, index: int) -> BoostedConv:
        """The boosted form of a convolution. Raises _Stays, ArchError (out-of-range)."""
        windows, chains = self.windows(plane(conv.kernel_size), index), self.kernels == "dbb"
        # The mean of a window reads every cell of it; a dilated kernel skips cells, so no kernel equals both.
        if chains and max(conv.dilation) > 1:
            raise _Stays("dilated")

        # A depthwise mean has no 1x1 before it: without a norm there is no parameter to start at 0.
        if chains and norm is None and self.gamma == "zero" and conv.groups == conv.in_channels == conv.out_channels:
            raise _Stays("no-zero")

        return BoostedConv(conv, norm, windows, self.gamma, chains)


def boost(model: nn.Module, *, kernels: str | Sequence[Window] | Mapping[Extent, Sequence[Window]] = "pbconv",
          seed: int = 0, types: int | None = None, rules: str = "full", gamma: Gamma = "zero",
          by: By = "size") -> nn.Module:
    """A copy of a model in which every convolution with a kernel larger than 1x1 is boosted, with its batch norm.

    `kernels` is `pbconv` (candidates by `seed`, `types` and `rules`, one for each kernel size, or one for each layer
    with `by="layer"`), `acb`, `dbb` (the whole diverse branch block), or small kernels of your own for the sizes that
    they cover, by size where they are for several: `{(3, 3): [...], (5, 5): [...]}`. Trained weights stay in the first
    branch. With `gamma="zero"` new branches add nothing at first, so that the model computes what it did; `one` lets
    them start as they fall. Convolutions over maps and lines are boosted; of a torch.fx or torch.export graph those too
    that it calls as functions. What was boosted, and what was left and why, stands in the new model's `boosting`.

    Raises `ArchError`: not-traceable, out-of-range, unsupported-module, pass-does-not-apply (nothing to boost).

    >>> import torch
    >>> model = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU()).eval()
    >>> better, x = boost(model, kernels="acb"), torch.randn(1, 3, 8, 8)
    >>> torch.allclose(better(x), model(x), atol=1e-6), type(better[0]).__name__
    (True, 'BoostedConv')
    >>> print(better.boosting)
    0 with 1: 1x3 at (2, 1), 3x1 at (1, 2)
    """
    choice = Choice(kernels, seed, types, rules, gamma, by)

    # A graph is copied at once, since its functions become modules; any other model once it was looked through.
    result = model
    if isinstance(model, fx.GraphModule):
        result = with_modules(copied(model))
    search = _Search(result)
    if result is model:
        result = copy.deepcopy(model)

    done: list[Boosted] = []
    for name, norm_name in search.found.items():
        conv: Any = result.get_submodule(name)
        norm = rest = None
        if norm_name:
            norm, rest = _taken(result.get_submodule(norm_name))
        try:
            new = choice.made(conv, norm, len(done))
        except _Stays as reason:
            search.left[name] = reason.name
            continue

        result.set_submodule(name, new)
        if rest is not None:
            result.set_submodule(norm_name, rest)
        done.append(Boosted(name, norm_name, new.windows))

    left = tuple(Left(*pair) for pair in search.left.items())
    if not done:
        raise _nothing(left)

    # In a graph, the branches stand node by node, where a fusion finds them.
    if isinstance(result, fx.GraphModule):
        result = inlined(result, [one.name for one in done])
    result.boosting = Boosting(tuple(done), left)  # type: ignore[assignment]  # torch knows tensors and modules alone
    return result


def _nothing(left: Sequence[Left]) -> ArchError:
    """The error of a model in which nothing can be boosted; a reason that holds for all stands in its message."""
    message = "this model has no convolution that can be boosted"
    help = ["convolutions over maps or lines with a kernel larger than 1x1 can be"]
    reasons = {one.reason for one in left}
    if len(reasons) == 1:
        message += f": {left[0].name} stays, {REASONS[left[0].reason]}"
    if "shared" in reasons:
        help.append("a module that is called several times is boosted once each call has one of its own")
    return ArchError(error("pass-does-not-apply", message, help=tuple(help), notes=[str(one) for one in left]))


def boostable(model: nn.Module) -> dict[str, str]:
    """The convolutions of a model that can be boosted, each with the batch norm that alone reads it (empty: none).

    Raises `ArchError` (not-traceable).
    """
    return dict(_Search(model).found)


def _taken(norm: nn.Module) -> tuple[nn.Module | None, nn.Module | None]:
    """The batch norm that goes into branch 0, and what takes its place: nothing, or what else its class does."""
    form: Any = norm
    # Exactly these: a subclass may do something of its own in `forward`.
    if type(norm) in (nn.BatchNorm1d, nn.BatchNorm2d, nn.SyncBatchNorm):
        return norm, nn.Identity()

    # timm's `BatchNormAct2d` is one of those: a batch norm, then `drop` and `act`, which stay in its place.
    if isinstance(norm, nn.BatchNorm2d) and isinstance(getattr(form, "act", None), nn.Module):
        plain = nn.BatchNorm2d(form.num_features, form.eps, form.momentum, form.affine, form.track_running_stats,
                               device=form.running_mean.device, dtype=form.running_mean.dtype)
        # Not strict: `drop` and `act` may have a state too, which the plain norm has no place for.
        plain.load_state_dict(form.state_dict(), strict=False)
        drop = getattr(form, "drop", None)
        if not isinstance(drop, nn.Module):
            drop = nn.Identity()
        return plain.train(form.training), nn.Sequential(drop, form.act)

    return None, None


class _Search:
    """The convolutions of a model that can be boosted with the batch norm that alone reads each (empty: none), and why
    others are left.
    """

    def __init__(self, model: nn.Module) -> None:
        self.model = model
        # Batch norms of any class stay one node, so that they are seen; boosted convolutions, so that they stay.
        if isinstance(model, fx.GraphModule):
            graph = model.graph
        else:
            graph = graph_of(model, (_BatchNorm, BoostedConv))
        called = [node for node in graph.nodes if node.op == "call_module"]
        self.targets = Counter(str(node.target) for node in called)
        # One module under two names would be replaced under one of them only.
        self.names = Counter(id(module) for _, module in model.named_modules(remove_duplicate=False))
        self.read = {str(node.target).rpartition(".")[0] for node in graph.nodes if node.op == "get_attr"}
        self.found: dict[str, str] = {}
        self.left: dict[str, str] = {}

        for node in called:
            self.visit(node)
        for node in graph.nodes:
            if node.op == "call_function" and (node.target in calls.CONVOLUTIONS or node.target in calls.TRANSPOSED):
                self.function(node)

        for name, module in model.named_modules():
            # Inside a module that is one node of the graph, calls are that module's own affair.
            known = name in self.targets or any(name.startswith(f"{done}.") for done in self.targets)
            if isinstance(module, _ConvNd) and not known and _large(module) and name not in self.read:
                self.left[name] = "not-called"

    def visit(self, node: fx.Node) -> None:
        """A module that the model calls."""
        name, conv = str(node.target), self.model.get_submodule(str(node.target))
        if not isinstance(conv, _ConvNd) or not _large(conv):
            return

        try:
            # A transposed convolution passes whatever its class, so that the reason is that it is transposed.
            kinds: tuple[type, ...] = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
            if isinstance(conv, _ConvTransposeNd):
                kinds = (type(conv),)
            plain_kind(conv, kinds)
            self.plain(name, conv)
        except (Obstacle, _Stays) as reason:
            self.left[name] = reason.name
            return

        self.found[name] = self.norm_of(node)

    def function(self, node: fx.Node) -> None:
        """A convolution that is no module."""
        turned = node.target in calls.TRANSPOSED
        spatial = (calls.TRANSPOSED if turned else calls.CONVOLUTIONS)[node.target]
        weight = argument(node, "weight")
        # A linear layer stands in the same table, as a convolution over no axes.
        if spatial == 0:
            return

        if not isinstance(weight, fx.Node) or weight.op != "get_attr":
            self.left[node.name] = "calculated-weights"
            return

        owner = str(weight.target).rpartition(".")[0]
        # 1x1 is no case of the report: nothing smaller could stand over it.
        if max(stored(self.model, weight).shape[2:]) > 1:
            reason = "function"
            if turned:
                reason = "transposed"
            elif isinstance(self.model.get_submodule(owner), _ConvNd):
                reason = "own-class"
            self.left[owner or node.name] = reason

    def plain(self, name: str, conv: nn.Module) -> None:
        """Raises _Stays where a convolution of torch's own cannot be replaced."""
        reasons = {
            "transposed": isinstance(conv, _ConvTransposeNd), "volume": isinstance(conv, nn.Conv3d),
            "shared": self.targets[name] > 1 or self.names[id(conv)] > 1, "read-elsewhere": name in self.read,
        }

        for reason, holds in reasons.items():
            if holds:
                raise _Stays(reason)

    def norm_of(self, node: fx.Node) -> str:
        """The batch norm that alone reads a convolution and can be its own."""
        # With a second reader of the convolution, what the norm reads is needed without the norm as well.
        if len(node.users) != 1:
            return ""
        reader = next(iter(node.users))
        if reader.op != "call_module":
            return ""

        name = str(reader.target)
        norm: Any = self.model.get_submodule(name)
        if not isinstance(norm, _BatchNorm) or self.targets[name] > 1 or self.names[id(norm)] > 1:
            return ""
        # Read elsewhere, or hooked: others rely on the norm where it is. Without statistics it cannot be folded.
        if name in self.read or any(getattr(norm, hook) for hook in HOOKS) or not norm.track_running_stats:
            return ""
        if norm.running_mean is None or _taken(norm)[0] is None:
            return ""
        return name


def _large(conv: Any) -> bool:
    """Tell whether a convolution's kernel is larger than 1x1, or not there yet."""
    return bool(max(conv.kernel_size) > 1)
