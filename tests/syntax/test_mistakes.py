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
    pattern = re.sub(r"\\\{(token|previous|line)\\\}", ".+", re.escape(slip.message))
    assert re.fullmatch(pattern, mistake.message)
    assert mistake.help
    assert not re.search(r"\{(token|previous|line)\}", "".join(mistake.help))
    assert mistake.primary is not None and mistake.primary.span.start >= len(PRAGMA)


@pytest.mark.parametrize(("slip", "text"), [case for case in CASES if case[0].fix],
                         ids=[f"{slip.name}: {text[:40]}" for slip, text in CASES if slip.fix])
def test_the_fix_of_a_slip_removes_it(slip: Slip, text: str) -> None:
    (mistake,) = mistakes(PRAGMA + text)
    assert mistake.fix is not None or slip.name == "unexpected-token"
    if mistake.fix is None:  # a row may know an edit for some of its texts only
        return

    span = mistake.fix.span
    mended = span.source.text[: span.start] + mistake.fix.text + span.source.text[span.end :]
    assert mistake.message not in [other.message for other in mistakes(mended)]


def test_every_row_has_examples() -> None:
    assert all(slip.examples for slip in SLIPS)
