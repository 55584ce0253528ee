"""Shared by the shape rules: ranks, axes, sliding windows, and saying which bound a symbolic size lacks."""

from __future__ import annotations

from archlang.dataclass import dataclass
from archlang.ops.kinds import Fault, Words
from archlang.ops.model import OpCall
from archlang.shapes import Dim, Floor, Symbol, Tensor, at_least, divides, linear, multiples_of, substitute

RANKS = {
    1: "a vector [features]",
    2: "a sequence [positions, features]",
    3: "a map [channels, height, width]",
    4: "a volume [channels, depth, height, width]",
}
AXES: dict[int, dict[str, int]] = {
    1: {"features": 0, "channels": 0},
    2: {"positions": 0, "features": 1, "channels": 0, "length": 1},
    3: {"channels": 0, "height": 1, "width": 2},
    4: {"channels": 0, "depth": 1, "height": 2, "width": 3},
}
NAMES = {
    1: ("features",), 2: ("positions", "features"), 3: ("channels", "height", "width"),
    4: ("channels", "depth", "height", "width"),
}
"""For each rank, the first name of each axis."""


@dataclass(frozen=True)
class AxisKind(Words):
    """An axis by its word. A number is let through to the shape rule, which knows the word that it was meant to be."""

    words: tuple[str, ...] = ("channels", "depth", "height", "width", "positions", "features", "length")

    def accept(self, value: object) -> str | int:  # type: ignore[override]  # a number is refused by `axis_index`
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        return super().accept(value)


AXIS = AxisKind()

LINE = "a line [channels, length]"
LINES = {**RANKS, 2: LINE}


def flow(type: str, stages: str) -> str:
    """The body of a network that is nothing but these stages, for an op's example.

    >>> print(flow("[10]", "relu"))
    input x: [10]
    output x -> relu
    """
    return f"input x: {type}\noutput x -> {stages}"


def need_rank(call: OpCall, *ranks: int, words: dict[int, str] = RANKS, index: int = 0) -> Tensor:
    """The input `index`, if its rank is one of `ranks`. Raises wrong-rank with both in it."""
    x = call.inputs[index]
    if x.rank in ranks:
        return x

    wanted = " or ".join(words[r] for r in ranks)
    help: tuple[str, ...] = ()
    if x.rank >= 3 and 1 in ranks:
        kind = "volume"
        if x.rank == 3:
            kind = "map"
        help = (f"`flatten` or `global_avg_pool` before it makes a vector of a {kind}",)
    # Whoever wants a line [channels, length] is not helped by a sequence, though both have two sizes.
    elif x.rank >= 3 and 2 in ranks and words is RANKS:
        help = ("`to_sequence` before it makes a sequence of a map",)
    elif x.rank == 2 and 3 in ranks:
        help = ("`to_map(rows, columns)` makes a map of a sequence",)
    elif x.rank == 1 and ranks[0] == 2:
        help = ("`reshape([positions, features])` makes a sequence of a vector",)
    elif x.rank == 1 and ranks[0] == 3:
        help = ("`reshape([channels, height, width])` makes a map of a vector",)
    raise Fault("wrong-rank", f"{wanted} is wanted here", input=index, label=f"this is {_kind(x)}", help=help)


def _kind(x: Tensor) -> str:
    name = {1: "the vector", 2: "the sequence", 3: "the map", 4: "the volume"}.get(x.rank, "the tensor")
    return f"{name} {x}"


def need_equal(call: OpCall, what: str) -> Tensor:
    """The type of all inputs, if it is one. Raises shape-mismatch with both types."""
    # Strictly equal: torch would broadcast [8, 1] over [8, 5], and the sum would be something that nobody wrote.
    first = call.x
    for index, other in enumerate(call.inputs[1:], 1):
        if other != first:
            raise Fault(
                "shape-mismatch", f"`{what}` needs equal tensors, but {first} and {other} differ",
                input=index, label=f"this is {other}", help=to_agree(first, other),
            )
    return first


def need_members(call: OpCall, what: str) -> Tensor:
    """The type of all members of a bundle, if it is one. Raises unequal-members with the two that differ."""
    first = call.x
    for index, other in enumerate(call.inputs[1:], 1):
        if other != first:
            raise Fault(
                "unequal-members", f"`{what}` needs equal members, but member 0 is {first} and member {index} {other}",
                input=index, help=to_agree(first, other),
            )
    return first


def to_agree(first: Tensor, other: Tensor) -> tuple[str, ...]:
    """Say how two tensors come to be of one type: by their channels, or by the places of their maps.

    >>> to_agree(Tensor((8, 32, 32)), Tensor((16, 32, 32)))
    ('`conv(1x1, 8)` gives the other the same channels; `concat` puts channels beside each other instead',)
    """
    if first.rank != other.rank or first.rank < 3:
        return ()

    # The other's channels are brought to the first's; a symbolic number of them cannot be written into a `conv`.
    same_places = first.dims[1:] == other.dims[1:]
    if same_places and isinstance(first.dims[0], int):
        channels = f"`conv(1x1, {first.dims[0]})` gives the other the same channels"
        return (f"{channels}; `concat` puts channels beside each other instead",)
    if same_places:
        return ()
    strides = "give both the same strides and pools"
    strides = "give both the same strides and pools"
    return (*_bound_that_decides(first, other),
            f"{strides}, or bring one to the other's size: `upsample(size = maps.size)`, a pool")


def _bound_that_decides(first: Tensor, other: Tensor) -> tuple[str, ...]:
    """Say what the symbols would have to be, or be divisible by, so that both maps have the same places."""
    rows = list(zip(first.dims[1:], other.dims[1:], strict=True))
    differing = [(a, b) for a, b in rows if a != b]
    settled = [_settled(a, b) for a, b in differing]
    if all(settled):
        return (f"they are equal where {' and '.join(dict.fromkeys(map(str, settled)))}",)
    names = sorted({name for pair in differing for size in pair for name in symbols(size)})

    for divisor in (2, 4, 8, 16, 32, 64):
        if all(multiples_of(divisor, a) == multiples_of(divisor, b) for a, b in differing):
            bounds = " and ".join(f"{name} % {divisor} == 0" for name in names)
            return (f"they are equal where the input says `where {bounds}`",)
    return ()


def _settled(a: Dim, b: Dim) -> str | None:
    """Say which number of a symbol, or which symbol, makes two sizes equal; None where it is not that simple.

    >>> from archlang.shapes import symbol
    >>> _settled(symbol("H") * 2, 16), _settled(symbol("H"), symbol("G"))
    ('the input says `H == 8`', 'both inputs say `H`, not `G` in one of them')
    """
    if isinstance(a, int):
        a, b = b, a
    one = linear(a)
    if one is None:
        return None

    name, factor, offset = one
    if isinstance(b, int):
        number = (b - offset) / factor
        # The bounds that the input has already must hold too.
        if number.denominator != 1 or not name.low <= number <= name.high or number % name.divisor:
            return None
        return f"the input says `{name.name} == {number}`"

    # One symbol for both: `[3, H, W]` and `[3, G, W]` of two inputs.
    other = linear(b)
    if other is None or other[0].name == name.name or other[1:] != (factor, offset):
        return None
    return f"both inputs say `{name.name}`, not `{other[0].name}` in one of them"


def features_of(x: Tensor) -> Dim:
    """Return what a linear layer sees: the features of a vector or sequence, the channels of a map or volume."""
    if x.rank <= 2:
        return x.dims[-1]
    return x.dims[0]


def known(size: Dim, what: str) -> int:
    """A size that weights depend on, as a number. Raises symbolic-parameters."""
    if isinstance(size, int):
        return size
    help = ("pool the map to a fixed size first, by `global_avg_pool` in the place of `flatten` or "
            "`adaptive_avg_pool(4x4)` before it, or give the input numbers")
    raise Fault("symbolic-parameters", f"{what} decide how many parameters there are; {size} is symbolic", help=help)


def axis_of(call: OpCall, name: str = "axis", x: Tensor | None = None) -> int:
    """Return the sample's size that the argument means, counted from 0. Raises wrong-axis."""
    if x is None:
        x = call.x
    return axis_index(call[name], x, name)


def axis_index(axis: str | int, x: Tensor, argument: str = "axis") -> int:
    """Return the size of `x` that a word means, counted from 0. Raises wrong-axis.

    >>> axis_index("width", Tensor((3, 8, 8))), axis_index("features", Tensor((49, 64)))
    (2, 1)
    """
    words = AXES.get(x.rank, {})  # a tensor of more than four sizes has no named axes
    listed = f"its axes are {', '.join(f'`{word}`' for word in words)}"
    # A number would be ambiguous: torch counts the batch, the sizes in a file do not.
    if isinstance(axis, int):
        meant = torch_axis(axis, x.rank)
        help = listed
        if meant is not None:
            help = f"torch's dim {axis}, which counts the batch, is `{meant}` of {x}"
        raise Fault("wrong-axis", f"an axis is a word, this is the number {axis}", argument=argument, help=help)

    if axis not in words:
        raise Fault("wrong-axis", f"{x} has no axis `{axis}`", argument=argument, help=listed)
    return words[axis]


def torch_axis(dim: int, rank: int) -> str | None:
    """Return the word for one of torch's dimensions, which count the batch as 0; None for the batch or none at all.

    >>> torch_axis(1, 3), torch_axis(-1, 3), torch_axis(0, 3)
    ('channels', 'width', None)
    """
    names = NAMES.get(rank, ())
    if 1 <= dim <= len(names):
        return names[dim - 1]
    if -len(names) <= dim < 0:
        return names[dim]
    return None


def replaced(x: Tensor, axis: int, size: Dim) -> Tensor:
    """`x` with another size at `axis`."""
    # An axis is counted from 0 here: with -1 the second slice would be the whole tensor.
    return Tensor((*x.dims[:axis], size, *x.dims[axis + 1 :]))


def need_divides(by: int, size: Dim, what: str, argument: str | None = None) -> None:
    """Nothing, if `by` divides `size`. Raises not-divisible, or unknown-size where nobody can tell."""
    match divides(by, size):
        case False:
            raise Fault("not-divisible", f"{what}: {by} does not divide {size}", argument=argument)
        case None:
            # A bound can be written of a single symbol; of `H * W` nobody knows which of the two is meant.
            name = _one_symbol(size)
            help = f"{size} must be divisible by {by}"
            if name is not None:
                help = f"add a bound such as `where {name} % {by} == 0`"
            text = f"{what}: whether {by} divides {size} is not known"
            raise Fault("unknown-size", text, argument=argument, help=help)


def need_at_least(size: Dim, bound: int, name: str, message: str, argument: str | None = None,
                  help: str | tuple[str, ...] = ()) -> None:
    """Nothing, if `size >= bound`. Raises the fault `name`, or unknown-size with the bound that would tell."""
    match at_least(size, bound):
        case False:
            raise Fault(name, message, argument=argument, help=help)
        case None:
            raise Fault(
                "unknown-size", f"whether {size} is at least {bound} is not known here",
                argument=argument, help=bound_help(size, bound),
            )


def need_at_most(size: Dim, bound: int, name: str, message: str, argument: str | None = None) -> None:
    """Nothing, if `size <= bound`. Raises the fault `name`, or unknown-size with the bound that would tell."""
    match at_least(size, bound + 1):
        case True:
            raise Fault(name, message, argument=argument)
        case None:
            symbol = _one_symbol(size)
            help = f"add bounds to the input's sizes that make {size} at most {bound}"
            if symbol is not None and str(size) == symbol:
                help = f"add a bound: `where {symbol} <= {bound}`"
            raise Fault("unknown-size", f"whether {size} is at most {bound} is not known here", argument=argument,
                        help=help)


def bound_help(size: Dim, bound: int) -> str:
    """Say what to add to an input so that `size >= bound` is known.

    >>> from archlang.shapes import symbol
    >>> bound_help(symbol("H", divisor=2) // 2, 7)
    'add a bound: `where H >= 14`'
    """
    name = _one_symbol(size)
    if name is None or isinstance(size, int):
        return f"add bounds to the input's sizes that make {size} at least {bound}"

    # A size is taken to grow with its symbol: find a value that is large enough, then the smallest such by bisection.
    low, high = 1, 2 * bound + 2
    while substitute(size, {name: high}) < bound and high < 1 << 20:
        high *= 2

    while low < high:
        middle = (low + high) // 2
        if substitute(size, {name: middle}) >= bound:
            high = middle
        else:
            low = middle + 1
    return f"add a bound: `where {name} >= {low}`"


def symbols(size: Dim) -> set[str]:
    """The names of all symbols in a size."""
    if isinstance(size, int):
        return set()

    names: set[str] = set()
    for monomial, _ in size.terms:
        for atom in monomial:
            if isinstance(atom, Symbol):
                names.add(atom.name)
            # `H // 2` is an atom of its own, with a size inside.
            elif isinstance(atom, Floor):
                names |= symbols(atom.of)
    return names


def _one_symbol(size: Dim) -> str | None:
    """The symbol that a size depends on; None where that is none or more than one."""
    names = symbols(size)
    if len(names) != 1:
        return None
    return names.pop()
