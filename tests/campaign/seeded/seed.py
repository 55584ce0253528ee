"""A seed: one small bug that is put into the source on purpose, and the tests that are to notice it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


class NotApplicable(ValueError):
    """A seed whose text does not stand in its file exactly once."""


@dataclass(frozen=True)
class Seed:
    """One bug.

    file    the module, below `archlang/`
    before  the text to replace, which stands in the file exactly once; a few words, so that it outlives a refactoring
    after   what it becomes
    wrong   what is wrong then, in the field's words
    tests   test files below `tests/`, or `file::test`, or modules `archlang/...` with examples; one of them must fail
    same    the reason why nothing changes, for a seed that no test can notice; empty for all others
    """

    file: str
    before: str
    after: str
    wrong: str
    tests: tuple[str, ...]
    same: str = ""

    def planted(self, root: Path = ROOT) -> str:
        """Return the module's text with the bug in it. Raises `NotApplicable`."""
        path = root / "archlang" / self.file
        if not path.is_file():
            raise NotApplicable(f"there is no archlang/{self.file}")

        text = path.read_text(encoding="utf-8")
        count = text.count(self.before)
        if count != 1:
            raise NotApplicable(f"archlang/{self.file} holds this text {count} times, not once: {self.before!r}")
        return text.replace(self.before, self.after)

    @property
    def targets(self) -> tuple[str, ...]:
        """The tests as pytest takes them, from the root of the tree."""
        return tuple(test if test.startswith("archlang/") else f"tests/{test}" for test in self.tests)
