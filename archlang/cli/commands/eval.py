"""`archlang eval MODEL --data NAME`: loss and accuracy of a model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from archlang.cli.files import PLOTS, ending, open_model, write_page
from archlang.cli.options import data, device, formats, opening, refuse, workers
from archlang.cli.session import Session
from archlang.cli.waiting import slow
from archlang.diagnostics.text import one_line
from archlang.wording import figures

if TYPE_CHECKING:
    from torch.fx import GraphModule

    from archlang.studies.patch_experts.cutting import Cut
    from archlang.train import Evaluation
    from archlang.views.canvas.shapes import Page


@click.command("eval", short_help="Evaluate a model on data.")
@click.argument("files", nargs=-1, required=True, metavar="MODEL...")
@data
@click.option("--top", type=click.IntRange(1, 10**6), multiple=True, metavar="K",
              help="Tell how often the class is among the K likeliest too; can be repeated.")
@click.option("--crops", "sizes", type=click.IntRange(1, 10**5), multiple=True, metavar="PIXELS",
              help="Average over ten crops of images whose shorter side has so many pixels; can be repeated.")
@click.option("--cut", "cuts", type=click.FloatRange(0, 1), multiple=True, metavar="C",
              help="Send patches only to experts that weigh C times the largest or more; can be repeated.")
@click.option("--plot", metavar="FILE", help="With --cut: where to draw accuracy over what was worked out.")
@workers
@device
@formats("human", "json")
@opening
@click.pass_obj
@slow("evaluating")
def command(session: Session, files: tuple[str, ...], data: str, top: tuple[int, ...], sizes: tuple[int, ...],
            cuts: tuple[float, ...], plot: str | None, workers: int, device: str) -> None:
    """Loss and accuracy of the model file MODEL, in all and by class, on the test part of the data.

    Of several MODELs the probabilities are averaged, and so they are over --crops: 256 gives ten of 224 x 224.

    With --cut, what leaving experts out costs in accuracy and how many pairs of a patch and an expert remain. A network
    of a few classes (`extract`) is judged as a detector of them: precision and recall at a threshold from the training
    part.
    """
    from archlang.rewrite.extract import told
    from archlang.train import evaluate
    from archlang.train.loop.evaluation import record_of

    ending(plot, *PLOTS)
    if plot is not None and not cuts:
        raise refuse("`--plot` draws what cuts cost: give some with `--cut`")
    if len(files) > 1 or top or sizes:
        if cuts:
            raise refuse("`--cut` takes one model, without `--top` and `--crops`")
        together(session, files, data, top, sizes, device)
        return
    loaded = open_model(session, files[0])

    # A network of a few classes knows nothing of the others: loss and accuracy over all would say nothing.
    few = told(record_of(loaded).passes)
    if few is not None:
        if cuts:
            raise refuse("a network of a few classes has no experts to cut")
        shown, rows = of_few(loaded, few, data)

    elif not cuts:
        evaluation = evaluate(loaded, data, device=device, workers=workers)
        shown, rows = as_json(evaluation), table(evaluation)

    else:
        from archlang.studies.patch_experts.cutting import evaluate_cuts

        # The first is the dense form, without a cut, which the others are compared with.
        dense, *further = evaluate_cuts(loaded, data, cuts, device=device)
        shown = {**as_json(dense.found), "cuts": [cut_json(cut) for cut in further]}
        rows = cut_table([dense, *further])
        if plot is not None:
            write_page(session, plot, cut_page([dense, *further]))
        if plot == "-":  # standard output holds the picture, and nothing else
            return

    if session.format == "json":
        session.document(shown)
    else:
        session.data(rows)


def together(session: Session, files: Sequence[str], data: str, top: tuple[int, ...], sizes: tuple[int, ...],
             device: str) -> None:
    """Judge models by their mean probabilities, over crops where sizes are given, and say what came out."""
    from archlang.comparison.crops import Crops
    from archlang.comparison.ensembles import judge_together
    from archlang.rewrite.extract import told
    from archlang.train.loop.evaluation import record_of

    models = [open_model(session, file) for file in files]
    if any(told(record_of(model).passes) is not None for model in models):
        raise refuse("a network of a few classes knows nothing of the others: it is judged alone, without options")
    crops = None
    if sizes:
        crops = Crops(sizes)
    found = judge_together(models, data, top=top, crops=crops, device=device)

    if session.format == "json":
        session.document({
            "samples": found.samples, "models": found.models, "crops": list(sizes),
            "loss": found.loss, "accuracy": found.accuracy, "top": {str(k): share for k, share in found.top.items()},
            "each": list(found.each),
        })
        return
    line = f"{found.samples} samples: loss {found.loss:.4f}, accuracy {100 * found.accuracy:.2f} %"
    line += "".join(f", top {k} {100 * share:.2f} %" for k, share in found.top.items())
    if sizes:
        line += f", over {10 * len(sizes)} crops"
    session.data(line)
    if found.models > 1:
        for file, share in zip(files, found.each, strict=True):
            session.data(f"  alone {100 * share:.2f} %  {one_line(file, 200)}")


def of_few(model: GraphModule, classes: Sequence[int], data: str) -> tuple[dict[str, Any], str]:
    """A network of a few classes as a detector of them: a document, and lines for people."""
    from archlang.studies.coded import judge
    from archlang.train.loop.evaluation import record_of

    judged, labels = judge(model, classes, data), record_of(model).labels or ()
    # Data may have fewer names than classes; the rest go by their numbers.
    names = [*labels, *map(str, range(len(labels), max(classes) + 1))]
    names = [names[number] for number in classes]

    shown = {
        "samples": judged.samples, "classes": names,
        "threshold": judged.threshold, "precision": judged.precision, "recall": judged.recall,
    }
    said = (f"{judged.samples} samples: precision {100 * judged.precision:.2f} %, recall {100 * judged.recall:.2f} % "
            f"at a score of {judged.threshold:g}")
    return shown, f"tells of {', '.join(one_line(name, 60) for name in names)}\n{said}"


def as_json(found: Evaluation) -> dict[str, Any]:
    """An evaluation as a document."""
    return {
        "samples": found.samples,
        "loss": found.loss,
        "accuracy": found.accuracy,
        "left_out": list(found.left_out),
        "metrics": dict(found.metrics),
        "classes": [
            {"name": c.name, "samples": c.samples, "correct": c.correct, "accuracy": c.accuracy} for c in found.classes
        ],
    }


def table(found: Evaluation) -> str:
    """An evaluation for people: the whole first, then a line for each class."""
    head = f"{found.samples} samples: loss {found.loss:.4f}"
    if found.accuracy is not None:
        head += f", accuracy {100 * found.accuracy:.2f} %"
    head += figures(found.metrics)

    rows = []
    # The number alone would look like that of the same model before it was rewritten.
    if found.left_out:
        losses = ", ".join(f"`{name}`" for name in found.left_out)
        rows.append(f"  the loss is without {losses}, which reads what a rewritten model no longer has")

    names = [one_line(c.name, 60) for c in found.classes]
    wide = max(map(len, names), default=0)
    rows += [
        f"  {name:{wide}}  {_percent(c.accuracy)}  {c.correct} of {c.samples}"
        for name, c in zip(names, found.classes, strict=True)
    ]
    return "\n".join([head, *rows])


def _percent(share: float | None) -> str:
    """A share in eight columns; a dash where there is none, as for a class without samples."""
    if share is None:
        return f"{'-':>8}"
    return f"{100 * share:6.2f} %"


def cut_json(cut: Cut) -> dict[str, Any]:
    """The cost and the saving of one cut, as part of a document."""
    sites = [
        {"name": name, "rows": site.rows, "experts": site.experts, "pairs": site.pairs}
        for name, site in cut.sites.items()
    ]

    return {
        "cut": cut.cut,
        "loss": cut.found.loss,
        "accuracy": cut.found.accuracy,
        "pairs": cut.pairs,
        "of": cut.of,
        "sites": sites,
    }


def cut_table(cuts: Sequence[Cut]) -> str:
    """The cuts for people: a line each, the dense form first."""
    first = cuts[0].found
    lines = [f"{first.samples} samples", "    cut    loss  accuracy  pairs of a patch and an expert worked out"]
    for c in cuts:
        name, done = "none", "all"
        if c.cut is not None:
            name, done = f"{c.cut:g}", f"{c.pairs:,} of {c.of:,} ({100 * c.pairs / max(c.of, 1):.1f} %)"
        lines.append(f"  {name:>5}  {c.found.loss:6.4f}  {_percent(c.found.accuracy)}  {done}")
    return "\n".join(lines)


def cut_page(cuts: Sequence[Cut]) -> Page:
    """Accuracy over the share of pairs of a patch and an expert that were worked out, a dot for each cut."""
    from archlang.views.heatmap import trade_curve

    # Without a cut all pairs are worked out, which no module counted.
    points = [("no cut", 1.0, cuts[0].found.accuracy or 0.0)]
    for cut in cuts[1:]:
        points.append((f"{cut.cut:g}", cut.pairs / max(cut.of, 1), cut.found.accuracy or 0.0))
    return trade_curve(points, "pairs of a patch and an expert worked out", "accuracy")
