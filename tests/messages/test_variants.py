"""One file with most constructs of the language, and every way to get one of its words and signs wrong.

Each variant has one token dropped, doubled, misspelt, or another sign of its looks. The whole table has two thousand;
here every so-many-th is tried, and `python -m tests.messages.test_variants` tries them all.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from archlang.diagnostics import Diagnostic
from archlang.elaborate.network import check_text
from archlang.source import Source
from archlang.syntax.lexing import Token, scan

TEXT = '''archlang 1
"""A network with most constructs of the language."""
import std.resnet (basic, projection as shortcut)
let widths = [16, 32]
let smooth = leaky_relu(0.2)
block unit(c, stride = 1, act = relu) = conv(3x3, c, stride = stride) -> batch_norm -> act
block gated(c, guide) {
  """A block with a second tensor."""
  gate = guide -> conv(1x1, c) -> sigmoid
  output in -> unit(c, act = gelu) -> mul(gate)
}
code half = design(classes = 10, branches = 10, active = 5)
network Net(classes = 10, deep = true) {
  input image: [3, 32, 32] (mean = [0.5, 0.5, 0.5], std = [0.2, 0.2, 0.2])
  input edges: [1, 32, 32]
  layer embed = conv(3x3, 8, stride = 1) -> batch_norm -> relu
  maps = image -> embed -> for c in widths { unit(c) } -> gated(8, edges)
  pair = (maps, image -> conv(3x3, 8)) -> concat(axis = channels)
  side = pair -> parallel { conv(3x3, 8); conv(1x1, 8) } -> sum
  more = side -> residual { conv(3x3, 8) -> relu } -> 2 * (conv(3x3, 8) -> relu) -> basic(8)
  last = more -> if deep and classes > 3 { conv(3x3, 16) as wide -> smooth } else { relu }
  pool = last -> max_pool(2x2, stride = 2) -> global_avg_pool -> dropout(0.1)
  logits = pool -> linear(classes)
  output logits
  output aux = pool -> linear(2)
}
train {
  loss = cross_entropy(logits, label, label_smoothing = 0.1) + 0.3 * cross_entropy(aux, label)
  optimizer = sgd(lr = 0.1, momentum = 0.9, nesterov = true)
  batch = 64
  seed = 7
  phase warm { epochs = 2; lr = linear(to = 0.1) }
  phase main { epochs = 20; lr = cosine }
}
'''

LOOKALIKES = {
    "->": ("=>", ">", "-", "\u2192", "|", ">>", "."), "=": (":", ":=", "=="), ":": ("=", ""), "(": ("[",), ")": ("]",),
    "{": ("(", ":"), "}": (")",), ",": (";", ""), ";": (",", ""), "[": ("(",), "]": (")",),
}  # fmt: skip
SIZES = ("(3, 3)", "3 x 3", "[3, 3]", "3X3", "3\u00d73")
STRIDE = 53


def variants() -> Iterator[tuple[Token, str]]:
    """Each token of the file, and the file with the token wrong."""
    for token in scan(Source("variants.arch", TEXT)).tokens[2:]:
        for text in _wrong(token):
            yield token, TEXT[: token.start] + text + TEXT[token.end :]


def _wrong(token: Token) -> Iterator[str]:
    yield ""
    yield f"{token.text} {token.text}"
    yield from LOOKALIKES.get(token.text, ())
    if token.type == "SIZE":
        yield from SIZES
    if token.text.isidentifier() and len(token.text) > 3:
        yield token.text[:2] + token.text[3:]
        yield token.text.capitalize()
        yield f"'{token.text}'"


def judged(chosen: Iterator[tuple[Token, str]]) -> tuple[list[Diagnostic], list[Diagnostic], list[Diagnostic]]:
    """The first errors of variants, those on another line, those without help."""
    first, elsewhere, helpless = [], [], []
    for token, text in chosen:
        errors = [d for d in check_text(text) if d.severity == "error"]
        if not errors:  # what is left means something as well
            continue
        first.append(errors[0])
        if errors[0].primary is None or errors[0].primary.span.line != token.span.line:
            elsewhere.append(errors[0])
        if not errors[0].help:
            helpless.append(errors[0])
    return first, elsewhere, helpless


def test_the_file_is_right() -> None:
    assert [d for d in check_text(TEXT) if d.severity == "error"] == []


def test_variants_are_told_on_their_line_with_help() -> None:
    first, elsewhere, helpless = judged(islice(variants(), 0, None, STRIDE))
    assert len(first) > 25
    # A declaration that is misspelt shows at its uses, and a brace that is missing at another one.
    assert len(elsewhere) <= 0.09 * len(first), elsewhere
    assert len(helpless) <= 0.05 * len(first), helpless


def _main() -> None:
    first, elsewhere, helpless = judged(variants())
    for one in helpless:
        print(one.name, one.message, one.primary.span if one.primary else "")
    print(f"{len(first)} variants: {len(elsewhere)} on another line, {len(helpless)} without help")


if __name__ == "__main__":
    _main()
