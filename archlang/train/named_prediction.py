"""The classes that a model of several inputs sees in samples of files, a file for each input."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy
import torch

from archlang.diagnostics import ArchError, error
from archlang.diagnostics.text import one_line
from archlang.graph.ir import Graph
from archlang.graph.scores import scores_port
from archlang.train.data.image_files import NoImage, opened, strict_about_size
from archlang.train.inputs import Row, Unpacking, places_of, require_names, sizes_of
from archlang.train.loop.evaluation import losses_of, record_of
from archlang.train.losses.objective import values_of
from archlang.train.prediction import TOP, Guesser, Prediction
from archlang.train.problems import as_bad_data
from archlang.train.processes.devices import evaluating, place

ARRAY = ".npy"
"""The ending of files that hold an array of numpy; any other file is an image."""

Files = Mapping[str, str | os.PathLike[str]]
"""The files of a sample by the names of the network's inputs."""


def predict_named(model: torch.fx.GraphModule, samples: Sequence[Files], *, top: int = TOP,
                  device: str = "auto") -> list[Prediction]:
    """The `top` likeliest classes of every sample, in their order.

    Each sample has a file for each input: an image, or an array in `NAME.npy` of the input's sizes. A file that cannot
    be read, or does not fit, makes a prediction with an error, and the others go on. Sizes that the network leaves open
    are those of the sample. Raises `ArchError`: unsupported-module, bad-data for names that the network does not know.
    """
    record = record_of(model)
    graph: Graph = record.network.graph
    for files in samples:
        require_names(files, [spec.name for spec in graph.inputs])

    port = scores_port(graph, losses_of(graph))
    guess = Guesser.of(record, port, top)
    target = place(device)
    predictions = []
    with evaluating(model, target):
        for files in samples:
            shown = " ".join(f"{name}={os.fspath(file)}" for name, file in files.items())
            try:
                table = {name: _read(os.fspath(file)) for name, file in files.items()}
                places = places_of(graph, sizes_of(table))
                row = Row(places)(table, "CHW")[None].to(target)
                with torch.no_grad(), as_bad_data():
                    scores = values_of(graph, Unpacking(model, places)(row), torch.zeros(1))[port]
            except ArchError as problem:
                predictions.append(Prediction(shown, error=problem.diagnostics[0]))
                continue
            predictions.append(Prediction(shown, guess(scores)))
    return predictions


def _read(file: str) -> Any:
    """An image, or an array of numbers. Raises `ArchError`: unreadable-image, unreadable-file."""
    shown = one_line(file, 200)
    if Path(file).suffix == ARRAY:
        try:
            return numpy.load(file, allow_pickle=False)
        except (OSError, ValueError, EOFError) as problem:
            message = f"`{shown}` is no array of numbers ({one_line(str(problem), 120)})"
            raise ArchError(error("unreadable-file", message)) from None

    try:
        with strict_about_size(), opened(file) as image:
            image.load()
            return image.copy()
    except NoImage as problem:
        raise ArchError(error("unreadable-image", f"`{shown}` {problem}")) from None
