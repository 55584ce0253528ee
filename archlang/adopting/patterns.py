"""A map from our names to those of a source, with globs: `{"layer1.*": "backbone.layer1.*"}`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from archlang.diagnostics import ArchError, error


def mapped(ours: Iterable[str], theirs: Iterable[str], given: Mapping[str, str]) -> dict[str, str]:
    """For each of our tensors the name that a map gives it, if the source has that; the first pattern that fits counts.

    A `*` stands for any letters, dots too; the n-th one of the value stands for what the n-th one of the key stood for.
    Raises `ArchError` (unknown-pattern) for a pattern that fits none of our names, or gives none that the source has.

    >>> mapped(["stem.conv.weight", "head.weight"], ["net.conv.weight"], {"stem.*": "net.*"})
    {'stem.conv.weight': 'net.conv.weight'}
    """
    known = set(theirs)
    names: dict[str, str] = {}
    fitting: set[str] = set()
    giving: set[str] = set()
    for name in ours:
        for pattern, value in given.items():
            found = re.fullmatch("(.*)".join(map(re.escape, pattern.split("*"))), name)
            if found is None:
                continue
            fitting.add(pattern)
            other = _filled(value, found.groups())
            if other in known:
                giving.add(pattern)
                names[name] = other
            break

    for pattern, value in given.items():
        if pattern not in fitting:
            raise ArchError(error("unknown-pattern", f"`{pattern}` of the map fits no tensor of the network"))
        if pattern not in giving:
            message = f"`{pattern}` of the map gives no tensor of the source: it has none called `{value}`"
            raise ArchError(error("unknown-pattern", message))
    return names


def _filled(value: str, words: tuple[str, ...]) -> str:
    """A value with the words that the pattern's stars stood for."""
    parts = value.split("*")
    if len(parts) - 1 > len(words):
        message = f"`{value}` of the map has more stars than the pattern that it belongs to"
        raise ArchError(error("unknown-pattern", message))

    filled = parts[0]
    for word, part in zip(words, parts[1:], strict=False):
        filled += word + part
    return filled
