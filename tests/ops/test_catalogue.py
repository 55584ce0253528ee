"""The catalogue against its folder, and what every entry must say of itself."""

from __future__ import annotations

import importlib
import pkgutil
import re

import pytest

import archlang.ops
from archlang.ops import CATALOGUE, REQUIRED, Arg
from archlang.ops.catalogue import FAMILIES
from archlang.ops.kinds import Fault, TensorKind
from archlang.ops.model import Op, Setting, Structure
from archlang.ops.plugins import _RESERVED

ENTRIES = [*CATALOGUE.ops.values(), *CATALOGUE.structures.values(), *CATALOGUE.settings.values()]
IDS = [f"{type(e).__name__}-{e.name}" for e in ENTRIES]


def test_every_family_in_the_folder_stands_in_the_tuple() -> None:
    names = [m.name for m in pkgutil.iter_modules(archlang.ops.__path__)]
    modules = [importlib.import_module(f"archlang.ops.{name}") for name in names]
    assert {m for m in modules if hasattr(m, "OPS")} == set(FAMILIES)
    settings = [s for m in modules for s in getattr(m, "SETTINGS", ())]
    structures = [s for m in modules for s in getattr(m, "STRUCTURES", ())]
    assert len(settings) == len(CATALOGUE.settings)
    assert all(CATALOGUE.settings[s.role, s.name] is s for s in settings)
    assert structures == list(CATALOGUE.structures.values())


def test_no_name_is_given_twice() -> None:
    ops = [op.name for family in FAMILIES for op in family.OPS]
    assert len(ops) == len(set(ops))
    assert not set(CATALOGUE.ops) & set(CATALOGUE.structures)
    assert all(name == op.name for name, op in CATALOGUE.ops.items())


@pytest.mark.parametrize("entry", ENTRIES, ids=IDS)
def test_every_entry_explains_itself(entry: Op | Structure | Setting) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9_]*", entry.name)
    declared = isinstance(entry, Setting) and entry.role == "declaration"
    internal = isinstance(entry, Op) and entry.internal
    assert declared or internal or entry.name not in _RESERVED
    assert entry.doc.endswith(".")
    assert internal or declared or entry.name in entry.example
    many = [arg for arg in entry.args if arg.many or getattr(arg.kind, "many", False)]
    assert len(many) <= 1
    for arg in entry.args:
        assert isinstance(arg, Arg)
        assert arg.doc and not arg.doc.endswith("."), arg.name
        assert arg.kind.text
        needs_no_check = arg.default is REQUIRED or arg.default is None or isinstance(arg.kind, TensorKind)
        if not needs_no_check:
            arg.kind.accept(arg.default)


def test_internal_ops_are_no_stages() -> None:
    for name in (
        "input", "gates", "combine", "stitch", "mix",
        "pad_map", "crop_map", "boosted_sum", "energies", "weigh", "branch_mask",
        "cut_patches", "add_position", "put_back", "cosine", "dispatch", "join_experts", "sparse_gates",
    ):
        assert CATALOGUE.stage(name) is None
        assert name not in CATALOGUE.stages
    assert CATALOGUE.stage("conv") is CATALOGUE.ops["conv"]
    assert CATALOGUE.stage("fork") is CATALOGUE.structures["fork"]


def test_settings_are_listed_by_their_role() -> None:
    assert CATALOGUE.setting("augmentation", "sobel") is None
    assert {"cosine_router", "cross_connection", "cross_prediction", "cross_stitch"} <= set(CATALOGUE.of_role("router"))
    assert CATALOGUE.roles_of("recurrent") == ("aggregator",)
    assert "mean" in CATALOGUE.of_role("aggregator")


def test_arguments_of_settings_are_checked() -> None:
    sgd = CATALOGUE.setting("optimizer", "sgd")
    assert sgd is not None
    rate = sgd.args[0].kind
    assert rate.accept(0.1) == 0.1
    for wrong in (0, -1, float("inf"), True, "0.1"):
        with pytest.raises(Fault):
            rate.accept(wrong)
