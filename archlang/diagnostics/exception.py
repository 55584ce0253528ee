"""The one exception that leaves archlang. It stands above the renderer because its text is the rendered form."""

from __future__ import annotations

from collections.abc import Iterable

from archlang.diagnostics.model import Diagnostic
from archlang.diagnostics.render import human


def _rendered(diagnostic: Diagnostic) -> str:
    """One diagnostic as text."""
    return human((diagnostic,))


Diagnostic.rendered = _rendered


class ArchError(Exception):
    """Everything that archlang refuses, as the diagnostics that say why. `str()` gives their human form."""

    def __init__(self, diagnostics: Diagnostic | Iterable[Diagnostic]) -> None:
        if isinstance(diagnostics, Diagnostic):
            diagnostics = (diagnostics,)
        self.diagnostics: tuple[Diagnostic, ...] = tuple(diagnostics)

        # pickle makes an exception anew from these arguments, on its way from a worker process for instance.
        super().__init__(self.diagnostics)

    @property
    def status(self) -> int:
        """The exit status of a command that ends with this: the smallest among its errors (1 before 3 before 4)."""
        # The status of a warning is 0, which means success: an exception without any error still ends in 1.
        return min((d.kind.status for d in self.diagnostics if d.severity == "error"), default=1)

    def __str__(self) -> str:
        return human(self.diagnostics)
