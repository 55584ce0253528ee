"""Attention over layers of a model: its mean by layer beside the equal level, and between pairs of layers."""

from __future__ import annotations

from collections.abc import Sequence

from archlang.views.canvas.plot import Plot, colour_bar
from archlang.views.canvas.scales import linear, names
from archlang.views.canvas.shapes import Page, abreast, margin, stacked

Site = tuple[str, Sequence[float], Sequence[float] | None, Sequence[Sequence[float]] | None]
"""A site: its name, the mean by layer, the deviation (None without one), the attention of each layer to each."""

CELL = 30.0


def levels(sites: Sequence[Site]) -> Page:
    """Draw each site: a dot for each layer with its deviation, a dotted line at the equal share, and pairs as a map."""
    return margin(stacked([_site(*site) for site in sites], 18.0))


def _site(name: str, mean: Sequence[float], deviation: Sequence[float] | None,
          pairs: Sequence[Sequence[float]] | None) -> Page:
    layers = [str(number) for number in range(1, len(mean) + 1)]
    spread = [0.0] * len(mean)
    if deviation is not None:
        spread = list(deviation)

    ends = [value + sign * d for value, d in zip(mean, spread, strict=True) for sign in (-1, 1)]
    equal = 1 / len(mean)
    # Innate attention is a free weight, and may be below 0.
    low = min(0.0, *ends)
    plot = Plot(name, names(layers, "layer"), linear([*ends, equal], "attention", low=low), 34.0 * len(mean), 150.0)
    for place, (value, d) in enumerate(zip(mean, spread, strict=True)):
        plot.bar(place + 0.5, value - d, value + d)
        plot.dot(place + 0.5, value, 0, 3.5)
    plot.rule(equal, "equal")
    if pairs is None:
        return plot.page()

    most = max(value for row in pairs for value in row)
    between = Plot("attention of each layer to each", names(layers, "to layer"), names(layers[::-1], "of layer"),
                   CELL * len(mean), CELL * len(mean))
    between.cells(pairs, 0.0, most, ".2f")
    return abreast([plot.page(), between.page(), colour_bar(0.0, most, "attention", 100.0, ".2f")], 3, 24.0)
