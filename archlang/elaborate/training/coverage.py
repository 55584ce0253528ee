"""The patterns of a `train`, checked on the finished network: phases, groups of weights, keys."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from archlang.diagnostics import did_you_mean, error
from archlang.elaborate.context import Build
from archlang.graph.ir import Graph, Port
from archlang.graph.patterns import chosen, names_of, places, trained
from archlang.graph.plan import Loss, Phase, Plan
from archlang.ops.catalogue import facts_of
from archlang.ops.facts import LossFacts
from archlang.ops.values import Option
from archlang.source import NOWHERE, Span


def phases_train_something(b: Build) -> None:
    """Every pattern stands for weights, every phase trains some, keys are ruled where there are any."""
    plan = b.graph.plan
    if plan is None:
        return

    names = tuple(names_of(b.graph))
    trained_once: set[str] = set()
    sound = True
    for phase in plan.phases:
        spans = phase.places
        sound &= _known(b, names, phase.only or (), spans.get("only", phase.span))
        sound &= _known(b, names, phase.freeze, spans.get("freeze", phase.span))
        _keyed(b, phase)

        # A pattern that stands for nothing is reported by itself; without weights no phase could train any.
        trained_here = trained(names, phase.only, phase.freeze)
        if sound and names and not trained_here:
            where = spans.get("only", spans.get("freeze", phase.span))
            b.refuse("bad-phase", f"nothing trains in the phase `{phase.name}`", where)
        elif sound and names:
            _reached_by_losses(b, plan, phase, trained_here)
        trained_once |= trained_here

    if sound and trained_once and len(trained_once) < len(names):
        _never(b, plan, [name for name in names if name not in trained_once])


def _reached_by_losses(b: Build, plan: Plan, phase: Phase, trained_here: frozenset[str]) -> None:
    """Refuse a phase that trains nothing which a loss depends on: torch would find no gradient to follow."""
    steps = [("the loss", plan.losses), *((f"the loss of the step `{step.name}`", step.losses) for step in plan.steps)]
    for what, losses in steps:
        moving = [port for loss in losses for port in loss.ports if port not in _held(loss)]
        if not losses or trained_here & _weights_before(b.graph, moving):
            continue

        where = phase.places.get("only", phase.places.get("freeze", losses[0].span))
        b.refuse("bad-phase", f"{what} depends on no weight that trains in the phase `{phase.name}`", where,
                 help="a loss reads what the weights make: see `only` and `freeze`, and which tensors the loss names")


def _held(loss: Loss) -> tuple[Port | str, ...]:
    """The tensors of a loss that it takes as they are: scores that are right teach, and do not learn."""
    if facts_of(loss.option, LossFacts).target == "scores":
        return loss.reads[1:]
    return ()


def _weights_before(graph: Graph, ports: Iterable[Port]) -> frozenset[str]:
    """The trained weights of all that some ports are made of."""
    behind = [port.node for port in ports]
    seen: set[str] = set()
    while behind:
        name = behind.pop()
        if name not in seen:
            seen.add(name)
            behind += [port.node for port in graph.node(name).inputs]

    paths = {graph.node(name).path for name in seen}
    return frozenset(name for name, (path, _) in names_of(graph).items() if path in paths)


def groups_fit(b: Build) -> None:
    """Groups of an optimiser name weights, and give only what the optimiser takes."""
    plan = b.graph.plan
    if plan is None:
        return

    # With steps, the plan itself has no optimiser.
    names = tuple(names_of(b.graph))
    for optimizer in (plan.optimizer, *(step.optimizer for step in plan.steps)):
        if optimizer is None:
            continue
        groups: Any = optimizer.args.get("groups") or ()
        for group in groups:
            _known(b, names, group.args["names"], _place(group))
            _only_arguments_of(b, optimizer, group)


def _only_arguments_of(b: Build, optimizer: Option, group: Option) -> None:
    """Refuse a group that sets what its optimiser does not have: the form of a group is the same for all."""
    for name, value in group.args.items():
        if name != "names" and value is not None and name not in optimizer.args:
            takes = ", ".join(key for key in optimizer.args if key in group.args)
            b.refuse("unknown-argument", f"`{optimizer.name}` has no `{name}` that a group could set", _place(group),
                     help=f"a group of it can set: {takes}")


def _known(b: Build, names: tuple[str, ...], patterns: Iterable[str], span: Span) -> bool:
    """Tell whether each pattern stands for a weight."""
    all_known = True
    for pattern in patterns:
        if chosen(names, (pattern,)):
            continue

        all_known = False
        # The outermost modules alone: a network has thousands of weights, and these show how the names go.
        outermost = dict.fromkeys(name.partition(".")[0] for name in names)
        listed = ", ".join(list(outermost)[:8])
        help = (*did_you_mean(pattern, places(names)), f"there are: {listed}, and what is in them")
        b.refuse("unknown-pattern", f"no weight is called `{pattern[:64]}` or lies in it", span, help=help)
    return all_known


def _keyed(b: Build, phase: Phase) -> None:
    if "keys" in phase.places and not any(node.op.keyed for node in b.graph):
        b.refuse("unknown-site", "`keys` is over the keys of routers, and the network has none", phase.places["keys"])


def _never(b: Build, plan: Plan, names: list[str]) -> None:
    # A weight is left out only by what a phase says: the first that says something is the place to look at.
    frozen = next((phase for phase in plan.phases if phase.freeze or phase.only is not None), plan.phases[0])
    where = frozen.places.get("freeze", frozen.places.get("only", frozen.span))
    others = ""
    if len(names) > 1:
        others = f" and {len(names) - 1} more"
    b.report(error("never-trained", f"no phase trains `{names[0]}`{others}", where,
                   help="it stays as it started: train it in another phase, unless that is meant"))


def _place(option: Option) -> Span:
    span: Span = getattr(option.origin, "span", NOWHERE)
    return span
