"""Every spec has exactly the parameters of its row, and rounds to what the table prints."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from archlang.analysis import report
from archlang.elaborate import load
from tests.specs.rows import EXACT, MULTIPATH, PRINTED, SPECS, Dials


@pytest.mark.parametrize(("name", "dials", "parameters"), EXACT)
def test_parameters(name: str, dials: Dials, parameters: int) -> None:
    net = load(MULTIPATH / f"{name}.arch", dials)
    assert net.parameters == parameters
    assert report(net).parameters == parameters


@pytest.mark.parametrize(("name", "dials", "millions", "counted"), PRINTED)
def test_printed_digits(name: str, dials: Dials, millions: str, counted: str) -> None:
    net = load(MULTIPATH / f"{name}.arch", dials)
    assert isinstance(net.parameters, int) and isinstance(net.buffers, int)
    total = net.parameters + (net.buffers if counted == "with buffers" else 0)
    digits = len(millions.partition(".")[2])
    assert f"{total / 1e6:.{digits}f}" == millions


def test_every_spec_has_its_count() -> None:
    assert {path.stem for path in SPECS if path.parent == MULTIPATH} == {name for name, _, _ in EXACT}


@pytest.mark.parametrize("path", SPECS, ids=lambda p: p.stem)
def test_numbers_in_doc_strings_are_true(path: Path) -> None:
    said = {int(n.replace(",", "")) for n in re.findall(r"\d{1,3}(?:,\d{3})+", load(path).tree.doc or "")}
    assert said <= {count for name, _, count in EXACT if name == path.stem}


@pytest.mark.parametrize(("name", "giga"), [("resnet18", 1.81), ("resnet34", 3.66), ("resnet50", 4.09)])
def test_multiply_adds_as_published(name: str, giga: float) -> None:
    flops = load(MULTIPATH / f"{name}.arch").flops
    assert isinstance(flops, int)
    assert round(flops / 2e9, 2) == giga
