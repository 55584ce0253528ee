"""The differences of any two of files, model files, networks and live models."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any

from archlang.analysis.diff import Diff
from archlang.analysis.diff import diff as diff_graphs
from archlang.analysis.difference import describe
from archlang.artefact.described import is_model_file, network_of_file
from archlang.elaborate.network import load
from archlang.graph.ir import Graph
from archlang.graph.outline import graph_of
from archlang.views.sides import side_by_side
from archlang.wording import counted


@dataclass(frozen=True, eq=False)
class Differences:
    """The differences of two networks: text where it is printed, both pictures below it in a notebook.

    Args:
        before, after: the graphs of both.
        found: every difference, as data.
    """

    before: Graph = field(repr=False)
    after: Graph = field(repr=False)
    found: Diff = field(repr=False)

    def __str__(self) -> str:
        """The text of `archlang diff`."""
        return describe(self.found)

    def __repr__(self) -> str:
        """One line: both names, and how much differs."""
        said = "no difference"
        if not self.same:
            said = f"{counted(len(self.found.changes), 'change')}, {counted(len(self.found.settings), 'setting')}"
        return f"<Differences {self.before.name} -> {self.after.name}: {said}>"

    def _repr_html_(self) -> str:
        """The page, for a notebook."""
        return self.html()

    @property
    def same(self) -> bool:
        """True if the two compute and declare the same."""
        return self.found.same

    def json(self) -> str:
        """The differences as one JSON document."""
        return self.found.json()

    def html(self) -> str:
        """A page with the text, and both diagrams side by side. Raises `ArchError` (missing-tool) without Graphviz."""
        return side_by_side(self.before, self.after, str(self), (self.before.name, self.after.name))


def diff(before: Any, after: Any) -> Differences:
    """Compare two networks: operations, dials, inputs, outputs, training, parameters, FLOPs. Weights are not compared.

    Each is a network, a model that archlang compiled, the path of an `.arch` file, or that of a model file. A model is
    compared as it was compiled, before passes such as `fuse`.

    Raises `ArchError`: what is wrong with a file, unsupported-module for modules that no file made.

    >>> from archlang.elaborate import loads
    >>> text = "archlang 1\\nnetwork N { input x: [3, 8, 8]\\n output x -> conv(3x3, 4) }"
    >>> print(str(diff(loads(text), loads(text.replace("4", "8")))).splitlines()[3])
    ~ conv: conv(3x3, 4) -> conv(3x3, 8)  [+112 parameters]
    """
    old, new = (graph_of(_described(subject)) for subject in (before, after))
    return Differences(old, new, diff_graphs(old, new))


def _described(subject: Any) -> Any:
    """A network or model as it is; the network of a file."""
    if not isinstance(subject, str | os.PathLike):
        return subject
    if is_model_file(subject):
        return network_of_file(subject)[0]
    return load(os.fspath(subject))
