"""Values of steps as expressions of the language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from archlang.importing.blocks import Inside, Multiple
from archlang.importing.steps import Initial, Kernel, LayerOf, Quoted, Word
from archlang.ops import CATALOGUE
from archlang.ops.model import by_place
from archlang.syntax import tree
from archlang.syntax.tree import Argument, Expr


def number(value: int | float) -> Expr:
    """A number, a negative one behind its sign.

    >>> from archlang.syntax.printer import print_expr
    >>> print_expr(number(1e-5)), print_expr(number(-2))
    ('1e-5', '-2')
    """
    if value < 0:
        return tree.Unary("-", number(-value))
    written = repr(value)
    if isinstance(value, float) and 0 < value < 0.001:
        # The shortest way that reads back as the same number.
        written = next(text for text in (f"{value:.{digits}e}" for digits in range(17)) if float(text) == value)
    # Python writes two digits for the power of ten.
    return tree.Number(value, written.replace("e-0", "e-").replace("e+0", "e").replace("e+", "e"))


def static(value: Inside) -> Expr:
    """An argument's value."""
    if isinstance(value, Multiple):
        return _multiple(value)
    if isinstance(value, Word):
        return tree.Name(str(value))
    if isinstance(value, Quoted):
        return tree.Text(str(value))
    if isinstance(value, bool):
        return tree.Truth(value)
    if isinstance(value, Initial):
        given = tuple(Argument(name, static(one)) for name, one in value.args)
        return tree.Call(tree.Name(value.name), given or None)
    if isinstance(value, Kernel):
        return tree.SizeLiteral(tuple(value))
    if isinstance(value, tuple):
        return tree.ListOf(tuple(static(one) for one in value))
    assert not isinstance(value, LayerOf), "a body writes a table as the name of its layer"
    return number(value)


def _multiple(value: Multiple) -> Expr:
    base: Expr = tree.Name(value.of)
    if value.of.startswith("in."):
        base = tree.Field(tree.In(), value.of.removeprefix("in."))
    if value.factor == 1:
        return base
    if value.divides:
        return tree.Binary("//", base, number(value.factor))
    return tree.Binary("*", number(value.factor), base)


def call(
    op: str, args: Mapping[str, Inside], tensors: tuple[Expr, ...] = (), named: Sequence[str] = ()
) -> Expr:
    """A stage: an operation with its tensors and arguments, in the order of the catalogue.

    `named` are the arguments that tensors are, where they have no place before all others.

    >>> from archlang.syntax.printer import print_expr
    >>> print_expr(call("conv", {"channels": 8, "kernel": Kernel((3, 3)), "stride": Kernel((2, 2))}))
    'conv(3x3, 8, stride = 2)'
    """
    given = []
    if not named:
        given = [Argument(None, tensor) for tensor in tensors]
    places = by_place(CATALOGUE.ops[op].args)
    for arg in CATALOGUE.ops[op].args:
        if arg.name not in args:
            continue
        value = args[arg.name]
        # Kernels are written in full; what else is the same along all axes is one number.
        if isinstance(value, Kernel) and len(set(value)) == 1 and arg.name in EVEN:
            value = value[0]
        name = None
        if arg.name not in places:
            name = arg.name
        given.append(Argument(name, static(value)))
    if named:
        given += [Argument(name, tensor) for name, tensor in zip(named, tensors, strict=True)]
    if not given:
        return tree.Name(op)
    return tree.Call(tree.Name(op), tuple(given))


EVEN = ("stride", "dilation", "padding", "output_padding")
"""Sizes that are written as one number where they are the same along all axes."""
