"""Files of another language that are taken for `.arch` files: Python with a torch model, JSON, YAML."""

from __future__ import annotations

import json
import re
from pathlib import PurePath

from archlang.diagnostics import Diagnostic, error
from archlang.source import Source, Span
from archlang.syntax.pragma import VERSION

_LONGEST = 65536
"""Characters of a file that is read as another language's; nobody gives longer ones by mistake."""

_START = (f"begin the file with `archlang {VERSION}`, then `network Name {{ ... }}`; "
          "`archlang new` writes one to start from")

# Lines at the margin that are Python and nothing else. They are read by their form: Python's own parser takes minutes
# for some texts of this length.
_PYTHON = re.compile(
    r"(?:class|def) \w+[^#]*:\s*(?:#.*)?|from [\w.]+ import .+|import (?:torch|numpy|timm|tensorflow)\b.*")
_MODEL = re.compile(r"class (\w+)\([^\n]*(?:Module|Sequential)\):.*")
_YAML = re.compile(r"[\w.]+:(?: .*)?")


def foreign_file(source: Source) -> Diagnostic | None:
    """Tell a file that is written in another language as a whole; None for all others.

    >>> foreign_file(Source("net.py", "import torch\\nclass Net(torch.nn.Module): pass")).message
    'the first line is not `archlang 1`: this file is written in Python'
    """
    if len(source.text) > _LONGEST:
        return None

    margin = [line for line in source.text.splitlines() if line and not line[0].isspace() and line[0] != "#"]
    # Comments may stand before the first line of a right file.
    if not margin or margin[0].startswith("archlang"):
        return None

    language = _language(source.text, margin)
    if language is None:
        return None
    help = [_START]
    if language == "Python":
        help = [*_import_of(margin, source.name), _START]
    message = f"the first line is not `archlang {VERSION}`: this file is written in {language}"
    return error("missing-pragma", message, Span(source, 0, len(source.line(1))), "", help=help)


def _language(text: str, margin: list[str]) -> str | None:
    if any(_PYTHON.fullmatch(line) for line in margin):
        return "Python"
    if _is_json(text):
        return "JSON"
    if _YAML.fullmatch(margin[0]) and all(line[0] == "-" or _YAML.fullmatch(line) for line in margin):
        return "YAML"
    return None


def _import_of(margin: list[str], name: str) -> list[str]:
    """Help with the command that reads the last model of a file; none where the file has no model."""
    models = [found[1] for line in margin if (found := _MODEL.fullmatch(line))]
    if not models:
        return []
    return [f"`archlang import {PurePath(name).stem}:{models[-1]} --input 3x224x224 -o net.arch` reads a torch model, "
            "from a file that ends in `.py`, with the size of one sample"]


def _is_json(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict | list)
    except (ValueError, RecursionError):
        return False
