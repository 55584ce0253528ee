"""Inputs that once ended in a crash, in minutes of work or in gigabytes, each for its kind."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import archlang
from archlang.diagnostics import ArchError
from archlang.diagnostics.render import NOT_SHOWN, concise, human
from archlang.elaborate.network import check, check_text
from archlang.kernels import place, steps
from archlang.limits import DEFAULT, Limits
from archlang.project.locating import NAMES
from tests.elaborate.texts import text
from tests.limits.counting import calls

MANY = "\n".join(f"  a{i} = x -> rellu" for i in range(60))


def found(source: str, limits: Limits = DEFAULT) -> list[str]:
    """The kinds of errors in a text."""
    return [d.name for d in check_text(source, limits=limits) if d.severity == "error"]


# --- names of files --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["./" + "a" * 300 + ".arch", "a.arch", "loop/x.arch", "./" + "a/" * 3000 + "b.arch"])
@pytest.mark.parametrize("form", ['import "{}" (b)', 'code c = from "{}"'])
def test_names_and_links_that_no_system_opens(path: str, form: str, tmp_path: Path) -> None:
    (tmp_path / "a.arch").symlink_to("b.arch")
    (tmp_path / "b.arch").symlink_to("a.arch")
    (tmp_path / "loop").symlink_to("loop")
    main = tmp_path / "main.arch"
    main.write_text(f"archlang 1\n{form.format(path[:1000])}\n")
    assert [d.name for d in check(main)] == ["import-not-found"]


def test_a_file_that_is_gone_is_looked_for_among_the_first_names_only(tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / f"block{number}.arch").write_text("archlang 1\n")
    main = tmp_path / "main.arch"
    main.write_text('archlang 1\nimport "./blok0.arch" (b)\n')
    (mistake,) = check(main)
    assert "`block0.arch`" in mistake.help[0] and NAMES >= 3


# --- sizes without names ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("field", ["channels", "depth", "features", "height"])
def test_stacked_volumes_have_no_names_for_their_sizes(field: str) -> None:
    body = f"y = x -> fork(2) -> each {{ celu }} -> stack\n output y -> flatten -> linear(y.{field})"
    (name,) = found(f"archlang 1\nnetwork N {{\n input x: [1, 4, 8, 8]\n {body}\n}}\n")
    assert name != "internal-error"


def test_symbols_and_the_products_of_their_sums_have_a_limit() -> None:
    def joined(count: int) -> str:
        inputs = "".join(f"  input i{n}: [2, H{n}, W]\n" for n in range(count))
        names = ", ".join(f"i{n}" for n in range(count))
        wide = f"  a = ({names}) -> concat(axis = height)\n"
        return f"archlang 1\nnetwork N {{\n{inputs}{wide}  output (a -> relu, a -> tanh) -> concat(axis = height)\n}}\n"

    assert found(joined(3)) == []
    assert found(joined(3), Limits(symbols=4)) == []
    assert found(joined(3), Limits(symbols=3)) == ["expression-too-long"]
    assert found(joined(9), Limits(symbols=10)) == []
    assert "expression-too-long" in found(joined(80))


# --- searches --------------------------------------------------------------------------------------------------------


def test_the_steps_of_a_search_are_counted_before_they_are_made() -> None:
    one = text("output x -> pbconv(31x31, 3, kernels = propose(seed = 1))")
    most = steps((31, 31)) + 31 * 31
    assert found(one, Limits(search_steps=most)) == []
    assert found(one, Limits(search_steps=most - 1)) == ["too-much-work"]


def test_kernels_that_were_placed_take_no_search_again() -> None:
    many = text("output x -> 40 * pbconv(31x31, 3, kernels = propose(seed = 1))")
    assert found(many) == []
    others = text("output x -> for n in range(40) { pbconv(31x31, 3, kernels = propose(seed = n)) }")
    assert set(found(others)) == {"too-much-work"}


def test_a_place_is_judged_without_looking_at_its_positions() -> None:
    """Twice as many positions on a side: four times as many places, and not sixteen times the work."""
    small, large = (calls(lambda k=k: place((k, k), [(k // 2, k // 2)] * 4)) for k in (10, 20))
    assert large < 6 * small


@pytest.mark.parametrize(("sizes", "kind"), [
    ("classes = 4000, branches = 24, active = 12", "code-contract"),
    ("classes = 4000, branches = 10, active = 2", "code-contract"),  # there are 45 such words
    ("classes = 10, branches = 10, active = 3", None),
    ("classes = 100, branches = 20, active = 10", None),
])
def test_a_design_is_counted_before_it_begins(sizes: str, kind: str | None) -> None:
    assert found(f"archlang 1\ncode c = design({sizes})\n") == ([] if kind is None else [kind])


# --- mistakes --------------------------------------------------------------------------------------------------------


def test_the_search_for_mistakes_ends_behind_those_that_are_shown() -> None:
    source = f"archlang 1\nnetwork N {{\n  input x: [4]\n{MANY}\n  output x -> relu\n}}\n"
    diagnostics = check_text(source, limits=Limits(diagnostics=7))
    assert len(diagnostics) == 8
    assert concise(diagnostics, limit=7).splitlines()[-1] == NOT_SHOWN
    assert len(check_text(source, limits=Limits(diagnostics=100))) == 60


def test_a_long_line_is_laid_out_around_its_mistake_only() -> None:
    def shown(length: int) -> str:
        return human(check_text("archlang 1\n" + " " * 500 + "$ " * length))

    short, long = (calls(lambda n=n: shown(n)) for n in (2_000, 20_000))
    assert long < 1.5 * short
    assert shown(400).split("\n\n")[0] == shown(2_000).split("\n\n")[0], "a line that is laid out whole looks alike"


def test_warnings_never_end_it() -> None:
    source = text("output x -> relu", "".join(f"let a{i} = 1\n" for i in range(60))) + "\nblock wrong = rellu\n"
    diagnostics = check_text(source, limits=Limits(diagnostics=5))
    assert [d.severity for d in diagnostics].count("error") == 1


def test_documents_list_no_more_than_people_see(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    from archlang.cli.main import run

    file = tmp_path / "many.arch"
    file.write_text("archlang 1\n" + "$ " * 500)
    assert run(["check", str(file), "--format", "json"]) == 1
    assert len(json.loads(capsysbinary.readouterr().out)["diagnostics"]) == DEFAULT.diagnostics
    assert run(["check", str(file), "--format", "sarif"]) == 1
    assert len(json.loads(capsysbinary.readouterr().out)["runs"][0]["results"]) == DEFAULT.diagnostics


# --- model files -----------------------------------------------------------------------------------------------------


def test_a_file_names_so_many_passes_at_most(tmp_path: Path) -> None:
    from dataclasses import replace

    from archlang.artefact.manifest import MOST_PASSES, Manifest, sound

    assert sound(Manifest("archlang 1", passes=("fuse",) * MOST_PASSES))
    assert not sound(Manifest("archlang 1", passes=("fuse",) * (MOST_PASSES + 1)))

    model = archlang.compile(archlang.loads(text("output x -> relu"))).eval()
    model.archlang = replace(model.archlang, passes=("fuse",) * (MOST_PASSES + 1))
    with pytest.raises(ArchError, match="a file repeats at most"):
        archlang.save(model, tmp_path / "m.safetensors")
