"""`archlang info FILE`: the cost of a network."""

from __future__ import annotations

import json
from collections.abc import Mapping

import click

from archlang.cli.files import open_described
from archlang.cli.options import formats, reading
from archlang.cli.session import Session
from archlang.collecting import no_collection


@click.command("info", short_help="Count shapes, parameters, FLOPs and memory, per node and in all.")
@click.argument("file", metavar="FILE")
@click.option("--depth", type=click.IntRange(0, 64), help="Leave out what lies under so many levels of blocks.")
@click.option("--processes", type=click.IntRange(2, 10**6), metavar="N",
              help="Count, too, what lies on each of N processes in a training, and what it hands to the others.")
@formats("human", "json")
@reading
@click.pass_obj
@no_collection()
def command(session: Session, file: str, depth: int | None, processes: int | None, dials: Mapping[str, str]) -> None:
    """Count the network of FILE: parameters, buffers, FLOPs (a multiply-add is two) and bytes of activations.

    All are for one sample, in all and for each node, block and path.
    """
    from archlang.analysis import process_costs, report, table, told_processes

    network = open_described(session, file, dials)
    counts = report(network)
    costs = None
    if processes is not None:
        costs = process_costs(network, processes)

    if session.format == "json" and costs is None:
        session.document(json.loads(counts.json()))
    elif session.format == "json":
        session.document(json.loads(counts.json(processes=costs)))
    elif costs is None:
        session.data(table(counts, depth))
    else:
        session.data(f"{table(counts, depth)}\n{told_processes(costs)}\n")
