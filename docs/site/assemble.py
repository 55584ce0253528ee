"""All pages of the site in one folder: those of `docs/`, the reference, the gallery."""

from __future__ import annotations

import shutil
from pathlib import Path

from docs.site import gallery, reference
from docs.site.links import ROOT, rewritten

DOCS = ROOT / "docs"


def assemble(folder: Path, repository: str = "", drawn: bool = True) -> int:
    """Write all pages into a folder and return their number; pages of an earlier time that are gone are removed.

    Args:
        folder: where they go. Drawings stay there from one time to the next, until their network or archlang changes.
        repository: the address below which the repository's files are found, empty for none.
        drawn: whether networks are drawn; without it the gallery has texts alone.
    """
    pages = {page.name: rewritten(page.read_text(encoding="utf-8"), repository) for page in DOCS.glob("*.md")}
    pages |= reference.pages()
    networks = gallery.networks()
    if drawn:
        gallery.draw(networks, folder)
    pages["gallery.md"] = gallery.filled(pages["gallery.md"], networks, folder)
    pages |= {entry.page: gallery.page(entry, folder) for entry in networks}

    shutil.copytree(DOCS / "images", folder / "images", dirs_exist_ok=True)
    for old in folder.rglob("*.md"):
        if old.relative_to(folder).as_posix() not in pages:
            old.unlink()

    for name, text in pages.items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        # Sphinx reads anew what is newer than its last build.
        if not place.exists() or place.read_text(encoding="utf-8") != text:
            place.write_text(text, encoding="utf-8")
    return len(pages)
