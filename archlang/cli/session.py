"""One call of the command line: its options, and the only way in which it writes to the terminal."""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from typing import Any, TextIO

from archlang.cli.streams import is_output_closed, remark
from archlang.cli.waiting import Waiting
from archlang.dataclass import dataclass
from archlang.diagnostics import Diagnostic
from archlang.diagnostics.render import chosen, concise, human, summary
from archlang.diagnostics.text import safe
from archlang.limits import DEFAULT, Limits
from archlang.version import VERSION

FORMATS = ("human", "concise", "json", "sarif")
Form = Callable[..., str]


@dataclass
class Session:
    """The options that all commands share.

    format    the form of diagnostics
    debug     tracebacks are shown
    limits    the limits of files and networks
    plugins   plug-ins whose operations files may use
    path      folders of packages that files may import, as they were given
    is_quiet  another process of this training speaks
    warned    the warnings that were told so far
    answered  the call's JSON document was written: there is never a second one
    head      the first bytes of standard input, read to tell what it holds
    is_input_taken  standard input was read
    line      the progress of what takes long
    """

    format: str = "human"
    debug: bool = False
    limits: Limits = DEFAULT
    plugins: tuple[str, ...] = ()
    path: tuple[str, ...] = ()
    is_quiet: bool = False
    warned: list[Diagnostic] = field(default_factory=list)
    answered: bool = False
    head: bytes = b""
    is_input_taken: bool = False
    line: Waiting = field(default_factory=Waiting)

    @classmethod
    def of(cls, argv: Sequence[str]) -> Session:
        """The session that the bare words of a call ask for: a call typed wrong is answered in its format too.

        >>> Session.of(["check", "--format=json"]).format
        'json'
        """
        words = list(argv)
        if "--" in words:
            words = words[: words.index("--")]
        given = [words[i + 1] for i, word in enumerate(words[:-1]) if word == "--format"]
        given += [word.removeprefix("--format=") for word in words if word.startswith("--format=")]

        # The last one counts, as for click; what it refuses is answered for people.
        known = ["human", *(word for word in given if word in FORMATS)]
        return cls(format=known[-1], debug="--debug" in words)

    def data(self, text: str) -> None:
        """Write a result on standard output, in UTF-8 whatever the terminal's encoding; with one line end.

        Raises OSError where standard output is closed or full.
        """
        self.bytes((text.rstrip("\n") + "\n").encode("utf-8", "backslashreplace"))

    def bytes(self, data: bytes) -> None:
        """The same for a result that is no text."""
        if self.is_quiet:
            return
        sys.stdout.flush()  # text that was printed before comes first
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()

    def document(self, value: Mapping[str, Any], found: Sequence[Diagnostic] = ()) -> None:
        """Write the call's JSON document on standard output, in one form for all commands.

        `format_version` stands first, `diagnostics` last: the warnings told before, and `found`. A number that is not
        finite is null.
        """
        from archlang.diagnostics.render_json import as_json

        told = as_json([*self.warned, *found])
        self._answer({"format_version": told["format_version"], **value, "diagnostics": told["diagnostics"]})

    def _answer(self, value: Mapping[str, Any]) -> None:
        self.answered = True
        self.data(json.dumps(_finite(value), indent=2, ensure_ascii=False, allow_nan=False))

    def note(self, text: str) -> None:
        """Write a remark on standard error."""
        if not self.is_quiet:
            remark(safe(text))

    def warnings(self, found: Sequence[Diagnostic]) -> None:
        """Write warnings on standard error, in the form for people."""
        # A document on standard output must stay alone there, so these have two forms only.
        form: Form = concise
        if self.format == "human":
            form = human
        self.warned += found
        if found and not self.is_quiet:
            remark(self._shown(found, sys.stderr, form))

    def results(self, found: Sequence[Diagnostic]) -> None:
        """Write diagnostics that a command is for (`check`) on standard output, their number on standard error."""
        listed, _ = chosen(found, self.limits.diagnostics)
        match self.format:
            case "json":
                from archlang.diagnostics.render_json import as_json

                self._answer(as_json(listed))
            case "sarif":
                from archlang.diagnostics.render_sarif import as_sarif

                self._answer(as_sarif(listed, VERSION))
            case "concise": self._results(found, concise)
            case _: self._results(found, human)

    def failure(self, found: Sequence[Diagnostic]) -> None:
        """Write why a command failed: on standard error, but as the one document where that is asked for."""
        # With standard output closed, standard error is the only way to say so; and two documents would be none.
        if self.format in ("json", "sarif") and not self.answered and not is_output_closed():
            self.results([*self.warned, *found])
            return

        form: Form = human
        if self.format != "human":
            form = concise
        if found:
            remark(self._shown(found, sys.stderr, form))
        if len(found) > 1:
            self.note(summary(found, limit=self.limits.diagnostics))

    def _results(self, found: Sequence[Diagnostic], form: Form) -> None:
        if not found:
            return
        print(self._shown(found, sys.stdout, form))
        # Their number follows on standard error, and on a terminal must not overtake them.
        if form is human:
            sys.stdout.flush()

    def _shown(self, found: Sequence[Diagnostic], stream: TextIO, form: Form) -> str:
        """Diagnostics in a form, in the session's limits."""
        bounds: dict[str, Any] = {"limit": self.limits.diagnostics, "longest": self.limits.message}
        if form is human:
            bounds["colour"] = wants_colour(stream)
        return form(found, **bounds)


def _finite(value: Any) -> Any:
    """The value with null for every number that is not finite, for which JSON has no word."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {name: _finite(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(part) for part in value]
    return value


def wants_colour(stream: TextIO) -> bool:
    """Tell whether to colour: never with `NO_COLOR`, always with `FORCE_COLOR`, else on a terminal that can."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return stream.isatty() and os.environ.get("TERM") != "dumb"
