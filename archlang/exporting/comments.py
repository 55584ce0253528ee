"""Comments of a file beside the lines of source that they speak of."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from archlang.elaborate.network import Network
from archlang.syntax.tree import Bind, Block, Body, File, Output
from archlang.syntax.tree import NetworkDeclaration as NetworkTree
from archlang.syntax.walk import comments_of


@dataclass(frozen=True)
class Comments:
    """The comments of a block or of the network.

    Args:
        above: those before it, and those that speak of no flow.
        flows: those of each flow, by its name; of the output by none.
    """

    above: tuple[str, ...]
    flows: Mapping[str | None, tuple[str, ...]]


def comments_by_block(network: Network) -> dict[str | None, Comments]:
    """The comments of every block by its name, those of the network by None.

    Blocks of one name in several files are left out: which of them became a class is not known here.
    """
    found: dict[str | None, Comments] = {}
    twice: set[str | None] = set()
    for unit in network.project.units.values():
        main = unit is network.project.main
        for name, comments in _of_file(unit.file, main).items():
            if name in found:
                twice.add(name)
            found[name] = comments
    return {name: comments for name, comments in found.items() if name not in twice}


def _of_file(file: File, main: bool) -> dict[str | None, Comments]:
    """The comments of a file's blocks; of the main file its network's too."""
    found: dict[str | None, Comments] = {}
    for item in file.declarations:
        if isinstance(item, Block):
            found[item.name] = _of_declaration(item)
        elif isinstance(item, NetworkTree) and main:
            found[None] = _of_declaration(item)
    return found


def _of_declaration(item: Block | NetworkTree) -> Comments:
    flows: dict[str | None, tuple[str, ...]] = {}
    above = [comment.text for comment in item.before]
    if not isinstance(item.body, Body):
        return Comments(tuple(comment.text for comment in comments_of(item)), flows)

    for statement in item.body.statements:
        texts = tuple(comment.text for comment in comments_of(statement))
        if not isinstance(statement, Bind | Output):
            above += texts
        elif texts:
            flows[statement.name] = (*flows.get(statement.name, ()), *texts)
    above += [comment.text for comment in item.body.after]
    return Comments(tuple(above), flows)


def with_comments(source: str, comments: Comments) -> str:
    """The source of a class with comments: over the line that makes a flow's modules, else over what works it out.

    Comments of a flow that has no line of its own stand above the class.

    >>> made = with_comments("class A:\\n    def f(self):\\n        self.a = 1\\n        return 2",
    ...                      Comments(("# of all",), {"a": ("# of a",), "b": ("# of b",)}))
    >>> print(made)
    # of all
    # of b
    class A:
        def f(self):
            # of a
            self.a = 1
            return 2
    """
    lines = source.split("\n")
    above = list(comments.above)
    for name, texts in comments.flows.items():
        place = _place(lines, name)
        if place is None:
            above += texts
            continue
        space = lines[place][: len(lines[place]) - len(lines[place].lstrip())]
        lines[place:place] = [space + text for text in texts]
    return "\n".join([*above, *lines])


def _place(lines: Sequence[str], name: str | None) -> int | None:
    """The line that a flow is made in; of an output the last `return`."""
    if name is None:
        # A helper of the class may return something too: `forward` comes last.
        return max((i for i, line in enumerate(lines) if re.match(r" {8}return\b", line)), default=None)

    # The constructor first: that is where a reader of the file looks for what a flow is made of.
    for form in (rf" {{8}}self\.{re.escape(name)} = ", rf" {{8}}{re.escape(name)} = "):
        for i, line in enumerate(lines):
            if re.match(form, line):
                return i
    return None
