"""The search for names that a misspelt name may have meant."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def suggestions(wrong: str, known: Iterable[str]) -> tuple[str, ...]:
    """At most three names of `known` that `wrong` may have meant, nearest first. Case is ignored.

    >>> suggestions("batchnorm", ["batch_norm", "relu", "conv"])
    ('batch_norm',)
    """
    # Sorted, so that of equally near names the same ones are shown on every run: `known` may be a set.
    folded = {name.lower(): name for name in sorted(set(known))}
    near = get_close_matches(wrong.lower(), folded, n=3, cutoff=0.6)
    return tuple(folded[name] for name in near)


def did_you_mean(wrong: str, known: Iterable[str]) -> tuple[str, ...]:
    """A help line with the near matches; empty if there are none, so that it can be joined to other lines.

    >>> did_you_mean("rleu", ["relu", "gelu", "conv"])
    ('did you mean `relu`?',)
    """
    near = suggestions(wrong, known)
    if not near:
        return ()
    return (f"did you mean {', '.join(f'`{name}`' for name in near)}?",)
