"""Pictures of what was watched while a network trained: one for each site of a table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from archlang.views.canvas.shapes import Page, stacked
from archlang.views.chart import Course, course_lines, strips


@dataclass(frozen=True)
class PictureStyle:
    """The form of a table's pictures.

    title    the title, `{site}` the site that it is of
    column   what a column is called, `{site}` and `{last}` the parts of its name
    numbered what a column with a number is called, where that differs
    low      the number of the lightest colour; None for the smallest
    by_site  whether each site has a picture of its own
    lines    whether curves stand below the strips, with a dotted line where all are equal
    """

    title: str
    column: str
    numbered: str = ""
    low: float | None = 0.0
    by_site: bool = True
    lines: bool = False


STYLES = {
    "attention": PictureStyle("attention: {site}", "layer {last}", lines=True),
    "gradients": PictureStyle("gradients: {site}", "layer {last}", low=None),
    "betas": PictureStyle("beta, the share of f(x)", "{site}.{last}", by_site=False),
    "usage": PictureStyle("usage: {site}", "expert {last}"),
    "thresholds": PictureStyle("thresholds: {site}", "{last}"),
    "keys": PictureStyle("keys: {site}", "{last}", numbered="expert {last}", low=None),
}
"""The pictures of every table, by its name."""


def pictures(name: str, columns: tuple[str, ...], rows: Sequence[Sequence[float]]) -> Iterator[tuple[str, Page]]:
    """A picture for each site of a table: what to add to the file's name, and the page."""
    style = STYLES[name]
    parts = [tuple(column.rpartition(".")[::2]) for column in columns]
    groups = [list(range(len(columns)))]
    if style.by_site:
        groups = [list(places) for _, places in groupby(range(len(columns)), lambda i: parts[i][0])]

    for number, places in enumerate(groups):
        shown = tuple(_column_name(style, *parts[i]) for i in places)
        title = style.title.format(site=parts[places[0]][0])
        course = Course(title, shown, [[row[i] for i in places] for row in rows])
        mark = ""
        if number:  # the first picture has the table's plain name
            mark = f"-{number + 1}"
        page = strips(course, low=style.low)
        if style.lines:
            page = stacked([page, course_lines(course)], 0.0)
        yield mark, page


def _column_name(style: PictureStyle, site: str, last: str) -> str:
    form = style.column
    if style.numbered and last.isdigit():
        form = style.numbered
    return form.format(site=site, last=last).lstrip(".")
