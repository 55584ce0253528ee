"""The values of names while a network is built: tensors, bundles, stages, blocks, and the poison of a mistake."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import field, replace
from typing import Any

from archlang.dataclass import dataclass, unguarded
from archlang.graph.ir import Frame, Member, Port
from archlang.ops.model import Op, Structure
from archlang.ops.values import CodeValue
from archlang.shapes import Bundle, Dim, Grid, Tensor, Type
from archlang.source import NOWHERE, Span
from archlang.syntax.tree import Block, Body, Expr, For, If, TreeNode


@unguarded
@dataclass(frozen=True)
class TensorValue:
    """One tensor: the port that makes it, and its type. `passed`: the test of an `if` that let it through unchanged."""

    port: Port
    type: Tensor
    passed: Span | None = field(default=None, compare=False)
    described = "a tensor"
    is_tensor = True


@dataclass(frozen=True)
class Tag:
    """The tag of a bundle of branches: the code, the branches before any is left out, and the mask that does it."""

    code: CodeValue
    branches: tuple[Value, ...]
    mask: TensorValue | None = None
    drop: float = 0.0


@dataclass(frozen=True)
class BundleValue:
    """Parallel values; `tag` where they are the branches of a code."""

    members: tuple[Value, ...]
    tag: Tag | None = field(default=None, compare=False)
    described = "a bundle of tensors"

    @property
    def type(self) -> Type:
        """The bundle's type."""
        types = tuple(member.type for member in self.members)
        if self.tag is None:
            return Bundle(types)
        return Bundle(types, self.tag.code.columns)


@dataclass(frozen=True)
class GridValue(BundleValue):
    """Patches of one type, cut from a map of `size`: in the graph they are one tensor, side by side in the batch.

    So they have no members of their own. `patch` is what was cut; what patches became since stands in `tensor`.
    `outer`: how many rows a sample had before, more than one where patches are cut of patches.
    """

    members: tuple[Value, ...] = ()
    tensor: TensorValue = field(kw_only=True)
    rows: Dim = field(kw_only=True)
    columns: Dim = field(kw_only=True)
    size: tuple[Dim, Dim] = field(kw_only=True)
    patch: tuple[int, int] = field(kw_only=True)
    stride: tuple[int, int] = field(kw_only=True)
    outer: Dim = field(default=1, kw_only=True)
    described = "a grid of patches"

    @property
    def type(self) -> Type:
        """The grid's type."""
        return Grid(self.rows, self.columns, self.tensor.type, self.size, self.stride)


Value = TensorValue | BundleValue


@dataclass(frozen=True)
class OpenWord:
    """A name of the catalogue, or a call of one, written where nothing says yet which of its meanings is wanted.

    `mean` is a stage and a kind of attention, `none` a padding, a threshold and no small kernels: a `let`, a dial and
    an argument of a block keep the word, and the place where it lands settles it (`interpret.evaluate`). `readings` are
    its meanings, as `Catalogue.readings` gives them.
    """

    text: str
    readings: tuple[str, ...] = field(compare=False)
    expr: Expr = field(compare=False)
    env: Env = field(compare=False)

    @property
    def described(self) -> str:
        """The word, for messages."""
        return f"the word `{self.text}`"

    def __str__(self) -> str:
        return self.text


class Poison:
    """The trace of a reported mistake: whatever touches it stays silent."""

    described = "something that is not known"


POISON = Poison()


class Poisoned(Exception):
    """Raised where a poisoned value would be needed: the mistake behind it is reported already."""


Flowing = Value | Poison
"""What a stage is handed: a value, or poison where a mistake stands before it."""


@dataclass(frozen=True)
class AbsentOutput:
    """An output of the network whose `if` takes no branch: it has a name, and nothing stands behind it."""

    described = "an output that its `if` leaves out here"


# --- where a node stands ---------------------------------------------------------------------------------------------


@unguarded
@dataclass(frozen=True)
class Place:
    """A scope of module names: its path, the names taken in it so far, and how the build came here."""

    path: tuple[str, ...] = ()
    taken: dict[str, int] = field(default_factory=dict, compare=False)
    frames: tuple[Frame, ...] = ()
    members: tuple[Member, ...] = ()
    loops: tuple[tuple[str, str], ...] = ()  # the values of the loop names, for messages

    def unique(self, name: str) -> str:
        """The name itself, or with `_2`, `_3` ... where it repeats in this scope."""
        count = self.taken.get(name, 0) + 1
        self.taken[name] = count
        if count == 1:
            return name
        # The author may have given the name `conv_2` himself.
        candidate = f"{name}_{count}"
        if candidate in self.taken:
            return self.unique(name)
        # Or may give it yet: two layers of one name would share their weights.
        self.taken[candidate] = 1
        return candidate

    def enter(self, name: str) -> Place:
        """A new scope of a unique name inside this one."""
        return self.at(self.unique(name))

    def at(self, name: str) -> Place:
        """A new scope of exactly this name."""
        return Place((*self.path, name), {}, self.frames, self.members, self.loops)

    def member(self, kind: str, index: int, count: int, *names: str) -> Place:
        """The scope of one member of something parallel; without `names` it is called by its index."""
        member = Member(kind, self.path, index, count)
        inner = self
        for name in names or (str(index),):
            inner = inner.at(name)
        return replace(inner, members=(*self.members, member))

    def holding(self, frame: Frame, member: Member) -> Place:
        """The scope of a layer, as it is at every one of its uses, for one of them."""
        return Place(member.region, {}, (*self.frames, frame), (*self.members, member), self.loops)

    def framed(self, frame: Frame) -> Place:
        """This scope, one block deeper."""
        return Place(self.path, self.taken, (*self.frames, frame), self.members, self.loops)


# --- scopes of names -------------------------------------------------------------------------------------------------


@dataclass
class Thunk:
    """A value worked out when it is first wanted; asked for itself while it works, it is poison."""

    make: Callable[[], object]
    value: object = None
    state: str = "new"

    def get(self) -> object:
        """The value."""
        if self.state == "busy":
            return POISON
        if self.state == "new":
            self.state = "busy"
            self.value = self.make()
            self.state = "done"
        return self.value


@dataclass
class Env:
    """Names in scope, outward through `outer`, and the two values that a flow inside can start with.

    `entering` is the meaning of `in`: what entered the innermost thing that is applied to a value; None where there is
    none, as in a network. `flowing` is what a flow that starts with a stage continues. They differ in the braces of an
    `if` alone, which continue the flow before them and leave `in` as it was.
    """

    outer: Env | None = None
    names: dict[str, object] = field(default_factory=dict)
    entering: Flowing | None = None
    flowing: Flowing | None = None
    place: Place | None = None  # where flows in arguments put their nodes; None where there may be none
    nodes: dict[str, TreeNode] = field(default_factory=dict)  # the tree nodes that bind the names
    at: Span | None = None  # where in the text the flowing value stands
    later: Mapping[str, Span] = field(default_factory=dict)  # names that the body binds, here or further down

    def find(self, name: str) -> object | None:
        """Return what a name stands for, or None."""
        env: Env | None = self
        while env is not None:
            if name in env.names:
                value = env.names[name]
                return value.get() if isinstance(value, Thunk) else value
            env = env.outer
        return None

    def inner(self) -> Env:
        """Return a scope of further names inside this one, for the same flows."""
        return Env(self, entering=self.entering, flowing=self.flowing, place=self.place, at=self.at)

    def applied(self, value: Flowing, place: Place, at: Span | None = None) -> Env:
        """Return the scope of braces that are applied to `value`, which stands at `at`: `in` means it there."""
        return Env(self, entering=value, flowing=value, place=place, at=at)

    def continued(self, value: Flowing, place: Place, at: Span | None = None) -> Env:
        """Return the scope of braces that continue a flow, which has come to `value`: `in` stays what it was."""
        return Env(self, entering=self.entering, flowing=value, place=place, at=at)

    def unread(self) -> Env:
        """Return the scope of a branch that is read for mistakes only, where no value is known."""
        entering: Flowing | None = None
        if self.entering is not None:  # where `in` means nothing, it is a mistake in a branch that is not taken too
            entering = POISON
        return Env(self, entering=entering, flowing=POISON, place=Place())

    def closed(self) -> Env:
        """Return this scope without a value for flows to start with: that of a parameter's default."""
        return replace(self, entering=None, flowing=None)

    def static(self) -> Env:
        """Return this scope for static values and stages: no flow may put nodes anywhere."""
        return replace(self, place=None)

    def has(self, name: str) -> bool:
        """Return whether a name is in scope."""
        env: Env | None = self
        while env is not None:
            if name in env.names:
                return True
            env = env.outer
        return False

    def all_names(self) -> Iterator[str]:
        """Every name in scope."""
        env: Env | None = self
        while env is not None:
            yield from env.names
            env = env.outer


# --- stages ----------------------------------------------------------------------------------------------------------


@unguarded
@dataclass(frozen=True)
class Given:
    """Arguments of a call, checked: values by name, the place of each, and of every single one where it is several."""

    values: Mapping[str, Any]
    spans: Mapping[str, Span] = field(default_factory=dict)
    places: Mapping[str, tuple[Span, ...]] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Any:
        return self.values[name]


@unguarded
@dataclass(frozen=True, kw_only=True)
class Stage:
    """Something that a flow can pass through. `span` is the place where it is used."""

    span: Span = NOWHERE
    is_stage = True
    described = "a stage"


@dataclass(frozen=True)
class OpStage(Stage):
    """An operation with its arguments."""

    op: Op
    given: Given
    name: str


@dataclass(frozen=True)
class StructureStage(Stage):
    """A structural stage with its arguments and braces."""

    structure: Structure
    given: Given
    body: Body | None
    env: Env


@dataclass(frozen=True)
class BlockStage(Stage):
    """A block with values for its parameters, evaluated where it was called."""

    block: Block
    name: str
    given: Mapping[str, object]
    home: Env
    shown: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class FlowStage(Stage):
    """Several stages one after the other, evaluated in their scope when something flows in."""

    steps: tuple[Expr, ...]
    env: Env


@dataclass(frozen=True)
class RepeatStage(Stage):
    """`n * stage`."""

    count: int
    stage: Stage


@dataclass(frozen=True)
class TurnStage(Stage):
    """A repeated stage that says `in`: it is evaluated anew for each turn, where `in` is what enters that turn."""

    expr: Expr
    env: Env
    name: str


@dataclass(frozen=True)
class IfStage(Stage):
    """`if test { ... } else { ... }`."""

    expr: If
    env: Env


@dataclass(frozen=True)
class ForStage(Stage):
    """`for name in values { ... }`."""

    expr: For
    env: Env


@dataclass(frozen=True)
class NamedStage(Stage):
    """`stage as name`, and a stage that a `let` or a parameter calls by a name (`scope`: a name of a scope only)."""

    stage: Stage
    name: str
    scope: bool = False


@dataclass(frozen=True)
class LayerStage(Stage):
    """A stage that holds its weights once, at `path`, whichever flows pass through it."""

    stage: Stage
    name: str
    path: tuple[str, ...]


@dataclass(frozen=True)
class BlockValue:
    """A declared block, before it has arguments."""

    block: Block
    home: Env
    described = "a block"
    is_stage = False
