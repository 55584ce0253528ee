"""`archlang train FILE --data NAME`: trains what the file declares."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from archlang.cli.adopting import adopting, init
from archlang.cli.files import open_network
from archlang.cli.options import data, device, formats, reading, refuse, settings, workers
from archlang.cli.processes import together
from archlang.cli.session import Session
from archlang.cli.streams import require_output

if TYPE_CHECKING:
    from archlang.train import Progress, Result

Start = Literal["new", "resume", "fork"]
Sharding = Literal["auto", "ddp", "fsdp", "experts"]


@click.command("train", short_help="Train what a file declares.")
@click.argument("file", metavar="FILE")
@data
@click.option("--epochs", type=click.IntRange(1, 10**6), metavar="N", help="Epochs in all (default: as the file says).")
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), metavar="N", help="The seed (default: the file's).")
@device
@click.option("--run", "folder", metavar="FOLDER", help="Where to keep the training (default: runs/NAME-1, -2, ...).")
@click.option("--resume", is_flag=True, help="Go on with the training in the run folder (default: the newest one's).")
@click.option("--fork", is_flag=True, help="The same, with another file, data or seed: says what differs.")
@click.option("--checkpoint-every", "every", type=click.IntRange(1), metavar="N",
              help="Keep a checkpoint after every N steps too, not only after an epoch.")
@click.option("--tensorboard", is_flag=True, help="Write what TensorBoard shows into the run folder.")
@click.option("--log-steps", "log_steps", is_flag=True, help="Keep a row for every step in steps.csv.")
@click.option("--logger", "loggers", multiple=True, metavar="NAME",
              help="Tell a logger too: wandb, trackio, mlflow, or a plug-in's; can be repeated.")
@click.option("--sharding", type=click.Choice(["auto", "ddp", "fsdp", "experts"]), default="auto", show_default=True,
              help="In several processes: weights whole on each (ddp, as auto), a part of each (fsdp), or experts "
              "spread over them, the rest whole (experts).")
@click.option("--checkpoints", type=click.Choice(["whole", "shards"]), default="whole", show_default=True,
              help="Written by the first process, or by each its part (shards), which holds the models too.")
@click.option("--transform", metavar="MODULE:FUNCTION", help="A function of yours that changes training samples.")
@click.option("--batch-transform", "batch_transform", metavar="MODULE:FUNCTION",
              help="One that changes training batches, such as mixup.")
@click.option("--compile", "backend", is_flag=False, flag_value="inductor", metavar="[BACKEND]",
              help="Let torch compile the network for its steps (default backend: inductor).")
@settings
@workers
@formats("human", "json")
@init
@reading
@click.pass_obj
def command(
    session: Session,
    file: str,
    data: str,
    epochs: int | None,
    seed: int | None,
    device: str,
    folder: str | None,
    resume: bool,
    fork: bool,
    every: int | None,
    tensorboard: bool,
    log_steps: bool,
    loggers: tuple[str, ...],
    sharding: Sharding,
    checkpoints: Literal["whole", "shards"],
    transform: str | None,
    batch_transform: str | None,
    backend: str | None,
    settings: Mapping[str, str],
    workers: int,
    init: str | None,
    names: Mapping[str, str],
    dials: Mapping[str, str],
) -> None:
    """Train the network of FILE as its `train { }` says.

    The run's folder gets network.arch, config.json, log.csv, last.safetensors, best.safetensors, and checkpoints that
    --resume goes on from. In several processes: torchrun --nproc_per_node 2 -m archlang -- train FILE ...
    """
    start = _start(resume, fork)
    if init is not None and start != "new":
        raise refuse("a training that goes on has its weights already; `--init` begins a new one")
    require_output()  # an hour of training must not end in a result that cannot be written

    with together(session, device):
        network = open_network(session, file, dials, settings)
        where = _where(session, folder, start, network.name)
        from archlang.train import fit  # torch takes a second: files with mistakes are told before
        from archlang.train.data.sources import function_of
        from archlang.train.loggers import logger

        listening = [logger(name) for name in loggers]
        changes = {"transform": transform, "batch_transform": batch_transform}
        functions = {option: function_of(name) for option, name in changes.items() if name is not None}

        def train(progress: Progress) -> Result:
            return fit(
                network, data, run=where, start=start, progress=progress, epochs=epochs, seed=seed, device=device,
                checkpoint_every=every, tensorboard=tensorboard, sharding=sharding, checkpoints=checkpoints,
                workers=workers, log_steps=log_steps, callbacks=listening, **functions,
                init=adopting(session, init, names), compile=backend or False,
            )

        _report(session, where, train)


def _start(resume: bool, fork: bool) -> Start:
    """The way in which a training begins. Raises `ArchError` (usage) for two ways at once."""
    if resume and fork:
        raise refuse("`--resume` and `--fork` exclude each other")
    if resume:
        return "resume"
    if fork:
        return "fork"
    return "new"


def _where(session: Session, folder: str | None, start: Start, name: str) -> Path:
    """The run's folder; only the process that speaks looks for it."""
    from archlang.train import newest_folder, next_folder

    # Each process looking for itself would find the folder that another one has just made.
    if folder is not None or session.is_quiet:
        return Path(folder or "runs")
    if start == "new":
        return next_folder(name)
    return newest_folder(name)


def _report(session: Session, where: Path, train: Callable[[Progress], Result]) -> None:
    """Do a training and say what came of it."""
    from archlang.cli.progress import score, watch
    from archlang.train import Progress

    watching: AbstractContextManager[Progress] = watch()
    if session.is_quiet:
        watching = nullcontext(Progress())
    try:
        with watching as progress:
            result = train(progress)
    except KeyboardInterrupt:
        # Before the first checkpoint there is nothing to go on from.
        if any(where.glob("checkpoint-*")):
            session.note(f"what was done is kept; the same command goes on with it: --run {where} --resume")
        raise

    best = result.best
    if session.format == "json":
        epochs = [asdict(epoch) for epoch in result.history]
        session.document({"run": str(where), "seed": result.seed, "best": best.number, "epochs": epochs})
        return
    line = f"best epoch {best.number} of {len(result.history)}: "
    if best.validation_loss is not None:
        line += f"validation {score(best.validation_loss, best.validation_accuracy)}; "
    session.data(f"{line}test {score(best.test_loss, best.test_accuracy)}")
    session.note(f"kept in {where}")
