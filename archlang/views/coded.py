"""Pictures of coded branches: a code as a matrix, energies beside it, accuracy against branches removed; all as SVG."""

from __future__ import annotations

from collections.abc import Sequence

from archlang.views.elements import page, plain, shade, words
from archlang.views.palette import FRAME, QUIET

CELL = 9.0

MOST = 100
"""Classes that a matrix shows: more would be longer than a page."""

ACTIVE, INACTIVE = "#c2410c", "#1d4ed8"

SIZE = 10
"""Letters, in points."""


def matrix(code: Sequence[str], x: float, y: float) -> list[str]:
    """Draw a class x branch matrix at a place: a row for each class, at most `MOST` of them."""
    return _cells([[float(sign) for sign in word] for word in code[:MOST]], 1.0, x, y)


def code_svg(codes: Sequence[tuple[str, Sequence[str]]]) -> str:
    """Draw codes as matrices, one below the other.

    >>> code_svg([("two", ("10", "01"))]).count("<rect")
    5
    """
    wide, high, parts = code_parts(codes)
    return page(wide, high, parts, SIZE)


def code_parts(codes: Sequence[tuple[str, Sequence[str]]]) -> tuple[float, float, list[str]]:
    """Draw codes as parts of a larger drawing: returns their width, their height and the parts."""
    parts: list[str] = []
    top, wide = 8.0, 0.0

    for name, code in codes:
        shown = title(name, code)
        parts += [words(8, top + 10, shown), *matrix(code, 8, top + 18)]
        top += 34 + CELL * min(len(code), MOST)
        # 6.2 points a letter: the mean width of these letters.
        wide = max(wide, 16 + CELL * len(code[0]), 16 + 6.2 * len(shown))

    return wide, top, parts


def title(name: str, code: Sequence[str]) -> str:
    """Return the line above a code's matrix.

    >>> title("two", ("10", "01"))
    'two: 2 classes x 2 branches'
    """
    shown = f"{name}: {len(code)} classes x {len(code[0])} branches"
    if len(code) > MOST:
        shown += f" (the first {MOST})"
    return shown


def code_table(name: str, code: Sequence[str]) -> str:
    """Return a code's matrix as a table of Graphviz's HTML-like labels: dark where a branch works for a class.

    >>> code_table("two", ("10", "01")).count("<td bgcolor=")
    4
    """
    size = f'fixedsize="true" width="{CELL:.0f}" height="{CELL:.0f}"'
    cell = {sign: f'<td bgcolor="{shade(float(sign))}" {size}></td>' for sign in "01"}
    rows = ["".join(cell[sign] for sign in word) for word in code[:MOST]]
    cells = "".join(f"<tr>{row}</tr>" for row in rows)

    held = f'<table border="0" cellborder="1" cellspacing="0" cellpadding="0" color="{FRAME}">{cells}</table>'
    head = plain(title(name, code))
    return f'<table border="0" cellborder="0"><tr><td>{head}</td></tr><tr><td>{held}</td></tr></table>'


def energies_svg(blocks: Sequence[tuple[str, Sequence[Sequence[float]], Sequence[str]]]) -> str:
    """Draw, for each block, its code and beside it mean energies: a row for each class, a column for each branch."""
    parts: list[str] = []
    top, wide = 8.0, 0.0

    for name, energies, code in blocks:
        across = CELL * len(code[0])
        rows = energies[:MOST]
        # A block without any energy has no darkest cell; any scale but 0 will do.
        most = max((v for row in rows for v in row), default=1.0) or 1.0

        parts += [words(8, top + 10, f"{name}: code, energies (dark: {most:.2f})"), *matrix(code, 8, top + 18)]
        parts += _cells(rows, most, 20 + across, top + 18)
        top += 34 + CELL * len(rows)
        wide = max(wide, 40 + 2 * across, 60 + 6.2 * len(name) + 190)

    return page(wide, top, parts, SIZE)


def ablation_svg(rows: Sequence[tuple[str, str, int, float]]) -> str:
    """Draw accuracy against the number of branches removed: a frame for each block, a colour for each kind of branch.

    A row is (block, `active` or `inactive`, branches removed, accuracy from 0 to 1).
    """
    lines: dict[str, dict[str, list[tuple[int, float]]]] = {}
    for block, kind, count, accuracy in rows:
        lines.setdefault(block, {}).setdefault(kind, []).append((count, accuracy))

    parts: list[str] = []
    top = 8.0
    # A row of accuracies without any branch removed has no width of its own.
    most = max((count for _, _, count, _ in rows), default=1) or 1

    for block, kinds in lines.items():
        parts += [words(40, top + 10, block), *_frame(40, top + 16, 320, 120, most)]
        for kind, points in kinds.items():
            parts += _line(kind, points, top, most)
        top += 170

    return page(440, top, parts, SIZE)


def _line(kind: str, points: Sequence[tuple[int, float]], top: float, most: int) -> list[str]:
    colour = INACTIVE
    if kind == "active":
        colour = ACTIVE

    # 0 % stands at the frame's floor, and y grows downwards.
    path = " ".join(f"{40 + 320 * k / most:.1f},{top + 136 - 120 * a:.1f}" for k, a in points)
    return [
        f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.6"/>',
        words(366, top + 140 - 120 * points[-1][1], kind, colour),
    ]


def _frame(x: float, y: float, w: float, h: float, most: int) -> list[str]:
    ticks = [words(x - 4, y + h * (1 - share) + 4, f"{100 * share:.0f} %", QUIET, "end") for share in (0.0, 0.5, 1.0)]
    # At most nine numbers below the frame, or they would run into each other.
    counts = range(0, most + 1, max(1, most // 8))
    ticks += [words(x + w * k / most, y + h + 13, str(k), QUIET, "middle") for k in counts]
    return [f'<rect x="{x:.1f}" y="{y:.1f}" width="{w:.1f}" height="{h:.1f}" fill="none" stroke="{FRAME}"/>', *ticks]


def _cells(rows: Sequence[Sequence[float]], most: float, x: float, y: float) -> list[str]:
    parts = []
    for r, row in enumerate(rows):
        for c, value in enumerate(row):
            place = f'x="{x + c * CELL:.1f}" y="{y + r * CELL:.1f}" width="{CELL:.1f}" height="{CELL:.1f}"'
            parts.append(f'<rect {place} fill="{shade(value / most)}" stroke="{FRAME}" stroke-width="0.3"/>')
    return parts
