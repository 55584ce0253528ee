"""No comment is lost, wherever it stands, and the place that the formatter gives it is its place from then on."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from archlang.source import Source
from archlang.syntax import comments_of, parse, print_file
from archlang.syntax.lexing import scan
from tests.syntax.test_golden import FILES, read

PIECE = """archlang 1
block b(c, d = 3) = if c == 1 { relu } else if c == 2 { gelu; } else { each { x = in -> f(1, 2) output x } }
code k = from "f.csv" (distance = 6)
network N(p = 1) { input x: [3, H] (mean = [1, 2]) where H % 2 == 0 and H > 1; output o = (x, x)[0].a -> not b as q }
train { phase a { n = 1; m = 2 } phase c { n = 2 m = 3 } }
"""
SOURCES = [*map(read, FILES), Source("piece.arch", PIECE)]


def with_comments(source: Source, seed: int, share: float) -> str:
    chance = random.Random(seed)
    out, at = [], 0
    for number, token in enumerate(scan(source).tokens):
        out.append(source.text[at : token.end])
        at = token.end
        if number > 0 and chance.random() < share:
            own = chance.choice(["\n", "\n\n", ""])
            out.append(f"{own}  # note {number}\n{chance.choice(['', chr(10)])}")
    return "".join(out) + source.text[at:]


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
@pytest.mark.parametrize("share", [0.02, 0.2, 1.0])
def test_comments_anywhere_survive(source: Source, share: float) -> None:
    plain = parse(source)
    for seed in range(6):
        text = with_comments(source, seed, share)
        scanned = scan(Source("c", text))
        file = parse(Source("noted.arch", text))
        assert file == plain
        printed = print_file(file)
        again = parse(Source("again.arch", printed))
        assert again == file
        wanted = sorted(remark.comment.text for remark in scanned.remarks)
        assert sorted(comment.text for comment in comments_of(file)) == wanted
        assert sorted(comment.text for comment in comments_of(again)) == wanted
        assert print_file(again) == printed


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("let a = 1 # behind\n", "let a = 1  # behind\n"),
        ("# above\nlet a = 1\n", "# above\nlet a = 1\n"),
        ("let a = 1\n# at the end\n", "let a = 1\n# at the end\n"),
        ("let a = 1\n\n# apart\n\nlet b = 2\n", "let a = 1\n\n# apart\n\nlet b = 2\n"),
        ("train { # the brace\n a = 1 }\n", "train {  # the brace\n  a = 1\n}\n"),
        ("train { a = 1\n # the end\n }\n", "train {\n  a = 1\n  # the end\n}\n"),
        ("block b = relu # one\n -> gelu\n", "block b = relu  # one\n              -> gelu\n"),
        ("block b = relu\n # two\n -> gelu\n", "block b = relu\n              # two\n              -> gelu\n"),
        ("let a = f(1, # one\n 2)\n", "let a = f(1,  # one\n          2)\n"),
        ("let a = # why\n 1\n", "# why\nlet a = 1\n"),
        ("block b = parallel { relu; # one\n gelu }\n", None),
    ],
)  # fmt: skip
def test_comments_read_well_where_they_land(before: str, after: str | None) -> None:
    printed = print_file(parse(Source("c.arch", "archlang 1\n" + before))).removeprefix("archlang 1\n")
    if after is None:
        after = "block b = parallel {\n            relu;  # one\n            gelu\n          }\n"
    assert printed == after


def test_the_golden_folder_is_not_empty() -> None:
    assert len(SOURCES) > 5 and all(isinstance(path, Path) for path in FILES)
