"""Mistakes of plug-ins, which are written by strangers: their names and texts are shown with care."""

from __future__ import annotations

from archlang.diagnostics.exception import ArchError
from archlang.diagnostics.model import error


def bad_plugin(plugin: str, what: str) -> ArchError:
    """The error (bad-plugin) of a plug-in that does not offer what it should; the caller raises it."""
    return ArchError(error("bad-plugin", f"the plug-in `{shown(plugin)}` {what}"))


def shown(text: str) -> str:
    """A stranger's text without control signs, and not too long for a message."""
    # Escape sequences in a message would be orders to the reader's terminal.
    signs = []
    for sign in text[:120]:
        if not sign.isprintable():
            sign = "?"
        signs.append(sign)
    return "".join(signs)
