"""The scopes of a picture that are closed to one box: all below a depth, but for single ones opened or closed."""

from __future__ import annotations

from dataclasses import dataclass, replace

Levels = tuple[str, ...]


@dataclass(frozen=True)
class Folds:
    """The scopes that are closed in a picture.

    depth   scopes that lie deeper are closed
    opened  keys of scopes that are open all the same
    closed  keys of scopes that are closed all the same

    >>> folds = Folds(1, closed=frozenset({"trunk"}))
    >>> folds.around(("trunk", "unit")), folds.around(("head", "unit")), folds.around(("head",))
    (('trunk',), ('head', 'unit'), None)
    """

    depth: int
    opened: frozenset[str] = frozenset()
    closed: frozenset[str] = frozenset()

    def around(self, home: Levels) -> Levels | None:
        """Return the outermost closed scope on the way to a scope, itself included; None where all are open."""
        if not self.opened and not self.closed:
            return home[: self.depth + 1] if len(home) > self.depth else None

        for length in range(1, len(home) + 1):
            levels = home[:length]
            key = key_of(levels)
            if key in self.closed or (length > self.depth and key not in self.opened):
                return levels
        return None

    def at(self, depth: int) -> Folds:
        """Return the same scopes opened and closed by hand, at another depth."""
        return replace(self, depth=depth)


def key_of(levels: Levels) -> str:
    """Return the key of a scope: its levels with slashes, which stand in no name.

    >>> key_of(("layer1", "bottleneck.0"))
    'layer1/bottleneck.0'
    """
    return "/".join(levels)
