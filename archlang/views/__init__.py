"""Pictures and texts of a graph: `draw` for people, `render` for files, `dump` for golden files."""

from archlang.views.files import ENGINES, FORMATS, engines, format_of, render
from archlang.views.notebook import Drawing, draw
from archlang.views.text import dump

__all__ = ["ENGINES", "FORMATS", "Drawing", "draw", "dump", "engines", "format_of", "render"]
