"""The messages to a new user, judged on whole wrong files: line, cause and mend of the first error, and its fix."""

from __future__ import annotations

import re
from pathlib import Path

from archlang.diagnostics import ArchError, Diagnostic
from archlang.elaborate.network import check
from archlang.source import Source
from archlang.syntax.parser import parse
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


STILL_WRONG = {
    # The same slip once more in the statement, which the parser tells at its first place.
    "fourth-smart-quotes": "import-not-found",
    # A second mistake of another kind, which the first one hid.
    "torch-embedding": "whole-numbers",
    "third-jnp": "same-twice",
    "fifth-moe-torch-class": "unknown-argument",
    "fifth-kernels-parens": "uncovered-positions",
    "sixth-lr-scientific": "inexact-division",
    "ninth-whole-forward-line": "unknown-stage",
    "tenth-import-file-noquote": "import-not-found",
    "eleventh-forward-chain": "unknown-stage",
    "eleventh-train-brackets": "missing-phase",
    "thirteenth-schedule-torch-name": "unknown-argument",
}
"""Files whose line has a second mistake, which its first fix shows: what is found there then."""


def test_a_fix_removes_its_error_and_brings_none(tmp_path: Path) -> None:
    persist, bring = [], {}
    tried = 0
    for verdict in judge_all():
        first, case = verdict.error, verdict.case
        if first is None or first.fix is None:
            continue
        tried += 1
        span = first.fix.span
        mended = span.source.text[: span.start] + first.fix.text + span.source.text[span.end :]
        left = errors(case, mended, tmp_path)
        if place(first) in [place(one) for one in left]:
            persist.append(case.name)

        known = {(one.name, one.message) for one in verdict.others}
        # A statement may be long: what the edit brings stands in one of its lines.
        lines = range(span.line, span.line + len(first.fix.text.split("\n")))
        new = [one.name for one in left if one.primary is not None and one.primary.span.line in lines
               and (one.name, one.message) not in known]
        if new:
            bring[case.name] = new[0]
    assert tried >= 400
    assert persist == []
    assert bring == STILL_WRONG


def test_fixes_alone_mend_most_files_that_have_one(tmp_path: Path) -> None:
    """Apply the first fix again and again: how many files come out right. Every second file is enough to tell."""
    with_fix, right = [], []
    for case in CASES[::2]:
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
    assert len(with_fix) >= 180
    assert len(right) >= 0.85 * len(with_fix), sorted(set(with_fix) - set(right))


def test_what_a_help_says_to_write_parses() -> None:
    """A text behind `write` is a value, a statement or a declaration, or a step of one."""
    told = [(v.case.name, text) for v in judge_all() if v.error for text in _to_write(v.error)]
    wrong = [(name, text) for name, text in told if not _parses(text)]
    assert len(told) >= 400
    assert len(wrong) <= 0.04 * len(told), wrong


def _to_write(mistake: Diagnostic) -> list[str]:
    return [text for line in mistake.help for text in re.findall(r"write `([^`]*)`", line)]


def _parses(text: str) -> bool:
    forms = (
        "{}", "{}\n}}", "let x = {}", "block b = {}", "block b {{ {} }}", "let x = f({})", "network N {{\n{}\n}}",
        "network N {{\n{}\n}}\n}}", "network N {{ input {} }}", "train {{\n{}\n}}", "train {{ phase a {{ {} }} }}",
        # The line of a head, of the end of a body, of a flow that goes on.
        "{}\noutput in\n}}", "network N {{\n{}", "network N {{\ny = x\n{}\n}}", "network N {{\ny = x\n{})\n}}",
    )
    for form in forms:
        try:
            parse(Source("help.arch", "archlang 1\n" + form.format(text)))
        except ArchError:
            continue
        return True
    return text.startswith(("archlang ", "-p "))
