"""Weights of a network by patterns over their names: `layer1`, `*.batch_norm`, `head.linear.bias`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from functools import lru_cache

from archlang.graph.ir import Graph

Key = tuple[tuple[str, ...], str]
"""A weight: its module's path and its name in the module."""


def names_of(graph: Graph) -> Mapping[str, Key]:
    """Every trained weight of a network by its dotted name, in program order."""
    keys = {}
    for path, node in graph.modules().items():
        for weight in graph.weights(node):
            if weight.trained:
                keys[".".join((*path, weight.name))] = (path, weight.name)
    return keys


def matches(pattern: str, name: str) -> bool:
    """Tell whether a pattern stands for a weight: for its name, or for a module around it. `*` is any characters.

    >>> matches("layer1", "layer1.conv.weight"), matches("*.conv", "layer1.conv.weight"), matches("lay", "layer1.bias")
    (True, True, False)
    """
    return any(_fits(pattern, around) for around in _around(name))


def chosen(names: Iterable[str], patterns: Iterable[str]) -> frozenset[str]:
    """The names that one of the patterns stands for."""
    patterns = tuple(patterns)  # walked once for each name, which an iterator would not survive
    return frozenset(name for name in names if any(matches(pattern, name) for pattern in patterns))


def places(names: Iterable[str]) -> tuple[str, ...]:
    """The weights' names and those of all modules around them: what a pattern may have meant."""
    return tuple(dict.fromkeys(place for name in names for place in _around(name)))


def trained(names: Iterable[str], only: Iterable[str] | None, freeze: Iterable[str] | None) -> frozenset[str]:
    """The names that train where only those of the patterns `only` do (None: all), without those of `freeze`."""
    names = tuple(names)
    if only is None:
        kept = frozenset(names)
    else:
        kept = chosen(names, only)
    return kept - chosen(names, freeze or ())


def _fits(pattern: str, name: str) -> bool:
    # `[` begins no set here: nothing in a module's name needs one, and a stray one would match nothing silently.
    return fnmatchcase(name, pattern.replace("[", "[[]"))


# Every pattern asks for the modules around every name again.
@lru_cache(maxsize=65536)
def _around(name: str) -> tuple[str, ...]:
    parts = name.split(".")
    return tuple(".".join(parts[:count]) for count in range(1, len(parts) + 1))
