"""`archlang explain`."""

from __future__ import annotations

import pytest

from archlang.diagnostics import KINDS
from tests.cli.conftest import Call


def test_all_kinds_are_listed(call: Call) -> None:
    lines = call("explain").out.splitlines()
    assert [line.split()[0] for line in lines] == list(KINDS)


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_is_explained(name: str, call: Call) -> None:
    outcome = call("explain", name)
    assert outcome.status == 0
    assert outcome.out.startswith(f"# {name}\n")
    assert KINDS[name].title in outcome.out


def test_a_misspelt_kind_gets_suggestions(call: Call) -> None:
    outcome = call("explain", "shape-mismach")
    assert outcome.status == 1
    assert outcome.out == ""
    assert "did you mean `shape-mismatch`?" in outcome.err
