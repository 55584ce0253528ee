"""Phases of a `train`: how long, the learning rate's curve, what trains. Called where their settings are read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from archlang.elaborate.context import Build
from archlang.graph.plan import Phase
from archlang.ops.values import Option, Weighted
from archlang.source import Span
from archlang.syntax.tree import Stretch


def phase_of(b: Build, stretch: Stretch, values: Mapping[str, Any], spans: Mapping[str, Span]) -> Phase:
    """The phase that its settings declare. Raises `Poisoned` (bad-phase)."""
    curve = curve_of(b, values, spans)
    # `only = []` trains nothing and is a mistake; without `only` all is trained.
    only = None
    if values["only"] is not None:
        only = _patterns(values["only"])
    keys = None
    if isinstance(values["keys"], Option):
        keys = values["keys"]
    return Phase(
        stretch.name, values["epochs"] or 0, curve, stretch.span, values["steps"] or 0, only,
        _patterns(values["freeze"]), keys, dict(spans),
    )


def has_length(b: Build, stretch: Stretch, values: Mapping[str, Any], spans: Mapping[str, Span],
               meant: set[str]) -> bool:
    """Tell whether a phase says its length once; a mistake is reported, unless a misspelt setting may have said it."""
    lengths = [name for name in ("epochs", "steps") if name in spans]
    if len(lengths) == 2:
        b.refuse("bad-phase", "a phase is so many epochs or so many steps long, not both", spans["steps"])
    elif not lengths and not meant & {"epochs", "steps"}:
        b.refuse("bad-phase", "this phase does not say how long it is", stretch.span,
                 help="such as `epochs = 10`, or `steps = 1000` for so many batches")
    return len(lengths) == 1


def curve_of(b: Build, values: Mapping[str, Any], spans: Mapping[str, Span]) -> Weighted | None:
    """The learning rate's curve of a phase. Raises `Poisoned` (bad-phase)."""
    curve: Weighted | None = values.get("lr")
    if curve is None:
        return None

    # Settings can be added up, as losses are, but a sum of two curves would have two warm-ups.
    if len(curve.terms) != 1 or curve.terms[0][0] <= 0:
        raise b.refuse("bad-phase", "a learning rate's curve is one schedule, times a positive factor if wanted",
                       spans["lr"])

    # Both count in the unit of the phase.
    length = values.get("steps") or values.get("epochs")
    option = curve.terms[0][1]
    warmup: Any = option.args.get("warmup") or 0
    cooldown: Any = option.args.get("cooldown") or 0
    if length and warmup < length < warmup + cooldown:
        raise b.refuse("bad-phase", "the warm-up and the cool-down are longer than the phase", spans["lr"])
    if length and warmup >= length:
        message = f"the warm-up ({warmup}) is not shorter than its phase ({length})"
        raise b.refuse("bad-phase", message, spans["lr"],
                       help="a shorter `warmup`, or a phase of its own with `lr = linear(...)`")
    return curve


def _patterns(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    return tuple(value or ())
