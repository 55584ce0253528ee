"""Bugs in the representation: counts, patterns, removal."""

from __future__ import annotations

from tests.campaign.seeded.seed import Seed

SEEDS = (
    Seed(
        "graph/patterns.py",
        'return fnmatchcase(name, pattern.replace("[", "[[]"))',
        'return fnmatchcase(name, pattern.replace("[", "[[]") + "*")',
        "a name also stands for a longer one: `layer1` for `layer10`",
        ("elaborate/test_patterns.py",),
    ),
    Seed(
        "graph/coded.py",
        "return region[: len(parts)] == parts",
        'return ".".join(region).startswith(name)',
        "a block's name also stands for a longer one",
        ("elaborate/test_patterns.py",),
    ),
    Seed(
        "graph/ir.py",
        "sum((node.rows * node.op.flops(self.call(node)) for node in self), 0)",
        "sum((node.op.flops(self.call(node)) for node in self), 0)",
        "FLOPs forget that a sample has several patches",
        ("analysis/test_report.py", "emit/test_experts.py", "specs/test_pce.py"),
    ),
    Seed(
        "graph/ir.py",
        "if weight.trained is trained:",
        "if True:",
        "buffers count as parameters",
        ("analysis/test_report.py",),
    ),
    Seed(
        "graph/removal.py",
        'any(column[label] == "1" for label in self.classes)',
        'all(column[label] == "1" for label in self.classes)',
        "extraction keeps only branches that work for all of the classes",
        ("studies/test_coded.py::test_extracted_equals_masked",),
    ),
    Seed(
        "graph/removal.py",
        "self.gaps[Port(node.id)] = (axis, tuple(kept))",
        "self.gaps[Port(node.id)] = (axis, tuple(range(len(kept))))",
        "extraction keeps the first channels instead of those that are left",
        ("studies/test_coded.py::test_branches_end_to_end_are_extracted_too",),
    ),
    Seed(
        "graph/outline.py",
        "        if node.path in owned:",
        "        if False:",
        "shared weights count several times in a report",
        ("analysis/test_report.py",),
    ),
    Seed(
        "graph/removal.py",
        "if others:\n                raise _shared_reader(others[0])",
        "if False:\n                raise _shared_reader(others[0])",
        "the weight of a layer that is used elsewhere loses parts",
        ("rewrite/test_extract.py",),
    ),
    Seed(
        "graph/removal.py",
        "if sum(other.path == node.path for other in graph) > 1:",
        "if False:",
        "the rows of a head that is used elsewhere are taken out",
        ("rewrite/test_extract.py",),
    ),
)
