"""The search for names that a misspelt name may have meant."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

MOST = 256
"""Names that are compared; a file may bind thousands, and each comparison takes microseconds."""


def suggestions(wrong: str, known: Iterable[str]) -> tuple[str, ...]:
    """At most three names of `known` that `wrong` may have meant, nearest first. Case is ignored.

    >>> suggestions("batchnorm", ["batch_norm", "relu", "conv"])
    ('batch_norm',)
    """
    # Sorted, so that of equally near names the same ones are shown on every run: `known` may be a set.
    folded = {name.lower(): name for name in sorted(set(known))}
    if len(folded) > MOST:
        folded = {lower: folded[lower] for lower in _likely(wrong.lower(), folded)}
    near = get_close_matches(wrong.lower(), folded, n=3, cutoff=0.6)
    return tuple(folded[name] for name in near)


def _likely(wrong: str, known: Iterable[str]) -> list[str]:
    """Choose the `MOST` of many names that are likeliest meant: those of the same length and first letter come first.

    A slip of the pen changes a letter or two, and seldom the first.
    """

    def distance(name: str) -> int:
        return 2 * abs(len(name) - len(wrong)) + (name[:1] != wrong[:1]) + (name[-1:] != wrong[-1:])

    return sorted(known, key=distance)[:MOST]


def did_you_mean(wrong: str, known: Iterable[str]) -> tuple[str, ...]:
    """A help line with the near matches; empty if there are none, so that it can be joined to other lines.

    >>> did_you_mean("rleu", ["relu", "gelu", "conv"])
    ('did you mean `relu`?',)
    """
    near = suggestions(wrong, known)
    if not near:
        return ()
    return (f"did you mean {', '.join(f'`{name}`' for name in near)}?",)
