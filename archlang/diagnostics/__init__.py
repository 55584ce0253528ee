"""Mistakes as data: what is wrong, where, what to do. Rendered by `render`, explained by `pages`."""

from archlang.diagnostics.kinds import KINDS, Kind
from archlang.diagnostics.model import ArchError, Diagnostic, Label, did_you_mean, error, suggestions, warning

__all__ = ["KINDS", "ArchError", "Diagnostic", "Kind", "Label", "did_you_mean", "error", "suggestions", "warning"]
