"""What a model sees in image files."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from PIL import Image, ImageOps

from archlang.diagnostics import ArchError, Diagnostic, error
from archlang.diagnostics.text import one_line
from archlang.rewrite.extract import told
from archlang.train.data.splits import from_image
from archlang.train.devices import place
from archlang.train.evaluation import losses_of, record_of
from archlang.train.fitting import fit_of
from archlang.train.objective import scores_port, values_of

TOP = 5


@dataclass(frozen=True)
class Guess:
    """A class, by its number in the data and its name, its score, and how probable the model holds it.

    A network of a few classes says nothing of the others, so there is no probability (None), only a score that a
    threshold can be held against.
    """

    index: int
    name: str
    score: float
    probability: float | None


@dataclass(frozen=True)
class Prediction:
    """One image: the likeliest classes, likeliest first, or (`error`) why it could not be read."""

    path: str
    guesses: tuple[Guess, ...] = ()
    error: Diagnostic | None = None


def predict(
    model: torch.fx.GraphModule, paths: Sequence[str | os.PathLike[str]], *, top: int = TOP, device: str = "auto"
) -> list[Prediction]:
    """The `top` likeliest classes of every image file, in the files' order.

    Images are turned as their camera noted, resized and normalised as in training. A file that is no image gets a
    prediction with an error (unreadable-image); the others go on. Raises `ArchError`: unsupported-module, bad-data.
    """
    record = record_of(model)
    graph = record.network.graph
    fit = fit_of(graph, record.mean, record.std)
    port = scores_port(graph, losses_of(graph))
    target = place(device)
    was, home = model.training, next((p.device for p in model.parameters()), torch.device("cpu"))
    kind = next((p.dtype for p in model.parameters()), torch.float32)
    model.to(target).eval()
    found = []
    try:
        for path in (os.fspath(p) for p in paths):
            try:
                inputs = fit(read_image(path)[None].to(target)).to(kind)
            except ArchError as problem:
                found.append(Prediction(path, error=problem.diagnostics[0]))
                continue
            with torch.no_grad():
                scores = values_of(graph, model(inputs), torch.zeros(1))[port]
            found.append(Prediction(path, _guesses(scores, record.labels, top, told(record.passes))))
    finally:
        model.to(home).train(was)
    return found


def read_image(path: str) -> torch.Tensor:
    """An image file as floats [1 or 3, rows, columns] from 0 to 1. Raises `ArchError` (unreadable-image)."""
    shown = one_line(path, 200)
    try:
        with warnings.catch_warnings(), Image.open(path) as image:
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            return from_image(ImageOps.exif_transpose(image))
    except FileNotFoundError:
        message = f"there is no file `{shown}`"
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        message = f"`{shown}` has more pixels than are read"
    except (OSError, ValueError, SyntaxError, EOFError, MemoryError):
        message = f"`{shown}` is no image that can be read"
    raise ArchError(error("unreadable-image", message))


def _guesses(
    scores: torch.Tensor, labels: Sequence[str] | None, top: int, few: Sequence[int] | None
) -> tuple[Guess, ...]:
    if scores.ndim != 2:
        raise ArchError(error("bad-data", "the network's main output is no row of class scores"))
    row = scores[0].double().cpu()
    chances: list[float | None] = [None] * len(row) if few is not None else list(row.softmax(0).tolist())
    numbers = few if few is not None else range(len(row))
    order = row.argsort(descending=True, stable=True).tolist()[: max(top, 1)]
    names = {n: labels[n] if labels and n < len(labels) else str(n) for n in numbers}
    return tuple(Guess(numbers[i], names[numbers[i]], float(row[i]), chances[i]) for i in order)
