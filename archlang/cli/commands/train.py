"""`archlang train FILE --data NAME`: trains what the file declares."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import click

from archlang.cli.files import open_network
from archlang.cli.options import data, device, reading, refuse
from archlang.cli.session import Session


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
    dials: Mapping[str, str],
) -> None:
    """Train the network of FILE as its `train { }` says.

    The run's folder gets network.arch, config.json, log.csv, last.safetensors, best.safetensors, and checkpoints that
    --resume goes on from.
    """
    if resume and fork:
        raise refuse("`--resume` and `--fork` exclude each other")
    start: Literal["new", "resume", "fork"] = "resume" if resume else "fork" if fork else "new"
    network = open_network(session, file, dials)
    from archlang.cli.progress import watch
    from archlang.train import fit, newest_folder, next_folder

    where = Path(folder) if folder is not None else (next_folder if start == "new" else newest_folder)(network.name)
    try:
        with watch() as progress:
            result = fit(network, data, epochs=epochs, seed=seed, device=device, run=where, progress=progress,
                         start=start, checkpoint_every=every, tensorboard=tensorboard)
    except KeyboardInterrupt:
        if any(where.glob("checkpoint-*.safetensors")):
            session.note(f"what was done is kept; the same command goes on with it: --run {where} --resume")
        raise
    best = result.best
    share = "" if best.test_accuracy is None else f", accuracy {100 * best.test_accuracy:.2f} %"
    session.data(f"best epoch {best.number} of {len(result.history)}: test loss {best.test_loss:.4f}{share}")
    session.note(f"kept in {where}")
