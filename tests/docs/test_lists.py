"""Whatever has a name in a table that readers look up stands on a page."""

from __future__ import annotations

import re

import pytest

from archlang.ops import CATALOGUE
from archlang.passes.catalogue import PASSES
from archlang.train.data.formats.catalogue import FORMATS
from archlang.train.data.made.catalogue import MADE
from tests.docs import lists
from tests.docs.pages import PAGES, ROOT
from tests.golden import check_golden
from tests.house.test_floors import FLOORS

WRITTEN = "\n".join(page.read_text(encoding="utf-8") for page in PAGES if not page.name.startswith("add-a"))
"""All pages but those that make up a loss, a structure and a format of their own."""

LOSSES = [name for role, name in CATALOGUE.settings if role == "loss"]
STRUCTURES = list(CATALOGUE.structures)


def stands(name: str, text: str) -> bool:
    """Tell whether a name stands in a text as a word."""
    return re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text) is not None


@pytest.mark.parametrize("name", [*LOSSES, *STRUCTURES, *PASSES.names])
def test_a_page_names_every_loss_structure_and_pass(name: str) -> None:
    assert stands(name, WRITTEN), f"no page under docs/ says what `{name}` is for"


@pytest.mark.parametrize("name", [*FORMATS, *MADE])
def test_the_table_of_data_has_every_name(name: str) -> None:
    table = "\n".join(line for line in (ROOT / "docs" / "data.md").read_text().splitlines() if line.startswith("| `"))
    assert stands(name, table), f"docs/data.md has no line for `{name}`"


def test_the_walk_has_every_room_on_its_floor() -> None:
    rows = re.findall(r"^\| (-?\d+) \| (.*) \|$", (ROOT / "docs" / "walk.md").read_text(), re.MULTILINE)
    told = {room.rstrip("/"): int(floor) for floor, rooms in rows for room in re.findall(r"`([^`]+)`", rooms)}
    assert told == FLOORS


def test_the_language_lists_every_name_of_the_catalogue() -> None:
    check_golden(lists.PAGE, lists.page())


def test_a_name_that_is_missing_is_noticed() -> None:
    assert not stands("focal", "a focal_loss and focal-length, not the loss")
