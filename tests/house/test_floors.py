"""The architecture as tests: imports go down, libraries have one door, no torch in front."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import pytest

from tests.house.measure import for_type_checkers

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "archlang"

FLOORS: dict[str, int] = {
    "dataclass": -1,
    "collecting": 0, "source": 0, "limits": 0, "sizes": 0, "shapes": 1, "version": 0, "wording": 0, "changes": 0,
    "diagnostics": 1,
    "syntax": 2, "codes": 2, "kernels": 2, "passes": 2, "atomic": 2, "record": 2,
    "ops": 3,
    "project": 4, "graph": 4,
    "elaborate": 5,
    "transform": 6, "analysis": 6, "views": 6, "layers": 6, "editor": 6,
    "emit": 7, "page": 7,
    "rewrite": 8, "tuning": 8,
    "compiler": 9, "artefact": 9,
    "train": 10, "models": 10, "differences": 10, "adopting": 10, "exporting": 10, "hub": 10,
    "studies": 11, "importing": 11, "carrying": 11, "comparison": 11,
    "cli": 12,
    "__init__": 13, "__main__": 13,
}

DOORS: dict[str, tuple[str, ...]] = {
    "torch": ("layers", "emit", "rewrite", "tuning", "compiler", "artefact", "models", "train", "studies", "importing",
              "comparison", "adopting", "exporting", "carrying", "hub", "cli", "__init__"),
    "lark": ("syntax",),
    "networkx": ("graph/ir.py",),
    "pygraphviz": ("views",),
    "safetensors": ("artefact",),
    "click": ("cli",),
    "rich": ("cli",),
    "sklearn": ("train", "studies"),
    "onnx": ("exporting", "importing/onnx_file/opening.py", "importing/onnx_file/running.py"),
    "optuna": ("comparison/search.py",),
    "onnxruntime": ("exporting", "importing/onnx_file/opening.py"),
    "onnxscript": ("exporting",),
    "huggingface_hub": ("hub",),
    "scipy": ("codes", "studies", "comparison", "train/groupings.py"),
    "pygls": ("editor/server/serving.py", "editor/server/answers.py"),
    "lsprotocol": ("editor/server/serving.py", "editor/server/answers.py", "editor/server/convert.py"),
    "pygments": ("editor/lexer.py",),
    "IPython": (),
}

FRONT = (
    "source", "diagnostics", "sizes", "shapes", "limits", "syntax", "codes", "kernels", "passes", "ops", "project",
    "graph", "elaborate", "transform", "analysis", "views", "editor",
    "page",
)

SOURCES = sorted(PACKAGE.rglob("*.py"))


def room(path: Path) -> str:
    """The room a file stands in: the first part of its path inside the package."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


@cache
def imports(path: Path) -> tuple[str, ...]:
    """Every module that a file imports, inside functions too, but not for type checkers alone."""
    return tuple(_imports(ast.parse(path.read_text())))


def _imports(tree: ast.Module) -> Iterator[str]:
    typing_only = {
        id(inner) for node in ast.walk(tree)
        if isinstance(node, ast.If) and for_type_checkers(node)
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def upward(path: Path, modules: Sequence[str]) -> list[str]:
    """The imports of a file that do not go down."""
    here = room(path)
    wrong = []
    for module in modules:
        parts = module.split(".")
        if parts[0] != "archlang":
            continue
        there = parts[1] if len(parts) > 1 else "__init__"
        if there != here and not (there in FLOORS and FLOORS[there] < FLOORS[here]):
            wrong.append(f"{path.relative_to(ROOT)} imports {module}")
    return wrong


def test_every_room_has_a_floor() -> None:
    assert {room(path) for path in SOURCES} <= set(FLOORS)


def test_imports_go_down() -> None:
    assert [wrong for path in SOURCES for wrong in upward(path, imports(path))] == []


def test_an_import_that_goes_up_is_noticed() -> None:
    assert upward(PACKAGE / "ops" / "made_up.py", ["archlang.graph.ir", "archlang", "archlang.syntax"]) == [
        "archlang/ops/made_up.py imports archlang.graph.ir", "archlang/ops/made_up.py imports archlang",
    ]


def test_each_library_has_one_door() -> None:
    wrong = []
    for path in SOURCES:
        place = str(path.relative_to(PACKAGE))
        for module in imports(path):
            doors = DOORS.get(module.split(".")[0])
            if doors is not None and not any(place == d or room(path) == d for d in doors):
                wrong.append(f"{place} imports {module}")
    assert wrong == []


BLOCKED = """
import sys
class Wall:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "torch":
            raise ImportError("torch is not installed")
sys.meta_path.insert(0, Wall())
"""


def without_torch(code: str) -> subprocess.CompletedProcess[str]:
    """Run Python code in a process in which torch cannot be imported."""
    return subprocess.run([sys.executable, "-c", BLOCKED + code], capture_output=True, text=True, timeout=60, cwd=ROOT)


def test_the_front_half_works_without_torch() -> None:
    code = "\n".join(f"import archlang.{name}" for name in FRONT) + """
from archlang.elaborate import load
from archlang.analysis import report
from archlang.transform import apply
net = load("specs/multipath/base_cnn.arch")
print(net.parameters, apply(net, "multipath").parameters, len(report(net).nodes) > 5, "torch" in sys.modules)
"""
    done = without_torch(code)
    assert done.stdout.split() == ["551018", "1110564", "True", "False"], done.stderr


@pytest.mark.parametrize("command", [
    "--help", "check specs/multipath/base_cnn_cc.arch", "fmt --check specs/multipath/base_cnn_cc.arch",
    "info specs/multipath/base_cnn_cc.arch", "draw specs/multipath/base_cnn_cc.arch -o -",
    "explain shape-mismatch", "ops conv", "diff specs/multipath/base_cnn.arch specs/multipath/base_cnn_cc.arch",
    "transform specs/multipath/base_cnn.arch multipath{paths=3}",
])
def test_commands_that_need_no_torch(command: str) -> None:
    done = without_torch(f"sys.argv = ['archlang', *{command.split()!r}]\nfrom archlang.cli.main import main\nmain()")
    assert done.returncode == 0, done.stderr


def test_the_wall_against_torch_stands() -> None:
    done = without_torch("import archlang.layers")
    assert done.returncode != 0
    assert "torch is not installed" in done.stderr


def test_the_repository_speaks_of_the_project_alone() -> None:
    listed = subprocess.run(["git", "ls-files"], capture_output=True, text=True, cwd=ROOT, timeout=60).stdout.split()
    roots = tuple("/" + name + "/" for name in ("work", "root", "home", "farm"))
    hosts = tuple(".".join(parts) for parts in (("pypi", "org"), ("pythonhosted", "org")))
    wrong = []
    for name in listed:
        path = ROOT / name
        if path.suffix in {".py", ".md", ".toml", ".arch", ".txt", ""} and path.is_file():
            text = path.read_text(errors="replace")
            wrong += [f"{name}: {word}" for word in (*roots, *hosts) if word in text]
    assert wrong == []


def test_commands_that_need_torch_say_what_to_install() -> None:
    # As Python says it where a package is not there at all.
    code = BLOCKED.replace('ImportError("torch is not installed")', 'ModuleNotFoundError("no torch", name="torch")')
    call = "sys.argv = ['archlang', 'compile', 'examples/04_paths.arch']\nfrom archlang.cli.main import main\nmain()"
    done = subprocess.run([sys.executable, "-c", code + call], capture_output=True, text=True, timeout=60, cwd=ROOT)
    assert done.returncode == 4
    assert "pip install 'archlang[torch]'" in done.stderr
