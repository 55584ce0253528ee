"""Colours by family of operation: light fills with darker borders, apart for the colour-blind, still apart in grey.

Hues follow Okabe and Ito's set (2008), lightened; the label always says what the colour says.
"""

from __future__ import annotations

from dataclasses import dataclass

FONT = "Helvetica,Arial,sans-serif"
INK, QUIET, FRAME, GROUND = "#1f2933", "#5b6770", "#b8c2cc", "#f7f9fb"
FAN, GATE, ATTEND = "#a6b4c2", "#b5527f", "#6a51a3"


@dataclass(frozen=True)
class Paint:
    """Fill, border and text of a box."""

    fill: str
    border: str
    text: str = INK


WEIGHTS = Paint("#d6e6f5", "#2f6fa8")
SHAPING = Paint("#eceff2", "#7b8794")
SEQUENCE = Paint("#e4ddf2", ATTEND)
ROUTING = Paint("#f8dde9", GATE)
PLAIN = Paint("#ffffff", "#52606d")

FAMILIES = {
    "convolution": WEIGHTS,
    "linear": WEIGHTS,
    "normalisation": Paint("#eef3d3", "#7d8b1f"),
    "activation": Paint("#fce8c8", "#b7791f"),
    "pooling": Paint("#cdeae2", "#1f7f6b"),
    "regularisation": SHAPING,
    "reshaping": SHAPING,
    "merging": PLAIN,
    "attention": SEQUENCE,
    "recurrent": SEQUENCE,
    "layer_attention": SEQUENCE,
    "multipath": ROUTING,
    "patch_experts": ROUTING,
    "scope": Paint("#ffffff", "#33475b"),
    "end": Paint("#33475b", "#33475b", "#ffffff"),
}


def paint(family: str) -> Paint:
    """Return the colours of a family; a plug-in's own family is white.

    >>> paint("convolution").fill, paint("mine").fill
    ('#d6e6f5', '#ffffff')
    """
    return FAMILIES.get(family, PLAIN)


def printed(family: str) -> Paint:
    """Return the colours of a family on paper: black lines; grey where there are weights, dark for inputs and outputs.

    >>> printed("linear").fill, printed("pooling").fill
    ('#e0e0e0', '#ffffff')
    """
    fill, text = "#ffffff", "#000000"
    if family == "end":
        fill, text = "#404040", "#ffffff"
    elif family in ("convolution", "linear", "attention", "recurrent", "layer_attention"):
        fill = "#e0e0e0"
    elif family in ("multipath", "patch_experts"):
        fill = "#f4f4f4"
    return Paint(fill, "#000000", text)


def active(share: float) -> Paint:
    """Return the colours of a box by how active it is, from white (0) to red (1).

    >>> active(0.0).fill, active(1.0).fill
    ('#ffffff', '#cb181d')
    """
    text = INK
    if share > 0.6:  # dark letters could not be read on it
        text = "#ffffff"
    return Paint(between((255, 255, 255), (203, 24, 29), share), "#99000d", text)


def opened(gate: float) -> tuple[str, float]:
    """Return the colour and the width of an arrow by how open its gate is: from thin and light to wide and dark blue.

    >>> opened(0.0), opened(1.0)
    (('#c6dbef', 0.5), ('#08306b', 5.0))
    """
    width = 0.5 + 4.5 * min(max(gate, 0.0), 1.0)
    return between((198, 219, 239), (8, 48, 107), gate), width


def between(low: tuple[int, int, int], high: tuple[int, int, int], share: float) -> str:
    """Return the colour that lies a share of the way from one to another; shares are cut to 0 and 1.

    >>> between((255, 255, 255), (23, 62, 122), 2.0)
    '#173e7a'
    """
    part = min(max(share, 0.0), 1.0)
    red, green, blue = (round(start + (end - start) * part) for start, end in zip(low, high, strict=True))
    return f"#{red:02x}{green:02x}{blue:02x}"


HUES = (
    "#0072b2", "#d55e00", "#009e73", "#5b3fa0", "#b8860b", "#cc79a7", "#56b4e9", "#7a4b12", "#52606d", "#b00020",
)
"""Colours of lines and groups: Okabe and Ito's set (2008), darkened where thin lines would be hard to see."""

DASHES: tuple[tuple[float, ...], ...] = ((), (6.0, 2.5), (2.0, 2.0), (8.0, 2.0, 2.0, 2.0))
"""Lines stay apart in grey by their dashes: neighbours in number never share them."""


def hue(number: int) -> str:
    """Return the colour of the line or group of this number; those of none (below 0) are grey.

    >>> hue(0), hue(10) == hue(0), hue(-1)
    ('#0072b2', True, '#5b6770')
    """
    if number < 0:
        return QUIET
    return HUES[number % len(HUES)]


def dashes(number: int) -> tuple[float, ...]:
    """Return the dashes of the line of this number.

    >>> dashes(0), dashes(1)
    ((), (6.0, 2.5))
    """
    return DASHES[max(number, 0) % len(DASHES)]
