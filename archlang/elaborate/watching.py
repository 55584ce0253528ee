"""The one who looks on while a network is built: an editor, which shows what flows at every place of the text."""

from __future__ import annotations

from typing import Protocol

from archlang.ops.model import Entry
from archlang.shapes import Type
from archlang.source import Span
from archlang.syntax.tree import TreeNode


class Watcher(Protocol):
    """Is told what the build learns, at the place in the text where it learns it. Nothing depends on an answer."""

    def begins(self, span: Span) -> None:
        """A stage is about to be passed through. What this raises, other than a mistake of the file, ends the build."""

    def passed(self, span: Span, entered: Type, left: Type, nodes: range) -> None:
        """A value went through the stage at `span`; the graph's nodes of these numbers are what it made of it."""

    def named(self, span: Span, declared: TreeNode, value: object) -> None:
        """The name at `span` was bound by `declared` and stands for `value`, which may be poison."""

    def meant(self, span: Span, entry: Entry) -> None:
        """The name at `span` stands for an entry of the catalogue."""
