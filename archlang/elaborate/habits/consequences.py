"""Mistakes that another mistake with a mend has brought along."""

from __future__ import annotations

from collections.abc import Sequence

from archlang.diagnostics import Diagnostic


def without_consequences(diagnostics: Sequence[Diagnostic]) -> list[Diagnostic]:
    """Leave out that something is missing where another mistake holds it in a form of other programs."""
    rest = _without_missing_input(_without_missing_phase(diagnostics))

    # A small kernel that leaves the large one covers nothing of it.
    if any(d.name == "branch-outside" for d in rest):
        rest = [d for d in rest if d.name != "uncovered-positions"]
    return rest


def _without_missing_phase(diagnostics: Sequence[Diagnostic]) -> list[Diagnostic]:
    """Leave out that a phase is missing if a setting tells how long it is and the fix makes a phase of it."""
    brings_phase = any(
        d.name == "unknown-setting" and d.fix is not None and d.fix.text.startswith("phase") for d in diagnostics
    )
    return [d for d in diagnostics if not (brings_phase and d.name == "missing-phase")]


def _without_missing_input(diagnostics: Sequence[Diagnostic]) -> list[Diagnostic]:
    """Leave out that an input is missing if another framework's form of one is reported: its help declares it."""
    declared = any(d.name == "foreign-form" and any("input image:" in line for line in d.help) for d in diagnostics)
    return [d for d in diagnostics if not (declared and d.name == "missing-input")]
