"""The types of this room: a step is one operation of the language, read off a torch model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from torch import Tensor

State = Mapping[str, Tensor]
"""The tensors of a torch model by their names, as `state_dict` has them; constants of the graph stand among them."""


class Word(str):
    """A bare word of the language as the value of an argument: `none`, `channels`, `reflect`."""

    __slots__ = ()


class Quoted(str):
    """A text in quotes as the value of an argument: the names of axes."""

    __slots__ = ()


@dataclass(frozen=True)
class Initial:
    """An initialiser with its arguments: `constant(value = 3.0)`."""

    name: str
    args: tuple[tuple[str, float | Word], ...] = ()


@dataclass(frozen=True)
class LayerOf:
    """The `layer` that another step was declared as, as the value of an argument: the table of an embedding."""

    value: int  # that the step makes


Static = int | float | bool | Word | Quoted | Initial | LayerOf | tuple["Static", ...]
"""The value of an argument of a step."""


class Kernel(tuple[int, ...]):
    """A size such as 3x3, which is written so."""

    __slots__ = ()


@dataclass(frozen=True)
class Origin:
    """The origin of a weight's numbers: `read` gives them from a model's state, of whose tensors it uses `names`."""

    read: Callable[[State], Tensor] = field(repr=False, compare=False)
    names: tuple[str, ...] = ()
    key: str = ""  # how the tensor was made of those: a matrix and the same one turned differ in it


@dataclass(frozen=True)
class ModulePlace:
    """A place in a torch model: the modules that were being called, from the outside in, each a path and a class."""

    stack: tuple[tuple[str, str], ...] = ()
    line: str = ""

    @property
    def path(self) -> str:
        """The path of the innermost module; empty for the model itself."""
        if not self.stack:
            return ""
        return self.stack[-1][0]

    def __str__(self) -> str:
        """The words of messages: `layer1.0 (timm.models.resnet.BasicBlock)`."""
        if not self.stack:
            return "the model"
        path, kind = self.stack[-1]
        if not path:
            return f"the model ({kind})"
        return f"`{path}` ({kind})"


@dataclass(frozen=True, eq=False)
class Step:
    """One operation of the language: its name and arguments, the values it reads and makes, and its weights.

    Args:
        op: the operation's name in the catalogue.
        args: its arguments; those that have their default are left out.
        inputs: the numbers of the values that it reads, the flow's first.
        output: the number of the value that it makes.
        weights: by the name that the weight has in archlang's module.
        place: where in the torch model it stands.
    """

    op: str
    args: Mapping[str, Static]
    inputs: tuple[int, ...]
    output: int
    weights: Mapping[str, Origin]
    place: ModulePlace
    free: bool = False  # whether the first two tensors may change places
    bundled: bool = False  # whether what it reads flows in as a bundle
    named: tuple[str, ...] = ()  # the arguments that the tensors beside the first are, where they have no place


@dataclass(frozen=True)
class Traced:
    """A torch model as steps, in the order in which they ran.

    `sizes` are those of one sample for each value; inputs are values without a step. `outputs` have names, None for
    the only or main one. `shared` are the values of steps that have the weights of another step, which is a module that
    is called several times: each with the value of the first. `ranges` say of inputs of whole numbers how many there
    are. `nodes` are those of the exported graph.
    """

    steps: tuple[Step, ...]
    inputs: tuple[tuple[str, int], ...]
    outputs: tuple[tuple[str | None, tuple[int, ...]], ...]
    sizes: Mapping[int, tuple[int, ...]]
    notes: tuple[str, ...] = ()
    state: State = field(default_factory=dict)
    shared: Mapping[int, int] = field(default_factory=dict)
    batch: int = 0
    nodes: int = 0
    ranges: Mapping[int, int] = field(default_factory=dict)
    sized: bool = False  # whether the size of a map decided which steps there are
