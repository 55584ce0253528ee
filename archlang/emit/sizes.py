"""Symbolic sizes at run time: polynomials of the network's symbols, calculated from the sizes of its inputs."""

from __future__ import annotations

import operator
from collections.abc import Callable
from math import lcm
from typing import Any

from torch import fx

from archlang.graph.ir import Graph
from archlang.shapes import Dim, Floor, Poly, Symbol


class Sizes:
    """Makes nodes that calculate a size, each size once. `inputs` are the placeholders, in the network's order."""

    def __init__(self, graph: Graph, into: fx.Graph, inputs: list[fx.Node]) -> None:
        self.into = into
        self.made: dict[Dim | Symbol | Floor, fx.Node | int] = {}
        self.axes: dict[Symbol, tuple[fx.Node, int]] = {}
        for spec, placeholder in zip(graph.inputs, inputs, strict=True):
            for axis, dim in enumerate(spec.type.dims, start=1):
                atom = dim.terms[0][0] if isinstance(dim, Poly) and len(dim.terms) == 1 else ()
                if len(atom) == 1 and isinstance(atom[0], Symbol):
                    self.axes.setdefault(atom[0], (placeholder, axis))

    def node(self, size: Dim) -> fx.Node | int:
        """The number, or the node that calculates it from whole numbers alone."""
        if isinstance(size, int):
            return size
        if size not in self.made:
            whole = lcm(*(factor.denominator for _, factor in size.terms))
            total: fx.Node | int = 0
            for atoms, factor in size.terms:
                term: fx.Node | int = int(factor * whole)
                for atom in atoms:
                    term = self._atom(atom) if term == 1 else self._call(operator.mul, term, self._atom(atom))
                total = term if total == 0 else self._call(operator.add, total, term)
            self.made[size] = total if whole == 1 else self._call(operator.floordiv, total, whole)
        return self.made[size]

    def _atom(self, atom: Symbol | Floor) -> fx.Node | int:
        if atom not in self.made:
            if isinstance(atom, Floor):
                self.made[atom] = self._call(operator.floordiv, self.node(atom.of), atom.by)
            else:
                placeholder, axis = self.axes[atom]
                self.made[atom] = self.into.create_node("call_method", "size", (placeholder, axis), name="size")
        return self.made[atom]

    def _call(self, function: Callable[[Any, Any], Any], left: fx.Node | int, right: fx.Node | int) -> fx.Node:
        return self.into.create_node("call_function", function, (left, right), name="size")
