"""`train { }` checked: the objective, the optimiser, the phases and steps, each with what it may declare."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import field
from functools import partial
from typing import Any

from archlang.dataclass import dataclass
from archlang.diagnostics import Label, did_you_mean, suggestions
from archlang.elaborate.arguments import given_value
from archlang.elaborate.bodies import declare
from archlang.elaborate.context import Build
from archlang.elaborate.label import LabelValue
from archlang.elaborate.scope import define
from archlang.elaborate.training.accumulation import accumulates
from archlang.elaborate.training.augmentation import unfolded
from archlang.elaborate.training.losses import losses_of
from archlang.elaborate.training.metrics import metrics_of
from archlang.elaborate.training.phases import curve_of, has_length, phase_of
from archlang.elaborate.values import Env, Poisoned
from archlang.graph.plan import Loss, Plan, TrainingStep
from archlang.graph.scores import class_scores
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
    settings = _read(b, "train", train.body, inner, train.span)
    steps = [(stretch, inside) for stretch, inside in settings.stretches if stretch.word == "step"]
    phases = [(stretch, inside) for stretch, inside in settings.stretches if stretch.word == "phase"]
    _complete(b, settings, steps, phases)
    sound = settings.sound and all(inside.sound for _, inside in settings.stretches)
    if not sound:
        _more_mistakes(b, settings, phases)
        return None

    values = settings.values
    try:
        losses = _losses(b, settings)
        planned_phases = [phase_of(b, stretch, inside.values, inside.spans) for stretch, inside in phases]
        planned_steps = [
            TrainingStep(stretch.name, _losses(b, inside), inside.values["optimizer"]) for stretch, inside in steps
        ]
        first = losses or (planned_steps[0].losses if planned_steps else ())
        stepped = [loss for step in planned_steps for loss in step.losses]
        labels = _labels(b, settings, (*losses, *stepped))
        metrics = metrics_of(b, values["metrics"], values["best"], first, settings.spans, train.span)
        augment = unfolded(b, values["augment"], settings.spans.get("augment", train.span))
        plan = Plan(
            losses=losses, optimizer=values["optimizer"], phases=tuple(planned_phases), steps=tuple(planned_steps),
            batch=values["batch"], seed=values["seed"], augment=augment, labels=labels,
            span=train.span, clip=values["clip"], precision=values["precision"], average=values["average"],
            metrics=metrics, best=values["best"], accumulate=values["accumulate"], patience=values["patience"],
        )
        accumulates(b, plan, settings.spans)
        return plan
    except Poisoned:
        return None


def _more_mistakes(b: Build, settings: _Settings, phases: Sequence[tuple[Stretch, _Settings]]) -> None:
    """Check what can be checked where no plan can be made."""
    checks: list[Callable[[], object]] = [partial(curve_of, b, inside.values, inside.spans) for _, inside in phases]
    if "labels" in settings.values:
        checks.append(partial(_labels, b, settings, ()))
    for part in (settings, *(inside for _, inside in settings.stretches)):
        if part.values.get("loss"):
            checks.append(partial(_losses, b, part))

    # One mistake does not keep the next check from being made.
    for check in checks:
        with suppress(Poisoned):
            check()


def _read(b: Build, kind: str, tree: Body, env: Env, span: Span) -> _Settings:
    """Every setting of a body by the arguments that the catalogue declares for it."""
    declaration = b.catalogue.setting("declaration", kind)
    args: dict[str, Arg] = {}
    if declaration is not None:
        args = {arg.name: arg for arg in declaration.args}

    settings = _Settings(span)
    scope = Env(env)
    names: dict[tuple[str, str], Stretch] = {}  # a phase and a step may have one name
    for statement in tree.statements:
        match statement:
            case Let():
                declare(b, scope, statement)
            case Bind():
                _setting(b, kind, statement, args, scope, settings)
            case Stretch():
                earlier = names.setdefault((statement.word, statement.name), statement)
                if earlier is not statement:
                    b.refuse("already-bound", f"two of these are called `{statement.name}`", statement.name_span,
                             secondary=(Label(earlier.name_span, "the first one"),))
                inside = _read(b, statement.word, statement.body, scope, statement.span)
                settings.stretches.append((statement, inside))

    for name, arg in args.items():
        if name in settings.values:
            continue
        if arg.default is not REQUIRED:
            settings.values[name] = arg.default
            continue

        # A setting with a wrong value, or misspelt, is reported where it stands and not as missing.
        settings.sound = False
        if name not in settings.spans and name not in settings.meant:
            b.refuse("missing-argument", f"this {kind} does not say `{name}`: {arg.kind.text}", span)
    return settings


def _setting(b: Build, kind: str, statement: Bind, args: dict[str, Arg], env: Env, settings: _Settings) -> None:
    name = statement.name
    if name not in args:
        settings.sound = False
        settings.meant.update(suggestions(name, args))
        help = (*did_you_mean(name, args), f"it takes: {', '.join(args)}")
        b.refuse("unknown-setting", f"a {kind} has no `{name[:64]}`", statement.name_span, help=help)
        return
    if name in settings.spans:
        settings.sound = False
        first = Label(settings.spans[name], "the first one")
        b.refuse("already-bound", f"`{name}` is set twice", statement.name_span, secondary=(first,))
        return

    settings.spans[name] = statement.value.span
    try:
        settings.values[name] = given_value(b, args[name], statement.value, env)
    except Poisoned:
        settings.sound = False


def _complete(b: Build, settings: _Settings, steps: Sequence[tuple[Stretch, _Settings]],
              phases: Sequence[tuple[Stretch, _Settings]]) -> None:
    """A loss and an optimiser for the whole, or for each step; and a phase."""
    if steps:
        for name in ("loss", "optimizer"):
            if name in settings.spans:
                b.refuse("bad-phase", f"with steps, each step has its own `{name}`", settings.spans[name])
                settings.sound = False

    # Either each step or, without steps, the `train` itself has a loss and an optimiser.
    optimised = [(f"the step `{stretch.name}`", stretch.name_span, inside) for stretch, inside in steps]
    if not steps:
        optimised = [("this `train`", settings.span, settings)]
    for what, where, inside in optimised:
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
        b.refuse("missing-phase", "this `train` has no phase", settings.span,
                 help="such as `phase all { epochs = 10 }`")
        settings.sound = False


def _losses(b: Build, settings: _Settings) -> tuple[Loss, ...]:
    return losses_of(b, settings.values["loss"], settings.spans.get("loss", settings.span))


def _labels(b: Build, settings: _Settings, losses: Sequence[Loss]) -> tuple[str, ...] | None:
    """The names of classes. Raises `Poisoned` for a name that stands twice, and for more names than scores."""
    labels: tuple[str, ...] | None = settings.values["labels"]
    if labels is None:
        return None

    span = settings.spans["labels"]
    if len(set(labels)) != len(labels):
        raise b.refuse("repeated-argument", "two classes have the same name", span)

    found = class_scores(b.graph, losses)
    if found is None:
        return labels
    port, axis = found
    # Fewer names are right: a data set may hold some of the classes that a head was made for.
    scores = b.graph.type(port).dims[axis]
    if isinstance(scores, int) and len(labels) > scores:
        raise b.refuse("wrong-count", f"`labels` names {len(labels)} classes, and the scores {b.graph.type(port)} tell "
                       f"{scores} apart", span)
    return labels
