"""`archlang study FILE... --data NAME --seeds N`: networks compared over seeds."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import fields
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from archlang.cli.files import PLOTS, ending, open_network, read_bytes, write, write_page
from archlang.cli.options import compared_settings, data, device, formats, output, reading, refuse
from archlang.cli.session import Session
from archlang.cli.waiting import slow
from archlang.diagnostics.text import one_line
from archlang.limits import DEFAULT

if TYPE_CHECKING:
    from archlang.comparison.design import Kept, StudyArm, StudyDesign
    from archlang.comparison.journal import Journal, Standing
    from archlang.comparison.written import Cost


@click.command("study", short_help="Compare networks over seeds.")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@data
@click.option("--seeds", type=click.IntRange(1, 1000), default=5, show_default=True, metavar="N",
              help="Train each network from the seeds 0 to N - 1.")
@click.option("--epochs", type=click.IntRange(1, 10**6), metavar="N", help="Epochs of each (default: the file's).")
@compared_settings
@click.option("--keep", "kept", type=click.Choice(["last", "best"]), default="last", show_default=True,
              help="Judge the model of the last epoch, or of the best, which is chosen on the test part where the data "
                   "has no validation part.")
@click.option("--figure", metavar="NAME", help="Compare by this: accuracy, loss, or a metric that the files name.")
@click.option("--run", "folder", metavar="FOLDER", help="Where to keep the study (default: by what it compares).")
@click.option("--jobs", type=click.IntRange(0, 256), default=1, show_default=True, metavar="J",
              help="Trainings at a time, each in a process; 0 only tells what is there.")
@click.option("--processes", type=click.IntRange(1, 1024), default=1, show_default=True, metavar="P",
              help="Processes of each training, under torchrun.")
@click.option("--threads", type=click.IntRange(1, 1024), default=1, show_default=True, metavar="T",
              help="Threads of each process.")
@click.option("--retry", is_flag=True, help="Do the failed trainings again.")
@click.option("--plot", metavar="FILE", help="Where to draw the figure over what the networks take.")
@click.option("--over", type=click.Choice(["parameters", "flops"]), default="parameters", show_default=True,
              help="What that is.")
@click.option("--csv", "table_file", metavar="FILE.csv", help="Where to write a line for each training.")
@click.option("--slurm", metavar="TASKS", type=click.IntRange(1, 10**4),
              help="Train nothing: write a SLURM script of so many tasks to -o, which share the study.")
@click.option("--template", metavar="FILE", help="The SLURM script's template, with $command, $tasks and others.")
@output("Where to write the SLURM script (.sh, .slurm or .sbatch; default: standard output).")
@device
@formats("human", "json")
@reading
@click.pass_obj
@slow("preparing the study")
def command(session: Session, files: tuple[str, ...], data: str, seeds: int, epochs: int | None,
            settings: Mapping[str, str], kept: Kept, figure: str | None, folder: str | None, jobs: int, processes: int,
            threads: int, retry: bool, plot: str | None, over: Cost, table_file: str | None, slurm: int | None,
            template: str | None, output: str | None, device: str, dials: Mapping[str, str]) -> None:
    """Train every FILE with every combination of dials from every seed, and compare what comes out with the first.

    -p dial=a,b gives a dial several values, --set optimizer.lr=a,b a setting of `train`. The same command goes on with
    a study that was interrupted, and several machines may run it at a time on one folder: its journal says what is
    done, and locks who is at what.
    """
    ending(plot, *PLOTS)
    ending(table_file, ".csv")
    ending(output, ".sh", ".slurm", ".sbatch")
    if slurm is None and (template is not None or output is not None):
        raise refuse("`--template` and `-o` go with `--slurm`")

    arms, groups = compared(session, files, dials, settings)
    from archlang.comparison.design import StudyDesign
    from archlang.comparison.journal import Journal

    design = StudyDesign(arms, data, tuple(range(seeds)), epochs, kept, device, processes, threads, session.plugins)
    where = Path(folder or f"studies/{design.digest[:12]}")
    if slurm is not None:
        options = click.get_current_context().params
        write(session, output or "-", _queued(session, options, where, slurm).encode())
        return

    # Before the journal: a mistake must not leave a folder behind.
    _require(design, figure)
    journal = Journal.joined(where, design)
    standing = _prepared(session, journal, retry)
    if jobs and not all(standing.is_settled(job) for job in design.jobs()):
        _train(session, journal, jobs)
    _tell(session, journal, figure, plot, over, table_file, groups)


def compared(session: Session, files: tuple[str, ...], dials: Mapping[str, str],
             settings: Mapping[str, str]) -> tuple[tuple[StudyArm, ...], list[int]]:
    """The arms of files, dials and settings, and for each the number of its file."""
    from archlang.comparison.design import arm_of, grid, values_of_dial

    # Split here and not by the options: for other commands a comma belongs to the value.
    of_dials = {name: values_of_dial(text) for name, text in dials.items()}
    of_settings = {name: values_of_dial(text) for name, text in settings.items()}

    arms, groups = [], []
    for number, file in enumerate(files):
        for chosen, given in product(grid(of_dials), grid(of_settings)):
            # What has one value says nothing that the other arms do not have.
            shown = ", ".join([
                *(f"{name}={value}" for name, value in chosen.items() if len(of_dials[name]) > 1),
                *(f"{name}={value}" for name, value in given.items() if len(of_settings[name]) > 1),
            ])  # fmt: skip
            name = Path(file).stem
            # Two files of one name in two folders need their folders.
            if [Path(other).stem for other in files].count(name) > 1:
                name = file
            if shown:
                name = f"{name} {shown}"
            arms.append(arm_of(one_line(name, 80), open_network(session, file, chosen, given)))
            groups.append(number)

    twice = next((arm.name for n, arm in enumerate(arms) if arm.name in [other.name for other in arms[:n]]), None)
    if twice is not None:
        raise refuse(f"`{twice}` is compared with itself: a file or a value is given twice")
    return tuple(arms), groups


def _require(design: StudyDesign, figure: str | None) -> None:
    """Raises what a file or the data lacks, before processes are started and a journal is begun."""
    from archlang.comparison.table import require_figure
    from archlang.elaborate.network import loads
    from archlang.ops import catalogue_with
    from archlang.train.data.sources import find
    from archlang.train.optimization.planning import plan_of
    from archlang.train.processes.devices import place

    # A device that is not here would fail every training, one after the other.
    place(design.device)
    networks = [loads(arm.text, catalogue=catalogue_with(design.plugins)) for arm in design.arms]
    for network in networks:
        plan_of(network)
    if figure is not None:
        require_figure(figure, networks)
    find(design.data)


def _prepared(session: Session, journal: Journal, retry: bool) -> Standing:
    """Read what is there; tell what processes that died have left, and take up what failed again, if asked to."""
    standing = journal.standing()
    if standing.damaged:
        session.note(f"{standing.damaged} lines of the journal cannot be read, and are left out")
    for claim in journal.left(standing):
        session.note(f"training {claim.key} was left by {claim}, which has ended: it is done again")
    if retry:
        for key in standing.failed:
            journal.add("again", key)
        standing = journal.standing()
    return standing


def _train(session: Session, journal: Journal, jobs: int) -> None:
    from archlang.comparison.processes import run_workers

    # Those that are settled already are not told again.
    every = list(journal.design.jobs())
    settled: set[str] = {job.key for job in every if journal.standing().is_settled(job)}
    session.note(f"{len(every)} trainings, {len(settled)} done; the study is kept in {journal.folder}")

    session.line.stage("training")
    session.line(len(settled), len(every))

    def told(standing: Standing) -> None:
        for job in every:
            if job.key in settled or not standing.is_settled(job):
                continue
            settled.add(job.key)
            name = journal.design.arms[job.arm].name
            said = _outcome(standing, job.key)
            session.note(f"{len(settled)}/{len(every)} {name}, seed {job.seed}: {said}")
            session.line(len(settled), len(every))

    try:
        run_workers(journal, jobs, told)
    except KeyboardInterrupt:
        session.note("what was done is kept; the same command goes on with it")
        raise


def _outcome(standing: Standing, key: str) -> str:
    if key in standing.failed:
        return f"failed ({standing.failed[key]})"
    record = standing.done[key]
    figures = record["figures"]
    if "accuracy" in figures:
        return f"accuracy {100 * figures['accuracy']:.2f} %, {record['seconds']:.0f} s"
    return f"loss {figures['loss']:.4f}, {record['seconds']:.0f} s"


def _tell(session: Session, journal: Journal, figure: str | None, plot: str | None, over: Cost,
          table_file: str | None, groups: list[int]) -> None:
    from archlang.comparison.table import tabulate
    from archlang.comparison.written import as_csv, as_json, as_text, picture

    # Read anew: another machine may have done some meanwhile.
    standing = journal.standing()
    table = tabulate(journal.design, standing, figure)
    for claim in journal.held(standing):
        session.note(f"training {claim.key} is being done by {claim}; the same command tells of it later")
    if len(journal.design.seeds) == 1:
        session.note("one seed has no interval and no test by seed: `--seeds 5` has")

    if table_file is not None:
        write(session, table_file, as_csv(table).encode())
    if plot is not None:
        write_page(session, plot, picture(table, over, groups))
    if "-" in (plot, table_file):  # standard output holds that, and nothing else
        return
    if session.format == "json":
        session.document({**as_json(table)})
    else:
        session.data(as_text(table))


def _queued(session: Session, options: Mapping[str, Any], where: Path, tasks: int) -> str:
    """The SLURM script that runs this very command, with these options, on several machines."""
    from archlang.comparison.slurm import TEMPLATE, script

    text = TEMPLATE
    if options["template"] is not None:
        text = read_bytes(options["template"], session.limits).decode("utf-8", "replace")

    # Built from the options, not from what was typed: quoting and order are one thing less to get wrong.
    words = [sys.executable, "-m", "archlang", "study", *options["files"]]
    for name in ("data", "seeds", "epochs", "figure", "jobs", "processes", "threads", "device"):
        if options[name] is not None:
            words += [f"--{name}", str(options[name])]
    words += ["--keep", options["kept"], "--run", str(where.absolute())]
    words += [word for name, value in options["dials"].items() for word in ("-p", f"{name}={value}")]
    words += [word for name, value in options["settings"].items() for word in ("--set", f"{name}={value}")]
    words += [word for name in session.plugins for word in ("--plugin", name)]
    words += [word for folder in session.path for word in ("--path", folder)]
    # A limit that this call raised, the tasks must raise too.
    for limit in fields(session.limits):
        value = getattr(session.limits, limit.name)
        if value != getattr(DEFAULT, limit.name):
            words += ["--limit", f"{limit.name}={value}"]
    return script(words, str(where.absolute()), tasks=tasks, processes=options["processes"], template=text)
