"""`archlang extract MODEL --class NAME`: the network of a few classes."""

from __future__ import annotations

import click

from archlang.cli.files import ending, open_model, write_model
from archlang.cli.options import formats, opening, output
from archlang.cli.session import Session
from archlang.cli.waiting import slow


@click.command("extract", short_help="Extract the network of a few classes from a coded one.")
@click.argument("model", metavar="MODEL")
@click.option("--class", "classes", multiple=True, required=True, metavar="NAME", help="A class, or its number from 0.")
@click.option("--data", metavar="NAME|MODULE:FUNCTION", help="Threshold on its training part, tested on the rest.")
@output("Where to write the smaller model (.safetensors).")
@formats("human", "json")
@opening
@click.pass_obj
@slow("extracting")
def command(session: Session, model: str, classes: tuple[str, ...], data: str | None, output: str | None) -> None:
    """Take the branches out of the model file MODEL that work for none of the classes.

    What is left gives a number for each class, the same as the whole model with those branches at zero. Several classes
    keep the branches of each. Without `-o` nothing is written.
    """
    from archlang.studies.coded import class_numbers, extract, judge

    ending(output, ".safetensors")
    loaded = open_model(session, model)
    numbers = class_numbers(loaded, classes)
    smaller = extract(loaded, numbers)
    judged = None
    if data is not None:
        judged = judge(smaller, numbers, data)

    if output is not None:
        write_model(session, smaller, output)
    if output == "-":  # standard output holds the model, and nothing else
        return

    kept, before = (sum(weight.numel() for weight in m.parameters()) for m in (smaller, loaded))
    if session.format == "json":
        session.document({
            "classes": list(numbers), "parameters": kept, "of": before,
            "threshold": judged and judged.threshold, "precision": judged and judged.precision,
            "recall": judged and judged.recall,
        })
        return

    # Shortcuts and the stem work for all classes and stay whole, so that the share is larger than that of branches.
    lines = [f"{kept:,} of {before:,} parameters ({100 * kept / before:.1f} %, shortcuts counted)"]
    if judged is not None:
        lines.append(f"threshold {judged.threshold:g}: precision {100 * judged.precision:.2f} %, "
                     f"recall {100 * judged.recall:.2f} % of {judged.samples} samples")
    session.data("\n".join(lines))
