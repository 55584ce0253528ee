"""The page of fusion names every reason."""

from __future__ import annotations

from pathlib import Path

from archlang.rewrite.report import REASONS, FusionReport, Skip


def test_the_page_lists_every_reason_in_its_words() -> None:
    page = (Path(__file__).parents[2] / "docs" / "fusion.md").read_text()
    listed = [line for line in page.splitlines() if line.startswith("| `")]
    for name, reason in REASONS.items():
        assert f"| `{name}` | {reason.text} |" in listed


def test_a_report_knows_whether_a_file_can_repeat_it() -> None:
    for name, reason in REASONS.items():
        assert FusionReport(skipped=(Skip("a", name, reason.text),)).repeatable != reason.by_state
