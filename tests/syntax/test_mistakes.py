"""The table of well-known slips: every row speaks on its own examples, once, and at a place inside the file."""

from __future__ import annotations

import re

import pytest

from archlang.syntax.mistakes import SLIPS, Slip
from tests.syntax.helpers import PRAGMA, mistakes

CASES = [(slip, text) for slip in SLIPS for text in slip.examples]


@pytest.mark.parametrize(("slip", "text"), CASES, ids=[text for _, text in CASES])
def test_slip(slip: Slip, text: str) -> None:
    (mistake,) = mistakes(PRAGMA + text)
    assert mistake.name == slip.name
    pattern = re.escape(slip.message).replace(r"\{token\}", ".+").replace(r"\{previous\}", ".+")
    assert re.fullmatch(pattern, mistake.message)
    assert mistake.help
    assert "{token}" not in "".join(mistake.help) and "{previous}" not in "".join(mistake.help)
    assert mistake.primary is not None and mistake.primary.span.start >= len(PRAGMA)


def test_every_row_has_examples() -> None:
    assert all(slip.examples for slip in SLIPS)
