"""The blocks of the pages: what stands between fences, where, and how output that is shown compares with a real one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))

MEASURED = ("train", "eval", "fuse", "predict", "show", "study", "sweep")
"""Commands whose decimal numbers depend on the machine (and which epoch was best): only their places are compared."""

_FENCE = re.compile(r"^```(\w+) *([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_DECIMAL = re.compile(r"\d+\.\d+(?:e[-+]?\d+)?|\d+e[-+]?\d+|(?<=best epoch )\d+|(?<=steps on )\w+")


@dataclass(frozen=True)
class Block:
    """One fenced block: its language, the rest of the line that opens it (`on=...`, `file=...`), its text, its line."""

    page: Path
    language: str
    option: str
    text: str
    line: int

    def __str__(self) -> str:
        return f"{self.page.name}:{self.line}"

    def given(self, name: str) -> str | None:
        """The value of `name=value` in the opening line; it reaches to the line's end."""
        start = f"{name}="
        return self.option.removeprefix(start) if self.option.startswith(start) else None


@dataclass(frozen=True)
class Command:
    """One `$ archlang ...` of a console block, and the output shown below it."""

    words: str
    shown: str

    @property
    def measured(self) -> bool:
        """Whether its numbers depend on the machine."""
        return self.words.split()[1] in MEASURED


def blocks(page: Path, *languages: str) -> list[Block]:
    """The blocks of a page in these languages, in order."""
    text = page.read_text(encoding="utf-8")
    found = []
    for match in _FENCE.finditer(text):
        if match[1] in languages:
            line = text.count("\n", 0, match.start()) + 1
            found.append(Block(page, match[1], match[2].strip(), match[3], line))
    return found


def commands(text: str) -> Iterator[Command]:
    """The commands of a console block."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        words, _, shown = part.partition("\n")
        yield Command(words, shown)


def kept(block: Block) -> str | None:
    """The file that a reader is told to make of a block, right (`save=...`) or with a mistake (`wrong=...`)."""
    return block.given("save") or block.given("wrong")


def whole(block: Block) -> str:
    """A block as a file: a fragment gets the first line, and with `on=TYPE` it is what a block does to such a value."""
    if block.text.startswith("archlang 1"):
        return block.text
    kind = block.given("on")
    if kind is None:
        return f"archlang 1\n{block.text}"
    body = block.text if re.search(r"^\s*output ", block.text, re.MULTILINE) else f"output in -> {block.text}"
    return (
        f"archlang 1\nblock shown() {{\n{body}\n}}\n"
        f"network Page {{\n  input x: {kind}\n  output x -> shown()\n}}\n"
    )


def agrees(command: Command, real: str) -> bool:
    """Whether output is as shown. `...` stands for anything: on a line of its own, for any lines.

    >>> agrees(Command("archlang eval", "a\\n...\\nd 1.5\\n"), "a\\nb\\nc\\nd 2.5\\n")
    True
    >>> agrees(Command("archlang check", "a ... c\\n"), "a b d\\n")
    False
    """
    shown, real = (_plain(text, command.measured) for text in (command.shown, real))
    pattern = re.escape(shown).replace(re.escape("..."), "\0")
    pattern = re.sub(r"^\0(?:\\\n|\n|\Z)", lambda _: r"(?:[^\n]*\n)*?", pattern, flags=re.MULTILINE)
    return re.fullmatch(pattern.replace("\0", r"[^\n]*"), real) is not None


def _plain(text: str, measured: bool) -> str:
    lines = [line.rstrip() for line in text.strip("\n").split("\n")]
    joined = "\n".join(lines) + "\n"
    return re.sub(r" +", " ", _DECIMAL.sub("#", joined)) if measured else joined
