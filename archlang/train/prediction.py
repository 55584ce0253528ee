"""The classes that a model sees in image files."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch

from archlang.diagnostics import ArchError, Diagnostic, error
from archlang.diagnostics.text import one_line
from archlang.emit import ImagePreparation, Record
from archlang.graph.ir import Graph, Port
from archlang.graph.scores import LABEL, scores_port
from archlang.rewrite.extract import told
from archlang.train.data.image_files import NoImage, read_pixels, strict_about_size
from archlang.train.data.ready import preparation_of
from archlang.train.fitting import fit_of
from archlang.train.loop.evaluation import losses_of, record_of
from archlang.train.losses.classes import chances_of
from archlang.train.losses.objective import values_of
from archlang.train.processes.devices import evaluating, place

TOP = 5


@dataclass(frozen=True)
class Guess:
    """A class, by its number in the data and its name, its score, and how probable the model holds it.

    A network of a few classes says nothing of the others, so there is no probability (None), only a score that a
    threshold can be held against; the same holds for scores of a loss that knows no probabilities.
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

    Images are read, turned, cut, resized and normalised as in training and by `evaluate` (`data.pixels`). A file that
    is no image gets a prediction with an error (unreadable-image); the others go on. Raises `ArchError`:
    unsupported-module, bad-data, usage for what names no files.
    """
    record = record_of(model)
    _require_paths(paths)
    graph: Graph = record.network.graph
    preparation = preparation_of(record)
    fit = fit_of(graph, record.mean, record.std, preparation)
    port = scores_port(graph, losses_of(graph))
    guess = Guesser.of(record, port, top)

    target = place(device)

    kind = next((p.dtype for p in model.parameters()), torch.float32)
    predictions = []
    with evaluating(model, target):
        for path in (os.fspath(p) for p in paths):
            try:
                pixels = read_image(path, preparation)
            except ArchError as problem:
                predictions.append(Prediction(path, error=problem.diagnostics[0]))
                continue

            # One at a time: files of any number, and memory holds one.
            inputs = fit(pixels[None].to(target)).to(kind)
            with torch.no_grad():
                scores = values_of(graph, model(inputs), torch.zeros(1))[port]
            predictions.append(Prediction(path, guess(scores)))
    return predictions


def _require_paths(paths: object) -> None:
    """Raise `ArchError` (usage) for anything but names of files: a tensor is for the model itself to take."""
    # A text is a sequence as well, but of letters.
    is_text = isinstance(paths, str | bytes)
    if isinstance(paths, Sequence) and not is_text and all(isinstance(path, str | os.PathLike) for path in paths):
        return

    message = f"`predict` takes a list of image files, this is a `{type(paths).__name__}`"
    raise ArchError(error("usage", message, help='`predict(model, ["a.png"])`; `model(tensor)` takes a tensor'))


def read_image(path: str, preparation: ImagePreparation | None = None) -> torch.Tensor:
    """An image file as floats [channels, rows, columns] from 0 to 1, in its own size without a preparation.

    Raises `ArchError` (unreadable-image).
    """
    try:
        with strict_about_size():
            return read_pixels(path, preparation)
    except NoImage as problem:
        raise ArchError(error("unreadable-image", f"`{one_line(path, 200)}` {problem}")) from None


@dataclass(frozen=True)
class Guesser:
    """From the scores of one image to its classes: their numbers and names, and how scores become probabilities."""

    labels: Sequence[str]
    few: Sequence[int] | None
    top: int
    probabilities: Callable[[torch.Tensor], torch.Tensor] | None

    @classmethod
    def of(cls, record: Record, port: Port, top: int) -> Guesser:
        """The guesser of a model whose scores come from `port`."""
        few = told(record.passes)
        probabilities = None
        if few is None:
            losses = losses_of(record.network.graph)
            probabilities = chances_of([one.option.name for one in losses if LABEL in one.reads and port in one.reads])
        return cls(record.labels or (), few, max(top, 1), probabilities)

    def __call__(self, scores: torch.Tensor) -> tuple[Guess, ...]:
        """The likeliest classes of scores [1, classes]; a single logit is that of the class 1 against 0."""
        if scores.ndim != 2:
            raise ArchError(error("bad-data", "the network's main output is no row of class scores"))

        row = scores[0].double().cpu()
        chances = None
        if self.probabilities is not None:
            chances = self.probabilities(row)

        # A softmax over one number is 1, whatever it is.
        if len(row) == 1 and chances is not None and self.probabilities is torch.sigmoid:
            row, chances = torch.stack((-row[0], row[0])), torch.stack((1 - chances[0], chances[0]))

        # Of a network of few classes, the first score is of the first of these, not of class 0.
        numbers: Sequence[int] = self.few or range(len(row))
        order = row.argsort(descending=True, stable=True).tolist()[: self.top]
        guesses = [Guess(numbers[i], self._name(numbers[i]), float(row[i]), None) for i in order]
        if chances is None:
            return tuple(guesses)
        return tuple(replace(guess, probability=float(chances[i])) for guess, i in zip(guesses, order, strict=True))

    def _name(self, number: int) -> str:
        if number < len(self.labels):
            return self.labels[number]
        return str(number)

