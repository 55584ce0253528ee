"""The table of an embedding that a declared `layer` holds, as an argument of another operation."""

from __future__ import annotations

from archlang.dataclass import dataclass
from archlang.ops.kinds import Kind
from archlang.ops.values import Option


@dataclass(frozen=True)
class Table:
    """The vectors of an embedding that a `layer` holds: its name, the path of its module, and its sizes.

    `init` is the initialiser that replaces the embedding's own start, as in its `Weight`.
    """

    name: str
    path: tuple[str, ...]
    rows: int
    features: int
    init: Option | None = None
    described = "the table of an embedding"

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class TableKind(Kind):
    """The embedding of a declared `layer`, which the evaluator looks up."""

    text = "a `layer` that is an embedding"

    def accept(self, value: object) -> Table:
        if not isinstance(value, Table):
            raise self.wrong(value)
        return value
