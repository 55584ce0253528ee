"""`train { }` checked: the objective, the optimiser, the phases and steps, each with what it may declare."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from archlang.diagnostics import Label, did_you_mean, suggestions
from archlang.elaborate.arguments import given_value
from archlang.elaborate.bodies import declare
from archlang.elaborate.context import Build
from archlang.elaborate.scope import define
from archlang.elaborate.training.losses import losses_of
from archlang.elaborate.training.phases import curve_of, has_length, phase_of
from archlang.elaborate.values import Env, LabelValue, Poisoned
from archlang.graph.plan import Loss, Plan, TrainingStep
from archlang.ops.model import REQUIRED, Arg
from archlang.source import Span
from archlang.syntax.tree import Bind, Body, Let, Stretch, Train


@dataclass
class _Settings:
    """The declarations of one pair of braces: values, their places, and the phases and steps in it."""

    span: Span
    values: dict[str, Any] = field(default_factory=dict)
    spans: dict[str, Span] = field(default_factory=dict)
    stretches: list[tuple[Stretch, _Settings]] = field(default_factory=list)
    sound: bool = True
    meant: set[str] = field(default_factory=set)  # what misspelt settings may have been


def plan_of(b: Build, train: Train, env: Env) -> Plan | None:
    """The plan that a `train` declares, or None where a mistake stands in it. `env` holds the network's names."""
    inner = Env(env)
    define(b, inner, "label", LabelValue(), train, train.span)
    found = _read(b, "train", train.body, inner, train.span)
    steps = [(s, inside) for s, inside in found.stretches if s.word == "step"]
    phases = [(s, inside) for s, inside in found.stretches if s.word == "phase"]
    _complete(b, found, steps, phases)
    sound = found.sound and all(inside.sound for _, inside in found.stretches)
    if not sound:
        _more_mistakes(b, found, phases)
        return None
    try:
        return Plan(
            losses=_losses(b, found), optimizer=found.values["optimizer"],
            phases=tuple(phase_of(b, s, inside.values, inside.spans) for s, inside in phases),
            steps=tuple(TrainingStep(s.name, _losses(b, inside), inside.values["optimizer"]) for s, inside in steps),
            batch=found.values["batch"], seed=found.values["seed"], augment=tuple(found.values["augment"]),
            labels=_labels(b, found), span=train.span, clip=found.values["clip"],
            precision=found.values["precision"], average=found.values["average"],
        )
    except Poisoned:
        return None


def _more_mistakes(b: Build, found: _Settings, phases: Sequence[tuple[Stretch, _Settings]]) -> None:
    """Check what can be checked where no plan can be made."""
    checks: list[Callable[[], object]] = [partial(curve_of, b, inside.values, inside.spans) for _, inside in phases]
    checks += [partial(_labels, b, found)] if "labels" in found.values else []
    checks += [partial(_losses, b, s) for s in (found, *(i for _, i in found.stretches)) if s.values.get("loss")]
    for check in checks:
        with suppress(Poisoned):
            check()


def _read(b: Build, kind: str, tree: Body, env: Env, span: Span) -> _Settings:
    """Every setting of a body by the arguments that the catalogue declares for it."""
    declaration = b.catalogue.setting("declaration", kind)
    args: dict[str, Arg] = {arg.name: arg for arg in declaration.args} if declaration else {}
    found = _Settings(span)
    scope = Env(env)
    names: dict[tuple[str, str], Stretch] = {}
    for statement in tree.statements:
        match statement:
            case Let():
                declare(b, scope, statement)
            case Bind():
                _setting(b, kind, statement, args, scope, found)
            case Stretch():
                earlier = names.setdefault((statement.word, statement.name), statement)
                if earlier is not statement:
                    b.refuse("already-bound", f"two of these are called `{statement.name}`", statement.name_span,
                             secondary=(Label(earlier.name_span, "the first one"),))
                found.stretches.append((statement, _read(b, statement.word, statement.body, scope, statement.span)))
    for name, arg in args.items():
        if name not in found.values:
            if arg.default is REQUIRED:
                found.sound = False
                if name not in found.spans and name not in found.meant:
                    b.refuse("missing-argument", f"this {kind} does not say `{name}`: {arg.kind.text}", span)
            else:
                found.values[name] = arg.default
    return found


def _setting(b: Build, kind: str, statement: Bind, args: dict[str, Arg], env: Env, found: _Settings) -> None:
    name = statement.name
    if name not in args:
        found.sound = False
        found.meant.update(suggestions(name, args))
        help = (*did_you_mean(name, args), f"it takes: {', '.join(args)}")
        b.refuse("unknown-setting", f"a {kind} has no `{name[:64]}`", statement.name_span, help=help)
        return
    if name in found.spans:
        found.sound = False
        first = Label(found.spans[name], "the first one")
        b.refuse("already-bound", f"`{name}` is set twice", statement.name_span, secondary=(first,))
        return
    found.spans[name] = statement.value.span
    try:
        found.values[name] = given_value(b, args[name], statement.value, env)
    except Poisoned:
        found.sound = False


def _complete(b: Build, found: _Settings, steps: Sequence[tuple[Stretch, _Settings]],
              phases: Sequence[tuple[Stretch, _Settings]]) -> None:
    """A loss and an optimiser for the whole, or for each step; and a phase."""
    if steps:
        for name in ("loss", "optimizer"):
            if name in found.spans:
                b.refuse("bad-phase", f"with steps, each step has its own `{name}`", found.spans[name])
                found.sound = False
    named = [(f"the step `{stretch.name}`", stretch.name_span, inside) for stretch, inside in steps]
    for what, where, inside in named or [("this `train`", found.span, found)]:
        if "loss" not in {*inside.spans, *inside.meant}:
            b.refuse("missing-loss", f"{what} does not say what to minimise", where,
                     help="such as `loss = cross_entropy(logits, label)`")
            inside.sound = False
        if "optimizer" not in {*inside.spans, *inside.meant}:
            b.refuse("missing-argument", f"{what} has no `optimizer`", where,
                     help="such as `optimizer = sgd(lr = 0.1, momentum = 0.9)`")
            inside.sound = False
    for stretch, inside in phases:
        inside.sound &= has_length(b, stretch, inside.values, inside.spans, inside.meant)
    if not phases:
        b.refuse("missing-phase", "this `train` has no phase", found.span, help="such as `phase all { epochs = 10 }`")
        found.sound = False


def _losses(b: Build, found: _Settings) -> tuple[Loss, ...]:
    return losses_of(b, found.values["loss"], found.spans.get("loss", found.span))


def _labels(b: Build, found: _Settings) -> tuple[str, ...] | None:
    labels: tuple[str, ...] | None = found.values["labels"]
    if labels is not None and len(set(labels)) != len(labels):
        raise b.refuse("repeated-argument", "two classes have the same name", found.spans["labels"])
    return labels
