"""Mutants: files with bytes, words or lines changed at random."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.generate.layout import tokens
from tests.generate.programs import program

ROOT = Path(__file__).parents[2]
WORDS = (
    "->", "{", "}", "(", ")", "[", "]", ",", ";", "=", "==", "*", "/", "//", "%", "**", "-", "+", ".", "<", ">", "<=",
    "at", "as", "in", "if", "else", "for", "let", "layer", "block", "network", "train", "input", "output", "import",
    "not", "and", "or", "true", "from", "where", "phase", "step", "code", "0", "1", "-1", "3x3", "3x0", "0x0", "1e308",
    "1e999",
    "999999999999999999999", "9" * 400, "x", "conv", "each", "fork", "route", "sum", "relu", "range", "words",
    "design", '"', '"""', "#", "\x00", "\x1b[31m", "\u202e", "'", "`", "$", "@", "é", "\ufeff", "\r",
)
"""What a mutation puts in: words and signs of the language, numbers at its limits, characters that it does not have."""


def examples() -> list[str]:
    """Every file of the language in the repository."""
    folders = ("specs", "examples", "archlang/std", "tests/golden")
    paths = sorted(path for folder in folders for path in (ROOT / folder).rglob("*.arch"))
    return [path.read_text(encoding="utf-8") for path in paths]


def _bytes(r: random.Random, text: str, others: Sequence[str]) -> bytes:
    data = bytearray(text.encode())
    for _ in range(r.choice((1, 1, 2, 5, 20))):
        at = r.randrange(len(data)) if data else 0
        match r.randrange(5):
            case 0: data[at:at + 1] = bytes([r.randrange(256)])
            case 1: data[at:at] = bytes([r.randrange(256)])
            case 2: del data[at:at + r.choice((1, 1, 3, 40))]
            case 3: data[at:at] = data[at:at + r.choice((1, 5, 80))]
            case 4: data[at:at + 1] = r.choice((b"(", b")", b"{", b"}", b"\"", b"\n", b"#", b"-", b"9", b" "))
        if not data:
            break
    return bytes(data)


def _tokens(r: random.Random, text: str, others: Sequence[str]) -> bytes:
    words = [part for line in text.split("\n") for part in (*tokens(line), "\n")]
    for _ in range(r.choice((1, 1, 1, 2, 4))):
        at, other = r.randrange(len(words)), r.randrange(len(words))
        match r.randrange(6):
            case 0: del words[at]
            case 1: words.insert(at, words[other])
            case 2: words[at], words[other] = words[other], words[at]
            case 3: words[at] = r.choice(WORDS)
            case 4: words.insert(at, r.choice(WORDS))
            case 5: words[at:at] = words[min(at, other):max(at, other)][:60]
        if not words:
            break
    return " ".join(words).encode("utf-8", "surrogatepass")


def _lines(r: random.Random, text: str, others: Sequence[str]) -> bytes:
    lines = text.split("\n")
    for _ in range(r.choice((1, 1, 2))):
        at, other = r.randrange(len(lines)), r.randrange(len(lines))
        match r.randrange(5):
            case 0: del lines[at]
            case 1: lines.insert(at, lines[other])
            case 2: lines[at], lines[other] = lines[other], lines[at]
            case 3: lines.insert(at, r.choice(r.choice(others).split("\n")))
            case 4: lines[at:at + 1] = lines[at:at + 1] * r.choice((2, 12))
        if not lines:
            break
    return "\n".join(lines).encode()


def _deep(r: random.Random, text: str, others: Sequence[str]) -> bytes:
    """Something repeated until a limit is met."""
    words = tokens(text)
    at, count = r.randrange(len(words)), r.choice((70, 300, 3000))
    piece = r.choice(("(", "[", "{", "-> relu", "residual {", "not", "-", "2 *", "1 +", "as x", ".a", "[0]", "a ->",
                      "if true {", "for i in range(9) { relu -> ", "99 * (", ";", '"""a"""', "x = ", "fork(100) ->"))
    return " ".join([*words[:at], *[piece] * count, *words[at:]]).replace(" 1 network", " 1\nnetwork", 1).encode()


_WAYS: tuple[Callable[[random.Random, str, Sequence[str]], bytes], ...] = (
    _bytes, _bytes, _bytes, _tokens, _tokens, _tokens, _lines, _lines, _deep,
)


def mutant(seed: int, files: Sequence[str]) -> bytes:
    """The mutant of a seed, of one of the files or of a generated program."""
    r = random.Random(seed)
    base = r.choice(files) if files and r.random() < 0.5 else program(r.randrange(100_000)).text
    return r.choice(_WAYS)(r, base, files or [base])
