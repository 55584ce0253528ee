"""Lists that are calculated are counted: thousands of long ones would fill the memory of whoever checks a file."""

from __future__ import annotations

import tracemalloc

import pytest

from archlang.elaborate.network import check_text

NETWORK = "network N {\n  input x: [3, 8, 8]\n  output x -> relu\n}\n"


@pytest.mark.parametrize("line", ["let a%d = range(9000)", "let a%d = long + [1]", "let a%d = [for i in long { i }]"])
def test_many_long_lists_are_too_much_work_and_hold_little_memory(line: str) -> None:
    lines = "\n".join(line % number for number in range(2000))
    tracemalloc.start()
    found = check_text(f"archlang 1\nlet long = range(9000)\n{lines}\n{NETWORK}")
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert {one.name for one in found if one.severity == "error"} == {"too-much-work"}
    assert most < 100e6  # two thousand lists of them would be 600 MB


def test_some_long_lists_are_allowed() -> None:
    lines = "\n".join(f"let a{number} = range(9000)" for number in range(50))
    assert {one.name for one in check_text(f"archlang 1\n{lines}\n{NETWORK}")} == {"unused-name"}
