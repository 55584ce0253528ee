"""Bugs between text and tree."""

from __future__ import annotations

from tests.campaign.seeded.seed import Seed

SEEDS = (
    Seed(
        "syntax/lexing.py",
        "for sign in SIGNS if len(sign) > 1)",
        "for sign in SIGNS if len(sign) > 2)",
        "a sign of two characters is read as two signs",
        ("syntax/test_grammar.py",),
    ),
    Seed(
        "syntax/lexing.py",
        'text[text.rfind("\\n", 0, line_end) + 1 : line_end]',
        "text[line_end + 1 : offset]",
        "empty lines are looked for at the wrong line",
        ("syntax/test_printed_twice.py", "syntax/test_printer.py", "syntax/test_comments.py"),
    ),
    Seed(
        "syntax/precedence.py",
        '(("+", "-"), (SUM, SUM, PRODUCT))',
        '(("+", "-"), (SUM, SUM, SUM))',
        "`a - (b - c)` is printed without its parentheses",
        ("syntax/test_printer.py",),
    ),
    Seed(
        "syntax/comments.py",
        'if found and token.type in ("COMMA", "SEMICOLON"):',
        "if False:",
        "a comment behind a comma hangs on what follows",
        ("syntax/test_comments.py",),
    ),
    Seed(
        "syntax/recovery.py",
        "if any(body[0].start <= place < until for place in mistakes):",
        "if False:",
        "a declaration with a mistake of spelling is judged once more",
        ("syntax/test_diagnostics.py", "syntax/test_mutants.py"),
    ),
    Seed(
        "syntax/checks.py",
        "return places[-number]",
        "return places[-number - 1]",
        "an expression that is too long is marked one term too late",
        ("syntax/test_limits.py", "syntax/test_diagnostics.py"),
    ),
    Seed(
        "syntax/layout.py",
        'lines = "".join(self.out).split("\\n")',
        'return "".join(self.out)',
        "spaces at the ends of printed lines stay",
        ("syntax/test_printer.py", "syntax/test_golden.py::test_canonical_form_is_the_golden_one"),
    ),
)
