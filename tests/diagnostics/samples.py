"""Diagnostics of every layout, by name: each has a golden file."""

from __future__ import annotations

from archlang.diagnostics import Diagnostic, Fix, Label, error, warning
from archlang.source import NOWHERE, Source, Span

RESNET = Source(
    "specs/resnet50.arch",
    """archlang 1

block bottleneck(width, stride = 1) {
  body     = in -> conv(1x1, width)
  shortcut = in -> if stride != 1 {
                     conv(1x1, 4 * width)
                   }
  let unused = 3
  output body -> add(shortcut) -> relu
}
\tblock wide = 深深 -> rélu\x1b[31m -> ne\u0301e \u202e
""",
)
STEM = Source("blocks/stem.arch", "archlang 1\nblock stem(c) = conv(7x7, c)\n")
LONG = Source("long.arch", "archlang 1\nlet x = [" + "1, " * 100 + "abc, " + "2, " * 100 + "def]\n")
EMPTY = Source("empty.arch", "")


def at(source: Source, text: str, which: int = 0) -> Span:
    """The place of the `which`-th occurrence of a text."""
    start = -1
    for _ in range(which + 1):
        start = source.text.index(text, start + 1)
    return Span(source, start, start + len(text))


ADD, BODY = at(RESNET, "add(shortcut)"), at(RESNET, "body", 1)
OUTPUT, SHORTCUT = at(RESNET, "output"), at(RESNET, "shortcut", 1)
END = Span(RESNET, len(RESNET.text), len(RESNET.text))

SAMPLES: dict[str, Diagnostic] = {
    "merge": error(
        "shape-mismatch", "add needs two equal maps", ADD, "this is [64, 56, 56]",
        secondary=[Label(BODY, "this is [256, 56, 56]")],
        help="`shortcut` passes its input through: its test `stride != 1` is false here",
        notes=["in bottleneck(width = 64), used by layer1 (line 22)"],
    ),
    "crowded": error(
        "shape-mismatch", "many labels on a line", ADD, "the call",
        secondary=[Label(OUTPUT, "output"), Label(BODY, "the flow"), Label(SHORTCUT, "inside"), Label(ADD, "again")],
    ),
    "several-lines": error(
        "already-bound", "`body` is bound twice", at(RESNET, "unused"), "bound again",
        secondary=[Label(at(RESNET, "body"), "first here"), Label(at(RESNET, "stride", 1), "")],
    ),
    "line-between": error(
        "already-bound", "two lines apart", at(RESNET, "shortcut"), "", secondary=[Label(at(RESNET, "}"), "ends")],
    ),
    "other-file": error(
        "unknown-import", "`stm` is not declared there", at(RESNET, "bottleneck"), "wanted here",
        secondary=[Label(at(STEM, "stem"), "this file has `stem`")], help="did you mean `stem`?",
    ),
    "multi-line": error("missing-body", "a span over lines", at(RESNET, RESNET.text[100:200]), "all of this"),
    "line-end": error("unclosed-string", "a span that takes the line end", at(RESNET, "archlang 1\n"), "here"),
    "file-end": error("unexpected-end", "the file ends too early", END, "x"),
    "empty-file": error("missing-pragma", "the first line is not `archlang 1`", Span(EMPTY, 0, 0)),
    "wide": error(
        "bad-character", "wide, combining and hidden", at(RESNET, "rélu"), "after a tab and wide letters",
        secondary=[Label(at(RESNET, "深深"), "two wide ones"), Label(at(RESNET, "\u202e"), "hidden")],
    ),
    "long-line": error(
        "undefined-name", "nothing is called `abc`", at(LONG, "abc"), "in the middle",
        secondary=[Label(at(LONG, "def"), "far away"), Label(at(LONG, "let"), "")],
    ),
    "long-span": error("expression-too-long", "too many terms", Span(LONG, 20, len(LONG.text) - 2), "all of it"),
    "hostile": error(
        "undefined-name", "nothing is called `\x1b]0;title\x07`\nsecond line", help="did you mean `\u202egnp`?\nor not",
        notes=["x" * 5000],
    ),
    "nowhere": warning("unused-name", "made by a transformation", NOWHERE, "no file wrote this"),
    "fixed": error(
        "unexpected-token", "an arrow is written `->`", at(RESNET, "->"), help="write `->`",
        fix=Fix(at(RESNET, "->"), "=>"),
    ),
    "only-secondary": error("recursive-block", "uses itself", secondary=[Label(at(STEM, "stem"), "here")]),
}
