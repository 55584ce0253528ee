"""Steps before they become text: what nothing reads goes, what the language leaves out is left out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from archlang.diagnostics import ArchError, error
from archlang.importing.heads import tied
from archlang.importing.steps import ModulePlace, Static, Step, Traced

CENTRING = frozenset({"batch_norm", "instance_norm", "group_norm", "layer_norm"})
"""Operations behind which a bias may be needless, so that the language may leave it out by itself."""


def tidy(traced: Traced) -> Traced:
    """A traced model without steps that nothing reads, with joins and biases as the language has them."""
    traced = _paths(traced)
    traced = replace(traced, steps=tuple(_joins(_read(traced), traced.sizes)))
    traced = replace(traced, steps=tuple(_read(traced)))
    traced = tied(traced)
    traced = replace(traced, shared={**_shared(traced.steps), **traced.shared})
    return replace(traced, steps=tuple(_biases(traced)))


def _paths(traced: Traced) -> Traced:
    """A traced model without dropped paths of rate 0, but for those in a row of blocks with other rates."""
    paths = [step for step in traced.steps if step.op == "drop_path"]
    rising = {_kind(step) for step in paths if step.args["p"]}
    passed: dict[int, int] = {}
    steps = []
    for step in traced.steps:
        step = replace(step, inputs=tuple(passed.get(value, value) for value in step.inputs))
        if step.op == "drop_path" and not step.args["p"] and _kind(step) not in rising:
            passed[step.output] = step.inputs[0]
        else:
            steps.append(step)
    outputs = tuple((name, tuple(passed.get(value, value) for value in values)) for name, values in traced.outputs)
    return replace(traced, steps=tuple(steps), outputs=outputs)


def _kind(step: Step) -> str:
    """The class of the module that holds the one that a step is."""
    return "".join(kind for _, kind in step.place.stack[-2:-1])


def readers_of(steps: Sequence[Step]) -> Mapping[int, list[Step]]:
    """The steps that read each value."""
    readers: dict[int, list[Step]] = defaultdict(list)
    for step in steps:
        for value in step.inputs:
            readers[value].append(step)
    return readers


def _read(traced: Traced) -> list[Step]:
    """The steps that some output needs."""
    wanted = {value for _, values in traced.outputs for value in values}
    kept: list[Step] = []
    for step in reversed(traced.steps):
        if step.output in wanted:
            wanted.update(step.inputs)
            kept.append(step)
    return kept[::-1]


def _joins(steps: Sequence[Step], sizes: Mapping[int, tuple[int, ...]]) -> list[Step]:
    """Joins of ever more tensors, as in a DenseNet: each joins what the one before it joined, and what is new."""
    joins: dict[tuple[int, ...], Step] = {}
    makers = {step.output: step for step in steps}
    tidied = []
    for step in steps:
        if step.op == "concat":
            longest = next((n for n in range(len(step.inputs) - 1, 1, -1) if step.inputs[:n] in joins), 0)
            # A list that is not longer than another one is that list.
            joins.setdefault(step.inputs, step)
            before = joins.get(step.inputs[:longest])
            if before is not None and before.args == step.args:
                rest = step.inputs[longest:]
                maker = makers.get(rest[-1], step)
                step = replace(step, inputs=(before.output, *rest), place=_nearer(step.place, maker.place))
            elif len(step.inputs) == 2 and step.inputs[1] in makers:
                step = replace(step, place=_first_join(step, makers, steps))
        tidied.append(step)
    return tidied


def _first_join(step: Step, makers: Mapping[int, Step], steps: Sequence[Step]) -> ModulePlace:
    """The place of the first join of a row of growing ones: with the module that made what is new."""
    grows = any(
        other.op == "concat" and len(other.inputs) > 2 and other.inputs[:2] == step.inputs for other in steps
    )
    if not grows:
        return step.place
    return _nearer(step.place, makers[step.inputs[1]].place)


def _nearer(place: ModulePlace, maker: ModulePlace) -> ModulePlace:
    """The module beside `place`'s that `maker` stands in: one module deeper than what both stand in."""
    common = 0
    for one, other in zip(place.stack, maker.stack, strict=False):
        if one != other:
            break
        common += 1
    return ModulePlace(maker.stack[: common + 1], place.line)


def _shared(steps: Sequence[Step]) -> dict[int, int]:
    """The steps that have their weights together. Raises `ArchError` (not-importable) where they are no one layer."""
    users: dict[str, list[Step]] = defaultdict(list)
    for step in steps:
        # Numbers that nobody learns are no layer: each reader may have its own of them.
        if step.op == "parameter" and step.args.get("trained") is False:
            continue
        for origin in step.weights.values():
            for name in origin.names:
                users[name].append(step)

    shared: dict[int, int] = {}
    for name, found in users.items():
        first = found[0]
        for other in found[1:]:
            if other is first:
                continue
            if not _alike(first, other):
                message = f"`{name}` is a weight of `{first.op}` in {first.place} and of `{other.op}` in {other.place}"
                raise ArchError(error(
                    "not-importable", message, help="a `layer` has its weights together, and does one thing with them",
                ))
            shared[first.output] = shared[other.output] = first.output
    return shared


def _alike(first: Step, other: Step) -> bool:
    """Tell whether two steps are one layer that is used twice."""
    made = [{ours: (one.names, one.key) for ours, one in step.weights.items()} for step in (first, other)]
    return first.op == other.op and first.args == other.args and made[0] == made[1]


def _biases(traced: Traced) -> list[Step]:
    """The steps without the biases that the language would settle in the same way."""
    readers = readers_of(traced.steps)
    handed_out = {value for _, values in traced.outputs for value in values}
    tidied = []
    for step in traced.steps:
        bias = step.args.get("bias")
        # A layer that is used several times says its bias: what reads it may differ.
        if bias is not None and "weight" in step.weights and step.output not in traced.shared:
            using: Sequence[Step | None] = readers[step.output]
            # What several read, or leaves the network, keeps its bias in any case.
            if len(using) != 1 or step.output in handed_out:
                using = [None]
            if bias is _settled(using[0], traced.sizes[step.output]):
                rest: dict[str, Static] = {name: value for name, value in step.args.items() if name != "bias"}
                step = replace(step, args=rest)
        tidied.append(step)
    return tidied


def _settled(reader: Step | None, sizes: tuple[int, ...]) -> bool | None:
    """The choice of the language for a bias that is not written; None where that is not certain."""
    if reader is None or reader.op not in CENTRING:
        return True
    # Of a sequence a batch norm takes the mean of each position off, and the bias of its features stays.
    if reader.op == "batch_norm" and len(sizes) != 2:
        return False
    if reader.op == "layer_norm" and len(sizes) >= 3:
        return True
    return None
