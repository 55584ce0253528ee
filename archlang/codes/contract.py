"""The contract of a code, and the diagnostics of what breaks it.

>>> from archlang.codes.code import Code
>>> ten = Code(("1100", "0011", "1010"))
>>> [d.message for d in faults(ten, Contract(active=2, distance=4))]
['the least distance is 2, not 4: class 0 and class 2 are that near']
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from archlang.codes.bounds import bounds, johnson
from archlang.codes.code import Code
from archlang.dataclass import dataclass
from archlang.diagnostics import Diagnostic, Label, error
from archlang.diagnostics.text import one_line
from archlang.source import Span

MOST_CLASSES, MOST_BRANCHES = 4_096, 512
"""The largest sizes that `design` takes."""


@dataclass(frozen=True)
class Contract:
    """Requirements on a code; None asks nothing.

    Args:
        classes: the number of words.
        branches: the length of a word.
        active: the weight of every word.
        distance: the smallest minimum distance allowed.
        balanced: column sums as equal as they can be.
        equal: words of one weight, whichever it is.
        duplicates: classes may share a word.
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
    """List every way in which a code is not valid (bad-code) or breaks its contract (code-contract).

    Args:
        code: the words to judge.
        contract: what they must keep; nothing if None.
        span: the place of the declaration.
        places: the places of single words, by class from 0.
    """
    contract = contract or Contract()
    places = places or {}

    problems: list[Diagnostic] = []
    if not contract.duplicates:
        problems += [_shared(code, group, span, places) for group in code.duplicates]

    unused = [i for i, ones in enumerate(code.columns) if ones == 0]
    if unused:
        problems.append(error("bad-code", f"no class uses {_branches(unused)}", span, help="leave such columns out"))

    problems += _sizes(code, contract, span)
    problems += _weights(code, contract, span, places)

    # Words of wrong sizes or shared words have a wrong distance as well; one mistake is reported once.
    if contract.distance is not None and code.distance < contract.distance and not problems:
        problems.append(_near(code, contract.distance, span))

    if contract.balanced and not code.balanced:
        problems.append(_uneven(code, span))
    return problems


def impossible(
    classes: int, branches: int, active: int, distance: int | None = None, span: Span | None = None
) -> Diagnostic | None:
    """Report that no code of these sizes exists, with the bound that forbids it; None where no bound does.

    >>> impossible(10, 10, 3, 6).message
    'no 10 words of weight 3 in 10 branches have distance 6; 4 is the most'
    """
    refusal = _sizes_refused(classes, branches, active, distance)
    if refusal is not None:
        return error("code-contract", refusal[0], span, help=refusal[1:])

    available = johnson(branches, 2, active)
    if classes > available:
        message = f"{classes} classes want more words than there are: {available} of weight {active} in {branches}"
        help = "take more branches, or about half of them active: that gives the most words"
        return error("code-contract", message, span, help=help)

    limits = bounds(classes, branches, active)
    if distance is not None and distance > limits[0].distance:
        message = f"no {classes} words of weight {active} in {branches} branches have distance {distance}"
        notes = [f"{b.name} bound: {b.reason}" for b in limits if b.distance < distance]
        return error("code-contract", f"{message}; {limits[0].distance} is the most", span, notes=notes)
    return None


def _sizes_refused(classes: int, branches: int, active: int, distance: int | None) -> tuple[str, ...] | None:
    """The message, and perhaps a help, for sizes that make no sense or are past the limits."""
    if classes < 2:
        return ("a code is for at least two classes",)
    if classes > MOST_CLASSES or branches > MOST_BRANCHES:
        return (f"codes are designed for at most {MOST_CLASSES} classes and {MOST_BRANCHES} branches",)

    if active < 1:
        return ("no active branch: every class needs at least one",)
    if active > branches:
        return (f"{active} active branches, but there are {branches}: `active` is a number from 1 to {branches}",)
    # A branch without a class is trained by nothing.
    if classes * active < branches:
        return (f"{classes} classes with {active} active branches each leave some of the {branches} branches unused",)

    if distance is not None and distance < 2:
        return ("words that differ have distance 2 at least",)
    if distance is not None and distance % 2:
        return (f"the distance of words of one weight is even, not {distance}", f"{distance - 1} or {distance + 1}")
    return None


def _shared(code: Code, group: tuple[int, ...], span: Span | None, places: Mapping[int, Span]) -> Diagnostic:
    """The diagnostic of classes that share a word, placed at the second of them."""
    first, second, *others = group
    names = " and ".join(f"`{one_line(code.name(i), 60)}`" for i in (first, second))
    if others:
        names += f" (and {len(others)} more)"

    # A code that is written in place has a place for each word, one from a table only for the whole.
    secondary = [Label(places[first], "the same word here")] if first in places else []
    message = f"{names} have the same word `{one_line(code.words[first], 80)}`"
    return error("bad-code", message, places.get(second, span), secondary=secondary)


def _sizes(code: Code, contract: Contract, span: Span | None) -> list[Diagnostic]:
    """The diagnostics of a wrong number of words or branches."""
    rows = (("classes", code.classes, contract.classes), ("branches", code.branches, contract.branches))
    return [
        error("code-contract", f"the code has {actual} {noun}, not {wanted}", span)
        for noun, actual, wanted in rows
        if wanted is not None and actual != wanted
    ]


def _weights(code: Code, contract: Contract, span: Span | None, places: Mapping[int, Span]) -> list[Diagnostic]:
    """The diagnostics of words of a wrong weight."""
    wanted = contract.active
    if wanted is None and contract.equal:
        # No weight is asked for, so the words in the minority are those at fault.
        wanted = Counter(code.weights).most_common(1)[0][0]
    if wanted is None:
        return []

    return [
        error(
            "code-contract",
            f"`{one_line(code.name(i), 60)}` has {weight} active branches, not {wanted}",
            places.get(i, span),
        )
        for i, weight in enumerate(code.weights)
        if weight != wanted
    ]


def _near(code: Code, wanted: int, span: Span | None) -> Diagnostic:
    """The diagnostic of a distance below the wanted one, with a nearest pair."""
    first, second = (one_line(code.name(i), 60) for i in code.nearest(1)[0])
    notes = [f"{b.name} bound: {b.reason}" for b in code.bounds if b.distance < wanted]
    message = f"the least distance is {code.distance}, not {wanted}: {first} and {second} are that near"
    return error("code-contract", message, span, notes=notes)


def _uneven(code: Code, span: Span | None) -> Diagnostic:
    """The diagnostic of columns that could be more equal, with an extreme one of each side."""
    low, high = min(code.columns), max(code.columns)
    least_used, most_used = code.columns.index(low), code.columns.index(high)
    message = f"columns are uneven: branch {most_used} works for {high} classes, branch {least_used} for {low}"
    return error("code-contract", message, span)


def _branches(indices: list[int]) -> str:
    """The branches as words; at most eight are listed."""
    if len(indices) == 1:
        return f"branch {indices[0]}"

    listed = ", ".join(map(str, indices[:8]))
    if len(indices) > 8:
        listed += " ..."
    return f"branches {listed}"
