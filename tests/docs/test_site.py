"""The site has every page, and every link on it leads somewhere. Sphinx itself is not needed for this."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

import pytest

from archlang.cli.group import COMMANDS
from archlang.diagnostics.kinds import KINDS
from archlang.ops import CATALOGUE
from archlang.passes.catalogue import PASSES
from archlang.project.standard import standard_library
from docs.site.assemble import assemble
from docs.site.links import rewritten
from tests.docs.pages import ROOT

_TREE = re.compile(r"^```\{toctree\}\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_TARGET = re.compile(r"\]\(([^)#:]+?)(?:#[^)]*)?\)")

Site = dict[str, str]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Every page of the site by its name; networks are not drawn."""
    folder = tmp_path_factory.mktemp("pages")
    count = assemble(folder, drawn=False)
    found = {path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") for path in folder.rglob("*.md")}
    assert len(found) == count
    return found


def entries(name: str, text: str) -> list[str]:
    """The pages that the toctrees of a page name."""
    lines = [line for tree in _TREE.findall(text) for line in tree.splitlines() if line and not line.startswith(":")]
    return [posixpath.normpath(posixpath.join(posixpath.dirname(name), f"{line}.md")) for line in lines]


def test_the_menu_leads_to_every_page_once(site: Site) -> None:
    led = [entry for name, text in site.items() for entry in entries(name, text)]
    assert len(led) == len(set(led))
    orphans = {name for name, text in site.items() if "orphan: true" in text}
    assert set(led) == set(site) - {"index.md"} - orphans


def test_every_page_of_the_docs_is_in_the_index() -> None:
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    pages = {path.name for path in (ROOT / "docs").glob("*.md")} - {"index.md"}
    assert pages <= set(entries("index.md", index))


def test_links_of_the_site_lead_to_its_pages(site: Site) -> None:
    for name, text in site.items():
        for target in _TARGET.findall(_FENCE.sub("", text)):
            place = posixpath.normpath(posixpath.join(posixpath.dirname(name), target))
            assert place in site or (ROOT / "docs" / place).is_file(), f"{name}: {target}"


def test_the_gallery_shows_every_network(site: Site) -> None:
    shown = set(_TARGET.findall(site["gallery.md"]))
    files = [path.relative_to(ROOT) for folder in ("examples", "specs") for path in (ROOT / folder).rglob("*.arch")]
    for file in files:
        # Two files have mistakes on purpose, one needs a plug-in, one a package of its folder.
        if "mistakes" not in file.stem and file.parts[1] not in ("10_plugin", "16_package"):
            assert f"gallery/{file.with_suffix('.md').as_posix()}" in shown


def test_the_reference_has_every_name(site: Site) -> None:
    ops = "\n".join(text for name, text in site.items() if name.startswith("reference/ops/"))
    headings = set(re.findall(r"^## `(.*)`$", ops, re.MULTILINE))
    public = {op.name for op in CATALOGUE.ops.values() if not op.internal}
    assert headings == public | set(CATALOGUE.structures) | {name for _, name in CATALOGUE.settings}

    assert set(re.findall(r"^## (\S+)$", site["reference/mistakes.md"], re.MULTILINE)) == set(KINDS)
    assert re.findall(r"^## `(.*)`$", site["reference/passes.md"], re.MULTILINE) == list(PASSES.names)
    assert re.findall(r"^## `archlang (.*)`$", site["reference/commands.md"], re.MULTILINE) == list(COMMANDS)
    for block in standard_library():
        assert f"## `{block.name}`" in site[f"reference/std/{block.module}.md"]


def test_a_link_between_fences_stays() -> None:
    text = "```python\nx = [a](../tests/golden.py)\n```\n"
    assert rewritten(text) == text


def test_a_file_without_an_address_is_named_alone() -> None:
    assert rewritten("see [this](../tests/golden.py#L1).") == "see this."
    assert rewritten("[this](../tests/golden.py)", "https://example.org/x/") == "[this](https://example.org/x/tests/golden.py)"


def test_pages_of_an_earlier_time_go(tmp_path: Path) -> None:
    (tmp_path / "reference").mkdir()
    old = tmp_path / "reference" / "gone.md"
    old.write_text("# Gone\n", encoding="utf-8")
    assemble(tmp_path, drawn=False)
    assert not old.exists()
