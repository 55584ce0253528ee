"""Any model with its convolutions boosted: an ordinary module again, trained on and then fused."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, Literal

from torch import Tensor, fx, nn
from torch.nn import functional
from torch.nn.modules.batchnorm import _BatchNorm

from archlang.diagnostics import ArchError, error
from archlang.kernels import PEERS, Extent, Padding, Window, branch_padding, candidate, complaints, padding_steps

Gamma = Literal["zero", "one"]


class BoostedConv(nn.Module):
    """A convolution and its batch norm with small kernels over the large one; their sum is what the convolution gave.

    `branches[0]` is the convolution with its norm; `branches[l]` the l-th small kernel with a norm of its own, where
    the convolution had one (PBConv, section 4.2, eq. 10).
    """

    def __init__(self, conv: nn.Conv2d, norm: nn.Module | None, windows: Sequence[Window],
                 gamma: Gamma = "one") -> None:
        super().__init__()
        kernel = (conv.kernel_size[0], conv.kernel_size[1])
        self.windows, self.mode = tuple(windows), conv.padding_mode
        outer = outer_padding(conv)
        dilation = (conv.dilation[0], conv.dilation[1])
        zeros = conv.padding_mode == "zeros"
        self.steps = [padding_steps(branch_padding(outer, dilation, kernel, w), outer, zeros) for w in windows]
        small = [_small(conv, norm, window, gamma) for window in windows]
        self.branches = nn.ModuleList([nn.Sequential(conv, *([norm] if norm is not None else [])), *small])

    def forward(self, x: Tensor) -> Tensor:
        """[batch, C, H, W] to [batch, D, H', W']."""
        total: Tensor = self.branches[0](x)
        for branch, (added, cut) in zip(list(self.branches)[1:], self.steps, strict=True):
            total = total + branch(padded(x, added, cut, self.mode))
        return total

    def extra_repr(self) -> str:
        """Its small kernels."""
        return ", ".join(map(str, self.windows))


def padded(x: Tensor, added: Padding, cut: Padding, mode: str) -> Tensor:
    """Cells added, then cells cut off, each where there are any."""
    if any(cells for pair in added for cells in pair):
        x = functional.pad(x, _flat(added), "constant" if mode == "zeros" else mode)
    return functional.pad(x, _flat(cut)) if any(cells for pair in cut for cells in pair) else x


def _flat(padding: Padding) -> list[int]:
    return [*padding[1], *padding[0]]


def outer_padding(conv: nn.Conv2d) -> Padding:
    """The cells that a convolution adds before and after rows and columns."""
    if conv.padding == "valid":
        return (0, 0), (0, 0)
    if conv.padding == "same":
        totals = [d * (k - 1) for d, k in zip(conv.dilation, conv.kernel_size, strict=True)]
        return (totals[0] // 2, totals[0] - totals[0] // 2), (totals[1] // 2, totals[1] - totals[1] // 2)
    given: Any = conv.padding
    rows, columns = given
    return (int(rows), int(rows)), (int(columns), int(columns))


def _small(conv: nn.Conv2d, norm: nn.Module | None, window: Window, gamma: Gamma) -> nn.Sequential:
    like: dict[str, Any] = {"device": conv.weight.device, "dtype": conv.weight.dtype}
    stride, dilation = (conv.stride[0], conv.stride[1]), (conv.dilation[0], conv.dilation[1])
    made = nn.Conv2d(conv.in_channels, conv.out_channels, (window.height, window.width), stride, 0, dilation,
                     conv.groups, bias=False, **like)
    if norm is None:
        if gamma == "zero":
            nn.init.zeros_(made.weight)
        return nn.Sequential(made)
    form: Any = norm
    new = nn.BatchNorm2d(conv.out_channels, form.eps, form.momentum, device=form.running_mean.device,
                         dtype=form.running_mean.dtype)
    if gamma == "zero":
        nn.init.zeros_(new.weight)
    return nn.Sequential(made, new.train(form.training))


# --- finding them ----------------------------------------------------------------------------------------------------


class _Tracer(fx.Tracer):
    """Batch norms of any class stay whole, so that they are seen."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return isinstance(m, _BatchNorm | BoostedConv) or super().is_leaf_module(m, module_qualified_name)


def boost(model: nn.Module, *, kernels: str | Sequence[Window] = "pbconv", seed: int = 0, types: int | None = None,
          rules: str = "full", gamma: Gamma = "zero") -> nn.Module:
    """A copy of a model in which every plane convolution with a kernel larger than 1x1 is boosted, with its batch norm.

    `kernels` is `pbconv` (candidates by `seed`, `types` and `rules`, one for each kernel size), `acb`, `dbb` (its 1x1
    kernel), or small kernels of your own for the sizes that they cover. Trained weights stay in the first branch. With
    `gamma="zero"` the new branches add nothing at first, so that the model computes what it did; `one` lets them start
    as they fall. Convolutions that are called twice or are of a class of their own are left alone.

    Raises `ArchError`: not-traceable, out-of-range, pass-does-not-apply (nothing to boost).

    >>> import torch
    >>> model = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU()).eval()
    >>> better, x = boost(model, seed=7), torch.randn(1, 3, 8, 8)
    >>> torch.allclose(better(x), model(x), atol=1e-6), type(better[0]).__name__
    (True, 'BoostedConv')
    """
    found = _pairs(model)
    made = copy.deepcopy(model)
    done = 0
    for name, norm_name in found.items():
        conv: Any = made.get_submodule(name)
        windows = _windows((conv.kernel_size[0], conv.kernel_size[1]), kernels, seed, types, rules)
        if not windows:
            continue
        norm, rest = _taken(made.get_submodule(norm_name)) if norm_name else (None, None)
        made.set_submodule(name, BoostedConv(conv, norm, windows, gamma))
        if rest is not None:
            made.set_submodule(norm_name, rest)
        done += 1
    if not done:
        raise ArchError(error("pass-does-not-apply", "this model has no convolution that can be boosted",
                              help="convolutions over maps with a kernel larger than 1x1 can be"))
    if isinstance(made, fx.GraphModule):
        made.recompile()
    return made


def _windows(kernel: Extent, kernels: str | Sequence[Window], seed: int, types: int | None,
             rules: str) -> tuple[Window, ...]:
    if not isinstance(kernels, str):
        return tuple(kernels) if not complaints(kernel, kernels) else ()
    if kernels in PEERS:
        return PEERS[kernels](kernel)
    if kernels != "pbconv":
        raise ArchError(error("out-of-range", f"kernels are `pbconv`, `acb`, `dbb` or a list, not {kernels[:40]!r}"))
    try:
        return candidate(kernel, seed, types, rules)
    except (ValueError, KeyError) as problem:
        raise ArchError(error("out-of-range", f"no candidate: {problem}")) from None


def _taken(norm: nn.Module) -> tuple[nn.Module | None, nn.Module | None]:
    """The batch norm that goes into branch 0, and what takes its place: nothing, or what else its class does."""
    form: Any = norm
    if type(norm) in (nn.BatchNorm2d, nn.SyncBatchNorm):
        return norm, nn.Identity()
    if isinstance(norm, nn.BatchNorm2d) and isinstance(getattr(form, "act", None), nn.Module):
        plain = nn.BatchNorm2d(form.num_features, form.eps, form.momentum, form.affine, form.track_running_stats,
                               device=form.running_mean.device, dtype=form.running_mean.dtype)
        plain.load_state_dict(form.state_dict(), strict=False)
        drop = form.drop if isinstance(getattr(form, "drop", None), nn.Module) else nn.Identity()
        return plain.train(form.training), nn.Sequential(drop, form.act)
    return None, None


def _pairs(model: nn.Module) -> dict[str, str]:
    """Each convolution that can be boosted, and the batch norm that alone reads it (empty: none)."""
    try:
        graph = _Tracer().trace(model)
    except Exception as problem:
        message = f"this model cannot be traced: {str(problem).splitlines()[0][:200] if str(problem) else problem!r}"
        raise ArchError(error("not-traceable", message, help="boost the parts of it that can be")) from problem
    calls = [node for node in graph.nodes if node.op == "call_module"]
    targets = [str(node.target) for node in calls]
    read = {str(node.target).rpartition(".")[0] for node in graph.nodes if node.op == "get_attr"}
    found = {}
    for node in calls:
        name, conv = str(node.target), model.get_submodule(str(node.target))
        if type(conv) is not nn.Conv2d or max(conv.kernel_size) == 1 or targets.count(name) > 1 or name in read:
            continue
        if sum(module is conv for _, module in model.named_modules(remove_duplicate=False)) > 1 or _watched(conv):
            continue
        found[name] = _norm_of(model, node, targets)
    return found


def _watched(module: nn.Module) -> bool:
    hooks = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks", "parametrizations")
    return any(getattr(module, name, None) for name in hooks)


def _norm_of(model: nn.Module, node: fx.Node, targets: list[str]) -> str:
    (reader, *others) = [*node.users, None]
    if reader is None or others != [None] or reader.op != "call_module":
        return ""
    name = str(reader.target)
    norm: Any = model.get_submodule(name)
    plain = isinstance(norm, _BatchNorm) and targets.count(name) == 1 and not _watched(norm)
    fits = plain and norm.track_running_stats and norm.running_mean is not None and _taken(norm)[0] is not None
    return name if fits else ""
