"""Names of modules and weights that are words of Python, which generated code could not say."""

from __future__ import annotations

import keyword
from typing import Any

from torch import fx, nn


def rename_keywords(root: nn.Module, graph: fx.Graph) -> None:
    """Give every part of a name that is a word of Python an underscore, in a graph and in its modules.

    `parts.in` becomes `parts.in_`: torch.fx would write `self.parts.in`, which is no Python.
    """
    for node in graph.nodes:
        if node.op not in ("call_module", "get_attr"):
            continue
        parts = str(node.target).split(".")
        if any(map(keyword.iskeyword, parts)):
            node.target = ".".join(_renamed(root, parts))


def _renamed(root: nn.Module, parts: list[str]) -> list[str]:
    """The parts of a name as they are called from now on."""
    holder: Any = root
    names = []
    for part in parts:
        name = part
        if keyword.iskeyword(part):
            name = f"{part}_"
            # A module that is called twice was renamed at its first call.
            if not hasattr(holder, name):
                _rename(holder, part, name)
        holder = getattr(holder, name)
        names.append(name)
    return names


def _rename(holder: nn.Module, old: str, new: str) -> None:
    """Move a child, parameter or buffer to another name; the order stays."""
    for table in (holder._modules, holder._parameters, holder._buffers):
        if old in table:
            # The order of the tables is that of the state: a new entry at the end would move it.
            items: list[tuple[str, Any]] = [(new if name == old else name, value) for name, value in table.items()]
            table.clear()
            table.update(items)
