"""The standard library on the command line: a list of its blocks, and one of them in full."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from archlang.project.standard import StandardBlock


def listed(blocks: Sequence[StandardBlock]) -> str:
    """List blocks under their modules: each with its parameters, what it is, and an example."""
    parts = []
    for module in dict.fromkeys(block.module for block in blocks):
        lines = [module]
        for block in blocks:
            if block.module == module:
                lines += [f"  {block.signature}", f"    {first_sentence(block)}", f"    {block.type} -> {block.use}"]
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def described(block: StandardBlock) -> str:
    """Describe one block in full: its parameters, its meaning, an example."""
    doc = "\n".join(f"  {line.strip()}".rstrip() for line in block.doc.splitlines())
    example = "\n".join(f"    {line}" for line in block.example.splitlines())
    return f"{block.signature}\n  block of {block.module}\n\n{doc}\n\n  example\n{example}"


def as_json(block: StandardBlock) -> dict[str, Any]:
    """One block as data, with the same keys as an entry of the catalogue."""
    arguments = []
    for parameter in block.parameters:
        name, equals, default = (part.strip() for part in parameter.partition("="))
        arguments.append({"name": name, "kind": None, "required": not equals, "default": default or None, "many": False,
                          "meaning": ""})
    return {"name": block.name, "kind": "block", "group": block.module, "signature": block.signature,
            "meaning": block.doc, "arguments": arguments, "example": block.example}


def first_sentence(block: StandardBlock) -> str:
    """The first line of what a block is."""
    return block.doc.splitlines()[0].strip()
