"""The work of a check grows with the length of the text, whatever is repeated in it; and with no power of it."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest

from archlang.analysis import report, table
from archlang.diagnostics.render import human
from archlang.elaborate.network import Network, check_text, loads
from archlang.limits import DEFAULT
from archlang.syntax.printer import print_file
from archlang.views import dump, render
from tests.limits.counting import calls, growth
from tests.limits.texts import ROWS, LongText, row

SIZE = 8
"""Repetitions of the shortest text of each row; the longest has four times as many."""

PAST = {"symbols that are joined": 70, "import paths": 600, "open braces in lines": 128, "brackets crossed": 256,
        "only": 256}
"""The same for work that grows faster up to a limit: 64 symbols, 1,024 characters of a module's name, the brackets and
statements that a search for mends looks at."""

FEW = replace(DEFAULT, diagnostics=5)
"""So many mistakes are in the shortest text already; each looks at all names."""

COSTLY = {"codes that are designed": 4, "deep calls": 4, "deep ifs": 4, "strided, symbolic": 4, "short for": 2,
          "deepest ifs": 1, "deepest repetition": 1, "deepest residuals": 1}
"""The same for rows of which each repetition takes long."""

DRAWN_SIZE = 24
"""The same for networks that are counted, printed and listed."""

PICTURE_SIZES = {"parallel": 128, "fork, concatenated": 128, "blocks used often": 256, "residuals": 256}
"""The same for pictures that open their blocks as long as they are small, and close them then."""

PICTURE_SIZE = 48
"""The same for all other pictures."""

MOST = 2.5
"""How often the work of four times the length is that of twice the length, the beginning taken off: 2 is linear."""

LONG = [one for one in ROWS if one.most > 4 * SIZE]
"""Rows that another limit than that of the text ends sooner are measured whole, by the campaign."""

DRAWN = ("stages", "convolutions", "layers", "parallel", "residuals", "fork, routed to one", "blocks used often",
         "binds in a chain", "repetition", "fork, concatenated")
"""Networks that are accepted, and drawn, counted and printed."""


@pytest.mark.parametrize("text", LONG, ids=lambda one: one.name)
def test_a_check_is_linear(text: LongText) -> None:
    size = (PAST | COSTLY).get(text.name, SIZE)
    assert growth(lambda n: check_text(text.make(n), limits=FEW), size) < MOST


@pytest.mark.parametrize("name", DRAWN)
@pytest.mark.parametrize("what", ["print", "count", "list"])
def test_what_follows_is_linear(name: str, what: str) -> None:
    nets = _networks(name, DRAWN_SIZE)
    follow = {
        "print": lambda net: print_file(net.project.main.file),
        "count": lambda net: table(report(net), None),
        "list": dump,
    }[what]
    assert growth(lambda n: follow(nets[n]), DRAWN_SIZE) < MOST


@pytest.mark.parametrize("name", DRAWN)
@pytest.mark.parametrize("form", ["dot", "mmd"])
def test_a_picture_is_linear(name: str, form: str) -> None:
    size = PICTURE_SIZES.get(name, PICTURE_SIZE)
    nets = _networks(name, size)
    assert growth(lambda n: render(nets[n], form, None), size) < MOST


@cache
def _networks(name: str, size: int) -> dict[int, Network]:
    return {n: loads(row(name).make(n)) for n in (size, 2 * size, 4 * size)}


@pytest.mark.parametrize("name", [
    "wrong characters", "hidden characters on lines", "bad numbers", "bad escapes", "wrong statements", "names",
    "unknown stages", "unknown names", "empty bodies", "networks", "imports", "named arguments", "unknown transforms",
])
def test_no_more_mistakes_are_collected_than_are_shown(name: str) -> None:
    found = check_text(row(name).make(300))
    assert 0 < len(found) <= DEFAULT.diagnostics + 1
    assert human(found).count("error[") <= DEFAULT.diagnostics


def test_a_thousand_mistakes_take_hardly_more_than_a_hundred() -> None:
    text = row("unknown stages on lines")
    few, many = (calls(lambda n=n: check_text(text.make(n))) for n in (100, 1000))
    assert many < 8 * few


def test_the_counter_notices() -> None:
    """Work in the square of a text's length would be found, and work in proportion to it is not."""
    assert growth(lambda n: [max(i, j) for i in range(n) for j in range(n)], SIZE) > 3.5
    assert growth(lambda n: [abs(i) for i in range(20 * n)], SIZE) < 2.1
