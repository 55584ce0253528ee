"""The page in a real browser: open, fold, hover, edit, mistake, dial, difference, the disk, two pages at once."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from archlang.page.server import parts
from tests.page.browser import Browser, program
from tests.page.serving import PATHS, Page, serving

needs_browser = pytest.mark.skipif(program() is None, reason="no Chromium is installed")


def opened(browser: Browser, page: Page) -> None:
    """The page, as soon as it has drawn."""
    browser.open(page.server.address)
    browser.until("document.body.dataset.seen >= 1 && document.querySelector('#canvas svg')")


def seen(browser: Browser, selector: str) -> int:
    return int(browser.run(f"document.querySelectorAll({selector!r}).length"))


def select(browser: Browser, text: str) -> None:
    """Select the first place of a text, as with the mouse."""
    browser.run(f"""(() => {{
        const area = document.querySelector("textarea"), at = area.value.indexOf({text!r});
        area.focus(); area.setSelectionRange(at, at + {len(text)});
    }})()""")


def choose(browser: Browser, name: str, value: str) -> None:
    browser.run(f"""(() => {{
        const list = document.getElementById({name!r}); list.value = {value!r}; list.dispatchEvent(new Event("change"));
    }})()""")


@needs_browser
def test_the_page_opens_and_draws(browser: Browser, page: Page) -> None:
    opened(browser, page)
    assert browser.run("document.title") == "net.arch · archlang"
    assert seen(browser, "#canvas g.node") == len(page.look(PATHS)["drawing"]["boxes"])
    assert browser.run("document.querySelector('textarea').value") == PATHS
    assert "10.3 k parameters" in browser.run("document.getElementById('totals').textContent")
    # The coloured lines say letter by letter what the text area says.
    words = "[...line.querySelectorAll('[data-at]')].map(word => word.textContent).join('')"
    assert browser.run(f"[...document.querySelectorAll('.line')].map(line => {words})") == PATHS.split("\n")
    assert seen(browser, ".line .stage") > 5 and seen(browser, ".line .hint") >= 4
    assert browser.faults() == []


@needs_browser
def test_blocks_fold_and_unfold(browser: Browser, page: Page) -> None:
    opened(browser, page)
    boxes = seen(browser, "g.node")
    browser.click("g.cluster .badge")
    browser.until(f"document.querySelectorAll('g.node').length < {boxes}")
    closed = browser.run("document.querySelector('g.node[aria-expanded=false]').getAttribute('aria-label')")
    assert closed.startswith("maps, gives 2 * [16, 4, 4]")
    browser.click("g.node[aria-expanded=false]")
    browser.until(f"document.querySelectorAll('g.node').length === {boxes}")
    # By keys alone: from the first box to the first frame that can be folded.
    browser.run("document.getElementById('canvas').focus()")
    for _ in range(boxes):
        browser.key("ArrowDown")
        if browser.run("document.activeElement.getAttribute('aria-expanded') === 'true'"):
            break
    browser.key("Enter")
    browser.until("document.querySelector('g.node[aria-expanded=false]')")
    choose(browser, "depth", "0")
    browser.until("document.querySelectorAll('g.cluster').length === 0")
    assert browser.faults() == []


@needs_browser
def test_the_built_in_layout_has_the_same_boxes(
    browser: Browser, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("archlang.views.files.engines", lambda: ("builtin",))
    opened(browser, page)
    drawing = page.look(PATHS)["drawing"]
    assert seen(browser, "g.node.part") == len(drawing["boxes"])
    assert seen(browser, "g.cluster.part") == len(drawing["frames"])
    browser.click("g.cluster .badge")
    browser.until("document.querySelector('g.node[aria-expanded=false]')")


@needs_browser
def test_a_box_says_what_it_is_and_leads_to_its_line(browser: Browser, page: Page) -> None:
    opened(browser, page)
    browser.run("""(() => {
        const boxes = [...document.querySelectorAll("g.node")];
        const box = boxes.find(one => one.getAttribute("aria-label").includes("3x3, 16"));
        box.id = "wanted"; box.scrollIntoView();
    })()""")
    x, y = browser.place("#wanted")
    browser.move(x, y)
    browser.until("!document.querySelector('.tip').hidden")
    told = browser.run("document.querySelector('.tip').innerText")
    assert "[1, 8, 8]" in told and "[16, 8, 8]" in told and "176" in told and "parameters" in told
    line = next(n for n, text in enumerate(PATHS.split("\n")) if "conv(3x3, 16)" in text)
    assert browser.run(f"document.querySelectorAll('.line')[{line}].classList.contains('pointed')")
    browser.click("#wanted")
    start = browser.run("document.querySelector('textarea').selectionStart")
    assert PATHS[start:].startswith("conv(3x3, 16)")
    browser.until("document.querySelector('#wanted').classList.contains('here')")


@needs_browser
def test_typing_redraws_and_a_mistake_is_mended_in_place(browser: Browser, page: Page) -> None:
    opened(browser, page)
    select(browser, "conv(3x3, 16)")
    browser.type("conv(5x5, 24)")
    browser.until("[...document.querySelectorAll('g.node text')].some(t => t.textContent === 'conv 5x5, 24')")

    select(browser, "relu")
    browser.type("rleu")
    browser.until("document.querySelector('.line .mark.error')?.textContent === 'rleu'")
    assert browser.run("document.getElementById('canvas').classList.contains('stale')")
    assert "no stage called" in browser.run("document.querySelector('.line .said').textContent")
    # The card at the place has the same mends as the list.
    x, y = browser.place(".line .mark")
    browser.move(x, y)
    browser.until("document.querySelector('.tip .fix')")
    browser.click(".tip .fix")
    browser.until("!document.querySelector('#problems li') && !document.querySelector('#canvas.stale')")
    text = browser.run("document.querySelector('textarea').value")
    assert text == PATHS.replace("conv(3x3, 16)", "conv(5x5, 24)")

    # Hovering over a word tells what the language server tells.
    word = "[...document.querySelectorAll('.line [data-at]')].find(w => w.textContent === 'batch_norm')"
    browser.run(f"{word}.id = 'word'")
    x, y = browser.place("#word")
    browser.move(x, y)
    browser.until("document.querySelector('.tip').innerText.includes('96 parameters')")
    assert browser.faults() == []


@needs_browser
def test_keys_do_what_editors_do(browser: Browser, page: Page) -> None:
    opened(browser, page)
    text = "document.querySelector('textarea').value"
    select(browser, "  input image: [1, 8, 8]\n  maps")
    browser.key("/", "Slash", 2, 191)
    commented = PATHS.replace("  input image: [1, 8, 8]\n  maps", "#   input image: [1, 8, 8]\n#   maps")
    assert browser.run(text) == commented
    browser.until("document.querySelector('.line .mark')")
    # Both lines are still selected.
    browser.key("/", "Slash", 2, 191)
    assert browser.run(text) == PATHS
    browser.key("Tab", "Tab", 0, 9)
    moved = PATHS.replace("  input image: [1, 8, 8]\n  maps", "    input image: [1, 8, 8]\n    maps")
    assert browser.run(text) == moved
    browser.key("Tab", "Tab", 8, 9)
    assert browser.run(text) == PATHS

    # Types and mistakes of other lines stay where they belong while one types.
    browser.until("document.querySelectorAll('.lines:not(.pending) .hint').length >= 4")
    hints = "[...document.querySelectorAll('.hint')].map(hint => hint.parentNode.textContent)"
    before = browser.run(hints)
    at = PATHS.index("{") + 1
    browser.run(f"document.querySelector('textarea').setSelectionRange({at}, {at})")
    browser.key("Enter", "Enter", 0, 13)
    assert browser.run(hints) == before
    assert browser.run(text) == PATHS[:at] + "\n  " + PATHS[at:]
    browser.key("Escape", "Escape", 0, 27)
    browser.key("Tab", "Tab", 0, 9)
    assert browser.run("document.activeElement.tagName") != "TEXTAREA"
    browser.key("s", "KeyS", 2, 83)
    browser.until("document.getElementById('state').textContent === 'saved'")


@needs_browser
def test_dials_redraw_and_are_written_when_asked(browser: Browser, page: Page, project: Path) -> None:
    opened(browser, page)
    browser.run("""(() => {
        const slider = document.querySelector(".dial .slider"); slider.value = "3";
        slider.dispatchEvent(new Event("input", {bubbles: true}));
    })()""")
    browser.until("document.getElementById('totals').textContent.includes('15.3 k parameters')")
    assert browser.run("document.querySelector('textarea').value") == PATHS
    browser.click(".dial.given .write")
    browser.until("document.querySelector('textarea').value.includes('paths = 3')")
    browser.until("!document.querySelector('.dial.given')")
    assert (project / "net.arch").read_text() == PATHS
    browser.key("s", "KeyS", 2, 83)
    browser.until("document.getElementById('state').textContent === 'saved'")
    assert (project / "net.arch").read_text() == PATHS.replace("paths = 2", "paths = 3")


@needs_browser
def test_differences_from_what_is_stored(browser: Browser, page: Page) -> None:
    opened(browser, page)
    choose(browser, "with", "net.arch")
    browser.until("document.querySelector('#compared pre').textContent.includes('no difference')")
    select(browser, "conv(3x3, 16)")
    browser.type("conv(5x5, 16)")
    browser.until("document.querySelectorAll('g.node.changed').length === 2")
    assert "conv(3x3, 16) -> conv(5x5, 16)" in browser.run("document.querySelector('#compared pre').textContent")
    assert seen(browser, ".patch .plus") == 2 and seen(browser, ".patch .minus") == 2
    browser.click("#compared .side")
    browser.until("[...document.querySelectorAll('g.node text')].some(t => t.textContent === 'conv 3x3, 16')")
    choose(browser, "with", "")
    browser.until("document.getElementById('compared').hidden")
    browser.until("[...document.querySelectorAll('g.node text')].some(t => t.textContent === 'conv 5x5, 16')")


@needs_browser
def test_the_disk_and_the_page_do_not_write_over_each_other(browser: Browser, page: Page, project: Path) -> None:
    opened(browser, page)
    # Saved by another program: the page follows.
    (project / "net.arch").write_text(PATHS.replace("TwoPaths", "Other"), encoding="utf-8")
    browser.until("document.getElementById('totals').textContent.startsWith('Other')")

    # Changed there and here: the page asks.
    select(browser, "Other")
    browser.type("Mine")
    (project / "net.arch").write_text(PATHS.replace("TwoPaths", "Theirs"), encoding="utf-8")
    browser.until("!document.getElementById('banner').hidden")
    assert "Mine" in browser.run("document.querySelector('textarea').value")
    browser.click("#banner .choices button")
    browser.until("document.getElementById('totals').textContent.startsWith('Theirs')")
    assert "Theirs" in (project / "net.arch").read_text()

    project.rename(project.parent / "away")
    browser.until("document.getElementById('banner').textContent.includes('is gone')")
    (project.parent / "away").rename(project)
    browser.until("document.getElementById('banner').hidden")


@needs_browser
def test_a_server_that_ends_leaves_the_text(browser: Browser, project: Path) -> None:
    with serving(project / "net.arch", {"paths": "3"}) as page:
        opened(browser, page)
        assert "15.3 k" in browser.run("document.getElementById('totals').textContent")
    browser.run("document.querySelector('textarea').focus()")
    browser.type("# kept\n")
    browser.until("document.getElementById('banner').textContent.includes('does not answer')")
    assert browser.run("document.querySelector('textarea').value").startswith("# kept")


@pytest.mark.skipif(shutil.which("node") is None, reason="no Node.js is installed")
def test_the_scripts_are_read_by_node(tmp_path: Path) -> None:
    for name, part in parts().items():
        if name.endswith(".js"):
            (tmp_path / name).with_suffix(".mjs").write_bytes(part.data)
    # One process for all: each takes a tenth of a second to start.
    lines = "".join(f"await import('./{path.name}').catch(e => {{ if (e instanceof SyntaxError) throw e; }});\n"
                    for path in sorted(tmp_path.glob("*.mjs")))
    (tmp_path / "all.mjs").write_text(lines)
    done = subprocess.run(["node", "all.mjs"], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
