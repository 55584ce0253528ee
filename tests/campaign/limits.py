"""Seconds and memory of the longest texts that the limits allow: `python -m tests.campaign.limits`.

Every row of `tests/limits/texts.py` is written as long as may be and handed to the commands that read texts, each in a
process of its own that has loaded archlang already. More than `SECONDS` of processor time, more than `MEGABYTES`, a
signal, or an exit status other than 0, 1 and 3 is a fault, and the exit status of the campaign is 1.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from archlang.cli.main import run
from tests.campaign.attempts import Attempt, attempt
from tests.limits.texts import ROWS

COMMANDS = {
    "check": ("check",),
    "json": ("check", "--format", "json"),
    "sarif": ("check", "--format", "sarif"),
    "fmt": ("fmt", "--diff"),
    "info": ("info",),
    "draw": ("draw", "--to", "svg"),
    "dot": ("draw", "--to", "dot"),
    "mmd": ("draw", "--to", "mmd"),
    "tree": ("compile", "--show", "tree"),
    "graph": ("compile", "--show", "graph"),
}
"""Commands that need no torch."""


def measured(words: list[str], commands: list[str]) -> Iterator[tuple[str, str, int, Attempt]]:
    """The row, the command, the length of the text and what the attempt came to; of rows whose names hold a word."""
    for row in ROWS:
        if words and not any(word in row.name for word in words):
            continue

        text = row.longest()
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "long.arch"
            file.write_text(text, encoding="utf-8")
            for command in commands:
                argv = [*COMMANDS[command], str(file)]
                yield row.name, command, len(text.encode()), attempt(lambda argv=argv: run(argv))  # type: ignore[misc]


def main(arguments: list[str] | None = None) -> int:
    """Measure and print a line for each; return 1 if anything was a fault."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("words", nargs="*", help="only rows whose names hold one of these")
    parser.add_argument("--commands", default=",".join(COMMANDS), help="commands, with commas between them")
    options = parser.parse_args(arguments)

    warm_up()
    done = list(_printed(measured(options.words, options.commands.split(","))))
    faults = [one for *_, one in done if one.fault]
    print(f"{len(done)} runs, {len(faults)} faults; slowest {max(one.seconds for *_, one in done):.2f} s, "
          f"largest {max(one.megabytes for *_, one in done):.0f} MB")
    return int(bool(faults))


def _printed(lines: Iterator[tuple[str, str, int, Attempt]]) -> Iterator[tuple[str, str, int, Attempt]]:
    for name, command, length, one in lines:
        mark = f"  FAULT: {one.fault}" if one.fault else ""
        print(f"{name:44} {command:6} {length:7} bytes {one.seconds:6.2f} s {one.megabytes:5.0f} MB  "
              f"exit {one.status}{mark}", flush=True)
        yield name, command, length, one


def warm_up() -> None:
    """Load what every command loads, so that the attempts measure their own work."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "small.arch"
        file.write_text("archlang 1\nnetwork N {\n  input x: [4, 8, 8]\n  output x -> conv(1x1, 4) -> relu\n}\n")
        for command in COMMANDS.values():
            _quiet([*command, str(file)])


def _quiet(argv: list[str]) -> None:
    with contextlib.redirect_stdout(io.TextIOWrapper(io.BytesIO())), contextlib.redirect_stderr(io.StringIO()):
        run(argv)


if __name__ == "__main__":
    sys.exit(main())
