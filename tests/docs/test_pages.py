"""Whatever a reader can paste from the README or the docs works, and does what the page shows."""

from __future__ import annotations

import contextlib
import io
import re
import runpy
import shlex
import shutil
import sys
import tomllib
from pathlib import Path

import pytest

from archlang.cli.main import run
from archlang.graph import check
from tests.docs.pages import MEASURED, PAGES, ROOT, Block, agrees, blocks, commands, whole

ARCH = [block for page in PAGES for block in blocks(page, "arch")]
COPIED = [block for page in PAGES for block in blocks(page, "arch", "python", "toml") if block.given("file")]
RUN = [page for page in PAGES if blocks(page, "python", "console")]


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that looks like the repository's root and may be written to."""
    for name in ("specs", "examples"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "docs" / "images").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in ("FORCE_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.mark.parametrize("block", ARCH, ids=str)
def test_arch_blocks_have_no_mistakes(block: Block, tmp_path: Path) -> None:
    file = tmp_path / "page.arch"
    file.write_text(whole(block), encoding="utf-8")
    wrong = [d for d in check(str(file), {}) if d.severity == "error"]
    assert not wrong, "\n".join(f"{d.name}: {d.message}" for d in wrong)


@pytest.mark.parametrize("block", COPIED, ids=str)
def test_blocks_of_files_are_in_the_files(block: Block) -> None:
    assert block.text in (ROOT / (block.given("file") or "")).read_text(encoding="utf-8")


@pytest.mark.parametrize("block", [b for page in PAGES for b in blocks(page, "toml")], ids=str)
def test_toml_blocks_are_toml(block: Block) -> None:
    assert tomllib.loads(block.text)


@pytest.mark.parametrize("page", RUN, ids=lambda page: page.name)
def test_a_page_runs_from_top_to_bottom(page: Path, checkout: Path) -> None:
    """Python blocks share their names, as at a prompt; a later command may use what an earlier one wrote."""
    names: dict[str, object] = {"__name__": "page"}
    for block in blocks(page, "python", "console"):
        if block.language == "python":
            if not block.given("file"):
                source = "\n" * block.line + block.text
                with contextlib.redirect_stdout(io.StringIO()):
                    exec(compile(source, str(page), "exec"), names)
            continue
        for command in commands(block.text):
            words = shlex.split(command.words)
            real = output_of(words, checkout)
            assert agrees(command.shown, real, words[1] in MEASURED), f"{block}: $ {command.words}\n{real}"


def output_of(words: list[str], folder: Path) -> str:
    """What `archlang ...` or `python FILE` writes to both its streams, run in this process."""
    file = folder / "output.txt"
    with contextlib.ExitStack() as stack:
        stream = stack.enter_context(file.open("w", encoding="utf-8"))
        stack.enter_context(contextlib.redirect_stdout(stream))
        stack.enter_context(contextlib.redirect_stderr(stream))
        if words[0] == "python":
            runpy.run_path(words[1], run_name="__main__")
        else:
            assert words[0] == "archlang", words
            run(words[1:])
        sys.stdout.flush()
    return file.read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+?)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target
