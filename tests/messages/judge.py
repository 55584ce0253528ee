"""The judge of the messages: wrong files of a new user, and how far the first error of each helps.

`python -m tests.messages.judge` prints the rates and the files that fell short.
"""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from archlang.diagnostics import Diagnostic, Label
from archlang.diagnostics.render import human
from archlang.elaborate.network import check

CASES_FILE = Path(__file__).parent / "wrong_files.txt"

Alternatives = tuple[tuple[str, ...], ...]
"""Words of which one group must be there as a whole."""


@dataclass(frozen=True)
class Case:
    """A wrong file and the judgement beside it."""

    name: str
    line: int
    cause: Alternatives
    mend: Alternatives
    dials: dict[str, str]
    text: str


@dataclass(frozen=True)
class Verdict:
    """How the first error of a case did: its line, its cause, its mend."""

    case: Case
    error: Diagnostic | None
    line: bool
    cause: bool
    mend: bool
    others: tuple[Diagnostic, ...] = ()
    """The errors behind the first one."""


def read_cases(path: Path = CASES_FILE) -> list[Case]:
    """Read the data file: its head says how it is written."""
    parts = re.split(r"^=== (\S+)\n", path.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    return [_case(name, part) for name, part in zip(parts[::2], parts[1::2], strict=True)]


def _case(name: str, part: str) -> Case:
    head, text = part.split("---\n", 1)
    fields = dict(line.split(" ", 1) for line in head.splitlines())

    dials = dict(pair.split("=", 1) for pair in fields.get("-p", "").split())
    return Case(name, int(fields["line"]), _words(fields["cause"]), _words(fields["mend"]), dials, text)


def _words(field: str) -> Alternatives:
    return tuple(tuple(word.strip() for word in group.split(" & ")) for group in field.split(" | "))


def judge(case: Case, folder: Path) -> Verdict:
    """Check a case's file as the command line does, and judge its first error."""
    file = folder / "net.arch"
    file.write_text(case.text, encoding="utf-8")
    errors = [d for d in check(file, case.dials) if d.severity == "error"]
    if not errors:
        return Verdict(case, None, line=False, cause=False, mend=False)

    first = errors[0]
    on_line = first.primary is not None and first.primary.span.line == case.line
    labels: list[Label] = [label for label in (first.primary, *first.secondary) if label]
    says = "\n".join([first.message, *(label.text for label in labels), *first.notes])
    advises = "\n".join([first.message, *(label.text for label in labels), *first.help])
    return Verdict(case, first, on_line, _holds(says, case.cause), _holds(advises, case.mend),
                   tuple(errors[1:]))


def _holds(text: str, words: Alternatives) -> bool:
    folded = text.lower()
    return any(all(word.lower() in folded for word in group) for group in words)


@lru_cache(maxsize=1)
def judge_all() -> list[Verdict]:
    """Judge every case of the data file."""
    with tempfile.TemporaryDirectory() as folder:
        return [judge(case, Path(folder)) for case in read_cases()]


def rates(verdicts: list[Verdict]) -> tuple[float, float, float]:
    """Per cent of the cases whose first error is on the right line, names its cause, names its mend."""
    count = len(verdicts)
    right_line = sum(verdict.line for verdict in verdicts)
    right_cause = sum(verdict.cause for verdict in verdicts)
    right_mend = sum(verdict.mend for verdict in verdicts)
    return 100 * right_line / count, 100 * right_cause / count, 100 * right_mend / count


def _main() -> None:
    verdicts = judge_all()
    for verdict in verdicts:
        missed = [word for word in ("line", "cause", "mend") if not getattr(verdict, word)]
        if missed:
            print(f"{verdict.case.name}: {', '.join(missed)}")
            print(human([verdict.error]) if verdict.error else "no error")
            print()

    line, cause, mend = rates(verdicts)
    print(f"{len(verdicts)} files: line {line:.1f} %, cause {cause:.1f} %, mend {mend:.1f} %")


if __name__ == "__main__":
    _main()
