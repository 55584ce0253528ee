"""`archlang show curves RUN...`: figures of trainings, epoch by epoch."""

from __future__ import annotations

import click

from archlang.cli.files import PLOTS, ending, told_apart, write_page
from archlang.cli.options import debug, formats, output
from archlang.cli.session import Session
from archlang.diagnostics.text import one_line


@click.command("curves", short_help="Figures of trainings, epoch by epoch.")
@click.argument("folders", nargs=-1, required=True, metavar="RUN...")
@click.option("--figure", "wanted", multiple=True, metavar="NAME",
              help="This column of log.csv; may be given several times (default: losses and accuracies).")
@output("Where to draw (.svg, .png, .pdf, .tex): a frame for each figure, a line for each run.")
@formats("human", "json")
@debug
@click.pass_obj
def command(session: Session, folders: tuple[str, ...], wanted: tuple[str, ...], output: str | None) -> None:
    """Show the course of each training by its run folder RUN: the losses and accuracies of every epoch."""
    from archlang.studies.curves import log_of, shared
    from archlang.views.heatmap import learning_page

    ending(output, *PLOTS)
    logs = [log_of(folder) for folder in folders]
    names = shared(logs, wanted)
    if output is not None:
        called = told_apart(folders)
        frames = [(name, [(run, log.course(name)) for run, log in zip(called, logs, strict=True)]) for name in names]
        write_page(session, output, learning_page(frames))
    if output == "-":  # standard output holds the picture, and nothing else
        return

    if session.format == "json":
        entries = [{"run": log.folder, "epochs": list(log.epochs), "figures": {name: log.figures[name] for name in names
                                                                              if name in log.figures}} for log in logs]
        session.document({"runs": entries})
        return
    for log in logs:
        session.data(f"{one_line(log.folder, 200)}: {len(log.epochs)} epochs")
        for name in names:
            course = log.course(name)
            if course:
                values = [value for _, value in course]
                session.data(f"  {name:14} first {values[0]:.4f}, last {values[-1]:.4f}, least {min(values):.4f}, "
                             f"most {max(values):.4f}")
