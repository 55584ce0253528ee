"""Every kind has a page; what a page shows as wrong is that mistake, and what it shows as right is none."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

import archlang
from archlang.diagnostics import KINDS, ArchError, Diagnostic
from archlang.diagnostics.explain import PAGES
from archlang.elaborate.network import check, load
from archlang.limits import DEFAULT

FENCE = re.compile(r"^```(\S+)(?: ([^\n]*))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Example:
    """A fenced block: its language, the words behind it, its text."""

    language: str
    words: tuple[str, ...]
    text: str

    def option(self, name: str) -> dict[str, str]:
        """The `a=b` words that follow an option."""
        pairs = zip(self.words, self.words[1:], strict=False)
        return dict(value.split("=", 1) for option, value in pairs if option == name)


def examples(name: str) -> tuple[list[Example], Example, Example]:
    """The files beside it, the wrong and the right example of a page."""
    text = (PAGES / f"{name}.md").read_text(encoding="utf-8")
    blocks = [Example(m[1], tuple((m[2] or "").split()), m[3]) for m in FENCE.finditer(text)]
    assert "\nWrong:\n" in text
    assert "\nRight:\n" in text
    return blocks[:-2], blocks[-2], blocks[-1]


def mistakes(example: Example, beside: list[Example], folder: Path) -> tuple[Diagnostic, ...]:
    """What the checker says of an example, with the options that stand behind its fence."""
    for other in beside:
        (folder / other.words[0]).write_text(other.text, encoding="utf-8")
    text = example.text
    if "--hidden" in example.words:
        text = re.sub(r"<U\+(\w+)>", lambda m: chr(int(m[1], 16)), text)
    encoding = next((w.partition("=")[2] for w in example.words if w.startswith("--encoding=")), "utf-8")
    file = folder / "net.arch"
    file.write_bytes(text.encode(encoding))
    limits = replace(DEFAULT, **{k: int(v) for k, v in example.option("--limit").items()})
    dials = example.option("-p")
    if "--load" not in example.words:
        return check(file, dials, limits=limits)
    with pytest.raises(ArchError) as problem:
        load(file, dials, limits=limits)
    return problem.value.diagnostics


def said_by(code: str) -> set[str]:
    """The kinds of mistakes that an example in Python is refused for; its names are `text`, `net` and `model`."""
    text = "archlang 1\nnetwork N {\n  input x: [3, 8, 8]\n  output x -> conv(3x3, 4) -> batch_norm\n}\n"
    net = archlang.loads(text)
    try:
        exec(code, {"archlang": archlang, "text": text, "net": net, "model": archlang.compile(net)})
    except ArchError as problem:
        return {d.name for d in problem.diagnostics}
    return set()


def test_every_kind_has_a_page_and_every_page_a_kind() -> None:
    assert {page.stem for page in PAGES.glob("*.md")} == set(KINDS)


@pytest.mark.parametrize("name", KINDS)
def test_page(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    beside, wrong, right = examples(name)
    assert wrong.language == right.language
    if wrong.language == "sh":
        return
    if wrong.language == "py":
        monkeypatch.chdir(tmp_path)
        assert said_by(wrong.text) == {name}
        assert said_by(right.text) == set()
        return
    expected = {name, *(word.partition("=")[2] for word in wrong.words if word.startswith("--or="))}
    harmless = {"unused-name", "unused-import"}
    assert expected & {d.name for d in mistakes(wrong, beside, tmp_path)}
    assert {d.name for d in mistakes(right, beside, tmp_path)} - harmless == set()
