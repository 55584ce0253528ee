"""Files changed at random: they parse, or they are refused with an `ArchError` that points into the file."""

from __future__ import annotations

import random

import pytest

from archlang.diagnostics import ArchError
from archlang.source import Source
from archlang.syntax import decode, parse, print_file
from archlang.syntax.lexing import scan
from tests.syntax.test_comments import SOURCES

EACH = 40  # mutants of each file and sort


def bytes_changed(source: Source, chance: random.Random) -> bytes:
    data = bytearray(source.text.encode())
    for _ in range(chance.randint(1, 3)):
        at = chance.randrange(len(data))
        match chance.randrange(3):
            case 0:
                data[at] = chance.randrange(256)
            case 1:
                del data[at : at + chance.randint(1, 20)]
            case _:
                data[at:at] = chance.choice([b"{", b")", b'"', b"->", b"\n", b" let ", b'"""', b"\xe2\x80\xae", b"#"])
    return bytes(data)


def tokens_changed(source: Source, chance: random.Random) -> bytes:
    words = [token.text for token in scan(source).tokens]
    for _ in range(chance.randint(1, 2)):
        at = chance.randrange(2, len(words))
        match chance.randrange(4):
            case 0:
                del words[at : at + 1]
            case 1:
                words[at:at] = [chance.choice(words)]
            case 2:
                words[at - 1 : at + 1] = words[at - 1 : at + 1][::-1]
            case _:
                words[at : at + 1] = [chance.choice(words)]
    lines = [" ".join(words[:2]), *(" ".join(words[at : at + 9]) for at in range(2, len(words), 9))]
    return "\n".join(lines).encode()


@pytest.mark.parametrize("change", [bytes_changed, tokens_changed])
@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_mutants(source: Source, change: object) -> None:
    for seed in range(EACH):
        data = change(source, random.Random(seed))  # type: ignore[operator]
        try:
            file = parse(decode(data, "mutant.arch"))
        except ArchError as problem:
            assert problem.diagnostics
            for one in problem.diagnostics:
                assert one.primary is not None, one
                for label in (one.primary, *one.secondary):
                    span = label.span
                    assert 0 <= span.start <= span.end <= len(span.source.text), one
                    assert span.source.name == "mutant.arch", one
            assert str(problem)
        else:
            text = print_file(file)
            again = parse(Source("again.arch", text))
            assert again == file
            assert print_file(again) == text
