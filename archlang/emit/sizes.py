"""Symbolic sizes at run time: polynomials of the network's symbols, calculated from the sizes of its inputs."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from math import lcm
from typing import Any

from torch import fx

from archlang.graph.ir import Graph
from archlang.shapes import Dim, Floor, Poly, Symbol

SizeNode = fx.Node | int
"""A size in generated code: a number, or the node that calculates it."""


class SizeWriter:
    """Writes nodes that calculate sizes, each size once.

    Args:
        graph: the network, whose inputs declare the symbols.
        into: the fx graph to write into.
        placeholders: the inputs' nodes, in the network's order.
    """

    def __init__(self, graph: Graph, into: fx.Graph, placeholders: Sequence[fx.Node]) -> None:
        self.into = into
        self.written: dict[Dim | Symbol | Floor, SizeNode] = {}
        self.axes: dict[Symbol, tuple[fx.Node, int]] = {}

        for spec, placeholder in zip(graph.inputs, placeholders, strict=True):
            # Axis 0 is the batch.
            for axis, dim in enumerate(spec.type.dims, start=1):
                symbol = lone_symbol(dim)
                if symbol is not None:
                    self.axes.setdefault(symbol, (placeholder, axis))

    def node(self, size: Dim) -> SizeNode:
        """The number, or the node that calculates it from integers alone."""
        if isinstance(size, int):
            return size

        if size not in self.written:
            # Factors may be fractions: the sum is taken over their common denominator and divided once.
            denominator = lcm(*(factor.denominator for _, factor in size.terms))
            total: SizeNode = 0
            for atoms, factor in size.terms:
                total = self._plus(total, self._product(int(factor * denominator), atoms))

            if denominator != 1:
                total = self._call(operator.floordiv, total, denominator)
            self.written[size] = total
        return self.written[size]

    def _product(self, factor: int, atoms: Sequence[Symbol | Floor]) -> SizeNode:
        """A number times atoms."""
        term: SizeNode = factor
        for atom in atoms:
            if term == 1:
                term = self._atom(atom)
            else:
                term = self._call(operator.mul, term, self._atom(atom))
        return term

    def _plus(self, total: SizeNode, term: SizeNode) -> SizeNode:
        """A sum, without a node for adding to 0."""
        if total == 0:
            return term
        return self._call(operator.add, total, term)

    def _atom(self, atom: Symbol | Floor) -> SizeNode:
        """A symbol, read off the input that declares it, or a quotient rounded down."""
        if atom not in self.written:
            if isinstance(atom, Floor):
                self.written[atom] = self._call(operator.floordiv, self.node(atom.of), atom.by)
            else:
                self.written[atom] = self.into.create_node("call_method", "size", self.axes[atom], name="size")
        return self.written[atom]

    def _call(self, function: Callable[[Any, Any], Any], left: SizeNode, right: SizeNode) -> fx.Node:
        return self.into.create_node("call_function", function, (left, right), name="size")


def lone_symbol(dim: Dim) -> Symbol | None:
    """The symbol that a size is a multiple of, if it consists of that one symbol alone.

    >>> lone_symbol(3) is None
    True
    """
    if not isinstance(dim, Poly) or len(dim.terms) != 1:
        return None
    atoms, _ = dim.terms[0]
    if len(atoms) != 1 or not isinstance(atoms[0], Symbol):
        return None
    return atoms[0]
