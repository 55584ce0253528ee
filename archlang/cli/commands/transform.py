"""`archlang transform FILE PASS{options}`: a network made into another, or a model with its weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from archlang.cli.adopting import shortened
from archlang.cli.files import deliver, ending, open_model, open_network, write, write_model
from archlang.cli.incoming import is_model
from archlang.cli.options import formats, output, reading, refuse, seed
from archlang.cli.session import Session
from archlang.cli.waiting import slow
from archlang.diagnostics import ArchError, error

if TYPE_CHECKING:
    from archlang.passes.base import Pass
    from archlang.transform.base import Transformation


@click.command("transform", short_help="Transform a network or a model into another.")
@click.argument("file", metavar="FILE")
@click.argument("pass_", metavar="PASS{OPTIONS}")
@output("Where to write the result (a network: default standard output).")
@click.option("--verify", is_flag=True,
              help="Of a model: compare both on random inputs first; leave with status 3 if they differ.")
@click.option("--noise", type=click.FloatRange(0, 1e3), default=0.0, metavar="SHARE",
              help="Of a model: move copies of weights apart, by this share of their deviation (default: 0).")
@seed
@formats("human", "json")
@reading
@click.pass_obj
@slow("transforming")
def command(
    session: Session, file: str, pass_: str, output: str | None, verify: bool, noise: float, seed: int,
    dials: Mapping[str, str]
) -> None:
    """Apply a pass such as `multipath{paths=2,router=cross_connection}` to the network of FILE.

    What comes out is an .arch file with the blocks and loops of the first one kept. Of a model file it is a model file,
    whose trained weights are taken over where the new form has a place for them. A pass over models, such as `fuse`,
    wants a model file.
    """
    from archlang.passes.plugins import passes_with
    from archlang.transform.base import Transformation

    chosen = passes_with(session.plugins).parse(pass_)
    # A pass over models takes nothing else, whatever the file is called.
    if dials and (is_model(session, file) or chosen.subject == "model"):
        raise refuse("the dials of a model are set already")
    if not isinstance(chosen, Transformation):
        if noise:
            raise refuse("`--noise` moves copies of weights apart, and this pass makes none")
        rewritten(session, file, chosen, output, verify)
        return
    if is_model(session, file):
        carried(session, file, chosen, output, verify, noise, seed)
        return

    if verify or noise:
        raise refuse("`--verify` and `--noise` are for models; a network has no weights")
    from archlang.compiler import transform

    ending(output, ".arch")
    transformed = transform(open_network(session, file, dials), chosen)
    session.warnings(transformed.warnings)
    deliver(session, output, transformed.listing.encode(), {"pass": str(chosen), "network": transformed.graph.name})


def carried(session: Session, file: str, chosen: Transformation, output: str | None, verify: bool, noise: float,
            seed: int) -> None:
    """Apply a transformation to a model file, say which weights went along, and write the result where that is wanted.
    """
    from archlang.carrying.carried import carry

    ending(output, ".safetensors", ".arch")
    after: Any = carry(open_model(session, file), chosen, noise=noise, seed=seed)
    report = after.meta["report"]
    for line in shortened(str(report).split("\n")):
        session.note(line)

    # Before anything is written: a model that differs leaves no file.
    if verify and not report.equal:
        raise ArchError(error("not-equal", f"outputs differ by up to {report.difference:.2e}",
                              notes=[f"the largest output is {report.largest:.2e}"]))
    # The text alone, as of a network.
    if output is not None and output.lower().endswith(".arch"):
        write(session, output, after.archlang.network.listing.encode())
    elif output is not None:
        write_model(session, after, output)
    if session.format == "json" and output != "-":
        session.document({
            "pass": str(chosen), "output": output, "taken": dict(report.taken), "new": dict(report.new),
            "difference": report.difference, "equal": report.equal,
        })


def rewritten(session: Session, file: str, chosen: Pass[Any, Any], output: str | None, verify: bool) -> None:
    """Apply a pass to a model file, say what was done, and write the result where that is wanted."""
    from archlang.cli.progress import many
    from archlang.rewrite.applying import rewrite

    ending(output, ".safetensors")
    before = open_model(session, file)
    after = rewrite(before, chosen)

    # Only passes that change parts of a graph leave a report; others make another network.
    report = after.meta.get("report")
    did = str(chosen)
    if report is not None:
        did = f"{report.verb} {many(len(report.merges), 'part')}"
    numbers = [sum(weight.numel() for weight in m.parameters()) for m in (before, after)]
    session.note(f"{did}: {numbers[0]:,} parameters became {numbers[1]:,}")
    if report is not None:
        for skip in report.skipped:
            session.note(f"kept {skip.what}: {skip.name}: {skip.reason}")

    # Before anything is written: a model that differs leaves no file.
    compared = None
    if verify:
        session.line.stage("comparing both")
        from archlang.cli.verify import compared_line, node_errors, require_equal

        if report is not None:
            for line in shortened(node_errors(before, after)):
                session.note(line)
        compared = require_equal(before, after)
        session.note(compared_line(compared))
    if output is not None:
        write_model(session, after, output)
    if session.format == "json" and output != "-":
        facts: dict[str, Any] = {"pass": str(chosen), "output": output, "parameters": numbers[1], "of": numbers[0]}
        if report is not None:
            facts["merged"] = [{"parts": list(merge.parts), "into": merge.into} for merge in report.merges]
            facts["kept"] = [asdict(skip) for skip in report.skipped]
        session.document({**facts, "verified": compared and asdict(compared)})
