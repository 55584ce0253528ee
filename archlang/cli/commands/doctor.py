"""`archlang doctor`: what is installed, and what is missing for what."""

from __future__ import annotations

import platform
from dataclasses import asdict

import click

from archlang.cli.installed import USES, Part, devices, parts, plugins, program
from archlang.cli.options import debug, formats
from archlang.cli.session import Session
from archlang.cli.waiting import slow
from archlang.diagnostics import ArchError, Diagnostic, error
from archlang.diagnostics.text import one_line
from archlang.version import VERSION

PROGRAMS = {"dot": "diagrams laid out by Graphviz"}
"""Programs that archlang calls where they are there."""


@click.command("doctor", short_help="Tell what is installed, and what is missing for what.")
@formats("human", "json")
@debug
@click.pass_obj
@slow("looking at what is installed")
def command(session: Session) -> int:
    """Tell which packages, programs and devices are there, and what those that are missing would be for.

    Ends with 4 where something is broken, or of a version that archlang is not made for. What is merely missing is no
    fault: nobody needs everything.
    """
    found = parts()
    places = {name: program(name) for name in PROGRAMS}
    computing, offered = devices(), plugins()

    unfit = [part for part in found if _is_unfit(part)]
    if session.format == "json":
        # What is at fault stands in the document itself: there is no second one for it.
        session.document({
            "archlang": VERSION, "python": platform.python_version(),
            "system": platform.platform(), "packages": [asdict(part) for part in found], "programs": places,
            "devices": computing, "plugins": offered,
        }, _problems(unfit))
    else:
        session.data("\n".join([
            f"archlang {VERSION}, Python {platform.python_version()}, {platform.platform()}",
            "", "packages", *_packages(found),
            "", "programs", *(_program(name, place) for name, place in places.items()),
            "", "devices", *(f"  {device}" for device in computing or ["none: torch is missing or broken"]),
            "", "plug-ins", *(f"  {name}" for name in offered or ["none"]),
        ]))

    problems = _problems(unfit)
    if not problems:
        return 0
    if session.format == "json":
        return ArchError(problems).status
    raise ArchError(problems)


def _problems(unfit: list[Part]) -> list[Diagnostic]:
    """Say what must be installed anew; nothing where no package is at fault."""
    if not unfit:
        return []
    named = ", ".join(f"`{part.name}`" for part in unfit)
    wanted = " ".join(f"'{part.name}{part.wanted}'" for part in unfit)
    return [error("missing-tool", f"{named} cannot be used as installed", help=f"python -m pip install {wanted}")]


def _is_unfit(part: Part) -> bool:
    """Tell whether a package is at fault: there but of no use, or missing where every command needs it."""
    if part.state == "missing":
        return not part.extra
    return part.state != "ok"


def _packages(found: list[Part]) -> list[str]:
    """A line a package, those of an extra below one another, with what the extra is for and how it is had."""
    wide = max(len(part.name) for part in found)
    lines = []
    for extra, use in USES.items():
        members = [part for part in found if part.extra == extra]
        lines.append(f"  {_heading(extra, use, members)}")

        for part in members:
            line = f"    {part.state:8} {part.name:{wide}} {part.found or ''}"
            if part.state != "ok":
                line += f" (wanted: {part.wanted or 'any'})"
            if part.remark:
                line += f" {one_line(part.remark, 200)}"
            lines.append(line.rstrip())
    return lines


def _heading(extra: str, use: str, members: list[Part]) -> str:
    if any(part.state == "missing" for part in members) and extra:
        return f"{use}: python -m pip install 'archlang[{extra}]'"
    return use


def _program(name: str, place: str | None) -> str:
    state = "ok"
    if place is None:
        state = "missing"
    return f"    {state:8} {name} {place or ''} ({PROGRAMS[name]})"
