"""Lines of Python that the parser refuses: the line as it is written here, bounded work, and none for right files."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from archlang.diagnostics import Diagnostic
from archlang.elaborate.network import check, check_text
from archlang.elaborate.python.reading import DEEPEST, LONGEST, python_module, python_value
from archlang.elaborate.python.statements import statement_at

LINES = [
    # --- functions and layers, with what no expression here can hold ---
    ("y = F.interpolate(maps, scale_factor=2, mode='bilinear')", "y = maps -> upsample(factor = 2, mode = bilinear)"),
    ("y = nn.Conv2d(16, 8, 3, padding='same')(maps)", "y = maps -> conv(3x3, 8)"),
    ("y = maps -> nn.Conv2d(16, 8, 3, padding='same') -> relu", "y = maps -> conv(3x3, 8) -> relu"),
    ("y = maps -> conv(3x3, 8, padding='same') -> x.relu()", None),
    ("y = torch.where(maps > 0, maps, other)", "y = maps -> choose(maps -> above(0), other = other)"),
    # --- signs ---
    ("y = tokens @ square", "y = tokens -> matmul(square)"),
    ("y = maps[:, 2:6]", "y = maps -> slice(2, stop = 6)"),
    ("y = maps[:, :, ::2]", "y = maps -> slice(0, stride = 2, axis = height)"),
    ("y = tokens[:, 0]", "y = tokens -> pick([0], axis = positions) -> flatten"),
    ("y = maps[..., 1:]", "y = maps -> slice(1, axis = width)"),
    ("maps += other", "maps2 = maps -> add(other)"),
    ("maps *= 0.5", "maps2 = maps -> scale(0.5)"),
    # --- values ---
    ("y = maps.relu() if deep else maps", "y = if deep { maps -> relu } else { maps }"),
    ("y = maps -> conv(3x3, 64 if deep else 32)", "y = maps -> conv(3x3, if deep { 64 } else { 32 })"),
    ("widths = [16 * 2 ** i for i in range(3)]", "let widths = [16, 32, 64]"),
    ("widths = [n for n in range(1, 4)]", "let widths = [1, 2, 3]"),
    ("unit = lambda c: conv(3x3, c) -> relu", "block unit(c) = conv(3x3, c) -> relu"),
    ("self.head = nn.Linear(16, 10)", None),  # the tree of it stands, but for `self`
    ("a, b = maps.chunk(2, dim=1)", "parts = maps -> split(2)"),
    ("y, states = nn.LSTM(64, 8, batch_first=True)(tokens)", "y = tokens -> lstm(8)"),
    ('y = maps -> conv(3x3, 8) as f"head{1}"', 'y = maps -> conv(3x3, 8) as ("head" + 1)'),
]


def network(line: str) -> str:
    return (
        "archlang 1\nnetwork N(deep = true) {\n  input maps: [16, 8, 8]\n  input other: [16, 8, 8]\n"
        f"  input tokens: [16, 64]\n  input square: [64, 64]\n  {line}\n  output maps\n}}\n"
    )


def first_error(text: str) -> Diagnostic:
    return next(d for d in check_text(text) if d.severity == "error")


@pytest.mark.parametrize(("line", "mended"), LINES)
def test_the_line_is_written_anew(line: str, mended: str | None) -> None:
    mistake = first_error(network(line))
    assert mistake.primary is not None
    assert mistake.primary.span.line == 7
    assert mistake.help
    if mended is None:
        return

    assert f"`{mended}`" in mistake.help[0]
    # A block stands outside of the braces, where the edit cannot put it.
    if mistake.fix is None or mended.startswith("block"):
        return
    span = mistake.fix.span
    text = span.source.text[: span.start] + mistake.fix.text + span.source.text[span.end :]
    assert [d.message for d in check_text(text) if d.severity == "error"] == []


def test_most_lines_have_an_edit() -> None:
    fixes = [first_error(network(line)).fix for line, mended in LINES if mended is not None]
    assert sum(fix is not None for fix in fixes) >= 0.8 * len(fixes)


def test_later_uses_follow_a_new_name() -> None:
    text = network("maps += other\n  y = maps -> relu").replace("output maps", "output y -> add(maps)")
    mistake = first_error(text)
    assert mistake.fix is not None
    assert "y = maps2 -> relu" in mistake.fix.text
    assert "output y -> add(maps2)" in mistake.fix.text


@pytest.mark.parametrize(
    "text",
    ["x" * (LONGEST + 1), "(" * (DEEPEST + 1) + "x" + ")" * (DEEPEST + 1), "[" * 500, "x = " + "-" * 3_000 + "1"],
)
def test_long_and_deep_text_is_not_given_to_python(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object, **__: object) -> ast.Module:
        raise AssertionError("parsed")

    monkeypatch.setattr(ast, "parse", never)
    assert python_module(text) is None


def test_what_python_cannot_parse_is_none() -> None:
    for text in ("x +", "\0", "def", "f(", "'", "-" * 1_900 + "1", "not " * 400 + "x", "x" + ".a" * 900, "1" * 1_999):
        assert python_value(text) is None


def test_long_lines_end_in_short_time() -> None:
    nested = "F.relu(" * 200 + "maps" + ", '')" * 200
    chained = "maps" + ".relu('')" * 400
    for flow in (nested, chained, "maps @ " * 500 + "maps", "'" * 999, "x[:" * 300):
        mistake = first_error(network(f"y = {flow}"))
        assert mistake.primary is not None


@pytest.mark.parametrize("count", [1, 60])
def test_a_file_of_refused_lines(count: int) -> None:
    """Each refused line is a mistake of its own, on its line."""
    lines = "\n  ".join(f"y{number} = maps @ other" for number in range(count))
    mistakes = [d for d in check_text(network(lines)) if d.severity == "error"]
    assert [d.primary.span.line for d in mistakes if d.primary][:count] == list(range(7, 7 + count))[: len(mistakes)]


def test_a_statement_is_found_without_a_tree() -> None:
    text = "network N { input x: [3]; y = f(a,\n  b) # why\n  output y }"
    for word, expected in (("y = ", "y = f(a,\n  b)"), ("b)", "y = f(a,\n  b)"), ("output", "output y")):
        place = statement_at(text, text.index(word))
        assert place is not None
        assert text[place.start : place.end] == expected


def test_a_right_file_loads_none_of_it() -> None:
    file = Path(__file__).parents[2] / "examples" / "04_paths.arch"
    code = (
        "import sys; from archlang.elaborate.network import check\n"
        f"assert not check({str(file)!r})\n"
        "print([m for m in sys.modules if 'elaborate.python' in m or 'torch_more' in m or 'syntax.slips' in m])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
    assert not check(file)
