"""The patterns of a `train`, checked on the finished network: phases, groups of weights, keys."""

from __future__ import annotations

from collections.abc import Iterable

from archlang.diagnostics import did_you_mean, error
from archlang.elaborate.context import Build
from archlang.graph.patterns import chosen, names_of, places, trained
from archlang.graph.plan import Phase, Plan
from archlang.ops.values import Option
from archlang.source import NOWHERE, Span


def phases_train_something(b: Build) -> None:
    """Every pattern stands for weights, every phase trains some, keys are ruled where there are any."""
    plan = b.graph.plan
    if plan is None:
        return
    names = tuple(names_of(b.graph))
    ever: set[str] = set()
    sound = True
    for phase in plan.phases:
        spans = phase.places
        sound &= _known(b, names, phase.only or (), spans.get("only", phase.span))
        sound &= _known(b, names, phase.freeze, spans.get("freeze", phase.span))
        _keyed(b, phase)
        here = trained(names, phase.only, phase.freeze)
        if sound and names and not here:
            where = spans.get("only", spans.get("freeze", phase.span))
            b.refuse("bad-phase", f"nothing trains in the phase `{phase.name}`", where)
        ever |= here
    if sound and ever and len(ever) < len(names):
        _never(b, plan, [name for name in names if name not in ever])


def groups_fit(b: Build) -> None:
    """Groups of an optimiser name weights, and give only what the optimiser takes."""
    plan = b.graph.plan
    options = [plan.optimizer, *(step.optimizer for step in plan.steps)] if plan else []
    names = tuple(names_of(b.graph))
    for option in options:
        groups = option.args.get("groups") if option else None
        for group in groups or ():  # type: ignore[attr-defined]  # a list of options
            assert option is not None
            span = _place(group)
            _known(b, names, group.args["names"], span)
            for name, value in group.args.items():
                if name != "names" and value is not None and name not in option.args:
                    takes = ", ".join(key for key in option.args if key in group.args)
                    b.refuse("unknown-argument", f"`{option.name}` has no `{name}` that a group could set", span,
                             help=f"a group of it can set: {takes}")


def _known(b: Build, names: tuple[str, ...], patterns: Iterable[str], span: Span) -> bool:
    """Tell whether each pattern stands for a weight."""
    found = True
    for pattern in patterns:
        if not chosen(names, (pattern,)):
            found = False
            known = places(names)
            tops = dict.fromkeys(name.partition(".")[0] for name in names)
            help = (*did_you_mean(pattern, known), f"there are: {', '.join(list(tops)[:8])}, and what is in them")
            b.refuse("unknown-pattern", f"no weight is called `{pattern[:64]}` or lies in it", span, help=help)
    return found


def _keyed(b: Build, phase: Phase) -> None:
    if "keys" in phase.places and not any(node.op.keyed for node in b.graph):
        b.refuse("unknown-site", "`keys` is over the keys of routers, and the network has none", phase.places["keys"])


def _never(b: Build, plan: Plan, names: list[str]) -> None:
    frozen = next((p for p in plan.phases if p.freeze or p.only is not None), plan.phases[0])
    where = frozen.places.get("freeze", frozen.places.get("only", frozen.span))
    others = f" and {len(names) - 1} more" if len(names) > 1 else ""
    b.report(error("never-trained", f"no phase trains `{names[0]}`{others}", where,
                   help="it stays as it started: train it in another phase, unless that is meant"))


def _place(option: Option) -> Span:
    span: Span = getattr(option.origin, "span", NOWHERE)
    return span
