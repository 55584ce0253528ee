"""Experts by place and by class, the cosines of their keys, and what is lost without each."""

from __future__ import annotations

from collections.abc import Sequence

from archlang.views.canvas.plot import Plot, colour_bar
from archlang.views.canvas.scales import linear, names
from archlang.views.canvas.shapes import Lettering, Page, Rectangle, abreast, margin, stacked
from archlang.views.palette import INK, hue

Rows = Sequence[Sequence[float]]
Site = tuple[str, Sequence[Rows], Rows, Rows | None, float, float]
"""A stage: its name, weights by place and by class, cosines of keys (None without any), bits of the class and place."""

CELL, SMALL = 27.0, 14.0
MOST = 110.0
"""Points that a map of places is wide, at most."""


def specialisation_page(
    sites: Sequence[Site], classes: Sequence[str], off: Sequence[tuple[str, int, float]], whole: float | None
) -> Page:
    """Draw each stage: a map of places for each expert, classes against experts, keys against keys; the accuracy with
    each expert (stage, number from 1, accuracy) switched off, beside that of the `whole` model.
    """
    parts = []
    for name, places, by_class, cosines, about_class, about_place in sites:
        head = f"{name}: {about_class:.3f} bits of the class, {about_place:.3f} bits of the place"
        parts.append(Page(320, 20, (Lettering(0, 14, head, 13.0, INK, bold=True),)))

        # Without a grid there is one place, and nothing to compare.
        shown = []
        if len(places[0]) * len(places[0][0]) > 1:
            parts.append(_places(places))
        shown.append(_classes(by_class, classes))
        if cosines is not None:
            shown.append(_keys(cosines))
        lost = [(expert, accuracy) for site, expert, accuracy in off if site == name]
        if lost and whole is not None:
            shown.append(_lost(lost, whole))
        parts.append(abreast(shown, 4, 24.0))
    return margin(stacked(parts, 14.0))


def _places(places: Sequence[Rows]) -> Page:
    """A map for each expert: its mean weight at each place of the grid, all on one scale."""
    most = max(value for rows in places for row in rows for value in row)
    plots = []
    for number, rows in enumerate(places, 1):
        cell = min(CELL, MOST / max(len(rows), len(rows[0])))
        across = names([str(i + 1) for i in range(len(rows[0]))])
        up = names([str(i) for i in range(len(rows), 0, -1)])
        plot = Plot(f"expert {number}", across, up, cell * len(rows[0]), cell * len(rows))
        plot.cells(rows, 0.0, most, ".2f")
        plots.append(plot.page())
    return abreast([abreast(plots, 8), colour_bar(0.0, most, "mean weight", 70.0, ".2f")], 2, 18.0)


def _classes(by_class: Rows, classes: Sequence[str]) -> Page:
    most = max(value for row in by_class for value in row)
    experts = names([str(i + 1) for i in range(len(by_class[0]))], "expert")
    plot = Plot("mean weight by class", experts, names(list(classes)[::-1], "class"), CELL * len(by_class[0]),
                SMALL * len(by_class))
    plot.cells(by_class, 0.0, most, ".2f")
    return abreast([plot.page(), colour_bar(0.0, most, "mean weight", 90.0, ".2f")], 2)


def _keys(cosines: Rows) -> Page:
    count = len(cosines)
    plot = Plot("cosines of keys", names([str(i + 1) for i in range(count)], "expert"),
                names([str(i) for i in range(count, 0, -1)], "expert"), CELL * count, CELL * count)
    plot.cells(cosines, -1.0, 1.0, ".2f")
    return abreast([plot.page(), colour_bar(-1.0, 1.0, "cosine", 90.0, ".2g")], 2)


def _lost(lost: Sequence[tuple[int, float]], whole: float) -> Page:
    """A bar for each expert: the accuracy without it, and a dotted line at that of all."""
    # Bars are as long as their numbers only from 0 on.
    up = linear([whole, *(accuracy for _, accuracy in lost)], "accuracy", low=0.0, percent=True)
    across = names([str(expert) for expert, _ in lost], "expert")
    plot = Plot("an expert switched off", across, up, 30.0 * len(lost), 110.0)
    for place, (_, accuracy) in enumerate(lost):
        left, top = plot.at(place + 0.2, accuracy)
        right, bottom = plot.at(place + 0.8, up.low)
        plot.shapes.append(Rectangle(left, top, right - left, bottom - top, hue(0)))
    plot.rule(whole, "all")
    return plot.page()
