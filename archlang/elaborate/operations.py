"""Operations become nodes: what may enter one, and how a wrong use is reported at its place."""

from __future__ import annotations

from collections.abc import Sequence

from archlang.diagnostics import Label
from archlang.elaborate.context import COPY, Build, chain, repeated
from archlang.elaborate.own import OwnTensor, made
from archlang.elaborate.placing import signature_of
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
from archlang.ops.kinds import Fault
from archlang.ops.model import OpCall
from archlang.ops.rules import AXES, need_members
from archlang.ops.tables import Table
from archlang.ops.values import InputAt
from archlang.shapes import Bundle, Type
from archlang.source import Span


def operation(b: Build, stage: OpStage, value: Flowing, at: Span, place: Place, called: str) -> Flowing:
    """Append the node of an operation, its module called `called`, and return what it makes."""
    # The name is taken even behind a mistake, so that the modules after it are called as they will be.
    name = place.unique(called)
    if isinstance(value, Poison):
        return POISON

    # What reads the table of a layer has no module of its own: it runs that one.
    path = next((given.path for given in stage.given.values.values() if isinstance(given, Table)), (*place.path, name))

    # Arguments that are tensors are edges of the graph, behind what flows in.
    further, spans = _further(b, stage, value, place.at(name))
    entered = entering(b, stage, value, at, place, bool(further))
    inputs = (*entered, *further)
    args = _without_tensors(stage, len(entered))

    # `Build.emit` refuses this too, but does not know where each tensor stands in the text.
    if not (b.surveying or stage.op.copies):
        same = repeated(inputs)
        if same is not None:
            raise _same_twice(b, stage, same, inputs, [at, *spans], place)

    try:
        if stage.op.equal and not further:
            need_members(OpCall(tuple(v.type for v in inputs), args), stage.name)
        outputs = b.emit(stage.op, args, inputs, path, place, stage.span)
    except Fault as fault:
        raise _misused(b, fault, stage, inputs, [at, *spans], place) from None
    if len(outputs) == 1:
        return outputs[0]
    return BundleValue(outputs)


def _tensors(b: Build, given: Sequence[TensorValue | OwnTensor], value: Value, place: Place) -> list[TensorValue]:
    """The tensors of an argument, those of the file's own made in `place`. Raises `Poisoned` while code is read."""
    found: list[TensorValue] = []
    for one in given:
        tensor: Flowing = made(b, one, place, value) if isinstance(one, OwnTensor) else one
        if not isinstance(tensor, TensorValue):
            raise Poisoned
        found.append(tensor)
    return found


def _further(b: Build, stage: OpStage, value: Value, place: Place) -> tuple[list[TensorValue], list[Span]]:
    """The tensors of an operation's arguments, those of the file's own made in `place`, and the place of each."""
    further: list[TensorValue] = []
    spans: list[Span] = []
    takes = signature_of(stage.op)
    for argument in takes.names:
        if argument not in takes.tensors:
            continue
        tensors = stage.given[argument]
        if tensors is None:  # one that may be left out, and is
            continue
        if not isinstance(tensors, tuple):
            tensors = (tensors,)
        further.extend(_tensors(b, tensors, value, place))
        spans.extend(stage.given.places.get(argument, (stage.span,) * len(tensors)))
    return further, spans


def _without_tensors(stage: OpStage, entered: int) -> dict[str, object]:
    """The arguments as the node holds them; of a tensor that may be left out, which of its inputs it is.

    `entered` tensors stand before those of the arguments.
    """
    takes = signature_of(stage.op)
    args: dict[str, object] = {}
    for name, value in stage.given.values.items():
        if name in takes.optional and value is not None:
            args[name] = InputAt(entered)
            entered += 1
        elif name in takes.optional or name not in takes.tensors:
            args[name] = value
        elif isinstance(value, tuple):
            entered += len(value)
        else:
            entered += 1
    return args


def entering(b: Build, stage: Stage, value: Value, at: Span, place: Place,
             joined: bool = False) -> tuple[TensorValue, ...]:
    """The tensors that enter an operation: the one of the flow, or all members of a bundle where it takes one."""
    takes, name = "bundle", "this stage"
    if isinstance(stage, OpStage):
        takes, name = stage.op.takes, stage.name

    if isinstance(value, TensorValue):
        # With further tensors in its arguments, `x -> add(y)`, one that flows in is enough to bring together.
        if takes == "bundle" and not joined:
            raise b.refuse("expected-bundle", f"`{name}` brings the members of a bundle together, this is one tensor",
                           stage.span, secondary=(Label(at, f"this is {value.type}"),), notes=chain(place))
        return (value,)

    if isinstance(value, GridValue):
        raise no_grid(b, stage, name, value, at, place)
    # A bundle and further tensors, `(x, y) -> add(z)`: which member the further ones belong to is not said.
    if takes == "tensor" or joined:
        raise b.refuse("expected-tensor", f"`{name}` takes one tensor, a bundle flows in", stage.span,
                       secondary=(Label(at, f"this is {value.type}"),), notes=chain(place),
                       help=(f"`each {{ {name} }}` gives each its own weights, `shared {{ {name} }}` all the same",
                             f"`sum`, `mean` or `concat` before it makes one tensor of them: `-> sum -> {name}`"))
    for member in value.members:
        if not isinstance(member, TensorValue):
            raise b.refuse("expected-tensor", f"`{name}` takes a bundle of tensors, this one holds bundles", stage.span,
                           secondary=(Label(at, f"this is {value.type}"),), notes=chain(place))
    return value.members  # type: ignore[return-value]  # all are tensors, checked above


def no_grid(b: Build, stage: Stage, name: str, value: GridValue, at: Span, place: Place) -> Poisoned:
    """Report a grid where a tensor or a bundle is wanted, and return what to raise after it."""
    message = f"`{name}` cannot take a grid of patches"
    does = "`shared`"
    if isinstance(stage, OpStage) and stage.op.takes == "tensor":
        does = f"`shared {{ {name} ... }}`"
    help = (f"{does} does the same to every patch, `experts(n, router) {{ ... }}` chooses for each",
            "`unpatch` makes one map of them again")
    return b.refuse("expected-tensor", message, stage.span, secondary=(Label(at, f"this is {value.type}"),),
                    notes=chain(place), help=help)


def _misused(b: Build, fault: Fault, stage: OpStage, inputs: Sequence[TensorValue], spans: Sequence[Span],
             place: Place) -> Poisoned:
    """The fault as a mistake: what flowed in is labelled, and so is the further tensor that differs from it.

    `spans` are the places of what flows in and of each further tensor.
    """
    further = len(spans) - 1
    entered = inputs[: len(inputs) - further]
    joined: Type = Bundle(tuple(value.type for value in entered))
    if len(entered) == 1:
        joined = entered[0].type

    at, where = spans[0], stage.span
    if further and fault.input:
        which = fault.input - len(entered)
        fault.label = f"this is {inputs[fault.input].type}"
        # Of several further tensors the one at fault is underlined; a single one is clear from the stage.
        if further > 1:
            where = spans[1 + which]
        fault.help = (*fault.help, *_passes(inputs[fault.input], spans[1 + which]), *_passes(inputs[0], at))
    elif fault.input and not further:
        fault.label = f"member {fault.input} is {inputs[fault.input].type}"
    elif fault.input == 0 and not _covers(at, where):
        fault.label = ""  # the place where it comes from says so
    elif _covers(at, where) and not fault.label:
        fault.label = f"{joined} flows in"

    secondary = []
    if not _covers(at, where):
        secondary.append(Label(at, f"this is {joined}"))
    _hidden_axis(fault, stage)
    return b.fault(fault, where, stage.given, place, secondary)


def _hidden_axis(fault: Fault, stage: OpStage) -> None:
    """Say of a dial or `let` with the name of an axis that it stands in the way of the word."""
    if fault.name != "wrong-axis" or fault.argument is None:
        return
    said = stage.given.spans.get(fault.argument)
    if said is None or not isinstance(stage.given[fault.argument], int):
        return

    # A number that is written is torch's way to count axes; one behind the word was meant as the axis.
    if any(said.text in axes for axes in AXES.values()):
        fault.help = (f"`{said.text}` is bound in this file, which hides the axis of that name: call it otherwise",)


def _same_twice(b: Build, stage: OpStage, same: tuple[int, int], inputs: Sequence[TensorValue],
                spans: Sequence[Span], place: Place) -> Poisoned:
    """Report an operation that would merge a tensor with itself, at the second of the two."""
    further = len(spans) - 1
    first, second = same
    entered = len(inputs) - further

    # Members of a bundle have no places of their own; a tensor in an argument has.
    where, label = stage.span, f"members {first} and {second} are one tensor"
    secondary = []
    if second >= entered:
        where, label = spans[1 + second - entered], "the same tensor again"
        before = spans[0]
        if first >= entered:
            before = spans[1 + first - entered]
        secondary = [Label(before, "this tensor")]

    help = (*_passes(inputs[second], where), *_passes(inputs[first], spans[0]), COPY)
    return b.refuse("same-twice", f"`{stage.name}` would merge a tensor with itself", where, label,
                    secondary=secondary, notes=chain(place), help=tuple(dict.fromkeys(help)))


def _covers(outer: Span, inner: Span) -> bool:
    """Tell whether a place in the text holds another, so that one label for both has to do."""
    return outer.source is inner.source and outer.start <= inner.start and inner.end <= outer.end


def _passes(value: TensorValue, span: Span) -> tuple[str, ...]:
    # An `if` without `else` hands on what it gets: nothing at its use shows that two tensors are one.
    if value.passed is None:
        return ()
    test = value.passed.text[:60]
    return (f"`{span.text[:40]}` passes its input through: the test `{test}` is false here",)
