"""The view in a notebook and `%%arch` cells: with a fake of IPython's shell, and with IPython where it is there."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path
from typing import Any

import pytest

import archlang
from archlang.diagnostics import ArchError
from archlang.elaborate import loads
from archlang.page.display import NotebookView, view
from tests.page.browser import Browser, program
from tests.page.serving import PATHS, WRONG


class FakeShell:
    """The few parts of IPython's shell that are used, as its documentation describes them."""

    def __init__(self) -> None:
        self.user_ns: dict[str, Any] = {}
        self.magics: dict[str, Any] = {}
        self.published: list[dict[str, str]] = []
        self.types: dict[type, Any] = {}
        self.display_pub = self.display_formatter = self
        self.formatters = {"text/html": self}

    def register_magic_function(self, function: Any, magic_kind: str, magic_name: str) -> None:
        assert magic_kind == "cell"
        self.magics[magic_name] = function

    def for_type(self, kind: type, function: Any) -> None:
        self.types[kind] = function

    def publish(self, data: dict[str, str]) -> None:
        self.published.append(data)


@pytest.fixture
def shell() -> FakeShell:
    found = FakeShell()
    archlang.load_ipython_extension(found)
    return found


def data_of(shown: NotebookView) -> dict[str, Any]:
    """What the page in a view holds, as a browser would read it."""
    page = html.unescape(re.search(r'srcdoc="([^"]*)"', shown._repr_html_()).group(1))  # type: ignore[union-attr]
    # No address but the names of kinds of markup, which nothing is loaded from.
    assert page == shown.page and "http:" not in page.replace("http://www.w3.org", "") and "https:" not in page
    return dict(json.loads(re.search(r'id="data">(.*?)</script>', page, re.S).group(1)))  # type: ignore[union-attr]


def test_a_cell_binds_its_network_and_shows_it(shell: FakeShell) -> None:
    shown = shell.magics["arch"]("net -p paths=3", PATHS)
    assert shell.user_ns["net"].dials["paths"] == 3 and not shell.published
    assert repr(shown) == f"<view of TwoPaths, {len(shell.user_ns['net'].graph)} nodes>"
    assert data_of(shown)["text"] is None
    assert shell.magics["arch"]("--no-draw", PATHS) is None
    assert shell.user_ns["TwoPaths"].dials["paths"] == 2
    assert data_of(shell.magics["arch"]("--text", PATHS))["text"] == PATHS
    assert shell.types[archlang.Network](shell.user_ns["net"]).startswith("<iframe sandbox=")


def test_mistakes_are_shown_in_place_and_nothing_is_bound(shell: FakeShell) -> None:
    with pytest.raises(ArchError) as caught:
        shell.magics["arch"]("net", WRONG)
    assert caught.value._render_traceback_() == ["%%arch: 1 error"]  # type: ignore[attr-defined]
    assert shell.user_ns == {}
    (published,) = shell.published
    assert "there is no stage called `rleu`" in published["text/plain"] and "<cell>:6" in published["text/plain"]
    assert "rleu" in published["text/html"]


@pytest.mark.parametrize(("line", "said"), [
    ("-p", "wants a value"), ("-p paths", "DIAL=VALUE"), ("two names", "is no option"), ("--wrong", "is no option"),
    ("'", "no closing quotation"), ("--path nowhere", "no folder"),
])
def test_a_first_line_that_is_wrong_is_told(shell: FakeShell, line: str, said: str) -> None:
    with pytest.raises(ArchError):
        shell.magics["arch"](line, PATHS)
    assert said in shell.published[0]["text/plain"] and shell.user_ns == {}


def test_warnings_are_shown_and_keep_nothing_back(shell: FakeShell) -> None:
    text = PATHS.replace("  output logits", "  unused = image -> relu\n  output logits")
    shell.magics["arch"]("net", text)
    assert "net" in shell.user_ns and "warning" in shell.published[0]["text/plain"]


def test_the_view_holds_a_drawing_for_every_depth() -> None:
    net = loads(PATHS)
    found = data_of(view(net))
    svgs = [level["svg"] for level in found["levels"]]
    assert len(set(svgs)) == len(svgs) >= 3
    assert svgs[found["level"]] == archlang.draw(net).svg
    assert svgs[0] == archlang.draw(net, depth=0).svg


def test_a_text_cannot_leave_its_place_in_the_page() -> None:
    hostile = PATHS.replace("Two paths", "</script><script>alert(1)</script>\\\" onload=")
    found = view(loads(hostile))
    assert "<script>alert" not in found.page and data_of(found)["text"] == hostile
    assert found._repr_html_().count('"') == 10


@pytest.mark.skipif(program() is None, reason="no Chromium is installed")
def test_the_view_folds_in_a_browser_without_a_server(browser: Browser, tmp_path: Path) -> None:
    shown = view(loads(PATHS))
    (tmp_path / "view.html").write_text(shown.page, encoding="utf-8")
    browser.open((tmp_path / "view.html").as_uri())
    browser.until("document.querySelector('#canvas svg')")
    level = browser.run("Number(document.body.dataset.level)")
    boxes = browser.run("document.querySelectorAll('g.node').length")
    browser.click("g.cluster .badge")
    browser.until(f"Number(document.body.dataset.level) < {level}")
    assert browser.run("document.querySelectorAll('g.node').length") < boxes
    browser.click("g.node[aria-expanded=false]")
    browser.until("document.querySelector('g.cluster')")
    x, y = browser.place("g.node")
    browser.move(x, y)
    browser.until("document.querySelector('.tip').innerText.includes('[1, 8, 8]')")
    assert browser.run("document.querySelectorAll('.line.pointed').length") == 1
    assert browser.faults() == []


def test_ipython_itself_runs_the_cells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("IPython")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    from IPython.core.interactiveshell import InteractiveShell
    from IPython.utils.capture import capture_output

    shell = InteractiveShell.instance()
    shell.run_line_magic("load_ext", "archlang")
    with capture_output() as captured:
        done = shell.run_cell(f"%%arch net -p paths=3\n{PATHS}")
    assert done.success and shell.user_ns["net"].dials["paths"] == 3
    assert done.result._repr_html_().startswith("<iframe")
    with capture_output() as captured:
        done = shell.run_cell(f"%%arch other\n{WRONG}")
    assert not done.success and "other" not in shell.user_ns
    assert "rleu" in captured.outputs[0].data["text/html"]
    assert "Traceback" not in captured.stdout + captured.stderr


@pytest.mark.parametrize("branched", [False, True])
def test_the_frame_is_as_high_as_the_drawing_whatever_engine_drew_it(branched: bool) -> None:
    stages = " -> ".join(["linear(8) -> relu"] * 8)
    if branched:
        stages = f"parallel {{ {stages}; {stages} }} -> concat"
    shown = view(loads(f"archlang 1\nnetwork N {{ input x: [8]\n y = x -> {stages}\n output y }}"), text=False)
    assert 560 < shown.height < 1200
