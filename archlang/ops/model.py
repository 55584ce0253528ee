"""An operation: pure data that says its arguments, its shapes, its weights, its cost and its torch target.

Three things have a name in the catalogue: an `Op` makes tensors of tensors, a `Setting` is a choice handed to
something (a router, a loss, a schedule), a `Structure` takes braces or changes between tensors and bundles.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from functools import cached_property
from typing import Any, Literal

from archlang.dataclass import dataclass, unguarded
from archlang.ops.facts import Facts, Form, Piece, Result
from archlang.ops.kinds import Kind
from archlang.ops.values import Extents, InputAt, Option
from archlang.shapes import Dim, Tensor, product


class _Required:
    described = "nothing"

    def __repr__(self) -> str:
        return "REQUIRED"


# An object of its own, as None is a default already: it means `auto`.
REQUIRED = _Required()
"""The default of an argument that must be given."""

AUTO = "auto"
"""The word for an argument that the operation works out: it is printed for a default of None, and can be written."""


@dataclass(frozen=True)
class Arg:
    """One argument. A default of None means `auto`: the operation works it out.

    With `many` it takes all further arguments given by place, as a tuple: `steps(80, 150, by = 0.1)`. `placed`: whether
    it may be given by place although it has a default.
    """

    name: str
    kind: Kind
    default: object = REQUIRED
    doc: str = ""
    many: bool = False
    placed: bool = False


def by_place(args: Sequence[Arg]) -> tuple[str, ...]:
    """Return the names of the arguments that may be given by place, in order; all others are given by name.

    Those that must be given, those that are `placed`, and the only one of an operation that has one. So nothing can
    land in an argument that its writer did not think of: `conv(3, 64, 3)` sets no stride.

    >>> from archlang.ops.kinds import Int, Real
    >>> by_place((Arg("heads", Int(1)), Arg("dropout", Real(0, 1), 0.0)))
    ('heads',)
    >>> by_place((Arg("p", Real(0, 1), 0.5),))
    ('p',)
    """
    if len(args) == 1:
        return (args[0].name,)

    return tuple(arg.name for arg in args if arg.default is REQUIRED or arg.many or arg.placed)


@unguarded
@dataclass(frozen=True)
class OpCall:
    """One use of an op: types in, checked arguments, and (once its shape rule ran) types out.

    `inputs` holds the flow's tensor (or a bundle's members), then the tensors given as arguments.
    """

    inputs: tuple[Tensor, ...]
    args: Mapping[str, Any]
    outputs: tuple[Tensor, ...] = ()

    @property
    def x(self) -> Tensor:
        """The first input."""
        return self.inputs[0]

    @property
    def y(self) -> Tensor:
        """The first output."""
        return self.outputs[0]

    def __getitem__(self, name: str) -> Any:
        return self.args[name]

    def tensor(self, name: str) -> Tensor | None:
        """The type of the tensor that an argument took; None where it was left out."""
        index = self.named.get(name)
        if index is None:
            return None
        return self.inputs[index]

    @property
    def named(self) -> Mapping[str, int]:
        """The inputs that arguments took which may be left out: the argument, and the input's index."""
        return {name: value.index for name, value in self.args.items() if isinstance(value, InputAt)}


@unguarded
@dataclass(frozen=True)
class Weight:
    """A parameter, or (`trained` False) a buffer, by its name in the module's `state_dict`.

    `init` is the initialiser that replaces the module's own start, by role `initialiser`; None leaves it as it is.
    """

    name: str
    shape: tuple[Dim, ...]
    trained: bool = True
    dtype: Literal["float32", "int64"] = "float32"
    init: Option | None = None

    @property
    def numel(self) -> Dim:
        """The count of its numbers; a scalar holds one."""
        return product(self.shape)


Arguments = Callable[[OpCall], Mapping[str, Any]]
Target = str | Callable[[OpCall], str]
"""A dotted name, or how to choose one: `BatchNorm1d` or `BatchNorm2d`, by the rank of what comes in."""


def dotted_name(target: Target, call: OpCall) -> str:
    """Return a target's dotted name in one use of an op."""
    if isinstance(target, str):
        return target
    return target(call)


@dataclass(frozen=True)
class Module:
    """Emitted as a module: `target` is its class's dotted name, `arguments` what its constructor gets by keyword.

    Its `forward` gets the inputs one by one; with `packed`, all of them as one tuple. By keyword come tensors that may
    be left out, as their arguments are called, and `keywords`.
    """

    target: Target
    arguments: Arguments = lambda call: {}
    packed: bool = False
    keywords: Arguments = lambda call: {}

    def dotted(self, call: OpCall) -> str:
        """The target's dotted name in this use."""
        return dotted_name(self.target, call)


@dataclass(frozen=True)
class Function:
    """Emitted as a call: the inputs come first (as one tuple with `packed`), then `arguments` by keyword.

    `arguments` holds ints, floats, bools, None, tuples of those, and fixed words of torch's such as a padding mode.
    """

    target: Target
    arguments: Arguments = lambda call: {}
    packed: bool = False

    def dotted(self, call: OpCall) -> str:
        """The target's dotted name in this use."""
        return dotted_name(self.target, call)


def no_weights(call: OpCall) -> tuple[Weight, ...]:
    """For ops without parameters and buffers."""
    return ()


def no_flops(call: OpCall) -> Dim:
    """For ops that multiply nothing by a weight: element-wise ones, pools, norms are not counted."""
    return 0


def no_axis(call: OpCall) -> None:
    """For ops without an axis of this kind."""
    return


def each_channel(call: OpCall) -> int | None:
    """For ops that take the mean of every channel off, in training: the axis of the channels."""
    return 0


def each_row(call: OpCall) -> bool:
    """For ops whose result for a sample depends, in evaluation mode, on that sample alone: all but a few."""
    return True


@dataclass(frozen=True)
class Op:
    """An operation of the catalogue.

    shape   types out of a call (a tuple: a bundle of that many); raises `Fault` where the use makes no sense.
    weights parameters and buffers, in the module's order.
    flops   floating-point operations per sample, one multiply-add as two, of products with weights or of tensors.
    torch   what it becomes: a module or a function.
    takes   `tensor`: one from the flow; `bundle`: all members of one, or, where an argument takes further tensors
            (`a -> concat(b)`), a tensor and those.
    equal   whether the members of a bundle must be equal, although further tensors given as arguments may differ.
    rows    whether in evaluation mode each sample's result depends on that sample alone.
    taps    which of its results can be looked at from outside: (index, name) pairs. A tap is called by the path of what
            the op belongs to, then its name; "" for the path alone.
    drawn   how diagrams show it: a `box`; the `end` of an arrow from outside; a circle with a `sum` for each output,
            `weighted` where its first input holds the weights; a router's `gates`; `attention` over layers, an arrow
            from each.
    line    what its box says, where that is not its name and arguments.
    centres the axis of its input along which it takes the mean off, for each index that over all other axes (in
            training; over the batch, too, or for each sample): a bias along that axis before it changes nothing and
            has a gradient of rounding noise. None for none.
    biased  the axis of its result that a bias of its own runs along.
    joins   the axis along which it lays its inputs end to end; None where it does something else.
    mixes   (axis, dimension): every result reads all of what enters along that axis, which is that dimension of its
            weight; None where results read parts, or there is no such weight.
    remains whether, with some of its inputs taken out, it brings together those that are left as if the others were 0.
    convolves the axes that a convolution slides over, depthwise ones too; 0 for transposed ones and for all else.
    piece   the piece of a structure that it is, where others look for it in a graph; "" for none.
    before  which of its results are weights before a filter took some away; None where it filters none.
    sparse  whether what it gives the weight 0 need not be calculated, at inference.
    batched whether its statistics are over the batch in training: few values make them poor.
    copies  whether one tensor may enter it twice, as each input has weights of its own; else that is `same-twice`.
    commutes whether its tensors may change places.
    keyed   whether its module holds keys that follow a moving average where a phase says so (`layers.keys.Keyed`).
    habit   the arguments of torch's module by place, as ours are called, "" for one that is known here.
    gives   what each of its results is, where others must know: a softmax's `shares`, a `sequence`; "" for nothing.
    reads   what it takes a tensor of two sizes for, where what it gives does not say so: a norm of channels a line.
    order   the axes of its input in the order that it gives them; None where none of them moves.
    sized   what it becomes where one of its arguments is a symbolic size, which no constructor of a module can hold.
    own     whether it is a tensor of the file's own and no stage: it reads one tensor, for the number of rows alone.
    whole   the arguments whose tensors may hold whole numbers, `in` for what flows in: tokens, masks, lengths. All
            others are refused (`whole-numbers`), since a product or a sum of class numbers means nothing.
    carries whether it moves numbers and calculates nothing, so that whole numbers leave as whole numbers.
    pad     extra cells before the target, as `torch.nn.functional.pad` has them: (left, right, top, bottom, ...) and
            its mode (`constant` with zeros, `reflect`, `replicate`, `circular`); None for none.
    """

    # said by every operation
    name: str
    family: str
    doc: str
    shape: Callable[[OpCall], Tensor | tuple[Tensor, ...]]
    torch: Module | Function

    # what it takes, holds and costs
    args: tuple[Arg, ...] = ()
    weights: Callable[[OpCall], tuple[Weight, ...]] = no_weights
    flops: Callable[[OpCall], Dim] = no_flops
    takes: Literal["tensor", "bundle"] = "tensor"
    equal: bool = False
    own: bool = False
    pad: Callable[[OpCall], tuple[tuple[int, ...], str] | None] | None = None
    sized: Function | None = None
    rows: Callable[[OpCall], bool] = each_row

    # how it is looked at and drawn
    taps: tuple[tuple[int, str], ...] = ()
    drawn: Literal["box", "end", "sum", "gates", "attention"] = "box"
    weighted: bool = False
    line: Callable[[Mapping[str, Any]], str] | None = None

    # what the checks of elaboration, the transformations and the losses ask of it
    centres: Callable[[OpCall], int | None] = no_axis
    biased: int = 0
    joins: Callable[[OpCall], int | None] = no_axis
    mixes: Callable[[OpCall], tuple[int, int] | None] = no_axis
    remains: bool = False
    piece: Piece = ""
    convolves: int = 0
    before: int | None = None
    sparse: bool = False
    batched: bool = False
    copies: bool = False
    keyed: bool = False
    whole: tuple[str, ...] = ()
    carries: bool = False
    commutes: bool = False
    habit: tuple[str, ...] = ()
    gives: tuple[Result, ...] = ()
    reads: Form = ""
    order: Callable[[OpCall], tuple[int, ...]] | None = None

    # whether files can name it, and how they do
    internal: bool = False
    example: str = ""

    def becomes(self, call: OpCall) -> Module | Function:
        """Return what this use of the operation becomes in torch."""
        if self.sized is not None and any(isinstance(value, Extents) for value in call.args.values()):
            return self.sized
        return self.torch


def fits(args: Mapping[str, Any]) -> None:
    """For settings whose arguments have nothing to do with each other."""


@dataclass(frozen=True)
class Setting:
    """A named choice with arguments that something else takes: `cross_connection(hidden = 16)`, `sgd(lr = 0.1)`.

    facts   what other rooms ask of settings of its role (`ops.facts`); None where they ask nothing.
    `check` looks at arguments together, each checked by its kind before; it raises `Fault` where they do not fit.
    """

    name: str
    role: str
    doc: str
    args: tuple[Arg, ...] = ()
    example: str = ""
    facts: Facts | None = None
    check: Callable[[Mapping[str, Any]], None] = fits


@dataclass(frozen=True)
class Structure:
    """A stage that gives structure; its meaning lies in `graph`. `body`: whether braces follow."""

    name: str
    doc: str
    args: tuple[Arg, ...] = ()
    body: Literal["none", "flow", "flows"] = "none"
    example: str = ""


Entry = Op | Setting | Structure


@dataclass(frozen=True)
class Catalogue:
    """All that has a name: operations and structures share one set of names, settings one per role.

    `plugins` are the plug-ins whose operations are among them.
    """

    ops: Mapping[str, Op] = field(default_factory=dict)
    structures: Mapping[str, Structure] = field(default_factory=dict)
    settings: Mapping[tuple[str, str], Setting] = field(default_factory=dict)
    plugins: tuple[str, ...] = ()

    def stage(self, name: str) -> Op | Structure | None:
        """The operation or structure that files may use by this name."""
        op = self.ops.get(name)
        # Internal ones are what structures become in the graph: no file can name them.
        if op is not None and not op.internal:
            return op
        return self.structures.get(name)

    @property
    def stages(self) -> tuple[str, ...]:
        """All names that stand for a stage in a file."""
        operations = [name for name, op in self.ops.items() if not op.internal]
        return (*operations, *self.structures)

    def setting(self, role: str, name: str) -> Setting | None:
        """The setting of a role by its name."""
        return self.settings.get((role, name))

    def of_role(self, role: str) -> tuple[str, ...]:
        """The names of a role's settings."""
        return tuple(name for of_role, name in self.settings if of_role == role)

    def roles_of(self, name: str) -> tuple[str, ...]:
        """The roles in which a setting of this name exists."""
        return tuple(role for role, setting_name in self.settings if setting_name == name)

    def readings(self, name: str, bare: bool = True) -> tuple[str, ...]:
        """Return what a name can mean: `stage`, the roles of settings, and, if it stands `bare`, `word`.

        >>> from archlang.ops import CATALOGUE
        >>> CATALOGUE.readings("mean"), CATALOGUE.readings("none"), CATALOGUE.readings("same")
        (('stage', 'aggregator', 'word'), ('kernels', 'threshold', 'word'), ('word',))
        """
        meanings: list[str] = []
        if self.stage(name) is not None:
            meanings.append("stage")
        meanings += self.roles_of(name)

        # `none(3)` is no word any more: parentheses make it a call.
        if bare and (name == AUTO or name in self.words):
            meanings.append("word")
        return tuple(meanings)

    @cached_property
    def words(self) -> frozenset[str]:
        """All bare words that some argument knows."""
        entries: tuple[Entry, ...] = (*self.ops.values(), *self.structures.values(), *self.settings.values())
        words: set[str] = set()
        for entry in entries:
            for arg in entry.args:
                words.update(arg.kind.words)
        return frozenset(words)
