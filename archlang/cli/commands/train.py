"""`archlang train FILE --data NAME`: trains what the file declares."""

from __future__ import annotations

from collections.abc import Mapping

import click

from archlang.cli.files import open_network
from archlang.cli.options import data, device, reading
from archlang.cli.session import Session


@click.command("train", short_help="Train what a file declares.")
@click.argument("file", metavar="FILE")
@data
@click.option("--epochs", type=click.IntRange(1, 10**6), metavar="N", help="Epochs in all (default: as the file says).")
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), metavar="N", help="The seed (default: the file's).")
@device
@click.option("--run", "folder", metavar="FOLDER", help="Where to keep the training (default: runs/NAME-1, -2, ...).")
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
    dials: Mapping[str, str],
) -> None:
    """Train the network of FILE as its `train { }` says.

    The run's folder gets config.json, log.csv, last.safetensors and best.safetensors.
    """
    network = open_network(session, file, dials)
    from archlang.cli.progress import watch
    from archlang.train import fit, next_folder

    where = folder if folder is not None else next_folder(network.name)
    with watch() as progress:
        result = fit(network, data, epochs=epochs, seed=seed, device=device, run=where, progress=progress)
    best = result.best
    share = "" if best.test_accuracy is None else f", accuracy {100 * best.test_accuracy:.2f} %"
    session.data(f"best epoch {best.number} of {len(result.history)}: test loss {best.test_loss:.4f}{share}")
    if result.run is not None:
        session.note(f"kept in {result.run.folder}")
