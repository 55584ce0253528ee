"""A page that holds the picture and lets one drag it and zoom with the wheel; it loads nothing from anywhere."""

from __future__ import annotations

import re
from html import escape

PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; {scripts}">
<title>{title}</title>
<style>
  html, body {{ margin: 0; height: 100%; overflow: hidden; background: #fff; font-family: Helvetica, sans-serif }}
  svg {{ width: 100vw; height: 100vh; cursor: grab; display: block }}
  p {{ position: fixed; left: 12px; bottom: 4px; margin: 0; color: #5b6770; font-size: 12px }}
</style>
</head>
<body>
{svg}
<p>drag to move, wheel to zoom, double click for all of it</p>
<script>{script}</script>
</body>
</html>
"""

SCRIPT = """
const svg = document.querySelector("svg"), box = svg.viewBox.baseVal;
const all = [box.x, box.y, box.width, box.height];
const set = (x, y, w, h) => svg.setAttribute("viewBox", [x, y, w, h].join(" "));
const unit = () => Math.max(box.width / svg.clientWidth, box.height / svg.clientHeight);
svg.addEventListener("wheel", e => {
  e.preventDefault();
  const by = Math.exp(e.deltaY / 500), u = unit();
  const x = box.x + box.width / 2 + (e.clientX - svg.clientWidth / 2) * u;
  const y = box.y + box.height / 2 + (e.clientY - svg.clientHeight / 2) * u;
  set(x - (x - box.x) * by, y - (y - box.y) * by, box.width * by, box.height * by);
}, { passive: false });
svg.addEventListener("pointermove", e => {
  if (e.buttons) set(box.x - e.movementX * unit(), box.y - e.movementY * unit(), box.width, box.height);
});
svg.addEventListener("dblclick", () => set(...all));
"""


def to_html(svg: str, title: str) -> str:

    """A whole page around a drawing in SVG."""
    # The XML declaration has no place inside HTML.
    inline = svg[svg.index("<svg") :]
    head, rest = inline[: inline.index(">")], inline[inline.index(">") :]
    # Without its own size, the drawing fills the window.
    head = re.sub(r'\s(width|height)="[^"]*"', "", head)
    return PAGE.format(title=escape(title), svg=head + rest, script=SCRIPT, scripts="script-src 'unsafe-inline'")
