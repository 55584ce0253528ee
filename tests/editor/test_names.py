"""Names and types beside the compiler's own: every use of every name, every shape beside torch's."""

from __future__ import annotations

import pytest
import torch

import archlang
from archlang.editor.names import FileNames
from archlang.elaborate.build import build
from archlang.limits import DEFAULT
from archlang.ops import CATALOGUE
from archlang.ops.model import Entry
from archlang.project.project import open_project
from archlang.shapes import Type
from archlang.source import Span
from archlang.syntax.tree import Imported, Parameter, Train, TreeNode
from tests.editor.client import ROOT
from tests.editor.opened import opened

FILES = [*sorted(ROOT.glob("examples/[01]*.arch")), *sorted(ROOT.glob("archlang/std/*.arch")),
         ROOT / "specs" / "pbconv" / "unet.arch"]


class Told:
    """Every name that the compiler looks up, and the node that it finds."""

    def __init__(self) -> None:
        self.names: dict[Span, TreeNode] = {}

    def begins(self, span: Span) -> None:
        """Nothing."""

    def passed(self, span: Span, entered: Type, left: Type, nodes: range) -> None:
        """Nothing."""

    def named(self, span: Span, declared: TreeNode, value: object) -> None:
        """Keep it."""
        # Where these are bound, the compiler has the place of the whole node.
        whole = isinstance(declared, Parameter | Imported) and span == declared.span
        if not whole and not isinstance(declared, Train):
            self.names[span] = declared

    def meant(self, span: Span, entry: Entry) -> None:
        """Nothing."""


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.name)
def test_every_name_means_what_the_compiler_finds(path: object) -> None:
    project, told = open_project(path, DEFAULT), Told()  # type: ignore[arg-type]
    build(project, {}, CATALOGUE, DEFAULT, told)
    names = {unit.source: FileNames(unit.file) for unit in project.units.values()}

    assert told.names
    for span, node in told.names.items():
        binding = names[span.source].meaning.get((span.start, span.end))
        assert binding is not None, span
        assert binding.node is node, span
    known = {(span.source, span.start) for span in told.names}
    foreign = [name for file in names.values() for name in file.foreign]
    assert not [str(name.span) for name in foreign if (name.span.source, name.span.start) in known]


@pytest.mark.parametrize("name", ["01_sequential", "03_residual", "04_paths", "07_transformer"])
def test_types_are_those_of_the_tensors_that_flow(name: str) -> None:
    path = ROOT / "examples" / f"{name}.arch"
    _, document = opened(path.read_text(encoding="utf-8"), path)
    assert document.meaning is not None
    net = archlang.load(path)
    model = archlang.compile(net).eval()

    flown: dict[str, list[int]] = {}
    for module_name, module in model.named_modules():
        module.register_forward_hook(
            lambda module, given, result, name=module_name: flown.update({name: list(result.shape[1:])})
            if isinstance(result, torch.Tensor) else None
        )
    inputs = [torch.zeros(2, *spec.type.dims) for spec in net.graph.inputs]
    model(*inputs)

    compared = 0
    for node in net.graph:
        # What a structure becomes is a part of the stage that the file names.
        if node.name in flown and not node.op.internal and node.span.source.name == str(path):
            types = document.meaning.types(node.span)
            assert str(flown[node.name]) in types
            compared += 1
    assert compared > 1
