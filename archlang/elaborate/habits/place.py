"""The nodes around a place of a file, and the names that may be used there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from archlang.dataclass import dataclass
from archlang.elaborate.habits.flows import FlowReader
from archlang.elaborate.habits.names import KnownNames
from archlang.ops.model import Catalogue, Op, Structure
from archlang.source import Span
from archlang.syntax.printer import print_flat
from archlang.syntax.tree import (
    Bind,
    Block,
    File,
    Flow,
    Import,
    Input,
    Layer,
    Let,
    LoopName,
    NetworkDeclaration,
    TreeNode,
)
from archlang.syntax.walk import children, walk


@dataclass(frozen=True)
class CallPlace:
    """The nodes around a place, from the file to the innermost, and the reader that knows its names."""

    path: Sequence[TreeNode]
    reader: FlowReader

    @property
    def in_network(self) -> bool:
        """True inside a network or a block, where `=` binds tensors; in a `train` it sets something."""
        return any(isinstance(node, Block | NetworkDeclaration) for node in self.path)


def place_of(
    file: File, span: Span, catalogue: Catalogue, ranks: Mapping[str, int], readers: dict[int, FlowReader]
) -> CallPlace:
    """Find the nodes around a span.

    Args:
        file: the tree of the file that holds the span.
        span: the place of a mistake.
        catalogue: all operations.
        ranks: the number of axes of each tensor of the network, by its name.
        readers: the readers made so far, by the id of their declaration; a new one is added.
    """
    # Spans of nodes nest, so that at most one part of each node holds the place.
    path: list[TreeNode] = [file]
    while True:
        inner = [node for node in children(path[-1]) if node.span.start <= span.start and span.end <= node.span.end]
        if not inner:
            break
        path.append(inner[0])

    declaration = path[min(1, len(path) - 1)]
    if id(declaration) not in readers:
        readers[id(declaration)] = FlowReader(_known_names(file, declaration, catalogue, ranks))
    return CallPlace(path, readers[id(declaration)])


def _known_names(
    file: File, declaration: TreeNode, catalogue: Catalogue, ranks: Mapping[str, int]
) -> KnownNames:
    """The names that may be used inside a declaration of a file."""
    tensors: set[str] = set()
    others: set[str] = set()
    for item in file.declarations:
        if isinstance(item, Import):
            others.update(name.alias or name.name for name in item.names)
        elif isinstance(item, Let | Block):
            others.add(item.name)

    # Names count wherever they are bound: whether one is seen from a place is elaboration's to say.
    for node in walk(declaration):
        if isinstance(node, Input | Bind):
            tensors.add(node.name)
        elif isinstance(node, Let | Layer | LoopName):
            others.add(node.name)
    if isinstance(declaration, Block):
        others.update(parameter.name for parameter in declaration.parameters)
    if isinstance(declaration, NetworkDeclaration):
        others.update(dial.name for dial in declaration.dials)

    def is_merge(name: str) -> bool:
        op = catalogue.stage(name)
        return isinstance(op, Op) and op.takes != "tensor"

    def takes_braces(name: str) -> bool:
        structure = catalogue.stage(name)
        return isinstance(structure, Structure) and structure.body != "none"

    def is_stage(name: str) -> bool:
        return catalogue.stage(name) is not None

    settings = frozenset(name for _, name in catalogue.settings)
    return KnownNames(frozenset(tensors - others), frozenset(others), ranks, is_stage, is_merge, takes_braces, settings)


def flow_before(step: TreeNode, parent: TreeNode) -> str:
    """The text of what flows into a step; empty if its parent is no flow."""
    if not isinstance(parent, Flow):
        return ""
    at = next((at for at, one in enumerate(parent.steps) if one is step), 0)
    return " -> ".join(print_flat(one) for one in parent.steps[:at])
