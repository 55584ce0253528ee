"""One contract, one catalogue: a pass in one file and one line, or of another package, is reached everywhere."""

from __future__ import annotations

import importlib
import pkgutil
import runpy
import sys
import types
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import archlang
import archlang.passes.plugins as plugins
from archlang.artefact import load_model, save
from archlang.cli.commands.compile import shown
from archlang.diagnostics import ArchError
from archlang.passes.base import Pass
from archlang.passes.catalogue import PASSES, PassCatalogue
from archlang.passes.plugins import passes_with
from archlang.rewrite.applying import rewrite
from archlang.transform.base import apply

EXAMPLE = runpy.run_path(str(Path(__file__).parents[2] / "examples" / "11_own_passes.py"))
TEXT = "archlang 1\nnetwork N {\n  input x: [8]\n  output x -> linear(8) -> dropout(0.5) -> relu -> linear(2)\n}\n"


def passes_of(package: Any) -> set[type]:
    """Every complete pass that the modules of a package define."""
    found: set[type] = set()
    for info in pkgutil.iter_modules(package.__path__):
        module = importlib.import_module(f"{package.__name__}.{info.name}")
        found |= {v for v in vars(module).values() if isinstance(v, type) and issubclass(v, Pass)
                  and v.__module__ == module.__name__ and not getattr(v, "__abstractmethods__", None)}
    return found


def test_the_catalogue_is_the_folders() -> None:
    kinds = {PASSES.find(name) for name in PASSES.names}
    rooms = [importlib.import_module(f"archlang.{room}") for room in ("rewrite", "transform")]
    assert kinds == {kind for room in rooms for kind in passes_of(room)}
    for name in PASSES.names:
        kind: Any = PASSES.find(name)
        assert kind.name == name and "-->" in kind.__doc__ and kind.subject in ("network", "model")


@pytest.fixture(params=["own", "plug-in"])
def passes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> PassCatalogue:
    """The catalogue with the passes of the example: as a line of archlang's own, or offered by a package."""
    kinds = [EXAMPLE["Activation"], EXAMPLE["WithoutDropout"]]
    offering(monkeypatch, kinds)
    if request.param == "plug-in":
        return passes_with(["mine"])
    module = types.ModuleType("own_passes")  # the file of the passes
    for kind in kinds:
        setattr(module, kind.__name__, kind)
    monkeypatch.setitem(sys.modules, "own_passes", module)
    return PassCatalogue({**PASSES.places, **{kind.name: f"own_passes:{kind.__name__}" for kind in kinds}})


def offering(monkeypatch: pytest.MonkeyPatch, value: Any) -> None:
    """An installed package `mine` that offers something as passes."""
    class Point:
        name = "mine"

        @staticmethod
        def load() -> Any:
            if isinstance(value, Exception):
                raise value
            return value

    def points(group: str) -> list[Any]:
        return [Point] * (group == plugins.GROUP)

    monkeypatch.setattr(plugins, "entry_points", points)


def test_a_pass_is_reached_everywhere(passes: PassCatalogue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    net = archlang.loads(TEXT)
    assert "gelu" in apply(net, "activation{to=gelu}", passes).listing

    model = archlang.compile(net).eval()
    made = rewrite(model, "without_dropout", passes=passes)
    x = torch.randn(3, 8)
    assert "dropout" not in str(made.graph) and torch.equal(model(x), made(x))

    file = tmp_path / "m.safetensors"
    save(made, file, passes=passes)
    loaded = load_model(file, passes=passes)
    assert loaded.archlang.passes == ("without_dropout",) and torch.equal(loaded(x), made(x))
    with pytest.raises(ArchError, match="foreign-model"):
        load_model(file)
    with pytest.raises(ArchError, match="cannot repeat"):
        save(made, file)

    monkeypatch.setattr(plugins, "passes_with", lambda names: passes)
    assert "gelu" in shown(net, "after:activation{to=gelu}", 0, ("mine",))
    assert "dropout" not in shown(net, "after:without_dropout", 0, ("mine",))


@pytest.mark.parametrize(("value", "said"), [
    (RuntimeError("broken"), "cannot be loaded: RuntimeError: broken"), ([], "something other than passes"),
    (3, "something other than passes"), (int, "which is no complete pass"), (Pass, "which is no complete pass"),
    ([EXAMPLE["WithoutDropout"]] * 2, "that name is taken"),
])
def test_a_plug_in_that_offers_something_else(monkeypatch: pytest.MonkeyPatch, value: Any, said: str) -> None:
    offering(monkeypatch, value)
    with pytest.raises(ArchError, match="bad-plugin") as caught:
        passes_with(["mine"])
    assert said in str(caught.value)


def test_a_pass_is_given_what_it_takes() -> None:
    net = archlang.loads(TEXT)
    with pytest.raises(ArchError, match="`fuse` rewrites a model"):
        archlang.transform(net, "fuse")
    with pytest.raises(ArchError, match="this model has none"):
        archlang.transform(nn.Linear(3, 4), "multipath")
    with pytest.raises(ArchError, match="`multipath` transforms a network"):
        rewrite(archlang.compile(net).eval(), "multipath")
    assert archlang.transform(archlang.compile(net).eval(), "fuse").archlang.passes == ("fuse",)


@pytest.mark.parametrize(("text", "name"), [
    ("fuse{shared=maybe}", "out-of-range"), ("fuse{share=clone}", "unknown-argument"), ("fus", "unknown-pass"),
    ("extract{class=3+1}", "out-of-range"), ("extract", "out-of-range"), ("multipath{paths=x}", "wrong-kind"),
])
def test_wrong_options(text: str, name: str) -> None:
    with pytest.raises(ArchError) as caught:
        PASSES.parse(text)
    assert caught.value.diagnostics[0].name == name


@pytest.mark.parametrize("text", ["fuse", "fuse{shared=clone}", "extract{class=3+5}"])
def test_a_text_that_a_file_may_hold(text: str) -> None:
    assert str(PASSES.replayable(text)) == text


@pytest.mark.parametrize("text", ["fuse{}", " fuse", "fuse{shared=keep}", "extract{class=03}", "multipath",
                                  "fuse by the state of one model"])
def test_a_text_that_no_file_may_hold(text: str) -> None:
    assert PASSES.replayable(text) is None
