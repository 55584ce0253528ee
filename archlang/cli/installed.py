"""The parts that archlang needs or can use, and which of them are there: packages, programs, devices, plug-ins."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from typing import Literal

State = Literal["ok", "missing", "too old", "too new", "broken"]

USES = {
    "": "checking, drawing, counting, transforming",
    "torch": "compiling, training, model files",
    "train": "the data sets that come with scikit-learn",
    "logs": "`train --tensorboard`",
    "onnx": "`export --to onnx`",
    "hub": "`push_to_hub`, `from_pretrained`",
    "search": "`archlang sweep`",
    "parquet": "`--data parquet:PATH`",
    "lsp": "`archlang lsp`, for editors",
    "docs": "`make docs`, the site of the documentation",
    "diagrams": "diagrams laid out by Graphviz where there is no `dot`",
}
"""Extra to what it is for; the empty one is what archlang cannot do without. `dev` is for who changes archlang."""

IMPORTED = {"scikit-learn": "sklearn", "pillow": "PIL"}
"""Names of packages that are imported by another name."""

SECONDS = 60
"""Seconds that importing a package may take: torch takes seconds, more where the disk is cold."""


@dataclass(frozen=True)
class Part:
    """A package that archlang names.

    extra    what brings it: `torch` of `archlang[torch]`; empty for what every command needs.
    wanted   the versions that archlang is made for, as in `>=2.11,<2.15`.
    found    the version that is there, None for none.
    remark   why it is broken: the last line of what its import said.
    """

    name: str
    extra: str
    wanted: str
    found: str | None
    state: State
    remark: str = ""


def parts() -> list[Part]:
    """List the packages that archlang's own metadata names, those of `dev` left out, each imported once."""
    asked = list(named())

    # An extra that builds on another repeats its packages; each is listed where it first belongs.
    first: dict[str, tuple[str, str]] = {}
    for known in USES:
        for name, extra, wanted in asked:
            if extra == known:
                first.setdefault(name, (extra, wanted))
    return [_part(name, extra, wanted) for name, (extra, wanted) in first.items()]


def named() -> Iterator[tuple[str, str, str]]:
    """Read archlang's metadata: the name of a package, the extra that brings it, the versions that are wanted."""
    for line in metadata.requires("archlang") or ():
        # `torch<2.15,>=2.11; extra == 'torch'`; an extra that stands in another, `archlang[torch]`, names no package.
        needed, _, condition = line.partition(";")
        words = re.fullmatch(r"\s*([\w.-]+)\s*([<>=!~].*?)?\s*", needed)
        if words is None:
            continue

        # What stands under no condition is needed by every command.
        extra = ""
        stated = re.search(r"extra\s*==\s*['\"]([\w-]+)['\"]", condition)
        if stated is not None:
            extra = stated[1]
        yield words[1], extra, ",".join(sorted((words[2] or "").split(","), reverse=True))


def fitting(version: str, wanted: str) -> State:
    """Compare a version with `>=` and `<` bounds, number by number.

    >>> fitting("2.13.0+cpu", ">=2.11,<2.15"), fitting("2.9", ">=2.11"), fitting("2.15.1", "<2.15")
    ('ok', 'too old', 'too new')
    """
    for sign, limit in re.findall(r"(>=|<)([^,]+)", wanted):
        if sign == ">=" and _numbers(version) < _numbers(limit):
            return "too old"
        if sign == "<" and _numbers(version) >= _numbers(limit):
            return "too new"
    return "ok"


def _numbers(version: str) -> tuple[int, ...]:
    # What follows the numbers, such as `+cpu`, says how it was built.
    leading = re.match(r"[0-9.]*", version)
    assert leading is not None
    return tuple(int(number) for number in leading[0].split(".") if number)


def _part(name: str, extra: str, wanted: str) -> Part:
    try:
        version = metadata.version(name)
    except metadata.PackageNotFoundError:
        return Part(name, extra, wanted, None, "missing")

    state = fitting(version, wanted)
    if state != "ok":
        return Part(name, extra, wanted, version, state)

    remark = import_fault(IMPORTED.get(name, name.replace("-", "_")))
    if remark:
        return Part(name, extra, wanted, version, "broken", remark)
    return Part(name, extra, wanted, version, "ok")


def import_fault(module: str) -> str:
    """Import a module in a process of its own, which a fault in its machine code may end; empty where all is well."""
    try:
        done = subprocess.run(
            [sys.executable, "-c", f"import {module}"], stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=SECONDS, check=False,
        )
    except subprocess.TimeoutExpired:
        return f"importing it took more than {SECONDS} seconds"

    if done.returncode == 0:
        return ""
    said = done.stderr.strip().splitlines()
    if said:
        return said[-1]
    return f"importing it ended with status {done.returncode}"


def devices() -> list[str]:
    """Ask torch, in a process of its own, what it can compute on; empty where torch is missing or broken."""
    question = (
        "import torch\n"
        "print(f'cpu ({torch.get_num_threads()} threads)')\n"
        "for i in range(torch.cuda.device_count()): print(f'cuda:{i} ({torch.cuda.get_device_name(i)})')\n"
        "if torch.backends.mps.is_available(): print('mps')"
    )
    try:
        done = subprocess.run(
            [sys.executable, "-c", question], stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=SECONDS, check=False,
        )
    except subprocess.TimeoutExpired:
        return []

    if done.returncode != 0:
        return []
    return done.stdout.splitlines()


def plugins() -> list[str]:
    """Name the plug-ins that packages of this environment offer: of operations, of passes."""
    points = [*metadata.entry_points(group="archlang.ops"), *metadata.entry_points(group="archlang.passes")]
    return sorted({point.name for point in points})


def program(name: str) -> str | None:
    """Find the place of a program, None where there is none."""
    return shutil.which(name)
