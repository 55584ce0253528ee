"""The work of a check grows with the length of the text, whatever is repeated in it; and with no power of it."""

from __future__ import annotations

import pytest

from archlang.analysis import report, table
from archlang.diagnostics.render import human
from archlang.elaborate.network import check_text, loads
from archlang.limits import DEFAULT
from archlang.syntax.printer import print_file
from archlang.views import dump, render
from tests.limits.counting import growth, instructions
from tests.limits.texts import ROWS, LongText, row

SIZE = 16
"""Repetitions of the shortest text of each row; the longest has four times as many."""

DRAWN_SIZE = 48
"""The same for what is drawn: small pictures open their blocks, large ones close them."""

MOST = 2.5
"""How often the work of four times the length is that of twice the length, the beginning taken off: 2 is linear."""

LONG = [one for one in ROWS if one.most > 4 * SIZE]
"""Rows that another limit than that of the text ends sooner are measured whole, by the campaign."""

DRAWN = ("stages", "convolutions", "layers", "parallel", "residuals", "fork, routed to one", "blocks used often",
         "binds in a chain", "repetition", "fork, concatenated")
"""Networks that are accepted, and drawn, counted and printed."""


@pytest.mark.parametrize("text", LONG, ids=lambda one: one.name)
def test_a_check_is_linear(text: LongText) -> None:
    assert growth(lambda n: check_text(text.make(n)), SIZE) < MOST


@pytest.mark.parametrize("name", DRAWN)
@pytest.mark.parametrize("what", ["print", "count", "list", "dot", "mermaid"])
def test_what_follows_is_linear(name: str, what: str) -> None:
    nets = {n: loads(row(name).make(n)) for n in (DRAWN_SIZE, 2 * DRAWN_SIZE, 4 * DRAWN_SIZE)}
    follow = {
        "print": lambda net: print_file(net.project.main.file),
        "count": lambda net: table(report(net), None),
        "list": dump,
        "dot": lambda net: render(net, "dot", None),
        "mermaid": lambda net: render(net, "mmd", None),
    }[what]
    assert growth(lambda n: follow(nets[n]), DRAWN_SIZE) < MOST


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
    few, many = (instructions(lambda n=n: check_text(text.make(n))) for n in (100, 1000))
    assert many < 8 * few


def test_the_counter_notices() -> None:
    """Work in the square of a text's length would be found, and work in proportion to it is not."""
    assert growth(lambda n: [i * j for i in range(n) for j in range(n)], SIZE) > 3.5
    assert growth(lambda n: [i + 1 for i in range(20 * n)], SIZE) < 2.1
