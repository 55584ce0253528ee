"""Every example is canonical, compiles and runs; every Python example runs as a script does."""

from __future__ import annotations

import runpy
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from archlang.compiler import compile, load
from archlang.elaborate import check
from archlang.elaborate import load as load_with
from archlang.ops import catalogue_with
from archlang.source import Source
from archlang.syntax import parse, print_file
from tests.docs.pages import ROOT
from tests.ops.instantiate import drawn

EXAMPLES = ROOT / "examples"
PLUGIN = EXAMPLES / "10_plugin"
NETWORKS = sorted(path for path in EXAMPLES.glob("*.arch") if not path.stem.startswith("mistakes"))
SCRIPTS = sorted(EXAMPLES.glob("*.py"))


@pytest.mark.parametrize("path", sorted(EXAMPLES.rglob("*.arch")), ids=lambda path: path.stem)
def test_examples_are_canonical_and_say_what_they_show(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    tree = parse(Source(str(path), text))
    assert print_file(tree) == text
    assert tree.doc


@pytest.mark.parametrize("path", NETWORKS, ids=lambda path: path.stem)
def test_examples_compile_and_run(path: Path) -> None:
    net = load(str(path))
    assert not net.warnings
    model = compile(net).eval()
    chance, inputs = torch.Generator().manual_seed(0), []
    for given in net.graph.inputs:
        sizes = tuple(size if isinstance(size, int) else 32 for size in given.type.dims)
        inputs.append(drawn(given.type, sizes, 2, chance))
    with torch.no_grad():
        found = model(*inputs)
    for tensor in found.values() if isinstance(found, dict) else [found]:
        assert tensor.shape[0] == 2
        assert tensor.isfinite().all()
    assert sum(p.numel() for p in model.parameters()) == net.parameters


def test_the_mistakes_are_two() -> None:
    assert [d.name for d in check(str(EXAMPLES / "mistakes.arch"), {})] == ["shape-mismatch", "unknown-stage"]


def test_the_mistakes_of_pytorch_are_mended_by_their_fixes(tmp_path: Path) -> None:
    file = tmp_path / "net.arch"
    text = (EXAMPLES / "mistakes_pytorch.arch").read_text(encoding="utf-8")
    file.write_text(text, encoding="utf-8")
    fixes = [d.fix for d in check(str(file), {})]
    assert len(fixes) == 3

    for fix in reversed(fixes):  # from the end, so that the places before it stay
        assert fix is not None
        text = text[: fix.span.start] + fix.text + text[fix.span.end :]
    file.write_text(text, encoding="utf-8")
    assert check(str(file), {}) == ()


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_scripts_run(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(str(path), run_name="__main__")
    assert capsys.readouterr().out


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The plug-in as pip would have installed it."""
    project = tomllib.loads((PLUGIN / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    info = tmp_path / f"archlang_gem-{project['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    points = project["entry-points"]["archlang.ops"]
    (info / "entry_points.txt").write_text("[archlang.ops]\n" + "".join(f"{k} = {v}\n" for k, v in points.items()))
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.syspath_prepend(str(PLUGIN))
    yield
    for name in ("archlang_gem", "archlang_gem_torch"):
        sys.modules.pop(name, None)


def test_the_plugin_compiles_to_what_torch_computes(installed: None) -> None:
    net = load_with(PLUGIN / "network.arch", catalogue=catalogue_with(["gem"]))
    model = compile(net)
    assert sum(p.numel() for p in model.parameters()) == net.parameters == 347
    assert model(torch.rand(2, 1, 8, 8)).shape == (2, 10)
    pool = model.gem
    x = torch.rand(2, 3, 4, 4)
    torch.testing.assert_close(pool(x), torch.nn.functional.lp_pool2d(x, 4.0, 4).flatten(1) / 16 ** 0.25)


def test_without_the_plugin_the_file_has_a_mistake() -> None:
    assert [d.name for d in check(str(PLUGIN / "network.arch"), {})] == ["unknown-stage"]
