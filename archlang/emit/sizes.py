"""Symbolic sizes at run time: polynomials of the network's symbols, calculated from the sizes of its inputs."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from fractions import Fraction
from math import lcm
from typing import Any

from torch import fx

from archlang.graph.ir import Graph
from archlang.shapes import Dim, Floor, Symbol, linear

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
        self.axes: dict[Symbol, tuple[fx.Node, int, Fraction, int]] = {}

        for spec, placeholder in zip(graph.inputs, placeholders, strict=True):
            # Axis 0 is the batch.
            for axis, dim in enumerate(spec.type.dims, start=1):
                told = linear(dim)
                if told is not None:
                    symbol, factor, offset = told
                    self.axes.setdefault(symbol, (placeholder, axis, factor, offset))

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
            # Whoever writes the graph in another form may find the same size at another tensor.
            if isinstance(total, fx.Node):
                total.meta["size"] = size
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
                self.written[atom] = self._symbol(atom)
        return self.written[atom]

    def _symbol(self, symbol: Symbol) -> SizeNode:
        """A symbol S, worked out from an axis of an input that is `a * S + c` long."""
        placeholder, axis, factor, offset = self.axes[symbol]
        size: SizeNode = self.into.create_node("call_method", "size", (placeholder, axis), name="size")

        if offset:
            size = self._call(operator.sub, size, offset)
        if factor.denominator != 1:
            size = self._call(operator.mul, size, factor.denominator)
        if factor.numerator != 1:
            size = self._call(operator.floordiv, size, factor.numerator)
        return size

    def _call(self, function: Callable[[Any, Any], Any], left: SizeNode, right: SizeNode) -> fx.Node:
        return self.into.create_node("call_function", function, (left, right), name="size")
