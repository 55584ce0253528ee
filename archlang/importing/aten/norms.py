"""Normalisations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod
from typing import Any

from archlang.importing.held import Known, Ref
from archlang.importing.layouts import beside, merged, rows, unrolled
from archlang.importing.reader import NoWordError, StepReader, origin
from archlang.importing.steps import Origin, State, Static

SMALL = 1e-5
"""The number that most norms add to the variance."""


def _affine(r: StepReader, call: Mapping[str, Any], args: dict[str, Static], shown: bool = True) -> dict[str, Origin]:
    """The scale and the shift; `affine` is said where it is not what is left out (`shown`)."""
    weight, bias = call.get("weight"), call.get("bias")
    if weight is None and bias is None:
        if shown:
            args["affine"] = False
        return {}
    if not isinstance(weight, Known):
        raise NoWordError("it has no scale, or one that is calculated from the input")

    r.derived(weight)
    weights = {"weight": origin(weight)}
    # Norms without a shift are rare, and the language has one of those alone, the rms norm.
    if isinstance(bias, Known):
        r.derived(bias)
        weights["bias"] = origin(bias)
    elif bias is None:
        # The language's norm has both; a shift of 0 says the same.
        weights["bias"] = Origin(lambda state: weight.read(state) * 0, weight.names)
        r.remark("the norm has no shift; the file's has one, which starts at 0")
    else:
        raise NoWordError("its shift is calculated from the input")
    return weights


def _counted(name: str) -> Callable[[State], Any]:
    """Read a norm's count of batches, which stands beside its running mean; 0 where it counts none."""
    beside = name.removesuffix("running_mean") + "num_batches_tracked"

    def read(state: State) -> Any:
        if beside in state:
            return state[beside]
        import torch

        return torch.zeros((), dtype=torch.int64)

    return read


def _running(call: Mapping[str, Any], weights: dict[str, Origin]) -> None:
    """Add the running statistics."""
    mean, variance = call["running_mean"], call["running_var"]
    if not isinstance(mean, Known) or not isinstance(variance, Known):
        raise NoWordError("its running statistics are not the model's own")

    weights["running_mean"], weights["running_var"] = origin(mean), origin(variance)
    name = "".join(mean.names[:1])
    weights["num_batches_tracked"] = Origin(_counted(name), ())


def _batch_norm(r: StepReader, call: Mapping[str, Any]) -> Ref:
    # Positions or windows beside the samples are more places of each channel.
    parts = beside(r, r.loose(call["input"]))
    if parts is not None:
        sizes = r.sizes[parts.value]
        flat = r.resized(parts.value, (sizes[0], prod(sizes[1:])))
        made = _normed(r, flat, call)
        return parts.on(r.resized(made.value, sizes))
    return _normed(r, r.plain(r.tensor(call["input"])), call)


def _normed(r: StepReader, value: int, call: Mapping[str, Any]) -> Ref:
    args: dict[str, Static] = {}
    if call["eps"] != SMALL:
        args["eps"] = call["eps"]
    if call["momentum"] != 0.1:
        args["momentum"] = call["momentum"]

    weights = _affine(r, call, args)
    # Without statistics of its own a norm takes those of the batch in evaluation, too.
    if call["running_mean"] is None:
        args["running"] = False
    else:
        _running(call, weights)
    return r.step("batch_norm", (value,), r.sizes[value], args, weights)


def _instance_norm(r: StepReader, call: Mapping[str, Any]) -> Ref:
    value = r.plain(r.tensor(call["input"]))
    args: dict[str, Static] = {}
    if call["eps"] != SMALL:
        args["eps"] = call["eps"]

    # An instance norm has no scale unless it is told, other norms have one.
    weights = _affine(r, call, args, shown=False)
    if weights:
        args["affine"] = True
    if call["running_mean"] is not None:
        raise NoWordError("an instance norm with running statistics")
    return r.step("instance_norm", (value,), r.sizes[value], args, weights)


def _group_norm(r: StepReader, call: Mapping[str, Any]) -> Ref:
    value = r.plain(r.tensor(call["input"]))
    args: dict[str, Static] = {"groups": call["num_groups"]}
    if call["eps"] != SMALL:
        args["eps"] = call["eps"]
    return r.step("group_norm", (value,), r.sizes[value], args, _affine(r, call, args))


def _layer_norm(r: StepReader, call: Mapping[str, Any]) -> Ref:
    ref = r.loose(call["input"])
    args: dict[str, Static] = {}
    if call["eps"] != SMALL:
        args["eps"] = call["eps"]
    return _over_features(r, ref, call, args, "layer_norm", lambda: _affine(r, call, args))


def _rms_norm(r: StepReader, call: Mapping[str, Any]) -> Ref:
    ref = r.loose(call["input"])
    weight, eps = call.get("weight"), call["eps"]
    if eps is None:
        raise NoWordError("it adds the smallest number of the kind, and not a number of its own")
    args: dict[str, Static] = {}
    if eps != 1e-6:
        args["eps"] = eps

    def weights() -> dict[str, Origin]:
        if weight is None:
            args["affine"] = False
            return {}
        if not isinstance(weight, Known):
            raise NoWordError("its scale is calculated from the input")
        return {"weight": origin(weight)}

    return _over_features(r, ref, call, args, "rms_norm", weights)


def _over_features(
    r: StepReader, ref: Ref, call: Mapping[str, Any], args: dict[str, Static], op: str,
    weights: Callable[[], dict[str, Origin]],
) -> Ref:
    """A norm over the last axis: the features of a sequence, or the channels of a map whose axes were turned."""
    if len(call["normalized_shape"]) != 1:
        raise NoWordError("it runs over several axes")

    if len(ref.dims[-1]) != 1:
        ref = merged(r, ref)
    sizes = r.sizes[ref.value]
    last = r.axis(ref, -1)
    # The language's norm of a map runs over its channels, wherever torch had them.
    if (len(sizes) in (3, 4) and last == 0) or (len(sizes) == 2 and last == 1) or len(sizes) == 1:
        made = r.step(op, (ref.value,), sizes, args, weights())
        return ref.on(made.value)

    # Of anything else the rows are a sequence for a moment.
    value, laid = rows(r, ref)
    made = r.step(op, (value,), r.sizes[value], args, weights())
    return unrolled(r, made.value, laid)


READERS: Mapping[str, Callable[[StepReader, Mapping[str, Any]], Any]] = {
    "batch_norm": _batch_norm, "instance_norm": _instance_norm, "group_norm": _group_norm, "layer_norm": _layer_norm,
    "rms_norm": _rms_norm,
}
