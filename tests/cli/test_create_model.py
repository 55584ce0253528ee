"""`archlang.create_model` and `list_models` over a folder of networks."""

from __future__ import annotations

from pathlib import Path

import pytest

import archlang
import archlang.models
from archlang.diagnostics import ArchError
from tests.cli.conftest import DEMO


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three networks, two of one name."""
    for name in ("small/demo", "large/demo", "large/other_demo"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / f"{name}.arch").write_text(DEMO)
    monkeypatch.setattr(archlang.models, "specs", lambda: tmp_path)
    return tmp_path


def test_names_and_patterns(folder: Path) -> None:
    assert archlang.list_models() == ["large/demo", "large/other_demo", "small/demo"]
    assert archlang.list_models("small/*") == ["small/demo"]
    assert archlang.list_models("other*") == ["large/other_demo"]
    assert archlang.list_models("none") == []


def test_a_model_with_its_dials(folder: Path) -> None:
    model = archlang.create_model("small/demo", width=32, seed=3)
    assert sum(p.numel() for p in model.parameters()) == 32 * 27 + 64 + 330
    assert sum(p.numel() for p in archlang.create_model("other_demo").parameters()) == 634


def test_names_that_are_none(folder: Path) -> None:
    with pytest.raises(ArchError, match="did you mean `small/demo`"):
        archlang.create_model("small/deno")
    with pytest.raises(ArchError, match="may be one of large/demo, small/demo"):
        archlang.create_model("demo")
    with pytest.raises(ArchError, match="list_models"):
        archlang.create_model("\x1b[31m")
    with pytest.raises(ArchError, match="did you mean `width`"):
        archlang.create_model("small/demo", widht=3)


def test_where_the_networks_lie() -> None:
    assert archlang.models.specs().name == "specs"
