"""The round trip: the file's results beside the torch model's, with numbers that nothing hides behind."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.overrides import TorchFunctionMode

from archlang.diagnostics import ArchError, error
from archlang.diagnostics.text import one_line
from archlang.importing.calls import TorchCall
from archlang.importing.steps import State
from archlang.layers.chance import SHARED

TOLERANCE = 1e-9
"""The largest difference of outputs in float64, over the largest output."""

EXPORTED = 2
"""Samples of the example that a model is exported with, as a rule."""

LARGE = 3 * 64 * 64
"""Numbers of a sample from which on one sample is compared, and not three."""

ROOM = 1e-12
"""Outputs smaller than this say nothing of what made them."""


def perturbed(model: nn.Module) -> nn.Module:
    """A copy of a model in float64 whose parameters and running statistics are drawn anew.

    A scale of 0 at the end of a residual branch, or a layer scale of 1e-6, would hide all that stands before it.
    """
    # Parameters are drawn anew: memory for them is made once, in the kind of numbers that they will have.
    fresh: dict[int, Any] = {}
    for parameter in model.parameters():
        if not parameter.is_floating_point() or type(parameter) is not nn.Parameter:
            continue
        fresh[id(parameter)] = nn.Parameter(torch.empty_like(parameter, dtype=torch.float64), parameter.requires_grad)
    # The older weight norm keeps what it calculated beside the parameters, and nothing copies such a tensor by itself.
    for part in model.modules():
        for value in vars(part).values():
            if isinstance(value, Tensor) and value.grad_fn is not None:
                fresh[id(value)] = value.detach().double()
    with warnings.catch_warnings():
        # torch's own, of how it stores the form of a program's arguments.
        warnings.simplefilter("ignore", FutureWarning)
        double = copy.deepcopy(model, fresh).double()
    # The module of an exported program knows no modes.
    if not isinstance(double, fx.GraphModule):
        double.eval()
    source = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, value in double.named_parameters():
            _draw(name, value, source)
        for name, buffer in double.named_buffers():
            # Statistics as they start would hide that a norm uses them at all.
            if name.endswith("running_mean"):
                buffer.copy_(torch.randn(buffer.shape, generator=source, dtype=buffer.dtype) * 0.1)
            elif name.endswith("running_var"):
                buffer.copy_(torch.rand(buffer.shape, generator=source, dtype=buffer.dtype) + 0.5)
    return double


def _draw(name: str, value: Tensor, source: torch.Generator) -> None:
    """New numbers for a parameter: kernels of the variance that keeps sizes, scales near 1, shifts near 0."""
    if value.dim() >= 2:
        bound = 3 / max(1, value[0].numel()) ** 0.5
        value.uniform_(-bound, bound, generator=source)
    elif name.endswith("weight") or "gamma" in name or "scale" in name:
        value.uniform_(0.6, 1.4, generator=source)
    else:
        value.uniform_(-0.2, 0.2, generator=source)


def samples(
    sizes: Sequence[tuple[int, ...]], count: int | None, ranges: Mapping[int, int] = {}
) -> tuple[Tensor, ...]:
    """Random inputs in float64: `count` samples, or else another number of them than the two that are exported.

    `ranges` say for inputs of whole numbers, by their place, how many there are.
    """
    # Another number of samples than was exported finds what was kept as a number; of large ones one alone, for time.
    source = torch.Generator().manual_seed(1)
    if count is None:
        count = 3
        if sum(prod(size) for size in sizes) > LARGE:
            count = 1
    drawn = []
    for at, size in enumerate(sizes):
        if at in ranges:
            drawn.append(torch.randint(0, ranges[at], (count, *size), generator=source))
        else:
            drawn.append(torch.randn((count, *size), generator=source, dtype=torch.float64))
    return tuple(drawn)


def flat(value: Any) -> list[Tensor]:
    """All tensors of an output."""
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list | tuple):
        return [tensor for one in value for tensor in flat(one)]
    return []


def difference(ours: Any, theirs: Any) -> float:
    """The largest difference of two outputs, over the largest number of the second; infinite where sizes differ."""
    first, second = flat(ours), flat(theirs)
    if [one.shape for one in first] != [one.shape for one in second] or not first:
        return float("inf")

    worst = 0.0
    for one, other in zip(first, second, strict=True):
        size = float(other.abs().max())
        if not size > ROOM:  # nothing, or no number
            return float("inf")
        worst = max(worst, float((one.to(other.dtype) - other).abs().max()) / size)
    return worst


class TorchComparison:
    """A torch model with perturbed weights in float64, which networks with the same weights are compared with.

    Args:
        theirs: the torch model.
        call: how it is called.
        take: gives a network's tensors for a state of the torch model; they may share memory with it.
        extra: constants that the torch model's `state_dict` does not hold.
    """

    def __init__(
        self, theirs: nn.Module, call: TorchCall, take: Callable[[State], Mapping[str, Tensor]], extra: State
    ) -> None:
        self.call = call
        # Both take the same numbers, once: constants of the graph come along, which no state holds.
        self.theirs = perturbed(theirs)
        state = self.theirs.state_dict(keep_vars=False)
        constants = {name: _double(value) for name, value in extra.items() if name not in state}
        self.tensors = dict(take({**constants, **state}))

    def verify(
        self, ours: nn.Module, sizes: Sequence[tuple[int, ...]], count: int | None = None,
        ranges: Mapping[int, int] = {},
    ) -> float:
        """Compare a network, which is changed, and return the largest relative difference.

        The network has the tensors of the torch model afterwards, in float64, and both share their memory.
        `count` is the only batch that a stored program takes, `ranges` are those of whole inputs by their place.
        Raises `ArchError` (not-equal).
        """
        self.lend(ours)
        inputs = samples(sizes, count, ranges)
        found = self._differs(ours, inputs)
        if not found <= TOLERANCE:
            raise self._unequal(found, ours, samples(sizes, EXPORTED, ranges), inputs)
        return found

    def difference(self, ours: nn.Module, sizes: Sequence[tuple[int, ...]]) -> float:
        """The largest relative difference of a network, which is changed, on samples of sizes other than its own."""
        self.lend(ours)
        # No step says a size, so that the code of the one is that of the other: what is checked before it is not.
        return self._differs(ours.forward, samples(sizes, None))

    def lend(self, ours: nn.Module) -> None:
        """Give a network the perturbed tensors, in evaluation mode: evaluation writes into none, so that both use one.

        Copies of a large network's would take as long as its outputs.
        """
        ours.load_state_dict(self.tensors, assign=True)
        ours.double().eval()

    def _differs(self, ours: Callable[..., Any], inputs: Sequence[Tensor]) -> float:
        with torch.no_grad():
            return difference(ours(*inputs), self._right(inputs))

    def _right(self, inputs: Sequence[Tensor]) -> Any:
        """The torch model's outputs. Raises `ArchError` (not-importable) where it does not run in float64."""
        with _Wide():
            return self._run(inputs)

    def _run(self, inputs: Sequence[Tensor]) -> Any:
        try:
            return self.call.on(self.theirs, inputs)
        except RuntimeError:
            # Code that makes tensors of its own, such as a first state, makes them in torch's default kind.
            with SHARED:
                before = torch.get_default_dtype()
                torch.set_default_dtype(torch.float64)
                try:
                    return self.call.on(self.theirs, inputs)
                except RuntimeError as problem:
                    said = one_line(f"{type(problem).__name__}: {problem}", 200)
                    message = f"the torch model does not run in float64, in which both are compared: {said}"
                    raise ArchError(error("not-importable", message)) from None
                finally:
                    torch.set_default_dtype(before)

    def _unequal(self, found: float, ours: nn.Module, again: Sequence[Tensor], inputs: Sequence[Tensor]) -> ArchError:
        """The error for networks that differ, with what can be told of the reason."""
        # Python code reads the number of samples while it is exported, and keeps it as a number.
        if len(inputs[0]) != EXPORTED and self._differs(ours, again) <= TOLERANCE:
            message = "the torch model computes something else for each number of samples, and no network does"
            return ArchError(error("not-importable", message))
        message = f"the imported network computes something else than the torch model: it differs by {found:.2g}"
        return ArchError(error("not-equal", message))


class _Wide(TorchFunctionMode):
    """While a model runs in float64, code that widens half precision to float32 keeps float64.

    In a model of float32 such a call does nothing; here it would round, and both could not be equal.
    """

    def __torch_function__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        kwargs = dict(kwargs or {})
        wide = bool(args) and isinstance(args[0], Tensor) and args[0].dtype is torch.float64
        if wide and kwargs.get("dtype") is torch.float32:
            kwargs["dtype"] = torch.float64
        made = func(*args, **kwargs)
        if wide and func in NARROWING and made.dtype is torch.float32:
            return args[0]
        return made


NARROWING = (Tensor.float, Tensor.to, Tensor.type)
"""Calls that may turn float64 into float32."""


def _double(value: Tensor) -> Tensor:
    if value.is_floating_point():
        return value.double()
    return value
