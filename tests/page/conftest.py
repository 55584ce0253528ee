"""A project in a folder of its own, and the server of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.page.browser import Browser
from tests.page.serving import PATHS, Page, serving


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One browser for all tests: it takes a second to start."""
    with Browser() as found:
        yield found


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with a network, a file of blocks, and something beside it that is none of its business."""
    folder = tmp_path / "project"
    (folder / "more").mkdir(parents=True)
    (folder / "net.arch").write_text(PATHS, encoding="utf-8")
    (folder / "blocks.arch").write_text("archlang 1\nblock unit(c) = conv(3x3, c) -> relu\n", encoding="utf-8")
    (folder / "more" / "inner.arch").write_text(PATHS.replace("TwoPaths", "Inner"), encoding="utf-8")
    (tmp_path / "secret.arch").write_text("archlang 1\n# a secret\n", encoding="utf-8")
    (folder / "notes.txt").write_text("a secret too", encoding="utf-8")
    return folder


@pytest.fixture
def page(project: Path) -> Iterator[Page]:
    """A page of the project."""
    with serving(project / "net.arch") as found:
        yield found
