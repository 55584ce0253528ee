"""Write the parser's tables anew after a change of the grammar: `python -m archlang.syntax`."""

from __future__ import annotations

from archlang.syntax.machine import TABLES, folder, grammar_text
from archlang.syntax.tables import tables_text

if __name__ == "__main__":
    (folder() / TABLES).write_text(tables_text(grammar_text()) + "\n", encoding="utf-8")
