"""The table of well-known slips: every row speaks on its own examples, once, and at a place inside the file."""

from __future__ import annotations

import re

import pytest

from archlang.syntax.mistakes import SLIPS, Slip
from tests.syntax.helpers import PRAGMA, mistakes

CASES = [(slip, text) for slip in SLIPS for text in slip.examples]


@pytest.mark.parametrize(("slip", "text"), CASES, ids=[text for _, text in CASES])
def test_slip(slip: Slip, text: str) -> None:
    (found,) = mistakes(PRAGMA + text)
    assert found.name == slip.name
    pattern = re.escape(slip.message).replace(r"\{found\}", ".+").replace(r"\{previous\}", ".+")
    assert re.fullmatch(pattern, found.message)
    assert found.help
    assert "{found}" not in "".join(found.help) and "{previous}" not in "".join(found.help)
    assert found.primary is not None and found.primary.span.start >= len(PRAGMA)


def test_every_row_has_examples() -> None:
    assert all(slip.examples for slip in SLIPS)
