"""Maps of kernel positions by layer and branch, their course over models, and what pruning them costs (PBConv)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from archlang.views.canvas.labels import labels
from archlang.views.canvas.letters import fitted
from archlang.views.canvas.plot import Plot
from archlang.views.canvas.scales import linear
from archlang.views.canvas.shapes import Lettering, Page, margin, stacked
from archlang.views.heatmap import Curve, Map, courses, heatmaps
from archlang.views.palette import INK

Rows = Sequence[Sequence[float]]
Named = tuple[str, Rows]
ACROSS = 5
TITLE = 108.0
"""Points that a map's title takes at most: that of a map of three columns."""


def layer_page(models: Sequence[tuple[str, Sequence[Named]]]) -> Page:
    """Draw the maps of each model's layers; of several models, layers of one name stand below each other."""
    if len(models) == 1:
        return heatmaps([_titled(name, rows) for name, rows in models[0][1]], across=ACROSS)

    # A row for each model, so that a baseline's layers stand above the same layers of the other.
    parts = []
    for file, layers in models:
        parts.append(Page(200, 18, (Lettering(12, 14, fitted(file, 600.0), 12.0, INK, bold=True),)))
        parts.append(heatmaps([_titled(name, rows) for name, rows in layers], across=2 * ACROSS))
    return stacked(parts, 4.0)


def branch_page(layers: Sequence[tuple[str, Rows, Sequence[Named]]]) -> Page:
    """Draw, for each layer, the map of the fused kernel and beside it those of its branches (PBConv, figure 10)."""
    parts = []
    for name, whole, branches in layers:
        parts.append(Page(200, 18, (Lettering(12, 14, name, 12.0, INK, bold=True),)))
        maps = [Map("after fusion", whole), *(Map(branch, rows) for branch, rows in branches)]
        parts.append(heatmaps(maps, across=len(maps)))
    return stacked(parts, 2.0)


def course_page(models: Sequence[Mapping[str, Rows]]) -> Page:
    """Draw a curve for each position of each kernel size over models in order (PBConv, figure 4)."""
    parts = []
    for size in dict.fromkeys(size for model in models for size in model):
        held = [(number, model[size]) for number, model in enumerate(models, 1) if size in model]
        rows, columns = len(held[0][1]), len(held[0][1][0])
        curves = [Curve(f"{r + 1}, {c + 1}", [(number, one[r][c]) for number, one in held])
                  for r in range(rows) for c in range(columns)]
        parts.append(courses(curves, "model", "mean magnitude, largest 1", f"positions of {size} kernels"))
    return margin(stacked(parts, 20.0))


def pruning_page(points: Sequence[tuple[str, float, float]]) -> Page:
    """Draw the fall of accuracy against the magnitude of the position that was pruned (PBConv, figure 3)."""
    across = linear([magnitude for _, magnitude, _ in points], "mean magnitude of the position, largest 1")
    falls = [fall for *_, fall in points]
    plot = Plot("one position at zero in all layers", across, linear(falls, "fall of accuracy", percent=True), 360.0,
                240.0)

    sizes = list(dict.fromkeys(name.split()[0] for name, *_ in points))
    for name, magnitude, fall in points:
        number = sizes.index(name.split()[0])
        plot.dot(magnitude, fall, number, 3.0, name)
    spots = [plot.at(magnitude, fall) for _, magnitude, fall in points]
    plot.shapes += labels(spots, [name.split(maxsplit=1)[1] for name, *_ in points], 360.0, 240.0)
    for number, size in enumerate(sizes):
        plot.key(size, number)
    return margin(plot.page())


def _titled(name: str, rows: Rows) -> Map:
    # The end of a path tells layers apart, not its beginning.
    shown = name
    while fitted(shown, TITLE, 12.0) != shown:
        shown = "…" + shown.lstrip("…")[1:]
    return Map(shown, rows)
