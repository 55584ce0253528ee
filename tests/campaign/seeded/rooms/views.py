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
        "views/canvas/svg.py",
        "return escape(one_row(text))",
        "return one_row(text)",
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
        "views/canvas/plot.py",
        "SMALL, ink, \"middle\", bold=largest))",
        "SMALL, ink, \"middle\", bold=not largest))",
        "heat maps: all but the largest number are in bold",
        ("views/test_plots.py",),
    ),
    Seed(
        "views/canvas/plot.py",
        "self.height * (1 - self.y.share(y))",
        "self.height * self.y.share(y)",
        "points in the plane are drawn upside down",
        ("views/test_plots.py",),
    ),
    Seed(
        "views/histogram.py",
        "count / max(sum(counts), 1) for count",
        "count / max(max(counts), 1) for count",
        "histograms: heights are shares of the fullest bin",
        ("views/test_plots.py",),
    ),
)
