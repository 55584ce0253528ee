"""`archlang doctor`: what is there is said to be, what is not is said with the way to have it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

from archlang.cli import installed
from archlang.cli.installed import USES, Part, fitting, import_fault, parts
from tests.cli.conftest import ROOT, Call

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Imports are believed to go, and torch is not asked: both take seconds."""
    monkeypatch.setattr(installed, "import_fault", lambda module: "")
    monkeypatch.setattr("archlang.cli.commands.doctor.devices", lambda: ["cpu (1 threads)"])


def test_every_extra_of_the_project_is_explained() -> None:
    assert set(USES) - {""} == set(PROJECT["optional-dependencies"]) - {"dev"}


@pytest.mark.usefixtures("quick")
def test_every_package_of_the_project_is_looked_for(call: Call) -> None:
    groups = [PROJECT["dependencies"], *PROJECT["optional-dependencies"].values()]
    of_dev = {_name(line) for line in PROJECT["optional-dependencies"]["dev"]}
    names = {_name(line) for group in groups for line in group} - of_dev - {"archlang"}

    found = {package["name"]: package for package in json.loads(call("doctor", "--format", "json").out)["packages"]}
    assert set(found) >= names
    for name in names:
        try:
            version = metadata.version(name)
        except metadata.PackageNotFoundError:
            version = None
        assert found[name]["found"] == version


def _name(requirement: str) -> str:
    name = re.match(r"[\w.-]+", requirement)
    assert name is not None
    return name[0].lower().replace("_", "-")  # as metadata writes it


def test_a_package_that_fails_while_it_is_imported_is_broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "spoilt.py").write_text("raise OSError('libgone.so: cannot open')", encoding="utf-8")
    (tmp_path / "killed.py").write_text("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", encoding="utf-8")
    (tmp_path / "whole.py").write_text("print('to standard output')", encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    assert import_fault("spoilt") == "OSError: libgone.so: cannot open"
    assert "-11" in import_fault("killed")
    assert import_fault("whole") == ""


@pytest.mark.parametrize(("version", "wanted", "state"), [
    ("2.11", ">=2.11,<2.15", "ok"), ("2.14.9", ">=2.11,<2.15", "ok"), ("2.15", ">=2.11,<2.15", "too new"),
    ("2.9.1", ">=2.11,<2.15", "too old"), ("14.0", ">=14", "ok"), ("2.13.0+cu130", ">=2.11,<2.15", "ok"),
    ("0.5rc1", ">=0.5", "ok"), ("1", "", "ok"),
])
def test_versions_are_compared_by_their_numbers(version: str, wanted: str, state: str) -> None:
    assert fitting(version, wanted) == state


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(("name", "extra", "state", "status"), [
    ("torch", "torch", "too old", 4), ("torch", "torch", "broken", 4), ("lark", "", "missing", 4),
    ("onnx", "onnx", "missing", 0), ("lark", "", "ok", 0),
])
def test_the_status_says_whether_something_is_wrong(
    name: str, extra: str, state: installed.State, status: int, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = "1.0"
    if state == "missing":
        found = None
    monkeypatch.setattr("archlang.cli.commands.doctor.parts", lambda: [Part(name, extra, ">=2", found, state)])

    outcome = call("doctor")
    assert outcome.status == status
    assert state in outcome.out
    if status:
        assert f"pip install '{name}>=2'" in outcome.err
    elif state == "missing":
        assert "pip install 'archlang[onnx]'" in outcome.out


def test_it_runs_where_torch_is_not_installed(tmp_path: Path) -> None:
    # A folder in front of all others, whose torch cannot be imported.
    (tmp_path / "torch.py").write_text("raise ImportError('no torch here')", encoding="utf-8")
    for slow in ("onnx", "onnxruntime", "onnxscript", "scipy", "sklearn"):
        (tmp_path / f"{slow}.py").touch()
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])}
    done = subprocess.run(
        [sys.executable, "-m", "archlang", "doctor"], env=environment, capture_output=True, text=True, timeout=120,
        check=False,
    )
    assert done.returncode == 4
    assert "broken   torch" in done.stdout
    assert "no torch here" in done.stdout
    assert "none: torch is missing or broken" in done.stdout


@pytest.mark.usefixtures("quick")
def test_parts_are_named_once() -> None:
    names = [part.name for part in parts()]
    assert len(names) == len(set(names))
