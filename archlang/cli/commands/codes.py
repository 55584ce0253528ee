"""`archlang codes design|check`: branch codes designed and judged."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from archlang.cli.files import ending, read_bytes, shown_name, write
from archlang.cli.options import debug, formats, output, refuse, seed
from archlang.cli.session import Session
from archlang.cli.waiting import slow

if TYPE_CHECKING:
    from archlang.codes import Code, Design

_count = click.IntRange(0, 10**6)
_rounds = click.IntRange(1, 10**4)


@click.group("codes", short_help="Design and judge branch codes.")
def command() -> None:
    """Branch codes: the assignment of a network's branches to classes."""


@command.command("design", short_help="Search for a code.")
@click.option("--classes", type=_count, metavar="K", required=True, help="Words of the code.")
@click.option("--branches", type=_count, metavar="N", required=True, help="Length of a word.")
@click.option("--active", type=_count, metavar="W", required=True, help="Ones of every word.")
@click.option("--distance", type=_count, metavar="D", help="The least distance to reach; the largest if not given.")
@seed
@click.option(
    "--effort", type=_rounds, metavar="ROUNDS", default=1, show_default=True,
    help="Rounds of search before a distance is given up.",
)
@click.option("--fresh", is_flag=True, help="Search, even where a table of this size is shipped.")
@click.option("--uneven", is_flag=True, help="Let branches work for different numbers of classes.")
@click.option("--names", metavar="FILE", help="Names of the classes, a line each.")
@output("Write the table here (.csv).")
@formats("human", "json")
@debug
@click.pass_obj
@slow("searching for a code")
def design_command(
    session: Session, classes: int, branches: int, active: int, distance: int | None, seed: int, effort: int,
    fresh: bool, uneven: bool, names: str | None, output: str | None,
) -> None:  # fmt: skip
    """Design K words of N branches with W active ones each.

    Branches work for equally many classes, as far as that divides; then the least distance of two words is made as
    large as the search can. What no code can have is refused with the bound that forbids it.
    """
    from archlang.codes.designing import design, refuse_impossible
    from archlang.codes.table import write as table

    # Before the file of names is read, and the search begins: what no search could find.
    ending(output, ".csv")
    refuse_impossible(classes, branches, active, distance)
    called = None
    if names is not None:
        called = class_names(session, names, classes)

    result = design(
        classes, branches, active, distance, seed, fresh=fresh, uneven=uneven, effort=effort, names=called,
        tell=session.line.stage,
    )  # fmt: skip
    if output is not None:
        write(session, output, table(result.code).encode())
    _tell(session, result, seed, output)


def _tell(session: Session, result: Design, seed: int, output: str | None) -> None:
    """Report a design, with its words unless they went to a file."""
    from archlang.codes.table import write as table

    if session.format == "json":
        facts = {**described(result.code), "how": result.how, "seed": seed, "further": result.further}
        # Standard output holds the table or the document, never both.
        if output != "-":
            session.document({**facts, "words": list(result.words)})
        return

    lines = [*report(result.code), f"how        {result.how} (seed {seed})"]
    if result.further:
        lines.append(f"further    distance {result.further} was reached with uneven columns only: `--uneven`")

    if output == "-":
        session.note("\n".join(lines))
        return
    if output is None:
        lines += ["", table(result.code)]
    session.data("\n".join(lines))


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


def table_bytes(session: Session, file: str) -> bytes:
    """The bytes of a table, which may be as long as all files of a network together."""
    return read_bytes(file, replace(session.limits, file_bytes=session.limits.total_bytes))


def class_names(session: Session, file: str, classes: int) -> list[str]:
    """A line of a file for each class. Raises ArchError (usage) for another number of lines."""
    text = table_bytes(session, file).decode("utf-8-sig", "replace")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    # Names go to words by their order: one too few would shift all behind it.
    if len(lines) != classes:
        raise refuse(f"`{shown_name(file)[:200]}` names {len(lines)} classes, not {classes}")
    return lines


def described(code: Code) -> dict[str, Any]:
    """Everything about a code but its words, for JSON."""
    return {

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
    pairs = [f"{distance}: {_pairs(count)}" for distance, count in code.histogram.items()]
    labels = ["bounds", *[""] * (len(code.bounds) - 1)]
    limits = [f"{label:10} {b.name} {b.distance} ({b.reason})" for label, b in zip(labels, code.bounds, strict=True)]

    verdict = f"not known: the bounds leave room up to {code.bounds[0].distance}"
    if code.optimal:
        verdict = "no such code has a larger distance"

    sizes = f"{code.classes} classes, {code.branches} branches, {_weight(code)} active"
    return [
        f"{sizes}: least distance {code.distance}",
        f"distances  {', '.join(pairs)}",
        f"columns    {_columns(code)}",
        *limits,
        f"optimal    {verdict}",
    ]


def _pairs(count: int) -> str:
    if count == 1:
        return "1 pair"
    return f"{count:,} pairs"


def _weight(code: Code) -> str:
    """The ones of a word, or their range."""
    if code.active is not None:
        return str(code.active)
    return f"{min(code.weights)} to {max(code.weights)}"


def _columns(code: Code) -> str:
    """The classes of a branch; of columns that differ, how often each sum occurs."""
    if len(set(code.columns)) == 1:
        return f"{code.columns[0]} classes for each branch"

    remark = "uneven"
    if code.balanced:
        remark = "the closest there is: equal ones do not divide"
    counts = [f"{sums} classes for {code.columns.count(sums)}" for sums in sorted(set(code.columns))]
    return f"{', '.join(counts)} branches ({remark})"
