"""Pictures of coded branches: a code as a matrix, energies beside it, accuracy against branches removed."""

from __future__ import annotations

from collections.abc import Sequence

from archlang.views.canvas.letters import fitted, width_of
from archlang.views.canvas.plot import Plot, colour_bar
from archlang.views.canvas.scales import linear, names
from archlang.views.canvas.shapes import Lettering, Page, Pen, Rectangle, Shape, abreast, margin, stacked
from archlang.views.elements import plain, shade
from archlang.views.palette import FRAME, INK
from archlang.views.picture import ShownCode

CELL, LEAST, TALL = 7.0, 2.0, 150.0
"""The side of a cell beside a diagram, in points: the first, less where a matrix would be higher than the last."""

LARGE = 14.0
"""Cells of energies, beside whose rows classes are named."""

MOST = 100
"""Classes that a matrix shows: more would be longer than a page."""

SIZE = 10.0
"""Letters, in points."""

ROW, SMALL, NAME = 9.0, 7.0, 80.0
"""A row with the name of its class: its height, the size of the letters, and their greatest width, in points."""

BESIDE = 20
"""Classes whose names stand in a matrix beside a diagram. That of more is a thumbnail, the names are in an appendix."""


def code_page(code: ShownCode, whole: bool = False) -> Page:
    """Draw a code as a matrix, its name above it; `whole`, its classes have names however many they are.

    >>> len(code_page(ShownCode("two", ("10", "01"))).shapes)
    5
    >>> len(code_page(ShownCode("two", ("10", "01"), classes=("cat", "dog"))).shapes)
    7
    """
    shown, names = title(code.name, code.words), row_names(code, whole)
    # Names of classes need rows that are as high as letters.
    cell, left = cell_of(code.words), 8.0
    if names:
        cell, left = ROW, 12.0 + max(width_of(name, SMALL) for name in names)

    named = [Lettering(left - 4, 26 + (r + 0.75) * cell, name, SMALL, INK, "end") for r, name in enumerate(names)]
    shapes = (Lettering(8, 18, shown, SIZE), *named, *matrix(code.words, left, 26, cell))
    wide = max(left + cell * len(code.words[0]), 8 + width_of(shown, SIZE))
    return Page(8 + wide, 34 + cell * min(len(code.words), MOST), shapes)


def row_names(code: ShownCode, whole: bool = False) -> list[str]:
    """Name the rows of a code's matrix: none where no class has a name, and beside a diagram none where they are many.

    A class without a name, as a model's last ones may be, has its number.

    >>> row_names(ShownCode("two", ("10", "01", "11"), classes=("cat", "dog")))
    ['cat', 'dog', '2']
    """
    if not code.classes or (len(code.words) > BESIDE and not whole):
        return []
    numbers = [str(number) for number in range(len(code.classes), len(code.words))]
    return [fitted(name, NAME, SMALL) for name in (*code.classes, *numbers)][: min(len(code.words), MOST)]


def in_appendix(code: ShownCode) -> bool:
    """Tell whether the classes of a code have names that its matrix beside the diagram has no room for."""
    return bool(row_names(code, whole=True)) and not row_names(code)


def cell_of(code: Sequence[str]) -> float:
    """Return the side of a cell: a code of many classes is a thumbnail.

    >>> cell_of(["10"] * 4), cell_of(["10"] * 1000)
    (7.0, 2.0)
    """
    return max(min(CELL, TALL / min(len(code), MOST)), LEAST)


def matrix(code: Sequence[str], x: float, y: float, cell: float = CELL) -> list[Shape]:
    """Draw a class x branch matrix at a place: a row for each class, at most `MOST` of them."""
    edge = Pen(FRAME, min(0.3, cell / 25))
    return [
        Rectangle(x + c * cell, y + r * cell, cell, cell, shade(float(sign)), edge)
        for r, word in enumerate(code[:MOST]) for c, sign in enumerate(word)
    ]


def title(name: str, code: Sequence[str]) -> str:
    """Return the line above a code's matrix.

    >>> title("two", ("10", "01"))
    'two: 2 classes x 2 branches'
    """
    shown = f"{name}: {len(code)} classes x {len(code[0])} branches"
    if len(code) > MOST:
        shown += f" (the first {MOST})"
    return shown


def code_table(code: ShownCode, whole: bool = False) -> str:
    """Return a code's matrix as a table of Graphviz's HTML-like labels: dark where a branch works for a class.

    >>> code_table(ShownCode("two", ("10", "01"))).count("<td bgcolor=")
    4
    """
    words, names = code.words[:MOST], row_names(code, whole)
    side, left = round(cell_of(code.words)), 0
    if names:
        side, left = round(ROW), round(max(width_of(name, SMALL) for name in names)) + 6
    # Borders of tiny cells would be all that one sees.
    border = 1
    if side < CELL:
        border = 0

    cell = {sign: f'<td bgcolor="{shade(float(sign))}" border="{border}" {_fixed(side, side)}></td>' for sign in "01"}
    rows = ["".join(cell[sign] for sign in word) for word in words]
    if names:
        font = f'<font point-size="{SMALL:g}">'
        rows = [f'<td align="right" {_fixed(left, side)}>{font}{plain(name)} </font></td>{row}'
                for name, row in zip(names, rows, strict=True)]
    cells = "".join(f"<tr>{row}</tr>" for row in rows)

    # Of a fixed size, or cells would be drawn apart to fill the width of the title.
    size = _fixed(left + side * len(words[0]), side * len(words))
    held = f'<table border="0" cellborder="0" cellspacing="0" cellpadding="0" color="{FRAME}" {size}>{cells}</table>'
    head = plain(title(code.name, code.words))
    return f'<table border="0" cellborder="0"><tr><td>{head}</td></tr><tr><td>{held}</td></tr></table>'


def _fixed(width: int, height: int) -> str:
    return f'fixedsize="true" width="{width}" height="{height}"'


def energies_page(
    blocks: Sequence[tuple[str, Sequence[Sequence[float]], Sequence[str]]], classes: Sequence[str] | None = None
) -> Page:
    """Draw, for each block, its code and beside it mean energies times r: a row for each class, by name.

    r is the share of ones in the code. Times it, the energy of an active branch tends to 1 whatever the code.
    """
    return margin(stacked([_energies(name, energies, code, classes) for name, energies, code in blocks], 20.0))


def _energies(name: str, energies: Sequence[Sequence[float]], code: Sequence[str], classes: Sequence[str] | None
              ) -> Page:
    branches = len(code[0])
    ratio = sum(word.count("1") for word in code) / (len(code) * branches)
    rows = [[ratio * value for value in row] for row in energies[:MOST]]
    wanted = [[float(sign) for sign in word] for word in code[:MOST]]
    # What is far above 1 would leave no shades for the rest; numbers stand in no cell, so the bar says where it ends.
    most = max(1.0, max((v for row in rows for v in row), default=1.0))

    called = [str(number) for number in range(len(rows))]
    if classes is not None and len(classes) >= len(rows):
        called = list(classes[: len(rows)])
    shown = []
    for head, held, high in ((f"{name}: code", wanted, 1.0), ("r · energy", rows, most)):
        across = names([str(i + 1) for i in range(branches)], "branch")
        plot = Plot(head, across, names(called[::-1], "class"), LARGE * branches, LARGE * len(rows))
        plot.cells(held, 0.0, high)
        shown.append(plot.page())
    return abreast([*shown, colour_bar(0.0, most, "r · energy", max(LARGE * len(rows), 40.0), ".2f")], 3, 18.0)


def ablation_page(rows: Sequence[tuple[str, str, int, float]]) -> Page:
    """Draw accuracy against the number of branches removed: a frame for each block, a line for each kind of branch.

    A row is (block, `active` or `inactive`, branches removed, accuracy from 0 to 1).
    """
    lines: dict[str, dict[str, list[tuple[float, float]]]] = {}
    for block, kind, count, accuracy in rows:
        lines.setdefault(block, {}).setdefault(kind, []).append((count, accuracy))

    # One axis for all blocks: where accuracy hardly falls, 0 to 100 % would show a level line and nothing else.
    least = min((accuracy for *_, accuracy in rows), default=0.0)
    most = max((accuracy for *_, accuracy in rows), default=1.0)
    up = linear([least, most], "accuracy", high=min(most + 0.05 * max(most - least, 0.02), 1.0), percent=True)
    count = max((count for _, _, count, _ in rows), default=1)

    shown = []
    for block, kinds in lines.items():
        plot = Plot(block, linear([0.0, count], "branches removed", whole=True), up, 260.0, 150.0)
        for number, (kind, points) in enumerate(kinds.items()):
            plot.line(points, kind, number)
            for x, y in points:
                plot.dot(x, y, number, 2.0)
        shown.append(plot.page())
    return margin(abreast(shown, 2, 24.0))
