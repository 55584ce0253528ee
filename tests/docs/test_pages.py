"""Whatever a reader can paste from the README or the docs works, and does what the page shows."""

from __future__ import annotations

import contextlib
import io
import re
import tomllib
from pathlib import Path

import pytest
import torch

from archlang.elaborate import check
from tests.docs.pages import PAGES, ROOT, Block, agrees, blocks, commands, kept, whole
from tests.docs.running import checkout_in, output_of

ARCH = [block for page in PAGES for block in blocks(page, "arch")]
COPIED = [block for page in PAGES for block in blocks(page, "arch", "python", "toml") if block.given("file")]
RUN = [page for page in PAGES if blocks(page, "python", "console")]


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that looks like the repository's root and may be written to."""
    checkout_in(tmp_path)
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
    if block.given("wrong"):
        assert wrong, "the page says that this has a mistake"
    else:
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
    torch.set_num_threads(1)
    names: dict[str, object] = {"__name__": "page"}
    for block in blocks(page, "arch", "python", "console"):
        if file := kept(block):
            Path(file).write_text(block.text, encoding="utf-8")
            continue
        if block.language == "arch":
            continue
        if block.language == "python":
            if not block.given("file"):
                source = "\n" * block.line + block.text
                with contextlib.redirect_stdout(io.StringIO()):
                    exec(compile(source, str(page), "exec"), names)
            continue
        for command in commands(block.text):
            real = output_of(command, checkout / "output.txt")
            assert agrees(command, real), f"{block}\n{real}\n`python -m tests.docs.running` mends it"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    prose = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    for target in re.findall(r"\]\(([^)#:]+?)(?:#[^)]*)?\)", prose):
        assert (page.parent / target).exists(), target
