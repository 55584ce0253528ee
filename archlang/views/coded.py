"""Pictures of coded branches: a code as a matrix, energies beside it, accuracy against branches removed; all as SVG."""

from __future__ import annotations

from collections.abc import Sequence
from xml.sax.saxutils import escape, quoteattr

from archlang.views.palette import FONT, FRAME, INK, QUIET

CELL, MOST = 9.0, 100
ACTIVE, INACTIVE = "#c2410c", "#1d4ed8"


def matrix(words: Sequence[str], x: float, y: float) -> list[str]:
    """A class x branch matrix at a place: a row for each class, at most `MOST` of them."""
    return _cells([[float(sign) for sign in word] for word in words[:MOST]], 1.0, x, y)


def code_svg(codes: Sequence[tuple[str, Sequence[str]]]) -> str:
    """Codes as matrices, one below the other.

    >>> code_svg([("two", ("10", "01"))]).count("<rect")
    5
    """
    return _page(*code_parts(codes))


def code_parts(codes: Sequence[tuple[str, Sequence[str]]]) -> tuple[float, float, list[str]]:
    """The same as parts of a larger drawing: their width and height, and they."""
    parts, top, wide = [], 8.0, 0.0
    for name, words in codes:
        shown = title(name, words)
        parts += [_text(8, top + 10, shown), *matrix(words, 8, top + 18)]
        top += 34 + CELL * min(len(words), MOST)
        wide = max(wide, 16 + CELL * len(words[0]), 16 + 6.2 * len(shown))
    return wide, top, parts


def title(name: str, words: Sequence[str]) -> str:
    """What stands above a code's matrix.

    >>> title("two", ("10", "01"))
    'two: 2 classes x 2 branches'
    """
    shown = f"{name}: {len(words)} classes x {len(words[0])} branches"
    return shown + (f" (the first {MOST})" if len(words) > MOST else "")


def code_table(name: str, words: Sequence[str]) -> str:
    """A code's matrix as a table of Graphviz's HTML-like labels: a row for each class, dark where a branch works.

    >>> code_table("two", ("10", "01")).count("<td bgcolor=")
    4
    """
    size = f'fixedsize="true" width="{CELL:.0f}" height="{CELL:.0f}"'
    cell = {sign: f'<td bgcolor="{_shade(float(sign))}" {size}></td>' for sign in "01"}
    rows = ["".join(cell[sign] for sign in word) for word in words[:MOST]]
    cells = "".join(f"<tr>{row}</tr>" for row in rows)
    held = f'<table border="0" cellborder="1" cellspacing="0" cellpadding="0" color="{FRAME}">{cells}</table>'
    head = escape("".join(c if c.isprintable() else " " for c in title(name, words)))
    return f'<table border="0" cellborder="0"><tr><td>{head}</td></tr><tr><td>{held}</td></tr></table>'


def energies_svg(blocks: Sequence[tuple[str, Sequence[Sequence[float]], Sequence[str]]]) -> str:
    """For each block its code, and beside it mean energies: a row for each class, a column for each branch."""
    parts, top, wide = [], 8.0, 0.0
    for name, energies, words in blocks:
        across = CELL * len(words[0])
        rows = energies[:MOST]
        most = max((v for row in rows for v in row), default=1.0) or 1.0
        parts += [_text(8, top + 10, f"{name}: code, energies (dark: {most:.2f})"), *matrix(words, 8, top + 18)]
        parts += _cells(rows, most, 20 + across, top + 18)
        top += 34 + CELL * len(rows)
        wide = max(wide, 40 + 2 * across, 60 + 6.2 * len(name) + 190)
    return _page(wide, top, parts)


def ablation_svg(rows: Sequence[tuple[str, str, int, float]]) -> str:
    """Accuracy against the number of branches removed: a frame for each block, active and inactive ones in colours."""
    lines: dict[str, dict[str, list[tuple[int, float]]]] = {}
    for block, what, count, accuracy in rows:
        lines.setdefault(block, {}).setdefault(what, []).append((count, accuracy))
    parts, top = [], 8.0
    most = max((count for _, _, count, _ in rows), default=1) or 1
    for block, kinds in lines.items():
        parts += [_text(40, top + 10, block), *_frame(40, top + 16, 320, 120, most)]
        for what, points in kinds.items():
            colour = ACTIVE if what == "active" else INACTIVE
            path = " ".join(f"{40 + 320 * k / most:.1f},{top + 136 - 120 * a:.1f}" for k, a in points)
            parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.6"/>')
            parts.append(_text(366, top + 140 - 120 * points[-1][1], what, colour))
        top += 170
    return _page(440, top, parts)


def _frame(x: float, y: float, w: float, h: float, most: int) -> list[str]:
    ticks = [_text(x - 4, y + h * (1 - share) + 4, f"{100 * share:.0f} %", QUIET, "end") for share in (0.0, 0.5, 1.0)]
    counts = range(0, most + 1, max(1, most // 8))
    ticks += [_text(x + w * k / most, y + h + 13, str(k), QUIET, "middle") for k in counts]
    return [f'<rect x="{x:.1f}" y="{y:.1f}" width="{w:.1f}" height="{h:.1f}" fill="none" stroke="{FRAME}"/>', *ticks]


def _cells(rows: Sequence[Sequence[float]], most: float, x: float, y: float) -> list[str]:
    parts = []
    for r, row in enumerate(rows):
        for c, value in enumerate(row):
            parts.append(f'<rect x="{x + c * CELL:.1f}" y="{y + r * CELL:.1f}" width="{CELL:.1f}" height="{CELL:.1f}" '
                         f'fill="{_shade(value / most)}" stroke="{FRAME}" stroke-width="0.3"/>')
    return parts


def _shade(share: float) -> str:
    share = min(max(share, 0.0), 1.0)
    red, green, blue = (round(255 + (end - 255) * share) for end in (23, 62, 122))
    return f"#{red:02x}{green:02x}{blue:02x}"


def _text(x: float, y: float, text: str, colour: str = INK, anchor: str = "start") -> str:
    safe = escape("".join(c if c.isprintable() else " " for c in text))
    return f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}" text-anchor="{anchor}">{safe}</text>'


def _page(wide: float, high: float, parts: Sequence[str]) -> str:
    head = (f'<svg xmlns="http://www.w3.org/2000/svg" width="{wide:.0f}" height="{high:.0f}" '
            f'viewBox="0 0 {wide:.0f} {high:.0f}" font-family={quoteattr(FONT)} font-size="10">')
    ground = f'<rect width="{wide:.0f}" height="{high:.0f}" fill="white"/>'
    return "\n".join([head, ground, *parts, "</svg>", ""])
