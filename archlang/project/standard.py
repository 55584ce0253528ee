"""The blocks of the standard library as its files say them: parameters, meaning, an example."""

from __future__ import annotations

import re
from collections.abc import Sequence

from archlang.dataclass import dataclass
from archlang.project.locating import STD
from archlang.source import Source
from archlang.syntax import parse, print_expr
from archlang.syntax.tree import Block, Body, Parameter

_EXAMPLE = re.compile(r"\s*^ *Example: (\[[^\]]*\]) -> (.*)\Z", re.MULTILINE | re.DOTALL)
"""The last line of a block's doc string: the type that enters, then what becomes of it."""


@dataclass(frozen=True)
class StandardBlock:
    """One block of `archlang/std/`.

    module      what is imported: `std.resnet`.
    name        the block's name there.
    parameters  as they are declared, with their defaults: `stride = 1`.
    doc         what it is, without the example.
    type        the type that enters the example, as written: `[64, 56, 56]`.
    use         the example's flow, without what enters, which is called `x`: `basic(128, stride = 2)`.
    used        the blocks of the module that stand in it.
    """

    module: str
    name: str
    parameters: tuple[str, ...]
    doc: str
    type: str
    use: str
    used: tuple[str, ...]

    @property
    def signature(self) -> str:
        """The block with its parameters, as it is declared."""
        return f"{self.name}({', '.join(self.parameters)})" if self.parameters else self.name

    @property
    def example(self) -> str:
        """The example as it stands in a file: the import, an input, a flow."""
        return f"import {self.module} ({', '.join(self.used)})\ninput x: {self.type}\noutput x -> {self.use}"


def standard_library() -> tuple[StandardBlock, ...]:
    """Read all blocks of `archlang/std/`, by module, in the order of their files."""
    found = []
    for path in sorted(STD.glob("*.arch")):
        tree = parse(Source(path.name, path.read_text(encoding="utf-8")))
        blocks = [item for item in tree.declarations if isinstance(item, Block)]
        found += [_read(f"std.{path.stem}", block, [other.name for other in blocks]) for block in blocks]
    return tuple(found)


def _read(module: str, block: Block, names: Sequence[str]) -> StandardBlock:
    inside = block.body.doc if isinstance(block.body, Body) else None
    doc = (block.doc or inside or "").strip()
    parameters = tuple(map(_parameter, block.parameters))

    # A test holds that every block has an example.
    example = _EXAMPLE.search(doc)
    if example is None:
        return StandardBlock(module, block.name, parameters, doc, "", "", ())

    use = " ".join(example[2].split())
    used = tuple(sorted(set(names).intersection(re.findall(r"\w+", use))))
    return StandardBlock(module, block.name, parameters, doc[:example.start()], example[1], use, used)


def _parameter(parameter: Parameter) -> str:
    if parameter.default is None:
        return parameter.name
    return f"{parameter.name} = {print_expr(parameter.default)}"
