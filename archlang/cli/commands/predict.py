"""`archlang predict MODEL IMAGE...`: the classes that a model sees in image files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from archlang.cli.files import open_model
from archlang.cli.options import device, formats, opening, refuse
from archlang.cli.session import Session
from archlang.cli.waiting import slow
from archlang.diagnostics import ArchError
from archlang.diagnostics.render_json import as_json as diagnostics
from archlang.diagnostics.text import one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from archlang.train import Guess, Prediction


@click.command("predict", short_help="Predict the classes of images.")
@click.argument("model", metavar="MODEL")
@click.argument("images", nargs=-1, required=True, metavar="IMAGE...")
@click.option("--top", type=click.IntRange(1, 1000), default=5, show_default=True, help="How many classes to name.")
@device
@formats("human", "json")
@opening
@click.pass_obj
@slow("predicting")
def command(session: Session, model: str, images: tuple[str, ...], top: int, device: str) -> int:
    """Name the likeliest classes of each IMAGE by the model file MODEL.

    A network of several inputs takes words NAME=FILE: the first file of each name is a sample, the second of each the
    next, and so on. Arrays are read from `.npy`, all else are images. A network of a few classes (`extract`) says
    their scores. An image that cannot be read is reported, and the others go on (exit status 1).
    """
    from archlang.train import predict, predict_named
    from archlang.train.loop.evaluation import record_of

    opened = open_model(session, model)
    names = [spec.name for spec in record_of(opened).network.graph.inputs]
    if len(names) > 1:
        predictions = predict_named(opened, _samples(images, names), top=top, device=device)
    else:
        predictions = predict(opened, images, top=top, device=device)
    failed = [prediction.error for prediction in predictions if prediction.error is not None]
    if session.format == "json":
        session.document({"predictions": [_as_json(p) for p in predictions]})
        return int(bool(failed))

    # Errors come together at the end, so that lines of results can be read by programs.
    for prediction in predictions:
        if prediction.error is None:
            session.data(_line(prediction))
    if failed:
        raise ArchError(failed)
    return 0


def _samples(words: Sequence[str], names: Sequence[str]) -> list[dict[str, str]]:
    """The files of each sample by the names of inputs, out of words NAME=FILE. Raises `ArchError` (usage)."""
    files: dict[str, list[str]] = {name: [] for name in names}
    shown = ", ".join(f"`{name}`" for name in names)
    for word in words:
        name, sign, file = word.partition("=")
        if not sign or name not in files:
            raise refuse(f"the network has the inputs {shown}, and `{one_line(word, 80)}` names none of them",
                         (f"give a file for each: `{' '.join(f'{name}=FILE' for name in names)}`",))
        files[name].append(file)

    counts = {name: len(given) for name, given in files.items()}
    if len(set(counts.values())) > 1:
        raise refuse(f"each sample has a file for each of {shown}: there are "
                     f"{', '.join(f'{count} of `{name}`' for name, count in counts.items())}")
    return [dict(zip(files, row, strict=True)) for row in zip(*files.values(), strict=True)]


def _line(prediction: Prediction) -> str:
    guesses = ", ".join(map(_told, prediction.guesses))
    return f"{one_line(prediction.path)}: {guesses}"


def _told(guess: Guess) -> str:
    name = one_line(guess.name, 80)
    if guess.probability is None:
        return f"{name} scores {guess.score:.4f}"
    return f"{name} {100 * guess.probability:.1f} %"


def _as_json(prediction: Prediction) -> dict[str, Any]:
    error = None
    if prediction.error is not None:
        error = diagnostics([prediction.error])["diagnostics"][0]
    classes = [
        {"index": g.index, "name": g.name, "score": g.score, "probability": g.probability} for g in prediction.guesses
    ]
    # A name from the command line may hold what would break a line or a terminal.
    return {"file": one_line(prediction.path), "classes": classes, "error": error}
