"""What docs/networks.md says of each file is what the file holds."""

from __future__ import annotations

import re

import pytest

from tests.peers import lines
from tests.peers.of_networks import PAIRS
from tests.peers.table import HEAD, PAGE, counted, written

ROW = re.compile(r"\| \[`(\w+)`\]\(\.\./examples/networks/\1\.arch\) \| (\d+) \| (\d+) \| (\d+) \| ([\d,]+) "
                 r"\| ([\d.e+-]+ G) \| (\de[+-]\d\d) \|")
ROWS = {match[1]: match for match in ROW.finditer(PAGE.read_text(encoding="utf-8"))}


def test_every_network_has_its_row() -> None:
    assert list(ROWS) == sorted({pair.ours.rpartition("/")[2] for pair in PAIRS})


@pytest.mark.parametrize("name", list(ROWS))
def test_a_row_is_of_the_file_as_it_stands(name: str) -> None:
    """`python -m tests.peers.table` writes the page anew."""
    row, found = ROWS[name], counted(name)
    told = (int(row[2]), int(row[3]), int(row[5].replace(",", "")), row[6])
    assert told == (found.own, found.all, found.parameters, found.flops)


def test_no_difference_reaches_the_tolerance_of_the_tests() -> None:
    assert max(float(row[7]) for row in ROWS.values()) < 1e-9


def test_a_page_is_written_between_its_words() -> None:
    page = f"before\n\n{HEAD}| old |\n| rows |\n\nafter\n\nlast\n"
    assert written(page, "| new |") == f"before\n\n{HEAD}| new |\n\nafter\n\nlast\n"


def test_lines_hold_code() -> None:
    assert lines.of_arch('archlang 1\n"""A\n\nfile."""\n\n# why\nblock a = relu  # so\n') == 2
    assert lines.of_python('''
    class A:
        """What.

        It is.
        """
        # why
        b = """two
        lines"""

        def c(self):
            return (1,
                    2)
    ''') == 6
