"""What one call of the command line knows of itself, and the only way in which it writes to the terminal."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TextIO

from archlang.diagnostics import Diagnostic
from archlang.diagnostics.render import concise, human, summary
from archlang.diagnostics.render_json import as_json
from archlang.diagnostics.render_sarif import as_sarif
from archlang.diagnostics.text import safe
from archlang.limits import DEFAULT, Limits
from archlang.version import VERSION

FORMATS = ("human", "concise", "json", "sarif")


@dataclass
class Session:
    """The form of the output, the limits, the plug-ins, whether to show tracebacks, and whether another one speaks."""

    format: str = "human"
    debug: bool = False
    limits: Limits = DEFAULT
    plugins: tuple[str, ...] = ()
    is_quiet: bool = False

    @classmethod
    def of(cls, argv: Sequence[str]) -> Session:
        """What the bare words of a call say already, so that even a call typed wrong is answered in its format.

        >>> Session.of(["check", "--format=json"]).format
        'json'
        """
        words = list(argv[: argv.index("--")] if "--" in argv else argv)
        given = [words[i + 1] for i, word in enumerate(words[:-1]) if word == "--format"]
        given += [word.removeprefix("--format=") for word in words if word.startswith("--format=")]
        known = [word for word in given if word in FORMATS]
        return cls(format=known[-1] if known else "human", debug="--debug" in words)

    def data(self, text: str) -> None:
        """What was asked for, on standard output, in UTF-8 whatever the terminal's encoding; with one line end."""
        self.bytes((text.rstrip("\n") + "\n").encode("utf-8", "backslashreplace"))

    def bytes(self, data: bytes) -> None:
        """The same for what is no text."""
        if self.is_quiet:
            return
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()

    def document(self, value: dict[str, Any]) -> None:
        """A JSON document."""
        self.data(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False))

    def note(self, text: str) -> None:
        """A remark, on standard error."""
        if not self.is_quiet:
            print(safe(text), file=sys.stderr)

    def warnings(self, found: Sequence[Diagnostic]) -> None:
        """Warnings about what is used, on standard error, in the form that was asked for people."""
        if found and not self.is_quiet:
            self._to_terminal(found, sys.stderr, concise if self.format != "human" else human)

    def results(self, found: Sequence[Diagnostic]) -> None:
        """Diagnostics as what a command is for (`check`): on standard output, their number on standard error."""
        match self.format:
            case "json": self.document(as_json(found))
            case "sarif": self.document(as_sarif(found, VERSION))
            case "concise": self._to_terminal(found, sys.stdout, concise)
            case _: self._to_terminal(found, sys.stdout, human)

    def failure(self, found: Sequence[Diagnostic]) -> None:
        """Why a command did not do what it is for: on standard error, but as the one document where that is asked."""
        if self.format in ("json", "sarif"):
            self.results(found)
            return
        self._to_terminal(found, sys.stderr, concise if self.format == "concise" else human)
        if len(found) > 1:
            self.note(summary(found))

    def _to_terminal(self, found: Sequence[Diagnostic], stream: TextIO, form: Any) -> None:
        if not found:
            return
        bounds = {"limit": self.limits.diagnostics, "longest": self.limits.message}
        if form is human:
            bounds["colour"] = wants_colour(stream)
        print(form(found, **bounds), file=stream)
        if form is human and stream is sys.stdout:
            stream.flush()


def wants_colour(stream: TextIO) -> bool:
    """Whether to colour: never with `NO_COLOR`, always with `FORCE_COLOR`, else on a terminal that can."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return stream.isatty() and os.environ.get("TERM") != "dumb"
