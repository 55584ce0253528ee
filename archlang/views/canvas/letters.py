"""Widths of Helvetica's letters, which SVG, PDF and TikZ write with, and texts that every form can show."""

from __future__ import annotations

from functools import lru_cache

_WIDTHS = {
    278: " !,./:;IftìíîïÌÍÎÏ·[\\]", 355: '"', 556: "#$0123456789?L_abdeghnopqu£¥§«»àáâãäåèéêëðñòóôõöùúûü–þ", 889: "%æ",
    667: "&ABEKPSVXYÀÁÂÃÄÅÈÉÊËÝ", 191: "'", 333: "()-`r²³¹", 389: "*", 584: "+<=>~×¬", 222: "ijl‘’", 549: "±÷",
    1015: "@", 722: "CDHNRUwÇÐÑÙÚÛÜ", 611: "FTZøß", 778: "GOQÒÓÔÕÖØ", 500: "Jckvsxyzçýÿ", 833: "Mm", 944: "W",
    469: "^", 334: "{}", 260: "|", 1000: "ÆŒ—…‰", 350: "•", 737: "©®", 400: "°", 537: "¶", 576: "µ",
}
"""Width in thousandths of the size to letters: Adobe's metrics of Helvetica."""

_SIGNS = {
    "α": (631, "a"), "β": (549, "b"), "γ": (411, "g"), "δ": (494, "d"), "ε": (439, "e"), "θ": (521, "q"),
    "λ": (549, "l"), "μ": (576, "m"), "π": (549, "p"), "ρ": (549, "r"), "σ": (603, "s"), "τ": (439, "t"),
    "φ": (521, "f"), "ω": (686, "w"), "Δ": (612, "D"), "Σ": (592, "S"), "Ω": (768, "W"), "→": (987, "\xae"),
    "←": (987, "\xac"), "↑": (603, "\xad"), "↓": (603, "\xaf"), "≤": (549, "\xa3"), "≥": (549, "\xb3"),
    "≠": (549, "\xb9"), "≈": (549, "\xbb"), "∞": (713, "\xa5"), "√": (549, "\xd6"), "∂": (494, "\xb6"),
    "−": (549, "-"),
}
"""Sign to its width and its letter in the font Symbol, which every reader of PDF has beside Helvetica."""

WIDTH = {letter: width for width, letters in _WIDTHS.items() for letter in letters}
WIDTH |= {sign: width for sign, (width, _) in _SIGNS.items()}
SYMBOL = {sign: letter for sign, (_, letter) in _SIGNS.items()}

UNKNOWN = 1000
"""The width of a letter that no table has: the widest that is usual."""


@lru_cache(maxsize=1 << 12)  # the labels of a network are few, and are asked for often
def width_of(text: str, size: float = 11.0) -> float:
    """Measure a text in points, in Helvetica of `size` points.

    >>> width_of("ill", 10.0), width_of("MW", 10.0)
    (6.66, 17.77)
    """
    return size * sum([WIDTH.get(letter, UNKNOWN) for letter in text]) / 1000


def one_row(text: str) -> str:
    """Replace what is no letter (control characters, line ends) by spaces.

    >>> one_row("a\\x1bb")
    'a b'
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else " " for c in text)


def fitted(text: str, width: float, size: float = 11.0) -> str:
    """Cut a text to a width in points, with an ellipsis in the place of what is gone.

    >>> fitted("branches", 30.0, 10.0)
    'bra…'
    """
    if width_of(text, size) <= width:
        return text

    kept = text
    while kept and width_of(kept + "…", size) > width:
        kept = kept[:-1]
    return kept + "…"
