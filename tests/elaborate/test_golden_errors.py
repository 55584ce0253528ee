"""Every mistake that a file can hold, as a person sees it: `tests/golden/errors/NAME.arch` and its text `NAME.txt`.

A folder is a project whose network stands in `main.arch`. A line `# check: ...` says how the file is checked:
`-p dial=value`, `--limit name=number`, `--load`, `--encoding=name`, and `--hidden`, which puts the characters written
`<U+202E>` into the text.
"""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from archlang.diagnostics import KINDS, ArchError, Diagnostic
from archlang.diagnostics.kinds import ARGUMENTS, IMPORTS, LIMITS, NAMES, SHAPES, SYNTAX, TRAINING, WARNINGS
from archlang.diagnostics.render import human
from archlang.elaborate.network import check, load
from archlang.limits import DEFAULT
from tests.golden import check_golden

FOLDER = Path(__file__).parent.parent / "golden" / "errors"
CASES = sorted(p for p in FOLDER.iterdir() if p.is_dir() or p.suffix == ".arch")
OPTIONS = re.compile(r"^# check: (.*)$", re.MULTILINE)
PLANNED: set[str] = set()  # of parts that files can write but nothing checks yet
ELSEWHERE = {"missing-train"}  # asked for by a command


def diagnosed(case: Path, folder: Path) -> tuple[Diagnostic, ...]:
    """What checking a case says; it is copied to `folder`, the current one, so that messages hold a short name."""
    if case.is_dir():
        shutil.copytree(case, folder / case.name)
        file = Path(case.name, "main.arch")
    else:
        file = Path(case.name)
        shutil.copy(case, folder / file)
    text = (folder / file).read_text(encoding="utf-8")
    found = OPTIONS.search(text)
    words = found[1].split() if found else []
    if "--hidden" in words:
        text = re.sub(r"<U\+(\w+)>", lambda m: chr(int(m[1], 16)), text)
    encoding = next((w.partition("=")[2] for w in words if w.startswith("--encoding=")), "utf-8")
    (folder / file).write_bytes(text.encode(encoding))
    pairs = [(option, *value.split("=", 1)) for option, value in pairwise(words) if "=" in value]
    dials = {name: value for option, name, value in pairs if option == "-p"}
    limits = replace(DEFAULT, **{name: int(value) for option, name, value in pairs if option == "--limit"})
    folders = tuple(Path(value) for option, value in pairwise(words) if option == "--path")
    if "--load" not in words:
        return check(file, dials, limits=limits, folders=folders)
    with pytest.raises(ArchError) as problem:
        load(file, dials, limits=limits, folders=folders)
    return problem.value.diagnostics


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_message(case: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = tmp_path / "project"
    project.mkdir()
    monkeypatch.chdir(project)
    diagnostics = diagnosed(case, project)
    check_golden(FOLDER / f"{case.stem}.txt", human(diagnostics))
    kind = re.sub(r"-\d+$", "", case.stem)
    if kind in KINDS:
        assert kind in {d.name for d in diagnostics}


def test_every_kind_of_mistake_in_a_file_has_a_case() -> None:
    tables = (SYNTAX, NAMES, IMPORTS, ARGUMENTS, SHAPES, LIMITS, TRAINING, WARNINGS)
    wanted = {name for table in tables for name in table} - PLANNED - ELSEWHERE
    assert wanted <= {re.sub(r"-\d+$", "", case.stem) for case in CASES}
