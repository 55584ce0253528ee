"""Bugs in designing and judging branch codes."""

from __future__ import annotations

from tests.campaign.seeded.seed import Seed

SEEDS = (
    Seed(
        "codes/bounds.py",
        "Fraction(2 * sum(s * (classes - s) for s in columns), classes * (classes - 1))",
        "Fraction(2 * sum(s * (classes - s) for s in columns), classes * classes)",
        "mean distance over all pairs of words, equal ones among them",
        ("codes/test_bounds.py",),
    ),
    Seed(
        "codes/bounds.py",
        'int(mean) // 2 * 2, f"the mean distance is at most',
        'round(mean) // 2 * 2, f"the mean distance is at most',
        "the bound by the mean distance is rounded instead of rounded down",
        ("codes/test_bounds.py",),
    ),
    Seed(
        "codes/code.py",
        "return spread == 0 or (spread == 1 and sum(self.columns) % self.branches != 0)",
        "return spread <= 1",
        "columns count as balanced though equal ones are possible",
        ("codes/test_tables.py",),
        same="columns that are one apart never sum to a multiple of their number: the second half of the test "
             "is always true",
    ),
    Seed(
        "codes/contract.py",
        "unused = [i for i, ones in enumerate(code.columns) if ones == 0]",
        "unused = []",
        "a branch that no class uses is accepted",
        ("codes/test_tables.py",),
    ),
    Seed(
        "codes/words.py",
        "distances[diagonal, diagonal] = smallest",
        "",
        "a row's distance from itself counts",
        ("codes/test_families.py::test_words_as_rows_and_masks", "archlang/codes/words.py"),
    ),
    Seed(
        "codes/clique.py",
        "if self.neighbours[vertex] & mask:",
        "if False:",
        "cliques: the bound by colours is too low, the heaviest one is missed",
        ("codes/test_search.py::test_cliques_against_all_subsets",),
    ),
)
