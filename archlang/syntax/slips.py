"""The table of well-known slips: texts that do not fit the grammar, the words for each, and the mend.

The table is read from top to bottom and the first row that fits speaks. So the order matters: a row about a certain
sign stands before one that would fit any. Each row brings wrong texts of its own; a test feeds them to the parser and
asks for the message of the row.
"""

from __future__ import annotations

from archlang.syntax.slip import Slip
from archlang.syntax.slips_imports import IMPORTS
from archlang.syntax.slips_python import PYTHON
from archlang.syntax.slips_scripts import SCRIPTS
from archlang.syntax.slips_signs import SEPARATORS, SIGNS
from archlang.syntax.slips_values import HEADS, VALUES
from archlang.syntax.slips_words import RESERVED, STATEMENTS

SLIPS: tuple[Slip, ...] = (
    *PYTHON,  # before reserved words: `a if b else c` uses them as what they are
    *IMPORTS,
    *SCRIPTS,
    *RESERVED,  # early, since almost every later row would take such a word for the beginning of something
    *SIGNS,
    *STATEMENTS,
    *SEPARATORS,
    *HEADS,
    *VALUES,  # last, since some of its rows fit almost any pair of values
)
