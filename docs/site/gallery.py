"""The gallery: every network of the repository with its drawing, its counts and its text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from archlang.elaborate import Network, load
from archlang.views import render
from docs.site.links import ROOT
from docs.site.markdown import block, prose

MARK = "<!-- networks -->\n"

FOLDERS = {
    "examples": "First steps",
    "examples/networks": "Published networks",
    "specs/multipath": "Parallel paths",
    "specs/layer_attention": "Attention over layers",
    "specs/pbconv": "Position-boosted convolutions",
    "specs/coded_resnext": "Coded branches",
    "specs/pce": "Experts for patches",
    "specs/clustering": "Neural mixture EM",
    "specs/claims": "Networks of the claims",
}
"""Folder to the heading of its networks."""


@dataclass
class Entry:
    """A file of the gallery, counted from the repository's root."""

    file: str

    @cached_property
    def network(self) -> Network:
        """The checked network, read where it is first asked for: all of them take half a minute."""
        return load(ROOT / self.file)

    @property
    def page(self) -> str:
        """The name of its page."""
        return f"gallery/{self.file.removesuffix('.arch')}.md"

    @property
    def title(self) -> str:
        """The file's name, without its folder."""
        return Path(self.file).stem

    @property
    def picture(self) -> str:
        """The name of its drawing."""
        return f"drawings/{self.file.removesuffix('.arch')}.svg"

    @property
    def small(self) -> str:
        """The name of the drawing on its card, with its blocks closed."""
        return f"drawings/{self.file.removesuffix('.arch')}-small.svg"

    @property
    def doc(self) -> str:
        """The doc string of the file, which a test wants each to have, on one line."""
        return " ".join(self.text.split('"""')[1].split())

    @property
    def text(self) -> str:
        """The text of the file."""
        return (ROOT / self.file).read_text(encoding="utf-8")


def networks() -> list[Entry]:
    """Every network of the folders. The examples of mistakes are no networks."""
    found = []
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).glob("*.arch")):
            if not path.stem.startswith("mistakes"):
                found.append(Entry(path.relative_to(ROOT).as_posix()))
    return found


def draw(entries: Sequence[Entry], folder: Path) -> None:
    """Draw the networks into a folder; a drawing that is newer than its file and than archlang is kept."""
    changed = max(path.stat().st_mtime for path in (ROOT / "archlang").rglob("*") if path.suffix in (".py", ".arch"))
    for entry in entries:
        newest = max(changed, (ROOT / entry.file).stat().st_mtime)
        for name, depth in ((entry.picture, None), (entry.small, 1)):
            place = folder / name
            if place.exists() and place.stat().st_mtime > newest:
                continue

            place.parent.mkdir(parents=True, exist_ok=True)
            picture = render(entry.network, "svg", depth, once=True)
            assert isinstance(picture, str)
            place.write_text(picture, encoding="utf-8")


def filled(text: str, entries: Sequence[Entry], folder: Path) -> str:
    """The page of the gallery with its networks in the place of the mark and what follows it."""
    return text[: text.index(MARK)] + "\n".join(_cards(entries, folder))


def _cards(entries: Sequence[Entry], folder: Path) -> Iterator[str]:
    for name, heading in FOLDERS.items():
        yield f"## {heading}\n"
        yield "::::{container} cards\n"
        for entry in entries:
            if Path(entry.file).parent.as_posix() == name:
                yield ":::{container} card\n"
                yield from _card(entry, (folder / entry.picture).exists())
                yield ":::\n"
        yield "::::\n"


def _card(entry: Entry, drawn: bool) -> Iterator[str]:
    if drawn:
        yield f"[![{entry.title}]({entry.small})]({entry.page})\n"
    yield f"[{prose(entry.title)}]({entry.page})\n"

    # The sentence ends where a capital follows its full stop; a year in brackets ends none.
    yield prose(re.split(r"(?<=\.)\s+(?=[A-Z])", entry.doc)[0]) + "\n"
    if drawn:
        yield f"{_counts(entry.network)}\n"


def page(entry: Entry, folder: Path) -> str:
    """The page of a network: what it is, its counts, its text, the command that draws it, its drawing."""
    up = "../" * entry.page.count("/")
    lines = ["---\norphan: true\n---\n", f"# {prose(entry.title)}\n", f"{prose(entry.doc)}\n"]
    drawn = (folder / entry.picture).exists()
    if drawn:
        lines.append(f"{_counts(entry.network)}, with the default dials.\n")

    lines += [f"[All networks]({up}gallery.md)\n", block(entry.text),
              block(f"archlang draw {entry.file} -o {entry.title}.svg", "sh")]
    if drawn:
        lines.append(f"![The diagram of {entry.title}]({up}{entry.picture})\n")
    return "\n".join(lines)


def _counts(network: Network) -> str:
    return f"{network.parameters:,} parameters, {len(network.graph):,} operations"
