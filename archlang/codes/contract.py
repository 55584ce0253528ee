"""What a code promises, and whether it keeps it.

>>> from archlang.codes.code import Code
>>> ten = Code(("1100", "0011", "1010"))
>>> [d.message for d in faults(ten, Contract(active=2, distance=4))]
['the least distance is 2, not 4: class 0 and class 2 are that near']
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from archlang.codes.bounds import bounds, johnson
from archlang.codes.code import Code
from archlang.diagnostics import Diagnostic, Label, error
from archlang.diagnostics.text import one_line
from archlang.source import Span

MOST_CLASSES, MOST_BRANCHES = 4_096, 512
"""The largest sizes that `design` takes."""


@dataclass(frozen=True)
class Contract:
    """What must hold; None is not asked. `distance` is at least, `balanced` as equal as columns can be.

    `equal` asks for words of one weight; `duplicates` allows classes to share a word.
    """

    classes: int | None = None
    branches: int | None = None
    active: int | None = None
    distance: int | None = None
    balanced: bool = False
    equal: bool = False
    duplicates: bool = False


def faults(
    code: Code, contract: Contract | None = None, span: Span | None = None, places: Mapping[int, Span] | None = None
) -> list[Diagnostic]:
    """Every way in which a code is none (bad-code) or breaks its contract (code-contract).

    `span` is the place of the declaration, `places` those of the words (by class, from 0) where there are any.
    """
    contract = contract or Contract()
    at = places or {}
    found = [] if contract.duplicates else [_shared(code, group, span, at) for group in code.duplicates]
    if idle := [i for i, ones in enumerate(code.columns) if ones == 0]:
        found.append(error("bad-code", f"no class uses {_branches(idle)}", span, help="leave such columns out"))
    found += _sizes(code, contract, span)
    found += _weights(code, contract, span, at)
    if contract.distance is not None and code.distance < contract.distance and not found:
        found.append(_near(code, contract.distance, span))
    if contract.balanced and not code.balanced:
        found.append(_uneven(code, span))
    return found


def impossible(
    classes: int, branches: int, active: int, distance: int | None = None, span: Span | None = None
) -> Diagnostic | None:
    """Why no code of these sizes exists, with the bound that forbids it; None where none is known.

    >>> impossible(10, 10, 3, 6).message
    'no 10 words of weight 3 in 10 branches have distance 6; 4 is the most'
    """
    simple = _sizes_refused(classes, branches, active, distance)
    if simple is not None:
        return error("code-contract", simple[0], span, help=simple[1:])
    exist = johnson(branches, 2, active)
    if classes > exist:
        message = f"{classes} classes want more words than there are: {exist} of weight {active} in {branches}"
        return error("code-contract", message, span)
    found = bounds(classes, branches, active)
    if distance is not None and distance > found[0].distance:
        message = f"no {classes} words of weight {active} in {branches} branches have distance {distance}"
        notes = [f"{b.name} bound: {b.reason}" for b in found if b.distance < distance]
        return error("code-contract", f"{message}; {found[0].distance} is the most", span, notes=notes)
    return None


def _sizes_refused(classes: int, branches: int, active: int, distance: int | None) -> tuple[str, ...] | None:
    if classes < 2:
        return ("a code is for at least two classes",)
    if classes > MOST_CLASSES or branches > MOST_BRANCHES:
        return (f"codes are designed for at most {MOST_CLASSES} classes and {MOST_BRANCHES} branches",)
    if active < 1:
        return ("no active branch: every class needs at least one",)
    if active > branches:
        return (f"{active} active branches, but there are {branches}",)
    if classes * active < branches:
        return (f"{classes} classes with {active} active branches each leave some of the {branches} branches unused",)
    if distance is not None and distance < 2:
        return ("words that differ have distance 2 at least",)
    if distance is not None and distance % 2:
        return (f"the distance of words of one weight is even, not {distance}", f"{distance - 1} or {distance + 1}")
    return None


def _shared(code: Code, group: tuple[int, ...], span: Span | None, at: Mapping[int, Span]) -> Diagnostic:
    first, then = group[0], group[1:]
    names = " and ".join(f"`{one_line(code.name(i), 60)}`" for i in (first, then[0]))
    more = f" (and {len(then) - 1} more)" if len(then) > 1 else ""
    secondary = [Label(at[first], "the same word here")] if first in at else []
    message = f"{names}{more} have the same word `{one_line(code.words[first], 80)}`"
    return error("bad-code", message, at.get(then[0], span), secondary=secondary)


def _sizes(code: Code, contract: Contract, span: Span | None) -> list[Diagnostic]:
    rows = (("classes", code.classes, contract.classes), ("branches", code.branches, contract.branches))
    return [
        error("code-contract", f"the code has {has} {what}, not {wanted}", span)
        for what, has, wanted in rows
        if wanted is not None and has != wanted
    ]


def _weights(code: Code, contract: Contract, span: Span | None, at: Mapping[int, Span]) -> list[Diagnostic]:
    usual = Counter(code.weights).most_common(1)[0][0]
    wanted = contract.active if contract.active is not None else usual if contract.equal else None
    if wanted is None:
        return []
    wrong = [i for i, weight in enumerate(code.weights) if weight != wanted]
    return [
        error(
            "code-contract",
            f"`{one_line(code.name(i), 60)}` has {code.weights[i]} active branches, not {wanted}",
            at.get(i, span),
        )
        for i in wrong
    ]


def _near(code: Code, wanted: int, span: Span | None) -> Diagnostic:
    first, second = (one_line(code.name(i), 60) for i in code.nearest(1)[0])
    notes = [f"{b.name} bound: {b.reason}" for b in code.bounds if b.distance < wanted]
    message = f"the least distance is {code.distance}, not {wanted}: {first} and {second} are that near"
    return error("code-contract", message, span, notes=notes)


def _uneven(code: Code, span: Span | None) -> Diagnostic:
    low, high = min(code.columns), max(code.columns)
    fewest, most = code.columns.index(low), code.columns.index(high)
    message = f"columns are uneven: branch {most} works for {high} classes, branch {fewest} for {low}"
    return error("code-contract", message, span)


def _branches(places: list[int]) -> str:
    shown = ", ".join(map(str, places[:8])) + (" ..." if len(places) > 8 else "")
    return f"branch {shown}" if len(places) == 1 else f"branches {shown}"
