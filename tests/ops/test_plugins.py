"""Operations from other packages: enabled by the user, checked before they are taken."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from archlang.diagnostics import ArchError
from archlang.ops import CATALOGUE, catalogue_with
from tests.ops.instantiate import inputs, lower, use

GOOD = '''
import torch
from archlang.ops import Arg, Function, Op
from archlang.ops.kinds import Real

def shrink(x, by):
    return torch.sign(x) * torch.relu(x.abs() - by)

OPS = [Op(
    name="soft_shrink", family="activation", doc="x moved towards 0.", shape=lambda call: call.x,
    torch=Function("{module}.shrink", lambda call: {{"by": call["by"]}}),
    args=(Arg("by", Real(0), 0.5, "how far"),),
)]
NOTHING = 3
BROKEN = [Op(name="Not A Name", family="x", doc="A.", shape=lambda call: call.x, torch=Function("torch.abs"))]
TAKEN = [Op(name="conv", family="x", doc="A.", shape=lambda call: call.x, torch=Function("torch.abs"))]
FORK = [Op(name="fork", family="x", doc="A.", shape=lambda call: call.x, torch=Function("torch.abs"))]
WORD = [Op(name="network", family="x", doc="A.", shape=lambda call: call.x, torch=Function("torch.abs"))]
NO_SHAPE = [Op(name="one", family="x", doc="A.", shape=None, torch=Function("torch.abs"))]
PLAIN = dict(name="one", family="x", doc="A.", shape=lambda call: call.x, torch=Function("torch.abs"))
NO_WEIGHTS = [Op(**{{**PLAIN, "weights": None}})]
NO_FLOPS = [Op(name="one", family="x", doc="A.", shape=lambda call: call.x, torch=Function("torch.abs"), flops=None)]
NO_TORCH = [Op(name="one", family="x", doc="A.", shape=lambda call: call.x, torch=None)]
NO_TARGET = [Op(name="one", family="x", doc="A.", shape=lambda call: call.x, torch=Function("eval(1)"))]
NO_DOC = [Op(name="one", family="x", doc="", shape=lambda call: call.x, torch=Function("torch.abs"))]
TWICE = OPS + OPS
BAD_ARG = [Op(name="one", family="x", doc="A.", shape=lambda call: call.x, torch=Function("torch.abs"), args=(3,))]
'''
NAMES = ["NOTHING", "BROKEN", "TAKEN", "FORK", "WORD", "NO_SHAPE", "NO_WEIGHTS", "NO_FLOPS", "NO_TORCH", "NO_TARGET"]
NAMES += ["NO_DOC", "TWICE", "BAD_ARG", "MISSING"]


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A package on the path that offers one good plug-in and many bad ones."""
    module = f"shrinkage_{tmp_path.name.replace('-', '_')}"
    (tmp_path / f"{module}.py").write_text(GOOD.format(module=module))
    info = tmp_path / f"{module}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
    lines = ["[archlang.ops]", f"shrink = {module}:OPS"]
    lines += [f"bad_{name.lower()} = {module}:{name}" for name in NAMES] + ["absent = no_such_module_at_all:OPS"]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield module
    sys.modules.pop(module, None)


def test_an_enabled_plugin_adds_its_ops(package: str) -> None:
    catalogue = catalogue_with(["shrink", "shrink"])
    assert set(catalogue.ops) - set(CATALOGUE.ops) == {"soft_shrink"}
    assert "soft_shrink" in catalogue.stages
    op, call = use(catalogue.ops["soft_shrink"], (4,), by=1)
    (x,) = inputs(call)
    torch.testing.assert_close(lower(op, call)[1](x), torch.nn.functional.softshrink(x, 1.0))


def test_an_installed_plugin_that_nobody_enabled_is_not_even_imported(package: str) -> None:
    assert catalogue_with([]) is CATALOGUE
    assert package not in sys.modules


def test_an_unknown_plugin_is_refused_with_what_there_is(package: str) -> None:
    with pytest.raises(ArchError) as caught:
        catalogue_with(["shrik"])
    found = caught.value.diagnostics[0]
    assert found.name == "unknown-name"
    assert "`shrink`" in found.help[0]


@pytest.mark.parametrize("name", [f"bad_{name.lower()}" for name in NAMES] + ["absent"])
def test_a_bad_plugin_is_refused(package: str, name: str) -> None:
    with pytest.raises(ArchError) as caught:
        catalogue_with([name])
    assert caught.value.diagnostics[0].name == "bad-plugin"
    assert name in caught.value.diagnostics[0].message


def test_what_a_user_typed_is_echoed_without_control_characters() -> None:
    with pytest.raises(ArchError) as caught:
        catalogue_with(["a\x1b[31m"])
    assert "\x1b" not in caught.value.diagnostics[0].message
