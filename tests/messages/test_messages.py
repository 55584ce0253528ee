"""The messages to a new user, judged on whole wrong files: line, cause and mend of the first error, and its fix."""

from __future__ import annotations

from pathlib import Path

import pytest

from archlang.diagnostics import Diagnostic
from archlang.elaborate.network import check
from tests.messages.judge import Case, judge_all, rates, read_cases

CASES = read_cases()


def errors(case: Case, text: str, folder: Path) -> list[Diagnostic]:
    file = folder / "net.arch"
    file.write_text(text, encoding="utf-8")
    return [d for d in check(file, case.dials) if d.severity == "error"]


def place(diagnostic: Diagnostic) -> tuple[str, int, int]:
    """What is said, and where."""
    assert diagnostic.primary is not None
    return diagnostic.message, diagnostic.primary.span.line, diagnostic.primary.span.column


def test_two_hundred_files_and_more() -> None:
    assert len({case.name for case in CASES}) == len(CASES) >= 200
    assert len({(case.text, *case.dials.items()) for case in CASES}) == len(CASES)


def test_the_first_error_helps() -> None:
    verdicts = judge_all()
    missed = {word: [v.case.name for v in verdicts if not getattr(v, word)] for word in ("line", "cause", "mend")}
    line, cause, mend = rates(verdicts)
    assert line >= 99, missed["line"]
    assert cause >= 97, missed["cause"]
    assert mend >= 95, missed["mend"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_fix_removes_its_error(case: Case, tmp_path: Path) -> None:
    first = next((d for d in errors(case, case.text, tmp_path) if d.fix is not None), None)
    if first is None or first.fix is None:
        return

    span = first.fix.span
    mended = span.source.text[: span.start] + first.fix.text + span.source.text[span.end :]
    assert place(first) not in [place(d) for d in errors(case, mended, tmp_path)]


def test_fixes_alone_mend_most_files_that_have_one(tmp_path: Path) -> None:
    """Apply the first fix again and again: how many files come out right."""
    with_fix, right = [], []
    for case in CASES:
        text, applied = case.text, 0
        while applied < 10:
            fixes = [d.fix for d in errors(case, text, tmp_path) if d.fix is not None]
            if not fixes or fixes[0] is None:
                break
            span = fixes[0].span
            text, applied = span.source.text[: span.start] + fixes[0].text + span.source.text[span.end :], applied + 1
        if applied:
            with_fix.append(case.name)
            if not errors(case, text, tmp_path):
                right.append(case.name)
    assert len(with_fix) >= 120
    assert len(right) >= 0.85 * len(with_fix), sorted(set(with_fix) - set(right))
