"""A network's inputs: their sizes, symbols with bounds, mean and deviation."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import field, replace
from math import lcm

from archlang.dataclass import dataclass
from archlang.diagnostics import Alternative, Fix, did_you_mean, suggestions
from archlang.elaborate import rounding
from archlang.elaborate.arguments import given_for
from archlang.elaborate.context import Build
from archlang.elaborate.interpret import known
from archlang.elaborate.placing import signature
from archlang.elaborate.scope import define, lookup
from archlang.elaborate.values import POISON, Env, Given, Poison, Poisoned, TensorValue
from archlang.graph.ir import InputSpec, Node, Port
from archlang.ops.extents import Extent
from archlang.ops.kinds import Fault, ListKind, OneOf, Real, describe
from archlang.ops.model import Arg
from archlang.ops.rules import need_at_least
from archlang.shapes import LARGEST, Dim, Poly, Symbol, Tensor, at_least, linear, symbol
from archlang.source import Span
from archlang.syntax.tree import Binary, Expr, Input, Name, Number, Parens
from archlang.syntax.walk import walk
from archlang.wording import listing

LARGEST_RANGE = 2**31 - 1
"""The largest range of whole numbers: torch's embeddings take indices of 32 bits."""

_NUMBERS = OneOf((Real(), ListKind(Real())))
_ARGS = (
    Arg("mean", _NUMBERS, None, "the data's mean, one number or one a channel"),
    Arg("std", OneOf((Real(0, above=True), ListKind(Real(0, above=True)))), None, "its standard deviation"),
    Arg("range", Extent(1, LARGEST_RANGE), None, "it holds whole numbers from 0 below this: tokens; 2 for a mask; "
        "`T + 1` for lengths"),
)

_NO_SYMBOLS = ("None", "True", "False", "Any")
"""Values of Python that are capitalised as symbols are."""


def declare_input(b: Build, statement: Input, env: Env) -> None:
    """Define an input's name and the symbols in its sizes, and add its node."""
    # After a mistake the name is there all the same, as poison: "nothing is called `image`" would be untrue.
    value: object = POISON
    try:
        tensor = _type(b, statement, env)
        given = given_for(b, signature("input", _ARGS), statement.arguments or (), statement.span, env)
        mean, std = _normalised(b, given, tensor)
        tensor = _ranged(b, given, tensor)
        node = Node(f"n{len(b.graph)}", b.catalogue.ops["input"], {}, (), (tensor,), (statement.name,), statement.span)
        b.graph.add(node)
        b.graph.inputs = (*b.graph.inputs, InputSpec(statement.name, tensor, node.id, mean, std))
        value = TensorValue(Port(node.id), tensor)
    except Poisoned:
        pass
    define(b, env, statement.name, value, statement, statement.name_span)


def symbols_told(b: Build, statements: Sequence[Input]) -> None:
    """Report every symbol that no single size of an input tells: in `[H * W, 64]` neither H nor W is known."""
    # The sizes of an input that is wrong itself are not known.
    if len(b.graph.inputs) < len(statements):
        return

    told = {found[0].name for spec in b.graph.inputs for found in map(linear, spec.type.dims) if found is not None}
    for name in (known_symbol.name for known_symbol in b.graph.symbols):
        if name not in told:
            where = next(s.sizes.span for s in statements for node in walk(s.sizes)
                         if isinstance(node, Name) and node.text == name)
            b.refuse("unknown-size", f"no size of an input tells what `{name}` is", where,
                     help=f"give it a size of its own, as in `[3, {name}, W]`")


def _type(b: Build, statement: Input, env: Env) -> Tensor:
    bounds: dict[str, _Bounds] = {}
    for item in statement.sizes.items:
        for name in _symbols(item, env):
            bounds.setdefault(name.text, _Bounds(name))
    if "B" in bounds:
        _refuse_batch(b, statement, bounds.pop("B").span, env)

    for word in [word for word in _NO_SYMBOLS if word in bounds]:
        _refuse_value(b, statement, bounds.pop(word).span, word, env)

    if statement.where is not None:
        _read_where(b, statement.where, bounds, env)
    for text, bound in bounds.items():
        bound.fix(b, text)
        _define_symbol(b, statement, text, bound, env)
        if len(b.graph.symbols) > b.limits.symbols:
            message = f"the inputs of this network have more than {b.limits.symbols} symbolic sizes"
            raise b.refuse("expression-too-long", message, bound.span, help="sizes that are known stand as numbers")

    if not 1 <= len(statement.sizes.items) <= 4:
        raise b.refuse("wrong-rank", "an input has one to four sizes: [features], [positions, features], "
                       "[channels, height, width] or [channels, depth, height, width]", statement.sizes.span)
    # Every size is looked at, so that each mistake in them is found; one is enough to have no type.
    sizes = [_size(b, item, env) for item in statement.sizes.items]
    known_sizes = tuple(size for size in sizes if size is not None)
    if len(known_sizes) < len(sizes):
        raise Poisoned
    return Tensor(known_sizes)


def _refuse_value(b: Build, statement: Input, where: Span, name: str, env: Env) -> None:
    """Report a value of Python among the sizes. As a symbol `[3, None, None]` would be squares alone."""
    define(b, env, name, POISON, statement, where)
    b.refuse("reserved-symbol", f"`{name}` is no size: a size that is not known yet is a symbol with a name", where,
             help=f"write a capitalised name for each: `input {statement.name}: [3, H, W]`")


def _refuse_batch(b: Build, statement: Input, where: Span, env: Env) -> None:
    """Report the batch among the sizes: `input image: [B, 3, 32, 32]`."""
    define(b, env, "B", POISON, statement, where)  # said once: its uses are no mistakes of their own
    others = [item.span.text for item in statement.sizes.items if item.span != where]
    b.refuse("reserved-symbol", "`B` is the batch, which is never written: sizes are those of one sample", where,
             help=f"write `input {statement.name}: [{', '.join(others)}]`")


def _define_symbol(b: Build, statement: Input, name: str, bound: _Bounds, env: Env) -> None:
    """Define a symbolic size, and keep its symbols for the graph: a number given for it leaves none."""
    size = bound.symbol(b, name)
    if isinstance(size, Poly):
        atoms = [atom for monomial, _ in size.terms for atom in monomial]
        b.graph.symbols = (*b.graph.symbols, *(atom for atom in atoms if isinstance(atom, Symbol)))
    # Bound by its own place in the sizes: a tensor or a static value of that name is another thing.
    define(b, env, name, size, bound.name, bound.span)


def _symbols(expr: Expr, env: Env) -> list[Name]:
    """The capitalised names in a size that nothing else defines."""
    match expr:
        case Name():
            # A second input may be of the first one's symbol: that is the same size.
            if expr.text[0].isupper() and env.find(expr.text) is None:
                return [expr]
            return []
        case Binary():
            return [*_symbols(expr.left, env), *_symbols(expr.right, env)]
        case Parens():
            return _symbols(expr.inner, env)
        case _:
            return []


def _size(b: Build, expr: Expr, env: Env) -> Dim | None:
    if isinstance(expr, Name) and not expr.text[0].isupper() and lookup_quietly(b, env, expr) is None:
        help = (*did_you_mean(expr.text, env.all_names()), "a symbolic size starts with a capital letter: `[3, H, W]`")
        b.refuse("undeclared-symbol", f"`{expr.text[:64]}` is no dial and no static value", expr.span, help=help)
        return None

    value = known(b, expr, env)
    if isinstance(value, Poison):
        return None
    if isinstance(value, bool) or not isinstance(value, int | Poly):
        b.refuse("wrong-kind", f"a size is a whole number, this is {describe(value)}", expr.span,
                 **rounding.whole(expr, value).more())
        return None

    # A symbolic size passes unless all of its values are wrong.
    name = ""
    if at_least(value, 1) is False:
        name = "out-of-range"
    elif at_least(value, b.limits.dimension + 1) is True:
        name = "dimension-too-large"
    if name:
        b.refuse(name, f"a size lies from 1 to {b.limits.dimension}, this is {value}", expr.span)
        return None
    return value


def lookup_quietly(b: Build, env: Env, name: Name) -> object | None:
    """Return what a name stands for, poison included."""
    try:
        return lookup(b, env, name.text, name.span)
    except Poisoned:
        return POISON


@dataclass
class _Bounds:
    name: Name  # where the symbol stands in the sizes
    low: int = 1
    high: int = LARGEST
    divisor: int = 1
    where: Span | None = field(default=None)

    @property
    def span(self) -> Span:
        return self.name.span

    def fix(self, b: Build, name: str) -> None:
        """Bound it to the number that was given for it from outside."""
        if name not in b.fixed:
            return

        number, where = b.fixed[name]
        if self.low <= number <= self.high and number % self.divisor == 0:
            self.low = self.high = number
            return
        message = f"`{name}` lies from {self.low} to {self.high}"
        if self.divisor > 1:
            message += f" and is divisible by {self.divisor}"
        b.refuse("out-of-range", f"{message}, this is {number}", where)

    def symbol(self, b: Build, name: str) -> Dim:
        """The size with these bounds, a number where only one is within them."""
        if self.low > self.high or self.high < self.divisor:
            b.refuse("out-of-range", f"no size fulfils what is said of `{name}`", self.where or self.span)
            self.low, self.high, self.divisor = 1, LARGEST, 1

        # The bounds move inwards to multiples of the divisor; `-(-a // b)` rounds up.
        low = -(-self.low // self.divisor) * self.divisor
        high = self.high // self.divisor * self.divisor
        if low == high:
            return low
        return symbol(name, low, high, self.divisor)


def _read_where(b: Build, expr: Expr, bounds: dict[str, _Bounds], env: Env) -> None:
    match expr:
        case Parens():
            _read_where(b, expr.inner, bounds, env)
        case Binary(operator="and"):
            _read_where(b, expr.left, bounds, env)
            _read_where(b, expr.right, bounds, env)
        case Binary(operator="==", left=Binary(operator="%", left=Name() as name, right=by), right=Number(value=0)):
            number = _bound(b, name, by, bounds, env)
            # Divisible by 4 and by 6 is divisible by 12.
            if number is not None and number >= 1:
                bounds[name.text].divisor = lcm(bounds[name.text].divisor, number)
            elif number is not None:
                b.refuse("out-of-range", "a divisor is at least 1", by.span)
        case Binary(operator="<" | "<=" | ">" | ">=" | "==" as sign, left=Name() as name, right=limit):
            _limit(b, sign, name, limit, bounds, env, expr.span)
        case Binary(operator="<" | "<=" | ">" | ">=" as sign, left=limit, right=Name() as name):
            mirrored = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}[sign]
            _limit(b, mirrored, name, limit, bounds, env, expr.span)
        case _:
            b.refuse("wrong-kind", "`where` bounds symbols: `H >= 32`, `H % 32 == 0`, joined by `and`", expr.span)


def _limit(b: Build, sign: str, name: Name, limit: Expr, bounds: dict[str, _Bounds], env: Env, span: Span) -> None:
    number = _bound(b, name, limit, bounds, env)
    if number is None:
        return

    # Sizes are whole: more than 31 is at least 32.
    lowest = highest = number
    if sign == ">":
        lowest += 1
    if sign == "<":
        highest -= 1
    bound = bounds[name.text]
    bound.where = span
    if sign in (">", ">=", "=="):
        bound.low = max(bound.low, lowest)
    if sign in ("<", "<=", "=="):
        bound.high = min(bound.high, highest)


def _symbols_meant(wrong: str, symbols: Iterable[str]) -> list[str]:
    """The symbols that a word may mean: those of its first letter, `W` for `width`, before those spelt alike."""
    first = [symbol for symbol in symbols if symbol[:1].lower() == wrong[:1].lower()]
    return list(dict.fromkeys((*first, *suggestions(wrong, symbols))))


def _bound(b: Build, name: Name, limit: Expr, bounds: dict[str, _Bounds], env: Env) -> int | None:
    value = known(b, limit, env)
    if name.text not in bounds:
        near = _symbols_meant(name.text, bounds)
        listed = listing(bounds) or "none: `[3, H, W]` has two"
        help = (*[f"write `{symbol}`" for symbol in near[:1]], f"its symbols are {listed}")
        fixes = [Alternative(f"write `{symbol}`", Fix(name.span, symbol)) for symbol in near]
        b.refuse("undefined-name", f"`{name.text[:64]}` is no symbol of this input", name.span, help=help,
                 alternatives=fixes)
        return None

    if isinstance(value, Poison):
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        b.refuse("wrong-kind", f"a bound is a whole number, this is {describe(value)}", limit.span,
                 **rounding.whole(limit, value).more())
        return None
    return value


Numbers = tuple[float, ...] | None


def _ranged(b: Build, given: Given, tensor: Tensor) -> Tensor:
    """The type of an input, of whole numbers where it declares their range."""
    if given["range"] is None:
        return tensor

    for name in ("mean", "std"):
        if given[name] is not None:
            raise b.refuse("conflicting-arguments", f"`{name}` normalises numbers, `range` says that these are not any",
                           given.spans[name], help="whole numbers are embedded, and not normalised")

    # Whether a difference such as `T - 8` is at least 1 may depend on the symbol's bounds.
    try:
        need_at_least(given["range"], 1, "out-of-range", f"a range is at least 1, {given['range']} is not", "range")
    except Fault as fault:
        raise b.fault(fault, given.spans["range"], given) from None
    return replace(tensor, range=given["range"])


def _normalised(b: Build, given: Given, tensor: Tensor) -> tuple[Numbers, Numbers]:
    mean_and_std: list[Numbers] = []
    for name in ("mean", "std"):
        value = given[name]
        numbers: Numbers = None
        if isinstance(value, tuple | list):
            numbers = tuple(value)
        elif value is not None:
            numbers = (value,)

        # A model file writes them as floats, and reads no other form.
        if numbers is not None:
            numbers = tuple(float(number) for number in numbers)

        # One number is for all channels; several are one for each, and the channels stand first.
        if numbers is not None and len(numbers) not in (1, tensor.dims[0]):
            help = []
            # Other libraries put the channels last.
            if len(numbers) == tensor.dims[-1]:
                sizes = ", ".join(map(str, (tensor.dims[-1], *tensor.dims[:-1])))
                help.append(f"the channels come first: write `[{sizes}]`")
            raise b.refuse("wrong-count", f"`{name}` has one number, or one for each of the {tensor.dims[0]} channels",
                           given.spans[name], f"these are {len(numbers)}", help=help)
        mean_and_std.append(numbers)
    return mean_and_std[0], mean_and_std[1]
