"""Mistakes as data: the fault, its place, the mend. `render` shows them, `pages` explains them."""

from archlang.diagnostics.exception import ArchError
from archlang.diagnostics.kinds import KINDS, DiagnosticKind
from archlang.diagnostics.model import Alternative, Diagnostic, Fix, Label, error, warning
from archlang.diagnostics.suggest import did_you_mean, suggestions

__all__ = [
    "KINDS",
    "Alternative",
    "ArchError",
    "Diagnostic",
    "DiagnosticKind",
    "Fix",
    "Label",
    "did_you_mean",
    "error",
    "suggestions",
    "warning",
]
