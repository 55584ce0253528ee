"""Generated programs are accepted and mean what the reference says; broken ones are refused; mutants do no harm."""

from __future__ import annotations

import re
import warnings

import pytest
import torch

from archlang.ops import CATALOGUE
from archlang.source import Source
from archlang.syntax import parse
from tests.campaign.run import compared
from tests.campaign.run import main as campaign
from tests.generate.broken import BLOCKS, STATEMENTS, Broken, broken
from tests.generate.judge import canonical, caught, survived, valid
from tests.generate.mutants import examples, mutant
from tests.generate.programs import program

NETWORK = "archlang 1\nnetwork N {{\n  input map: [4, 6, 6]\n  input vector: [5]\n  {0}\n  output map -> relu\n}}\n"


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.mark.parametrize("first", range(0, 140, 14))
def test_valid_programs_are_accepted(first: int) -> None:
    for seed in range(first, first + 14):
        valid(program(seed))


@pytest.mark.parametrize("seed", range(1000, 1014))
def test_valid_programs_compute_what_the_reference_computes(seed: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch warns of padding and of single values, which a program may have
        compared(program(seed))


@pytest.mark.parametrize(("name", "statement"), STATEMENTS)
def test_each_mistake_of_a_statement_is_the_one_reported(name: str, statement: str) -> None:
    caught(Broken(0, name, NETWORK.format(statement)))


@pytest.mark.parametrize(("name", "declaration"), BLOCKS)
def test_each_mistake_of_a_declaration_is_the_one_reported(name: str, declaration: str) -> None:
    first, rest = NETWORK.format("let k = 3").split("\n", 1)
    caught(Broken(0, name, f"{first}\n{declaration}{rest}"))


def test_broken_programs_are_refused_for_what_is_broken() -> None:
    for seed in range(60):
        caught(broken(seed))


@pytest.mark.parametrize("first", range(0, 300, 30))
def test_mutants_lead_to_diagnostics_alone(first: int) -> None:
    files = examples()
    for seed in range(first, first + 30):
        survived(mutant(seed, files))


def test_generators_repeat_themselves() -> None:
    files = examples()
    assert [program(seed) for seed in range(20)] == [program(seed) for seed in range(20)]
    assert [mutant(seed, files) for seed in range(20)] == [mutant(seed, files) for seed in range(20)]


def test_generators_know_every_operation_and_structure() -> None:
    """What no program holds, no campaign has tried. Texts alone are made here, so two thousand take a moment."""
    written = {word for seed in range(2000) for word in re.findall(r"\w+", program(seed).text)}
    assert [name for name in CATALOGUE.stages if name not in written] == []


def test_the_campaign_counts_and_tells_failures(capsys: pytest.CaptureFixture[str],
                                                monkeypatch: pytest.MonkeyPatch) -> None:
    assert campaign(["--programs", "8", "--mutants", "8", "--compile-every", "8"]) == 0
    assert "programs: 8, failures 0" in capsys.readouterr().out

    def wrong(made: object) -> object:
        raise RuntimeError("put here on purpose")

    monkeypatch.setattr("tests.campaign.run.valid", wrong)
    assert campaign(["--programs", "2", "--mutants", "0", "--compile-every", "0"]) == 1
    assert "FAILED seed 1: RuntimeError: put here on purpose" in capsys.readouterr().out


def test_declarations_that_are_right_one_by_one_are_refused_together() -> None:
    """Found by a mutant: a second doc string before an `import` led to a refusal without a single diagnostic."""
    text = 'archlang 1\n"""a"""\n"""b"""\nimport "./x.arch" (y)\nnetwork N { input x: [3]; output x }\n'
    assert survived(text.encode()).errors == ("unexpected-token",)


def test_a_word_between_declarations_is_no_statement() -> None:
    """Found by a mutant: near to `step`, and to no word that declares, it ended the search for mistakes."""
    text = "archlang 1\nlet a = 3\nstride sure = a (distance = 6)\nnetwork N { input x: [a]; output x }\n"
    assert survived(text.encode()).errors == ("unexpected-token",)


@pytest.mark.parametrize("comments", ["# a", "\n\n# a\n\n\n# b", "# a\n# b\n"])
def test_a_file_of_comments_alone_has_one_form(comments: str) -> None:
    """Found by a mutant: each formatting put another empty line before the first comment."""
    canonical(parse(Source("comments", f"archlang 1\n{comments}")))
