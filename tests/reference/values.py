"""What names stand for in the reference: tensors with a history, bundles, stages, words, and scopes of names."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from torch import Tensor

from archlang.syntax import tree


class Surprise(AssertionError):
    """The reference met something that the language document does not have, or that it says nothing of."""


@dataclass(eq=False)
class Value:
    """One tensor [batch, ...] and the number of the operation that made it."""

    data: Tensor
    made: int

    @property
    def sizes(self) -> tuple[int, ...]:
        """The sizes of one sample."""
        return tuple(self.data.shape[1:])


@dataclass(eq=False)
class Group:
    """A bundle."""

    members: tuple[Value | Group, ...]


@dataclass(eq=False)
class Patches(Group):
    """A grid: one member, all its patches one batch behind the other, row by row."""

    rows: int
    columns: int
    size: tuple[int, int]
    patch: tuple[int, int]
    stride: tuple[int, int]


Flowing = Value | Group


class Rows(tuple[int, ...]):
    """A size: `3x3`."""


@dataclass(frozen=True)
class Word:
    """A bare word that no name stands for: `learned`, `same`, `channels`."""

    text: str


@dataclass(frozen=True)
class Code:
    """A code; which words it has makes no difference to what a network computes, only to its losses."""

    classes: int
    branches: int

    @classmethod
    def of(cls, words: Iterable[object]) -> Code:
        """`words("1100", "0110", ...)`."""
        texts = [str(word) for word in words]
        (branches,) = {len(text) for text in texts}
        return cls(len(texts), branches)


@dataclass(frozen=True)
class Choice:
    """A setting with its arguments, by place and by name: `cross_connection(hidden = 16)`; the path of its `layer`."""

    name: str
    places: tuple[object, ...] = ()
    names: Mapping[str, object] = field(default_factory=dict)
    held: tuple[str, ...] | None = None

    def get(self, names: tuple[str, ...], defaults: tuple[object, ...]) -> tuple[object, ...]:
        """The arguments in the order of `names`."""
        return tuple(
            self.places[i] if i < len(self.places) else self.names.get(name, default)
            for i, (name, default) in enumerate(zip(names, defaults, strict=True))
        )


# --- scopes ----------------------------------------------------------------------------------------------------------


class Where:
    """A scope of module names: its path and how often each name was given out in it."""

    def __init__(self, path: tuple[str, ...] = ()) -> None:
        self.path, self.count = path, dict[str, int]()

    def name(self, wanted: str) -> str:
        """The name itself the first time, then `_2`, `_3` ..., past names that are taken."""
        while True:
            self.count[wanted] = self.count.get(wanted, 0) + 1
            given = wanted if self.count[wanted] == 1 else f"{wanted}_{self.count[wanted]}"
            if given == wanted:
                return given
            if given not in self.count:
                self.count[given] = 1
                return given

    def inside(self, *names: str) -> Where:
        """A fresh scope of exactly these names further in."""
        return Where((*self.path, *names))

    def enter(self, wanted: str) -> Where:
        """A fresh scope of a name that nothing else here has."""
        return self.inside(self.name(wanted))


@dataclass
class Scope:
    """Names outward through `outer`; `entering` is what `in` means; `where` names the modules of flows written here.

    `flowing` is what a flow goes on with that starts with a stage: another value in the braces of an `if` alone.
    """

    outer: Scope | None
    entering: Flowing | None
    where: Where | None
    names: dict[str, object] = field(default_factory=dict)
    flowing: Flowing | None = None

    def __post_init__(self) -> None:
        if self.flowing is None:
            self.flowing = self.entering

    def find(self, name: str) -> object | None:
        """What a name stands for, or None."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.names:
                found = scope.names[name]
                if isinstance(found, Later):
                    found = scope.names[name] = found.make()
                return found
            scope = scope.outer
        return None


@dataclass(frozen=True)
class Later:
    """A declaration whose value is worked out when it is wanted: declarations may stand in any order."""

    make: Callable[[], object]


# --- stages ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class OpUse:
    """An operation with arguments by place and by name."""

    name: str
    places: tuple[object, ...] = ()
    names: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class StructureUse:
    """A structural stage: its arguments, its braces and the scope that those were written in."""

    name: str
    places: tuple[object, ...]
    names: Mapping[str, object]
    body: tree.Body | None
    scope: Scope


@dataclass(frozen=True, eq=False)
class BlockName:
    """A declared block and the scope of its file."""

    block: tree.Block
    home: Scope


@dataclass(frozen=True, eq=False)
class BlockUse:
    """A block with arguments."""

    block: tree.Block
    home: Scope
    given: Mapping[str, object]


@dataclass(frozen=True, eq=False)
class FlowUse:
    """Steps to be worked out in their scope when something flows in."""

    steps: tuple[tree.Expr, ...]
    scope: Scope


@dataclass(frozen=True, eq=False)
class Repeated:
    """`n * stage`."""

    count: int
    stage: Stage
    name: str | None = None


@dataclass(frozen=True, eq=False)
class Turn:
    """What is repeated and says `in`: another stage for each turn."""

    expr: tree.Expr
    scope: Scope


@dataclass(frozen=True, eq=False)
class Chosen:
    """`if`, with the scope of its head."""

    expr: tree.If
    scope: Scope


@dataclass(frozen=True, eq=False)
class Looped:
    """`for`, with the scope of its head."""

    expr: tree.For
    scope: Scope


@dataclass(frozen=True, eq=False)
class Held:
    """A stage whose modules live at one path, whoever uses it."""

    stage: Stage
    path: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Called:
    """A stage under another name: by `as`, or (`bound`) by the `let` or parameter that holds it."""

    name: str
    stage: Stage
    bound: bool = False


Stage = OpUse | StructureUse | BlockUse | FlowUse | Repeated | Turn | Chosen | Looped | Held | Called
STAGES = (OpUse, StructureUse, BlockUse, FlowUse, Repeated, Turn, Chosen, Looped, Held, Called)
