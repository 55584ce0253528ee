"""Bugs in pictures."""

from __future__ import annotations

from tests.campaign.seeded.seed import Seed

ENGINES = ("views/test_engines.py",)

SEEDS = (
    Seed(
        "views/mermaid.py",
        'if letter.isprintable():\n        return f"#{ord(letter)};"',
        "if letter.isprintable():\n        return letter",
        "Mermaid: signs that mean something are not escaped",
        ENGINES,
    ),
    Seed(
        "views/dot.py",
        '.replace("\\\\", "\\\\\\\\").replace(\'"\', \'\\\\"\')',
        '.replace(\'"\', \'\\\\"\')',
        "DOT: a backslash is not escaped",
        ENGINES,
    ),
    Seed(
        "views/html.py",
        "title=escape(title)",
        "title=title",
        "HTML: the title is not escaped",
        ("views/test_engines.py::test_hostile_text_stays_text_in_html",),
    ),
    Seed(
        "views/svg.py",
        'text-anchor="middle">{plain(line)}</text>\'',
        'text-anchor="middle">{line}</text>\'',
        "SVG: the text of a box is not escaped",
        ENGINES,
    ),
    Seed(
        "views/files.py",
        "except (OSError, subprocess.SubprocessError):\n        return None",
        "except OSError:\n        return None",
        "a drawing engine that fails ends the command",
        ENGINES,
    ),
    Seed(
        "views/heatmap.py",
        "parts += _cell(x, y, value, value == most)",
        "parts += _cell(x, y, value, value == min(map(min, one.rows)))",
        "heat maps: the smallest number is in bold",
        ("views/test_plots.py",),
    ),
    Seed(
        "views/scatter.py",
        'cy="{top + SIDE * (1 - up):.1f}"',
        'cy="{top + SIDE * up:.1f}"',
        "points in the plane are drawn upside down",
        ("views/test_plots.py",),
    ),
    Seed(
        "views/histogram.py",
        "count / max(sum(one.counts), 1) for count",
        "count / max(max(one.counts), 1) for count",
        "histograms: heights are shares of the fullest bin",
        ("views/test_plots.py",),
    ),
)
