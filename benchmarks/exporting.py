"""`python -m benchmarks.exporting [--network NAME] [--repetitions N]`: ONNX by archlang against torch's exporter alone.

Archlang's export runs torch's too, then names nodes, adds metadata, runs the file in onnxruntime and compares it with
the model in float64. Both are timed in turns, in processor time and with one thread; the ratio of each turn is taken,
and its spread is said.
"""

from __future__ import annotations

import argparse
import logging
import sys
import warnings
from statistics import median
from typing import Any

import torch

import archlang
from archlang.exporting.onnx_file import onnx_bytes
from benchmarks.importing import Work, turns
from benchmarks.timing import Watch, cpu, written

MOST = 1.3
"""The ratio that is wanted."""


def works(model: Any) -> tuple[Work, Work]:
    """An export of a model, and torch's alone."""
    dims = model.archlang.network.graph.inputs[0].type.dims
    example = (torch.zeros(2, *dims),)

    def ours() -> object:
        return onnx_bytes(model)

    def theirs() -> object:
        batch = torch.export.Dim("batch")
        program: Any = torch.onnx.export(model, example, dynamo=True, verbose=False, external_data=False,
                                         dynamic_shapes=({0: batch},))
        return program.model_proto.SerializeToString()

    return ours, theirs


def main() -> int:
    """Print the ratio; 1 where its median is larger than it may be, 2 where ONNX is not installed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.exporting", description=__doc__)
    parser.add_argument("--network", default="multipath/resnet50", help="a network of `archlang.list_models()`")
    parser.add_argument("--repetitions", type=int, default=5, help="turns, after one that warms up (default: 5)")
    given = parser.parse_args()
    torch.set_num_threads(1)
    logging.disable(logging.WARNING)  # torch's exporter tells what it does
    model = archlang.create_model(given.network).eval()

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch.export's own
        try:
            pairs = turns(*works(model), Watch(given.repetitions, cpu))
        except archlang.ArchError as problem:
            print(problem, file=sys.stderr)
            return 2
    ratios = sorted(ours / theirs for ours, theirs in pairs)
    ours, theirs = (median(column) for column in zip(*pairs, strict=True))
    print(f"{given.network} to ONNX, compared: {written(ours)}; torch's exporter alone {written(theirs)}: ratio "
          f"{median(ratios):.2f}, from {ratios[0]:.2f} to {ratios[-1]:.2f} in {len(ratios)} turns")
    return int(median(ratios) > MOST)


if __name__ == "__main__":
    sys.exit(main())
