"""One noun a family in every room, no class name twice, no circle of imports, facts on the data."""

from __future__ import annotations

import sys

import pytest

from tests.house.catalogue_names import comparisons
from tests.house.measure import ROOT, circles, classes, files, imported

PACKAGE = ROOT / "archlang"

FAMILIES: dict[str, tuple[str, ...]] = {
    "multipath": ("elaborate.structures", "ops", "layers", "transform", "views", "studies"),
    "coded": (
        "elaborate.structures", "graph", "ops", "layers", "emit", "transform", "views", "studies", "train.losses",
    ),
    "patch_experts": (
        "elaborate.structures", "graph", "ops", "layers", "transform", "views", "studies", "train.losses",
    ),
    "layer_attention": ("elaborate.structures", "ops", "layers", "transform", "studies"),
    "pbconv": ("elaborate.structures", "ops", "transform", "studies"),
    "clustering": ("layers", "studies", "train.losses"),
}
"""Every family and the rooms that hold a file or folder of its name."""

FORMER = ("attending", "boosted", "boosted_conv", "coding", "patching", "structural", "routing", "branches")
"""Words that modules of the families were called by: one thing had several."""

LAZY = {
    "archlang.__init__": "the front door names all and loads what is used",
    "archlang.carrying": "networks are transformed without torch; models are not",
    "archlang.cli": "a command loads what it needs, so that `check` starts without torch",
    "archlang.compiler": "the walk is imported for `check`; its torch half is not",
    "archlang.models": "listing networks needs no torch",
}
"""Rooms that import their own package inside functions, for the command line's start, each with its reason."""

HEAVY = {"torch", "networkx", "numpy", "scipy", "sklearn", "pygraphviz", "onnxruntime", "archlang.codes", "PIL",
         "huggingface_hub", "optuna", "onnx", "onnxscript", "archlang.importing.onnx_file.running",
         "importlib.metadata"}
"""Libraries, and rooms that load one, that take longer to import than a file takes to check; optional extras."""

FOR_MISTAKES = {
    "archlang.elaborate.habits.refine", "archlang.elaborate.python.refused", "archlang.syntax.mistakes",
    "archlang.elaborate.habits.native", "archlang.diagnostics.long_form", "archlang.syntax.foreign_file",
    "archlang.elaborate.holding",
}
"""Tables of mistakes, read for a mistake alone: they are a tenth of what `check` would read before it starts."""

FOR_WRITING = {
    "archlang.syntax.printer", "archlang.syntax.places", "archlang.project.flatten", "archlang.project.settings",
    "archlang.syntax.tables",
}
"""What prints files, writes settings into them, or makes tables of a grammar that was changed: a check does none."""

SYSTEM = {"fcntl", "msvcrt", "resource"}
"""Modules of one operating system."""


def names(package: str) -> set[str]:
    """The files and folders of a room, without endings."""
    folder = PACKAGE.joinpath(*package.split("."))
    return {path.stem for path in folder.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}


@pytest.mark.parametrize(("family", "room"), [(f, r) for f, rooms in FAMILIES.items() for r in rooms])
def test_a_family_is_called_by_one_noun(family: str, room: str) -> None:
    assert family in names(room)


def test_former_names_are_gone() -> None:
    stems = {file.path.stem: file.module for file in files(PACKAGE)}
    assert [stems[word] for word in FORMER if word in stems and not stems[word].startswith("archlang.rewrite")] == []


def test_no_class_name_is_defined_twice() -> None:
    assert {name: where for name, where in classes(files(PACKAGE)).items() if len(where) > 1} == {}


def test_no_modules_import_each_other() -> None:
    assert circles(files(PACKAGE)) == []


def test_imports_inside_functions_have_a_reason() -> None:
    modules = frozenset(file.module for file in files(PACKAGE))
    wrong = []
    for file in files(PACKAGE):
        room = ".".join(file.module.split(".")[:2])
        if file.module == "archlang":
            room = "archlang.__init__"
        for name, line, inside in imported(file, modules):
            top = name.split(".")[0]
            heavy = top in HEAVY or any(name == h or name.startswith(h + ".") for h in HEAVY)
            has_reason = heavy or top in SYSTEM or name in FOR_MISTAKES | FOR_WRITING
            if inside and room not in LAZY and not has_reason:
                wrong.append(f"{file.module}:{line} imports {name}")
    assert wrong == []


def test_facts_about_operations_stand_on_them() -> None:
    asked = [
        f"{file.module}:{line}: {text}"
        for file in files(PACKAGE) if not file.module.startswith("archlang.ops")
        for line, text in comparisons(file)
    ]
    assert asked == []


def test_a_standard_module_is_no_reason() -> None:
    assert not HEAVY & set(sys.stdlib_module_names)
