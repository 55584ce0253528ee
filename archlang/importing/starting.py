"""The starts of weights: each layer's initialiser, as far as its numbers tell it, and where a file draws otherwise."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from archlang.importing.draws import FEW, DrawStatistics, Rule, alike, by_number, by_sizes, drawn
from archlang.importing.rates import rate
from archlang.importing.steps import Initial, Origin, State, Static, Step, Traced
from archlang.ops import CATALOGUE

TELLING = 5_000
"""Numbers from which on a weight tells by itself which of the rules it was drawn by."""

ENDING = 500
"""The same of a distribution that ends at a bound."""

TENFOLD = 20
"""How many more of them tell a width that no sizes explain."""

SEVERAL = 8
"""Numbers of a scale that are all the same by intent, and not because there are few."""

SCALES: Mapping[str, Mapping[str, tuple[str, float]]] = {
    "batch_norm": {"weight": ("scale", 1.0)},
    "affine": {"weight": ("scale", 1.0), "bias": ("shift", 0.0)},
}
"""Arguments that say where a scale or a shift starts, with the defaults."""

KERNELS: Mapping[str, str] = {
    name: "value" if name == "parameter" else "weight"
    for name, op in CATALOGUE.ops.items() if any(arg.name == "init" for arg in op.args)
}
"""The weight that `init` is about, for each operation that has one."""


@dataclass(frozen=True, eq=False)
class _Kernel:
    """A weight with an initialiser of its own: its step, numbers, and the rules that these look drawn by."""

    step: Step
    numbers: DrawStatistics
    rules: Sequence[Rule]


def started(traced: Traced, state: State) -> tuple[Traced, Mapping[Origin, DrawStatistics]]:
    """A traced model whose steps say how their weights start, where that shows in a state that nothing has trained.

    Beside it stand the weights whose start is known, with their numbers, those that start as a file's do anyway among
    them. Kernels of one operation go together: the rule that most of them look drawn by is taken first, so that a small
    kernel, which many rules would fit, is what its large neighbours are.
    """
    kernels = [kernel for step in traced.steps for kernel in _kernels(step, state)]
    families: dict[str, list[_Kernel]] = defaultdict(list)
    for kernel in kernels:
        families[kernel.step.op].append(kernel)

    proven = {rule for family in families.values() for rule in _proven(family)}
    votes = Counter(rule for kernel in kernels for rule in set(kernel.rules))
    rules: dict[int, Rule] = {}
    for family in families.values():
        rules |= _chosen(family, proven, votes)
    steps = tuple(_said(step, rules.get(step.output), state) for step in traced.steps)
    known = [kernel for kernel in kernels if kernel.step.output in rules]
    numbers = {kernel.step.weights[KERNELS[kernel.step.op]]: kernel.numbers for kernel in known}
    return replace(traced, steps=steps), numbers


def _kernels(step: Step, state: State) -> Iterable[_Kernel]:
    name = KERNELS.get(step.op, "")
    if name not in step.weights or step.args.get("trained") is False or "init" in step.args:
        return
    # A direction beside a length has no initialiser of its own.
    if step.args.get("weights") is not None:
        return
    value = step.weights[name].read(state)
    if not value.is_floating_point() or not value.numel():
        return
    numbers = drawn(value)
    rules = [*by_sizes(step.op, numbers), *by_number(numbers), *_exact(numbers), *_orthogonal(value)]
    yield _Kernel(step, numbers, rules)


def _exact(numbers: DrawStatistics) -> list[Rule]:
    """The rule of numbers that are all the same."""
    same = numbers.constant
    if same is None or not _meant(numbers):
        return []
    initial = Initial("constant", (("value", rate(same)),))
    if same in (0, 1):
        initial = Initial({0: "zeros", 1: "ones"}[int(same)])
    return [Rule(initial, "same", lambda shape: 0.0)]


MOST_SQUARED = 1 << 26
"""Multiplications that a look at whether rows are orthogonal may cost."""

FIRST_ROWS = 8
"""Rows that are looked at first."""


def _orthogonal(value: Tensor) -> list[Rule]:
    """The rule of rows, or of columns, that are orthogonal and of one length."""
    if value.dim() < 2:
        return []
    matrix = value.detach().flatten(1)
    if len(matrix) > matrix.shape[1]:
        matrix = matrix.T
    # A single row is orthogonal to all others that there are.
    if len(matrix) < 2 or len(matrix) * matrix.numel() > MOST_SQUARED:
        return []
    # A few rows are enough to see that a kernel is none, as nearly all are.
    if _length(matrix[:FIRST_ROWS]) is None:
        return []
    length = _length(matrix)
    if length is None:
        return []
    gain = float(f"{length**0.5:.3g}")
    args = () if gain == 1 else (("gain", gain),)
    # Rows that each hold a single number are no draw: an identity, or a permutation.
    if int((matrix != 0).sum()) <= len(matrix):
        return []
    return [Rule(Initial("orthogonal", args), "orthogonal", lambda shape: 0.0)]


def _length(rows: Tensor) -> float | None:
    """The square of the length that all of some rows have, where they are orthogonal to each other; else None."""
    rows = rows.double()
    squares = rows @ rows.T
    length = float(squares.diagonal().mean())
    if length <= 0 or float((squares - length * torch.eye(len(rows))).abs().max()) > 1e-5 * length:
        return None
    return length


def _proven(family: Sequence[_Kernel]) -> set[Rule]:
    """The rules that kernels of one operation were drawn by for certain."""
    rules = {rule for kernel in family for rule in kernel.rules}
    alone = {rule for kernel in family for rule in kernel.rules if _tells(kernel, rule)}
    # Kernels of different sizes that share a rule have it by intent.
    return alone | {rule for rule in rules if _shared(rule, family)}


def _chosen(family: Sequence[_Kernel], proven: Collection[Rule], everywhere: Mapping[Rule, int]) -> dict[int, Rule]:
    """The rules of one operation's kernels, by their steps' values; kernels that nothing tells are left out.

    Of several the one that most of these kernels have is taken, then the start that needs no word, then the one that
    most kernels of the network have (`everywhere`).
    """
    votes = Counter(rule for kernel in family for rule in set(kernel.rules))
    found: dict[int, Rule] = {}
    for kernel in family:
        rules = [rule for rule in kernel.rules if rule in proven or rule.initial is None]
        if rules:
            best = max(rules, key=lambda rule: (votes[rule], rule.initial is None, everywhere[rule]))
            found[kernel.step.output] = best
    return found


def _tells(kernel: _Kernel, rule: Rule) -> bool:
    """Tell whether a kernel alone shows that it was drawn by a rule."""
    if rule.form in ("same", "orthogonal"):
        return True
    others = [other for other in kernel.rules if other.form == rule.form]
    explained = {round(other.width(kernel.numbers.shape), 12) for other in others if not other.said}
    # Two widths within what can be measured: neither is certain.
    if len(explained) > 1:
        return False
    least = TELLING
    if rule.form != "normal":
        # Where a distribution ends is known as exactly as there are numbers.
        least = ENDING
    if rule.said:
        # A width that follows from the sizes is no number of its own that happens to be near.
        return not explained and kernel.numbers.count >= TENFOLD * least
    return kernel.numbers.count >= least


def _shared(rule: Rule, family: Sequence[_Kernel]) -> bool:
    """Tell whether kernels of different sizes show together that they were drawn by a rule."""
    alike = [kernel for kernel in family if rule in kernel.rules]
    count = sum(kernel.numbers.count for kernel in alike)
    return len({kernel.numbers.shape for kernel in alike}) > 1 and count >= TELLING


def _said(step: Step, rule: Rule | None, state: State) -> Step:
    """A step with its initialiser, and with the start of its scale and shift where all their numbers are the same."""
    args: dict[str, Static] = dict(step.args)
    if rule is not None and rule.initial is not None:
        args["init"] = rule.initial
    for name, (argument, default) in SCALES.get(step.op, {}).items():
        if name not in step.weights or argument in args:
            continue
        same = drawn(step.weights[name].read(state))
        value = same.constant
        if value is None or value == default or not _meant(same):
            continue
        args[argument] = _plain(rate(value))
    return replace(step, args=args)


def _meant(numbers: DrawStatistics) -> bool:
    """Tell whether numbers are all the same by intent: they are several, or one that a person would write."""
    value = numbers.constant
    return value is not None and (numbers.count >= SEVERAL or float(f"{value:.2g}") == rate(value))


def _plain(number: float) -> int | float:
    """A number as a person would write it: 0 and not 0.0."""
    if number.is_integer():
        return int(number)
    return number


# --- what no text says -----------------------------------------------------------------------------------------------


def otherwise(
    where: Mapping[str, Origin], ours: State, state: State, known: Mapping[Origin, DrawStatistics]
) -> tuple[str, ...]:
    """The note on parameters that a file draws otherwise than a torch model's were drawn; none where there are none.

    `where` says for each parameter of the file what it is made of, `ours` are the file's own numbers as it draws them,
    `known` are the weights whose start the file says, with their numbers in the torch model.
    """
    kinds: dict[str, list[str]] = defaultdict(list)
    untouched, telling, unlike = False, 0, 0
    for name, mine in ours.items():
        value = where[name].read(state)
        if not where[name].names or not value.is_floating_point() or not value.numel():
            continue
        theirs = known.get(where[name]) or drawn(value)
        untouched = untouched or (theirs.constant is not None and theirs.count >= SEVERAL)
        telling += theirs.count >= FEW
        if where[name] in known or _same_start(theirs, drawn(mine)):
            continue
        unlike += theirs.count >= FEW
        kinds[_worded(theirs)].append(name)

    if not kinds:
        return ()
    # Training moves every number: where none stands as it was made, nothing tells how it was.
    if not untouched and 2 * unlike > max(telling, 2):
        return ("its weights look trained, so that nothing shows how they were drawn: a file draws as torch does",)
    return (f"a training from the start begins otherwise than the torch model's: {_listed(kinds)}",)


def _same_start(theirs: DrawStatistics, ours: DrawStatistics) -> bool:
    """Tell whether numbers may have been drawn as the file draws them: a few of them tell nothing but a constant."""
    if theirs.constant is not None:
        return theirs.constant == ours.constant or not _meant(theirs)
    return theirs.count < FEW or alike(theirs, ours)


def _all(kinds: Mapping[str, Sequence[str]]) -> list[str]:
    return [name for names in kinds.values() for name in names]


def _worded(numbers: DrawStatistics) -> str:
    """Words for the start of numbers in the torch model: what all are, or that they are drawn."""
    if numbers.constant is not None:
        return f"at {rate(numbers.constant):g} there"
    return "drawn otherwise there"


def _listed(kinds: Mapping[str, Sequence[str]]) -> str:
    """The kinds with the most weights first, each with one name: the rest are counted."""
    parts = []
    ordered = sorted(kinds.items(), key=lambda pair: -len(pair[1]))
    for said, names in ordered[:MOST_KINDS]:
        more = ""
        if len(names) > 1:
            more = f" and {len(names) - 1} more"
        parts.append(f"`{names[0]}`{more} ({said})")
    rest = len(_all(dict(ordered[MOST_KINDS:])))
    if rest:
        parts.append(f"{rest} of other kinds")
    return ", ".join(parts)


MOST_KINDS = 3
"""Kinds of other starts that a note names."""
