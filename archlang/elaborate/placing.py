"""Arguments to their parameters, by place and by name, and what a wrong one was meant to be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

from archlang.dataclass import dataclass, unguarded
from archlang.diagnostics import Label, did_you_mean
from archlang.elaborate.context import Build
from archlang.ops.kinds import Fault, Flag, SizeOf, TensorKind
from archlang.ops.model import REQUIRED, Arg, Entry, by_place
from archlang.syntax.tree import Argument, Block, Expr, Field, Name, Number, Text, Truth
from archlang.wording import listing

LARGEST_KERNEL = 11  # cells of a kernel in the networks that are published, but for a few

LARGEST_EPSILON = 0.01  # a momentum is larger

SHORT = 40  # characters of an argument that is repeated in a message


@unguarded
@dataclass(frozen=True)
class Signature:
    """The parameters of something that is called.

    Attributes:
        what: The name, for messages.
        names: All parameters, in order.
        places: Those that may be given by place, in order.
        many: The one that takes all that are left, or None.
        args: Their declarations, where the catalogue has them.
        habit: The order in which torch takes them (`Op.habit`).
    """

    what: str
    names: tuple[str, ...]
    places: tuple[str, ...]
    many: str | None = None
    args: tuple[Arg, ...] = ()
    habit: tuple[str, ...] = ()

    @cached_property
    def tensors(self) -> frozenset[str]:
        """Those that take tensors."""
        return frozenset(arg.name for arg in self.args if isinstance(arg.kind, TensorKind))

    @cached_property
    def optional(self) -> frozenset[str]:
        """Those that take a tensor which may be left out."""
        return frozenset(arg.name for arg in self.args if arg.name in self.tensors and arg.default is None)

    @cached_property
    def defaults(self) -> dict[str, object]:
        """The value of each parameter where nothing is given, in order; REQUIRED where something must be."""
        return {arg.name: _default(arg) for arg in self.args}

    @cached_property
    def required(self) -> frozenset[str]:
        """Those that have no default."""
        return frozenset(name for name, value in self.defaults.items() if value is REQUIRED)

    @cached_property
    def known(self) -> frozenset[str]:
        """All parameters, to look for one among thousands."""
        return frozenset(self.names)


def takes_several(arg: Arg) -> bool:
    """Tell whether an argument may be given several times; a list of tensors says so by its kind."""
    return arg.many or getattr(arg.kind, "many", False)


def _default(arg: Arg) -> object:
    # Readers of an argument that takes several go through a tuple, an empty one where nothing was given.
    may_be_empty = arg.default is None or (arg.default is REQUIRED and getattr(arg.kind, "low", 1) == 0)
    if takes_several(arg) and may_be_empty:
        return ()
    return arg.default


def signature_of(entry: Entry) -> Signature:
    """Return the signature of an operation, a structure or a setting; it is worked out once."""
    # Kept with the entry itself, so that no other one gets its id. The tables of the catalogue are too large to hash.
    _, known = _SIGNATURES.get(id(entry), (None, None))
    if known is None:
        known = signature(entry.name, entry.args, getattr(entry, "habit", ()))
        _SIGNATURES[id(entry)] = entry, known
    return known


_SIGNATURES: dict[int, tuple[Entry, Signature]] = {}


def signature(what: str, args: Sequence[Arg], habit: tuple[str, ...] = ()) -> Signature:
    """Return the signature of something that takes these arguments of the catalogue."""
    many = next((a.name for a in args if a.many or getattr(a.kind, "many", False)), None)
    return Signature(what, tuple(a.name for a in args), by_place(args), many, tuple(args), habit)


def signature_of_block(block: Block) -> Signature:
    """Return the signature of a block: its reader sees its parameters, so that each may be given by place."""
    names = tuple(parameter.name for parameter in block.parameters)
    return Signature(block.name, names, names)


def place(b: Build, takes: Signature, arguments: Sequence[Argument]) -> dict[str, list[Argument]]:
    """Return each argument under the name of its parameter; mistakes are reported, the rest goes on."""
    placed: dict[str, list[Argument]] = {}
    surplus: list[Argument] = []
    position = 0
    for argument in arguments:
        if argument.name is not None:
            _named(b, takes, argument, placed)
            continue

        # A parameter that was given by name is not skipped: `conv(channels = 8, 3x3, 16)` would be a riddle.
        name = None
        if position < len(takes.places):
            name = takes.places[position]
        if name is None or (name != takes.many and name in placed):
            surplus.append(argument)
            continue

        # What takes several stays in its position: all that follow are its values.
        if name != takes.many:
            position += 1
        placed.setdefault(name, []).append(argument)

    if surplus:
        _too_many(b, takes, arguments, surplus)
    return placed


def _named(b: Build, takes: Signature, argument: Argument, placed: dict[str, list[Argument]]) -> None:
    name = argument.name
    assert name is not None

    if name not in takes.known:
        where = argument.span
        if argument.name_span.end:
            where = argument.name_span
        listed = "it takes no arguments"
        if takes.names:
            listed = f"it takes: {listing(takes.names)}"
        near = did_you_mean(name, takes.names)
        if name == "dim" and "axis" in takes.known:
            near = ("torch's `dim` is called `axis`, which is a word: `axis = channels`",)
        b.refuse("unknown-argument", f"`{takes.what}` has no argument `{name[:64]}`", where, help=(*near, listed))
        return

    if name in placed and name != takes.many:
        first = Label(placed[name][0].span, "given here first")
        b.refuse("repeated-argument", f"`{name}` is given twice", argument.span, secondary=(first,))
        return

    placed.setdefault(name, []).append(argument)


# --- too many by place -----------------------------------------------------------------------------------------------


def _too_many(b: Build, takes: Signature, arguments: Sequence[Argument], surplus: Sequence[Argument]) -> None:
    """Report arguments that have no place, all at once."""
    placed = set(takes.places)
    named = [name for name in takes.names if name not in placed]
    help = _meant_instead(takes, arguments, surplus)
    if not takes.names:
        message = f"`{takes.what}` takes no arguments"
    elif not named:
        message = f"`{takes.what}` takes {_counted(len(takes.names))}"
        help.append(f"they are: {listing(takes.names)}")
    elif not takes.places:
        message = f"`{takes.what}` takes its arguments by name"
        help.append(f"they are: {', '.join(named)}")
    else:
        message = f"`{takes.what}` takes {_counted(len(takes.places))} by place: {listing(takes.places)}"
        help.append(f"by name: {', '.join(named)}")
    b.refuse("too-many-arguments", message, surplus[0].span.to(surplus[-1].span), help=tuple(help))


def _meant_instead(takes: Signature, arguments: Sequence[Argument], surplus: Sequence[Argument]) -> list[str]:
    """Help for arguments without a place: what was probably meant."""
    first = surplus[0].value
    # The name of an argument is no value of another one: `attention(4, causal)`.
    if isinstance(first, Name) and first.text in takes.known and first.text not in takes.places:
        arg = next((one for one in takes.args if one.name == first.text), None)
        if arg is not None and isinstance(arg.kind, Flag):
            return [f"write `{first.text} = true`: what is optional has its name"]
        return [f"`{first.text}` is the name of an argument: write `{first.text} = ...`"]

    meant, named_here = meant_by_torch(takes, arguments), meant_by_name(takes, arguments)
    if meant is not None:
        return [f"write `{meant}`: torch's order is another one, and what enters is known here"]
    if named_here is not None:
        return [f"write `{named_here}`: what is optional has its name"]
    return []


def _counted(count: int) -> str:
    if count == 1:
        return "1 argument"
    return f"{count} arguments"


def meant_call(takes: Signature, arguments: Sequence[Argument]) -> str | None:
    """Return the call that was meant where arguments stand by place that have none, or None where nothing tells."""
    bare = [argument.value.text for argument in arguments if argument.name is None and isinstance(argument.value, Name)]
    # The name of an argument is no value of another one: `attention(4, causal)`.
    if any(name in takes.known and name not in takes.places for name in bare):
        return None
    return meant_by_torch(takes, arguments) or meant_by_name(takes, arguments)


def meant_by_torch(takes: Signature, arguments: Sequence[Argument]) -> str | None:
    """Return the call that was meant if its arguments stand in torch's order, or None where they do not fit that."""
    special = _size_of_two(takes, arguments) or _epsilon(takes, arguments)
    if special is not None:
        return special
    return _meant(takes, arguments, takes.habit)


def _size_of_two(takes: Signature, arguments: Sequence[Argument]) -> str | None:
    """Read `conv(3, 3, 16)` as a kernel of 3x3 and 16 channels: as torch's order it had a kernel of 16 cells."""
    values = [argument.value for argument in arguments if argument.name is None]
    numbers = [value.value for value in values if isinstance(value, Number) and isinstance(value.value, int)]
    if takes.places != ("kernel", "channels") or len(numbers) != 3 or len(values) != len(arguments):
        return None
    rows, columns, channels = numbers
    if rows == columns <= LARGEST_KERNEL < channels:
        return f"{takes.what}({rows}x{columns}, {channels})"
    return None


def _epsilon(takes: Signature, arguments: Sequence[Argument]) -> str | None:
    """Read the tiny number of `batch_norm(1e-5)` as what is added to a variance."""
    if len(arguments) != 1 or takes.places or "eps" not in takes.names:
        return None
    value = arguments[0].value
    if not isinstance(value, Number) or not 0 < value.value <= LARGEST_EPSILON:
        return None
    return f"{takes.what}(eps = {value.span.text})"


def meant_by_name(takes: Signature, arguments: Sequence[Argument]) -> str | None:
    """Return the call that was meant if its arguments stand in the order of the catalogue, optional ones too.

    Where a literal is no value of the parameter at its place, none of them was meant by its place.
    """
    for arg, argument in zip(takes.args, arguments, strict=False):
        if argument.name is None and not _may_be(argument.value, arg):
            return None
    return _meant(takes, arguments, takes.names)


def _may_be(value: Expr, arg: Arg) -> bool:
    """Tell whether a value may be that of a parameter; of what is no literal nothing is known, but for `a.b`."""
    if isinstance(value, Field):
        return isinstance(arg.kind, TensorKind)
    if not isinstance(value, Number | Text | Truth):
        return True
    try:
        arg.kind.accept(value.value)
    except Fault:
        return False
    return True


def _meant(takes: Signature, arguments: Sequence[Argument], order: Sequence[str]) -> str | None:
    """Return the call that was meant if its arguments stand in an order, or None where they do not fit that."""
    values: dict[str, Expr] = {}
    for index, argument in enumerate(arguments):
        name = argument.name
        if name is None and index >= len(order):
            return None
        if name is None:
            name = order[index]
        if len(argument.value.span.text) > SHORT or name in values:
            return None
        # A place of the order without a name is that of what enters, such as `in_channels`: it is left out here.
        if not name and not (isinstance(argument.value, Number) and isinstance(argument.value.value, int)):
            return None  # what enters would be a number: 3x3 there is a kernel, in the order of the catalogue
        if name:
            values[name] = argument.value

    missing = any(arg.default is REQUIRED and arg.name not in values for arg in takes.args)
    if missing or not set(values) <= takes.known:
        return None
    return _written(takes, values)


def _written(takes: Signature, values: Mapping[str, Expr]) -> str:
    parts = []
    for arg in takes.args:
        if arg.name not in values:
            continue
        text = _text(values[arg.name], arg)
        if arg.name not in takes.places:
            text = f"{arg.name} = {text}"
        parts.append(text)

    if not parts:
        return takes.what
    return f"{takes.what}({', '.join(parts)})"


def _text(value: Expr, arg: Arg) -> str:
    """Return an argument as it was written; a kernel's single number as the size that it stands for."""
    square = isinstance(value, Number) and isinstance(arg.kind, SizeOf) and arg.default is REQUIRED
    if square:
        return "x".join([value.span.text] * arg.kind.rank)  # type: ignore[attr-defined]  # a size, checked above
    return value.span.text


