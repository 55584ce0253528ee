"""Operations become nodes: what may enter one, and how a wrong use is reported at its place."""

from __future__ import annotations

from collections.abc import Sequence

from archlang.diagnostics import Label
from archlang.elaborate.context import COPY, Build, chain, repeated
from archlang.elaborate.values import (
    POISON,
    BundleValue,
    Flowing,
    GridValue,
    OpStage,
    Place,
    Poison,
    Poisoned,
    Stage,
    TensorValue,
    Value,
)
from archlang.ops.kinds import Fault, TensorKind
from archlang.shapes import Bundle
from archlang.source import Span


def operation(b: Build, stage: OpStage, value: Flowing, at: Span, place: Place, called: str) -> Flowing:
    """Append the node of an operation, its module called `called`, and return what it makes."""
    name = place.unique(called)
    if isinstance(value, Poison):
        return POISON
    extra = [a.name for a in stage.op.args if isinstance(a.kind, TensorKind)]
    further: list[TensorValue] = []
    spans: list[Span] = []
    for argument in extra:
        given = stage.given[argument]
        tensors = given if isinstance(given, tuple) else (given,)
        further.extend(tensors)
        spans.extend(stage.given.places.get(argument, (stage.span,) * len(tensors)))
    inputs = (*entering(b, stage, value, at, place, bool(further)), *further)
    args = {k: v for k, v in stage.given.values.items() if k not in extra}
    again = None if b.surveying or stage.op.copies else repeated(inputs)
    if again is not None:
        raise _same_twice(b, stage, again, inputs, [at, *spans], place)
    try:
        outputs = b.emit(stage.op, args, inputs, (*place.path, name), place, stage.span)
    except Fault as fault:
        raise _misused(b, fault, stage, inputs, [at, *spans], place) from None
    return outputs[0] if len(outputs) == 1 else BundleValue(outputs)


def entering(b: Build, stage: Stage, value: Value, at: Span, place: Place,
             joined: bool = False) -> tuple[TensorValue, ...]:
    """The tensors that enter an operation: the one of the flow, or all members of a bundle where it takes one."""
    takes = stage.op.takes if isinstance(stage, OpStage) else "bundle"
    name = stage.name if isinstance(stage, OpStage) else "this stage"
    if isinstance(value, TensorValue):
        if takes == "bundle" and not joined:
            raise b.refuse("expected-bundle", f"`{name}` brings the members of a bundle together, this is one tensor",
                           stage.span, secondary=(Label(at, f"this is {value.type}"),), notes=chain(place))
        return (value,)
    if isinstance(value, GridValue):
        raise no_grid(b, stage, name, value, at, place)
    if takes == "tensor" or joined:
        raise b.refuse("expected-tensor", f"`{name}` takes one tensor, a bundle flows in", stage.span,
                       secondary=(Label(at, f"this is {value.type}"),), notes=chain(place),
                       help=f"`each {{ {name} }}` gives each its own weights, `shared {{ {name} }}` all the same")
    for member in value.members:
        if not isinstance(member, TensorValue):
            raise b.refuse("expected-tensor", f"`{name}` takes a bundle of tensors, this one holds bundles", stage.span,
                           secondary=(Label(at, f"this is {value.type}"),), notes=chain(place))
    return value.members  # type: ignore[return-value]  # all are tensors, checked above


def no_grid(b: Build, stage: Stage, name: str, value: GridValue, at: Span, place: Place) -> Poisoned:
    """Report a grid where a tensor or a bundle is wanted, and return what to raise after it."""
    message = f"`{name}` cannot take a grid of patches"
    does = f"`shared {{ {name} ... }}`" if isinstance(stage, OpStage) and stage.op.takes == "tensor" else "`shared`"
    help = (f"{does} does the same to every patch, `experts(n, router) {{ ... }}` chooses for each",
            "`unpatch` makes one map of them again")
    return b.refuse("expected-tensor", message, stage.span, secondary=(Label(at, f"this is {value.type}"),),
                    notes=chain(place), help=help)


def _misused(b: Build, fault: Fault, stage: OpStage, inputs: Sequence[TensorValue], spans: Sequence[Span],
             place: Place) -> Poisoned:
    """The fault as a mistake: what flowed in is labelled, and so is the further tensor that differs from it."""
    further = len(spans) - 1
    entered = inputs[: len(inputs) - further]
    joined = entered[0].type if len(entered) == 1 else Bundle(tuple(v.type for v in entered))
    at, where = spans[0], stage.span
    if further and fault.input:
        which = fault.input - len(entered)
        fault.label = f"this is {inputs[fault.input].type}"
        where = spans[1 + which] if further > 1 else where
        fault.help = (*fault.help, *_passes(inputs[fault.input], spans[1 + which]), *_passes(inputs[0], at))
    elif fault.input and not further:
        fault.label = f"member {fault.input} is {inputs[fault.input].type}"
    elif fault.input == 0 and not _covers(at, where):
        fault.label = ""  # the place where it comes from says so
    elif _covers(at, where) and not fault.label:
        fault.label = f"{joined} flows in"
    secondary = [] if _covers(at, where) else [Label(at, f"this is {joined}")]
    return b.fault(fault, where, stage.given, place, secondary)


def _same_twice(b: Build, stage: OpStage, again: tuple[int, int], inputs: Sequence[TensorValue],
                spans: Sequence[Span], place: Place) -> Poisoned:
    """Report an operation that would merge a tensor with itself, at the second of the two."""
    further = len(spans) - 1
    first, second = again
    entered = len(inputs) - further
    where, label = stage.span, f"members {first} and {second} are one tensor"
    secondary = []
    if second >= entered:
        where, label = spans[1 + second - entered], "the same tensor again"
        secondary = [Label(spans[0] if first < entered else spans[1 + first - entered], "this tensor")]

    help = (*_passes(inputs[second], where), *_passes(inputs[first], spans[0]), COPY)
    return b.refuse("same-twice", f"`{stage.name}` would merge a tensor with itself", where, label,
                    secondary=secondary, notes=chain(place), help=tuple(dict.fromkeys(help)))


def _covers(outer: Span, inner: Span) -> bool:
    """Tell whether a place in the text holds another, so that one label for both has to do."""
    return outer.source is inner.source and outer.start <= inner.start and inner.end <= outer.end


def _passes(value: TensorValue, span: Span) -> tuple[str, ...]:
    if value.passed is None:
        return ()
    test = value.passed.text[:60]
    return (f"`{span.text[:40]}` passes its input through: the test `{test}` is false here",)
