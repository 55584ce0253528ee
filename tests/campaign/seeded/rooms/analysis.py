"""Bugs in counts and comparisons."""

from __future__ import annotations

from tests.campaign.seeded.seed import Seed

SEEDS = (
    Seed(
        "analysis/report.py",
        "last_use[output.port.node] = len(nodes)",
        "pass",
        "peak memory: outputs are freed",
        ("analysis/test_report.py",),
    ),
    Seed(
        "analysis/report.py",
        "alive -= sum(sizes[id] for id in freed_at.get(i, []))",
        "alive -= sum(sizes[id] for id in freed_at.get(i - 1, []))",
        "peak memory: results are freed one node too late",
        ("analysis/test_report.py",),
    ),
    Seed(
        "analysis/report.py",
        "for k in range(1, experts + 1)]",
        "for k in range(experts)]",
        "experts: FLOPs of k experts are those of one fewer",
        ("analysis/test_report.py",),
    ),
    Seed(
        "analysis/diff.py",
        "more = self.new.cost(y).parameters - self.old.cost(x).parameters",
        "more = self.old.cost(x).parameters - self.new.cost(y).parameters",
        "a change reports fewer parameters where there are more",
        ("analysis/test_diff.py",),
    ),
    Seed(
        "analysis/declarations.py",
        '"seed": _Declared(plan.seed),',
        '"seed": _Declared(0),',
        "a changed seed is no difference",
        ("analysis/test_diff.py",),
    ),
    Seed(
        "analysis/table.py",
        "value /= 1024",
        "value /= 1000",
        "bytes are divided by 1000 and called KiB",
        ("archlang/analysis/table.py",),
    ),
)
