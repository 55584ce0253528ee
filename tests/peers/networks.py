"""Our side of a comparison: a file with a smaller image, a standard block in a network of its own."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import archlang
from archlang import Network

ROOT = Path(__file__).parents[2]


def of_file(name: str, size: int | None = None, **dials: object) -> Callable[[], Network]:
    """The network of `specs/...` or `examples/...`, nothing changed but the size of its images and its dials."""

    def make() -> Network:
        path = ROOT / f"{name}.arch"
        if size is None:
            return archlang.load(path, **dials)

        # The declared types are the only place where a file says how large its images are.
        smaller, count = re.subn(r"(input \w+: \[\w+), \d+, \d+\]", rf"\1, {size}, {size}]", path.read_text())
        assert count >= 1, f"{name} declares no image"
        return _beside_its_tables(path, smaller, dials)

    return make


def _beside_its_tables(path: Path, text: str, dials: dict[str, object]) -> Network:
    """Load a changed text from a folder that holds the tables of codes which it reads."""
    with tempfile.TemporaryDirectory() as folder:
        for table in path.parent.glob("*.csv"):
            shutil.copy(table, folder)
        changed = Path(folder) / path.name
        changed.write_text(text)
        return archlang.load(changed, **dials)


def of_block(module: str, use: str, *, type: str = "[8, 12, 12]", declared: str = "") -> Callable[[], Network]:
    """A network that is one use of standard blocks: `of_block("resnet", "basic(8)")`."""

    def make() -> Network:
        names = sorted({part.partition("(")[0].strip() for part in use.split(" -> ")})
        return archlang.loads(
            f"archlang 1\nimport std.{module} ({', '.join(names)})\n{declared}\n"
            f"network N {{\n  input x: {type}\n  output x -> {use}\n}}\n"
        )

    return make
