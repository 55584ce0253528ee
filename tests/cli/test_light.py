"""What must not be imported, in processes of their own; and that the proof could fail."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.cli.conftest import DEMO, spawn

PROBE = """
import json, sys
{code}
print(json.dumps(sorted(sys.modules)), file=sys.stderr)
"""


def modules_after(code: str) -> set[str]:
    """The modules that a fresh Python holds after some code."""
    done = spawn("-c", PROBE.format(code=code))
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stderr.splitlines()[-1]))


def test_importing_archlang_imports_nothing_heavy() -> None:
    found = modules_after("import archlang")
    assert not found & {"torch", "networkx", "lark", "click", "rich", "numpy", "msgspec"}
    assert {name for name in found if name.startswith("archlang")} == {"archlang", "archlang.version"}


def test_help_and_explanations_import_nothing_heavy() -> None:
    argvs = [["--help"], ["--version"], ["explain"], ["explain", "usage"]]
    found = modules_after(f"from archlang.cli.main import run\nassert not any(run(argv) for argv in {argvs!r})")
    assert not found & {"torch", "numpy", "rich", "safetensors", "networkx", "lark"}


def test_commands_that_need_no_torch_do_not_import_it(tmp_path: Path) -> None:
    file = str(tmp_path / "demo.arch")
    Path(file).write_text(DEMO)
    argvs = [
        ["check", file], ["check", file, "--format", "sarif"], ["fmt", "--check", file], ["ops"], ["ops", "conv"],
        ["info", file], ["info", file, "--format", "json"], ["draw", file], ["draw", file, "--to", "mmd"],
        ["diff", file, file], ["compile", file, "--show", "tree"], ["compile", file, "--show", "graph"],
        ["transform", file, "multipath{paths=2}"],
    ]  # fmt: skip
    code = f"""
from archlang.cli.main import run
for argv in {argvs!r}:
    assert run(argv) == 0, argv
    assert not {{"torch", "numpy", "rich", "safetensors", "lark"}} & set(sys.modules), argv"""
    assert "archlang.syntax.machine" in modules_after(code)


def test_a_check_loads_few_modules(tmp_path: Path) -> None:
    file = tmp_path / "demo.arch"
    file.write_text(DEMO)
    found = modules_after(f"from archlang.cli.main import run\nassert run(['check', {str(file)!r}]) == 0")
    # Each module is read, and its classes are made, for every check. Many more need a reason, or an import inside of
    # the function that uses them.
    assert len([name for name in found if name.startswith("archlang")]) <= 175
    assert len(found) <= 330


def test_what_explains_mistakes_is_imported_for_a_mistake_alone(tmp_path: Path) -> None:
    right, wrong, foreign = (str(tmp_path / f"{name}.arch") for name in ("right", "wrong", "foreign"))
    Path(right).write_text(DEMO)
    Path(wrong).write_text("archlang 1\nnetwork N {\n  input x [8]\n}\n")
    Path(foreign).write_text("archlang 1\nnetwork N {\n  input x: [8]\n  output x -> Linear(8, 2)\n}\n")
    tables = {"archlang.syntax.slips", "archlang.elaborate.habits.torch_layers"}

    def read(file: str) -> set[str]:
        code = f"from archlang.cli.main import run\nrun({['check', file]!r})"
        return modules_after(code) & tables

    assert read(right) == set()
    assert read(wrong) >= {"archlang.syntax.slips"}  # what may be Python is looked up as Python too
    assert read(foreign) == {"archlang.elaborate.habits.torch_layers"}


def test_the_proof_can_fail() -> None:
    assert "networkx" in modules_after("from archlang.graph.ir import Graph; Graph('').nx")


def test_importing_archlang_is_quick(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    monkeypatch.setenv("PYTHONPYCACHEPREFIX", str(tmp_path))  # as installed: compiled once
    code = "import time; start = time.perf_counter(); import archlang; print(time.perf_counter() - start)"
    seconds = [float(spawn("-c", code).stdout) for _ in range(5)]
    assert min(seconds) < 0.01, seconds  # about 0.001 on a quiet machine


def test_torch_need_not_be_installed(tmp_path: Path) -> None:
    file = tmp_path / "demo.arch"
    file.write_text(DEMO)
    code = "import sys\nsys.modules['torch'] = None\nfrom archlang.cli.main import run\n"
    done = spawn("-c", f"{code}sys.exit(run(['compile', {str(file)!r}]))")
    assert done.returncode == 4
    assert "error[missing-tool]: this needs the package `torch`" in done.stderr
    assert "python -m pip install 'archlang[torch]'" in done.stderr


def test_the_door_is_small_and_opens() -> None:
    import archlang

    assert len(archlang.__all__) <= 28
    assert set(archlang.__all__) <= set(dir(archlang))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = archlang.nothing  # type: ignore[attr-defined]
    for name in archlang.__all__:
        assert callable(getattr(archlang, name)) or isinstance(getattr(archlang, name), ModuleType), name


def test_a_room_does_not_take_the_place_of_a_function() -> None:
    import archlang
    import archlang.transform as room_or_function

    assert callable(archlang.transform)
    assert room_or_function is archlang.transform
    assert "archlang.transform" in sys.modules


def test_the_package_says_that_it_is_typed() -> None:
    import archlang

    assert (Path(archlang.__file__).parent / "py.typed").exists()


def test_the_version_is_the_one_of_the_project() -> None:
    import tomllib

    import archlang
    from tests.cli.conftest import ROOT

    with (ROOT / "pyproject.toml").open("rb") as file:
        assert tomllib.load(file)["project"]["version"] == archlang.__version__
