"""`archlang eval MODEL --data NAME`: how good a model is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from archlang.cli.files import open_model
from archlang.cli.options import data, device, formats, opening
from archlang.cli.session import Session
from archlang.diagnostics.render_json import FORMAT_VERSION
from archlang.diagnostics.text import one_line

if TYPE_CHECKING:
    from archlang.train import Evaluation


@click.command("eval", short_help="How good a model is on data.")
@click.argument("model", metavar="MODEL")
@data
@device
@formats("human", "json")
@opening
@click.pass_obj
def command(session: Session, model: str, data: str, device: str) -> None:
    """Loss and accuracy of the model file MODEL, in all and by class, on the test part of the data."""
    from archlang.train import evaluate

    found = evaluate(open_model(session, model), data, device=device)
    if session.format == "json":
        session.document(as_json(found))
    else:
        session.data(table(found))


def as_json(found: Evaluation) -> dict[str, Any]:
    """An evaluation as a document."""
    return {
        "format_version": FORMAT_VERSION,
        "samples": found.samples,
        "loss": found.loss,
        "accuracy": found.accuracy,
        "classes": [
            {"name": c.name, "samples": c.samples, "correct": c.correct, "accuracy": c.accuracy} for c in found.classes
        ],
    }


def table(found: Evaluation) -> str:
    """An evaluation for people: the whole first, then a line for each class."""
    share = "" if found.accuracy is None else f", accuracy {100 * found.accuracy:.2f} %"
    head = f"{found.samples} samples: loss {found.loss:.4f}{share}"
    names = [one_line(c.name, 60) for c in found.classes]
    wide = max(map(len, names), default=0)
    rows = [
        f"  {name:{wide}}  {100 * c.accuracy:6.2f} %  {c.correct} of {c.samples}"
        for name, c in zip(names, found.classes, strict=True)
    ]
    return "\n".join([head, *rows])
