"""`archlang codes design|check`: branch codes designed and judged."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click

from archlang.cli.files import STDIN, read_bytes, shown_name, write
from archlang.cli.options import debug, formats, output, refuse, seed
from archlang.cli.session import Session

if TYPE_CHECKING:
    from archlang.codes import Code

FORMAT_VERSION = 1
EVERY = 2.0
"""Seconds between two lines of progress."""

_count = click.IntRange(0, 10**6)


@click.group("codes", short_help="Design and judge branch codes.")
def command() -> None:
    """Branch codes: which branches of a network work for which classes."""


@command.command("design", short_help="Search for a code.")
@click.option("--classes", type=_count, metavar="K", required=True, help="Words of the code.")
@click.option("--branches", type=_count, metavar="N", required=True, help="Length of a word.")
@click.option("--active", type=_count, metavar="W", required=True, help="Ones of every word.")
@click.option("--distance", type=_count, metavar="D", help="The least distance to reach; the largest if not given.")
@seed
@click.option("--fresh", is_flag=True, help="Search, even where a table of this size is shipped.")
@click.option("--uneven", is_flag=True, help="Let branches work for different numbers of classes.")
@click.option("--names", metavar="FILE", help="Names of the classes, a line each.")
@output("Write the table here.")
@formats("human", "json")
@debug
@click.pass_obj
def design_command(
    session: Session, classes: int, branches: int, active: int, distance: int | None, seed: int, fresh: bool,
    uneven: bool, names: str | None, output: str | None,
) -> None:  # fmt: skip
    """Design K words of N branches with W active ones each.

    Branches work for equally many classes, as far as that divides; then the least distance of two words is made as
    large as the search can. What no code can have is refused with the bound that forbids it.
    """
    from archlang.codes import write as table
    from archlang.codes.designing import design, refuse_impossible

    refuse_impossible(classes, branches, active, distance)
    called = None if names is None else class_names(session, names, classes)
    found = design(
        classes, branches, active, distance, seed, fresh=fresh, uneven=uneven, names=called, tell=Progress(session)
    )
    if output is not None:
        write(session, output, table(found.code).encode())
    if session.format == "json":
        facts = {**described(found.code), "how": found.how, "seed": seed, "further": found.further}
        if output != "-":
            session.document({**facts, "words": list(found.words)})
        return
    lines = [*report(found.code), f"how        {found.how} (seed {seed})"]
    if found.further:
        lines.append(f"further    distance {found.further} was reached with uneven columns only: `--uneven`")
    if output == "-":
        session.note("\n".join(lines))
    else:
        session.data("\n".join([*lines, *([] if output else ["", table(found.code)])]))


@command.command("check", short_help="Judge a table.")
@click.argument("file", metavar="FILE")
@click.option("--classes", type=_count, metavar="K", help="It must have this many words.")
@click.option("--branches", type=_count, metavar="N", help="They must be this long.")
@click.option("--active", type=_count, metavar="W", help="Each must have this many ones.")
@click.option("--distance", type=_count, metavar="D", help="Two words must differ in at least this many places.")
@click.option("--balanced", is_flag=True, help="Columns must be as equal as they can be.")
@click.option("--equal", is_flag=True, help="Words must have one weight.")
@click.option("--duplicates", is_flag=True, help="Classes may share a word.")
@formats("human", "json")
@debug
@click.pass_obj
def check_command(session: Session, /, file: str, **promises: Any) -> None:
    """Judge the code in the CSV FILE: `name,word` lines, or a cell a branch; `-` is standard input."""
    from archlang.codes import Contract, read

    code = read(table_bytes(session, file), shown_name(file), Contract(**promises), session.limits)
    if session.format == "json":
        session.document(described(code))
    else:
        session.data("\n".join(report(code)))


class Progress:
    """A line on standard error now and then, while a search runs."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.last = time.monotonic()

    def __call__(self, line: str) -> None:
        """Show a line, unless one was shown just now."""
        now = time.monotonic()
        if now - self.last >= EVERY:
            self.session.note(line)
            self.last = now


def table_bytes(session: Session, file: str) -> bytes:
    """A table's bytes; tables may be as long as all files of a network together."""
    from dataclasses import replace

    return read_bytes(file, replace(session.limits, file_bytes=session.limits.total_bytes))


def class_names(session: Session, file: str, classes: int) -> list[str]:
    """A line of a file for each class. Raises ArchError (usage) for another number of lines."""
    text = table_bytes(session, file).decode("utf-8-sig", "replace")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if len(lines) != classes:
        name = STDIN if file == "-" else file
        raise refuse(f"`{name[:200]}` names {len(lines)} classes, not {classes}")
    return lines


def described(code: Code) -> dict[str, Any]:
    """Everything about a code but its words, for JSON."""
    return {
        "format_version": FORMAT_VERSION,
        "classes": code.classes,
        "branches": code.branches,
        "active": code.active,
        "distance": code.distance,
        "histogram": {str(distance): pairs for distance, pairs in code.histogram.items()},
        "columns": list(code.columns),
        "balanced": code.balanced,
        "bounds": [{"name": b.name, "distance": b.distance, "reason": b.reason} for b in code.bounds],
        "optimal": code.optimal,
    }


def report(code: Code) -> list[str]:
    """The same as lines for people.

    >>> from archlang.codes import Code
    >>> print("\\n".join(report(Code(("1100", "0011", "1010", "0101")))))
    4 classes, 4 branches, 2 active: least distance 2
    distances  2: 4 pairs, 4: 2 pairs
    columns    2 classes for each branch
    bounds     mean distance 2 (the mean distance is at most 2.667; distances of words of one weight are even)
               Johnson 2 (at distance 4 there are at most 2 words)
               weight 4 (words of weight 2 in 4 differ in at most 4 places)
    optimal    no such code has a larger distance
    """
    weight = f"{code.active}" if code.active is not None else f"{min(code.weights)} to {max(code.weights)}"
    pairs = [f"{distance}: {count:,} pair{'s' if count > 1 else ''}" for distance, count in code.histogram.items()]
    limits = [f"{b.name} {b.distance} ({b.reason})" for b in code.bounds]
    best = "no such code has a larger distance"
    open_ = f"not known: the bounds leave room up to {code.bounds[0].distance}"
    return [
        f"{code.classes} classes, {code.branches} branches, {weight} active: least distance {code.distance}",
        f"distances  {', '.join(pairs)}",
        f"columns    {_columns(code)}",
        *(f"{'bounds' if i == 0 else '':10} {line}" for i, line in enumerate(limits)),
        f"optimal    {best if code.optimal else open_}",
    ]


def _columns(code: Code) -> str:
    low, high = min(code.columns), max(code.columns)
    if low == high:
        return f"{low} classes for each branch"
    counts = [f"{sums} classes for {code.columns.count(sums)}" for sums in sorted(set(code.columns))]
    told = "the closest there is: equal ones do not divide" if code.balanced else "uneven"
    return f"{', '.join(counts)} branches ({told})"
