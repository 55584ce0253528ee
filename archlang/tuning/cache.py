"""Choices that were timed, kept in a file of the user's cache folder."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from archlang.atomic import read_whole, write_whole
from archlang.diagnostics import ArchError

FORM = "archlang tuned choices 1"
"""The first entry of the file: a file of another form is not read."""

MOST = 4096
"""Choices that are kept; the oldest go first."""

MOST_BYTES = 1 << 20
"""A file longer than this was not written here."""


def place() -> Path:
    """The file: `archlang/tuned.json` in `$XDG_CACHE_HOME`, or in `~/.cache`."""
    # The specification of the folders leaves out names that are not absolute.
    given = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if given.is_absolute():
        return given / "archlang" / "tuned.json"
    return Path("~").expanduser() / ".cache" / "archlang" / "tuned.json"


def key(facts: Mapping[str, object]) -> str:
    """A short name of what a choice depends on.

    >>> key({"threads": 1}) == key({"threads": 1}) != key({"threads": 2})
    True
    """
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:32]


def remembered() -> dict[str, str]:
    """The choices that the file holds, by key; none where it is not there, cannot be read, or is of another kind."""
    try:
        data = read_whole(place(), MOST_BYTES + 1, regular=True)
        found = json.loads(data)
    # Whatever stands there was written by somebody else, or by half: it is timed again.
    except (OSError, ValueError, RuntimeError, RecursionError):
        return {}

    if len(data) > MOST_BYTES or not isinstance(found, dict) or found.get("form") != FORM:
        return {}
    choices = found.get("choices")
    if not isinstance(choices, dict):
        return {}
    return {name: choice for name, choice in choices.items() if isinstance(choice, str)}


def remember(choices: Mapping[str, str]) -> None:
    """Add choices to the file, which is written whole. A folder that cannot be written to keeps nothing."""
    if not choices:
        return

    # Read again: another process may have added its own in the meantime.
    kept = {name: choice for name, choice in remembered().items() if name not in choices}
    last = dict([*kept.items(), *choices.items()][-MOST:])
    data = json.dumps({"form": FORM, "choices": last}, indent=1).encode()

    with suppress(OSError, RuntimeError, ArchError):
        file = place()
        file.parent.mkdir(parents=True, exist_ok=True)
        write_whole(file, data)
