"""Packages of a user's own: modules found by name in the folders of a search path that the user gives."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch
from torch import nn

import archlang
from archlang.diagnostics import ArchError
from archlang.elaborate.network import check, load
from archlang.limits import DEFAULT, Limits
from tests.elaborate.test_projects import UNIT, written
from tests.reference.compare import Pair
from tests.reference.machine import Reference

USES_MY_BLOCKS = """archlang 1
import my.blocks (unit, width)
network N {
  input x: [3, 8, 8]
  output x -> unit(width) -> global_avg_pool
}
"""
BLOCKS = """archlang 1
import "./inner/act.arch" (act)
import my.sizes (base)
import std.conv (unit as standard)
let width = 2 * base
block unit(c) = standard(c) -> act
"""
PACKAGE = {
    "my/blocks.arch": BLOCKS,
    "my/sizes.arch": "archlang 1\nlet base = 3\n",
    "my/inner/act.arch": "archlang 1\nlet act = leaky_relu(0.2)\n",
}


@pytest.fixture
def libs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that holds the package, beside the project; the environment names none."""
    monkeypatch.delenv("ARCHLANG_PATH", raising=False)
    folder = tmp_path / "libs"
    written(folder, PACKAGE)
    return folder


@pytest.fixture
def main(tmp_path: Path) -> Path:
    """A file that imports of the package."""
    return written(tmp_path / "project", {"main.arch": USES_MY_BLOCKS})


def kinds(main: Path, *folders: Path, limits: Limits = DEFAULT) -> list[str]:
    """The kinds of mistakes in a file, with these folders as the search path."""
    return [d.name for d in check(main, limits=limits, folders=folders)]


class Plain(nn.Module):
    """What the package's blocks say, in torch."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 6, 3, padding=1, bias=False), nn.BatchNorm2d(6)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        made: torch.Tensor = nn.functional.leaky_relu(self.norm(self.conv(x)).relu(), 0.2)
        return made.mean((2, 3))


def test_a_package_means_what_its_modules_say(main: Path, libs: Path, tmp_path: Path) -> None:
    net = load(main, folders=[libs])
    model = archlang.compile(net)
    plain = Plain()
    plain.load_state_dict(dict(zip(plain.state_dict(), model.state_dict().values(), strict=True)))
    x = torch.rand(4, 3, 8, 8)
    assert torch.allclose(model(x), plain(x), atol=1e-6)
    Pair(net, Reference(net.project.main.file, None, main.parent, [libs])).compare()

    # The saved model carries the package's text: neither the path nor the package is needed any more.
    archlang.save(model, tmp_path / "model.safetensors")
    for file in libs.rglob("*.arch"):
        file.unlink()
    again = archlang.load_model(tmp_path / "model.safetensors")
    assert torch.equal(again(x), model.eval()(x))
    assert "import" not in net.text
    assert net.listing == net.text


def test_the_search_path_is_the_users(main: Path, libs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Neither the folder of the file nor the current one is searched.
    monkeypatch.chdir(libs)
    assert kinds(main) == ["import-not-found"]
    assert archlang.load(main, path=libs).parameters == archlang.load(main, path=[str(libs)]).parameters
    assert archlang.loads(USES_MY_BLOCKS, path=libs).parameters == archlang.load(main, path=libs).parameters
    assert archlang.check(main, path=[tmp_path, libs]) == ()

    monkeypatch.setenv("ARCHLANG_PATH", os.pathsep.join(["", str(tmp_path / "none"), str(libs)]))
    assert archlang.check(main) == ()
    assert archlang.load(main).parameters == archlang.load(main, path=libs).parameters
    monkeypatch.setenv("ARCHLANG_PATH", "")
    assert [d.name for d in archlang.check(main)] == ["import-not-found"]


def test_a_model_file_is_read_without_the_search_path(libs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARCHLANG_PATH", str(libs))
    from archlang.elaborate.network import loads

    with pytest.raises(ArchError, match="search path"):
        loads(USES_MY_BLOCKS, name="<model>")


@pytest.mark.parametrize("path", ["nowhere", ["nowhere"], 3, [None], "a\0b"])
def test_what_is_no_search_path(main: Path, libs: Path, path: object) -> None:
    with pytest.raises(ArchError) as problem:
        archlang.load(main, path=path)  # type: ignore[arg-type]  # a wrong one is refused
    assert [d.name for d in problem.value.diagnostics] == ["usage"]


def test_a_dial_called_path_is_not_taken_for_the_search_path(libs: Path) -> None:
    text = USES_MY_BLOCKS.replace("network N", "network N(path = 1)")
    with pytest.raises(ArchError, match="a dial of this name"):
        archlang.loads(text, path=libs)


def test_a_name_stands_for_one_file(main: Path, libs: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    written(other, {"my/blocks.arch": UNIT})
    assert kinds(main, libs, other) == kinds(main, other, libs) == ["import-ambiguous"]
    # The same folder twice, by another name too, is one.
    (tmp_path / "linked").symlink_to(libs)
    assert kinds(main, libs, libs, libs / ".." / "libs", tmp_path / "linked") == []


def test_standard_modules_are_not_replaced(libs: Path, tmp_path: Path) -> None:
    main = written(tmp_path / "project", {
        "main.arch": "archlang 1\nimport std.conv (unit)\nlet stage = unit(4)\n",
    })
    written(libs, {"std/own.arch": UNIT})
    assert kinds(main, libs) == []
    written(libs, {"std/conv.arch": UNIT})
    assert kinds(main, libs) == ["import-ambiguous"]

    own = written(tmp_path / "second", {"main.arch": "archlang 1\nimport std.own (unit)\nlet stage = unit(4)\n"})
    assert kinds(own, libs) == ["import-not-found"]


def test_nothing_leads_out_of_a_folder_of_the_path(main: Path, libs: Path, tmp_path: Path) -> None:
    written(tmp_path, {"outside.arch": UNIT})
    written(libs, {"my/inner/act.arch": 'archlang 1\nimport "../../../outside.arch" (unit)\nlet act = unit(6)\n'})
    assert kinds(main, libs) == ["import-outside"]

    (libs / "my" / "inner" / "act.arch").write_text("archlang 1\nlet act = relu\n", encoding="utf-8")
    (libs / "my" / "sizes.arch").unlink()
    (libs / "my" / "sizes.arch").symlink_to(tmp_path / "outside.arch")
    assert kinds(main, libs) == ["import-outside"]


def test_modules_in_a_circle(main: Path, libs: Path) -> None:
    written(libs, {"my/sizes.arch": "archlang 1\nimport my.blocks (width)\nlet base = width\n"})
    (problem,) = check(main, folders=[libs])
    assert problem.name == "import-cycle"
    assert "blocks.arch -> sizes.arch -> blocks.arch" in problem.message
    assert problem.primary is not None
    assert Path(problem.primary.span.source.name) == libs / "my" / "sizes.arch"


def test_a_mistake_in_a_module_stands_there(main: Path, libs: Path) -> None:
    written(libs, {"my/blocks.arch": BLOCKS.replace("-> act", "-> acct")})
    (problem,) = check(main, folders=[libs])
    assert problem.primary is not None
    assert Path(problem.primary.span.source.name) == libs / "my" / "blocks.arch"


def test_limits_hold_for_modules(main: Path, libs: Path) -> None:
    assert kinds(main, libs, limits=Limits(files=5)) == []
    assert "too-many-files" in kinds(main, libs, limits=Limits(files=4))
    assert "import-too-deep" in kinds(main, libs, limits=Limits(import_depth=1))


def test_a_file_read_by_its_path_and_by_its_name_is_read_once(libs: Path) -> None:
    main = written(libs, {
        "main.arch": 'archlang 1\nimport my.sizes (base)\nimport "./my/sizes.arch" (base as same)\n'
                     "network N { input x: [3, 8, 8]\n  output x -> conv(1x1, base + same) }\n",
    })
    assert len(load(main, folders=[libs]).project.units) == 2


def test_a_rewritten_network_keeps_what_it_imports(main: Path, libs: Path) -> None:
    net = load(main, folders=[libs])
    wide = archlang.transform(net, "multipath{paths=2}")
    assert wide.parameters > net.parameters
    assert archlang.loads(wide.listing).parameters == wide.parameters


def test_the_example_is_what_a_plain_module_is() -> None:
    """The laboratory's unit, torchvision's basic block of equal width, and a unit that halves the map."""
    folder = Path(__file__).parents[2] / "examples" / "16_package"
    ours = archlang.compile(archlang.load(folder / "network.arch", path=[folder / "libs"]), seed=0).double().eval()

    def unit(before: int, after: int, stride: int) -> list[nn.Module]:
        return [nn.Conv2d(before, after, 3, stride, 1, bias=False), nn.BatchNorm2d(after, eps=1e-3), nn.SiLU()]

    body = nn.Sequential(nn.Conv2d(16, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU(),
                         nn.Conv2d(16, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16))
    first, last = nn.Sequential(*unit(3, 16, 1)), nn.Sequential(*unit(16, 32, 2))
    head = nn.Linear(32, 10)
    plain = nn.ModuleList([first, body, last, head]).double().eval()

    state = ours.state_dict()
    assert [value.shape for value in plain.state_dict().values()] == [value.shape for value in state.values()]
    plain.load_state_dict(dict(zip(plain.state_dict(), state.values(), strict=True)))

    x = torch.randn(2, 3, 32, 32, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    maps = first(x)
    maps = last(torch.relu(body(maps) + maps))
    assert torch.allclose(ours(x), head(maps.mean((2, 3))), rtol=0, atol=1e-9)
