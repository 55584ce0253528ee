"""Make the pictures of `docs/serve.md` by a real browser: `python -m tests.page.pictures`. Needs Chromium, Pillow."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from PIL import Image

from archlang.elaborate import loads
from archlang.page.display import view
from tests.page.browser import Browser
from tests.page.serving import ROOT, serving

IMAGES = ROOT / "docs" / "images"
LARGEST = 150_000
"""Bytes of one picture."""

FILE = "specs/multipath/base_cnn_cc.arch"


def main() -> None:
    """Write every picture anew."""
    text = (ROOT / FILE).read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder, Browser(1240, 720) as browser:
        file = Path(folder) / "base_cnn_cc.arch"
        file.write_text(text, encoding="utf-8")
        with serving(file) as page:
            browser.open(page.server.address)
            browser.until("document.body.dataset.seen >= 1")
            folded(browser)
            mistake(browser)
            differences(browser)
            browser.open("about:blank")
        notebook(browser, Path(folder))


def folded(browser: Browser) -> None:
    """The whole network with its first half folded, the pointer on it."""
    browser.click("g.cluster .badge")
    browser.until("document.querySelector('g.node[aria-expanded=false]')")
    x, y = browser.place("g.node[aria-expanded=false]")
    browser.move(x + 3, y + 3)
    browser.until("!document.querySelector('.tip').hidden")
    shoot(browser, "serve")
    browser.click("g.node[aria-expanded=false]")
    browser.until("document.querySelectorAll('g.cluster').length > 8")


def mistake(browser: Browser) -> None:
    """A name that is spelt wrong, with its mends."""
    edit(browser, "relu", "rleu")
    browser.until("document.querySelector('.line .mark')")
    x, y = browser.place(".line .mark")
    browser.move(x, y)
    browser.until("!document.querySelector('.tip').hidden")
    shoot(browser, "serve-mistake")
    browser.move(5, 5)
    browser.click("#problems .fix")
    browser.until("!document.querySelector('#problems li')")


def differences(browser: Browser) -> None:
    """Larger kernels beside the stored one, in the dark."""
    browser.run("document.getElementById('theme').click(); document.getElementById('theme').click()")
    edit(browser, "conv(3x3, c)", "conv(5x5, c)")
    browser.run("""(() => {
        const list = document.getElementById("with");
        list.value = "base_cnn_cc.arch"; list.dispatchEvent(new Event("change"));
    })()""")
    browser.until("document.querySelectorAll('g.node.changed').length > 2 && document.querySelector('.line .hint')")
    shoot(browser, "serve-differences")


def notebook(browser: Browser, folder: Path) -> None:
    """The view in a notebook, without the notebook around it."""
    shown = view(loads((ROOT / "examples" / "04_paths.arch").read_text(encoding="utf-8")))
    (folder / "view.html").write_text(shown.page, encoding="utf-8")
    browser.call("Emulation.setDeviceMetricsOverride", width=1000, height=520, deviceScaleFactor=1, mobile=False)
    browser.open((folder / "view.html").as_uri())
    browser.until("document.querySelector('#canvas svg')")
    x, y = browser.place("g.node:nth-of-type(9)")
    browser.move(x, y)
    browser.until("!document.querySelector('.tip').hidden")
    shoot(browser, "notebook")


def edit(browser: Browser, old: str, new: str) -> None:
    """Put a text in the place of the first one that is `old`."""
    browser.run(f"""(() => {{
        const area = document.querySelector("textarea"), at = area.value.indexOf({old!r});
        area.focus(); area.setSelectionRange(at, at + {len(old)});
    }})()""")
    browser.type(new)


def shoot(browser: Browser, name: str) -> None:
    """Write a picture once nothing moves any more."""
    time.sleep(0.4)
    file = IMAGES / f"{name}.png"
    browser.picture(file)
    # A table of colours makes it half as large; they are fitted, so that pale grounds stay what they are.
    Image.open(file).convert("RGB").quantize(256, kmeans=8).save(file, optimize=True)
    size = file.stat().st_size
    print(f"{file.relative_to(ROOT)}: {size:,} bytes")
    assert size <= LARGEST


if __name__ == "__main__":
    main()
