"""Bugs in places and texts of messages."""

from __future__ import annotations

from tests.campaign.seeded.seed import Seed

SEEDS = (
    Seed(
        "source.py",
        "return row + 1, offset - self.starts[row] + 1",
        "return row + 1, offset - self.starts[row]",
        "columns count from 0",
        ("diagnostics/test_render.py", "syntax/test_diagnostics.py"),
    ),
    Seed(
        "source.py",
        "row = bisect_right(self.starts, offset) - 1",
        "row = max(bisect_right(self.starts, offset - 1) - 1, 0)",
        "the first character of a line counts to the line before",
        ("diagnostics/test_render.py", "syntax/test_diagnostics.py"),
    ),
    Seed(
        "diagnostics/text.py",
        "if category(char) in _HIDDEN:",
        'if char == "\\x1b":',
        "characters that turn a line around reach the terminal",
        ("diagnostics/test_render.py",),
    ),
    Seed(
        "diagnostics/render.py",
        'key=lambda i: diagnostics[i].severity != "error")',
        "key=lambda i: i)",
        "a warning takes the place of an error when not all are shown",
        ("diagnostics/test_render.py",),
    ),
    Seed(
        "diagnostics/render_sarif.py",
        '"columnKind": "unicodeCodePoints",',
        '"columnKind": "utf16CodeUnits",',
        "SARIF columns in the wrong unit",
        ("diagnostics/test_render.py",),
    ),
    Seed(
        "diagnostics/render_sarif.py",
        'quote(name, safe="/.-_~")',
        'name.decode(errors="replace")',
        "names of files in SARIF are not escaped",
        ("diagnostics/test_render.py", "cli/test_check.py"),
    ),
    Seed(
        "diagnostics/snippet.py",
        "for mark in sorted(line_marks, key=lambda mark: (mark.is_primary, mark.start)):",
        "for mark in sorted(line_marks, key=lambda mark: (not mark.is_primary, mark.start)):",
        "a secondary mark is drawn over the primary one",
        ("diagnostics/test_render.py",),
    ),
)
