"""The lists at the end of `docs/language.md`, made from the catalogue and the standard library.

`ARCHLANG_UPDATE_GOLDEN=1 pytest tests/docs/test_lists.py` writes them anew.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from archlang.elaborate.habits.catalogue import TABLES
from archlang.elaborate.scope import FUNCTIONS
from archlang.ops import CATALOGUE, REQUIRED, Op, Setting, Structure
from archlang.project.standard import standard_library
from tests.docs.pages import ROOT

PAGE = ROOT / "docs" / "language.md"
MARK = "<!-- lists -->\n"

SHOWN = {
    "router": "Routers", "aggregator": "Aggregators of `attend`", "loss": "Losses",
}
"""Roles whose settings have a line each: what they mean is the language's own."""

COMMON = (
    "nn.Conv2d(3, 64, 3, padding=1)", "nn.Conv2d(3, 64, 3)", "nn.ConvTranspose2d(3, 8, 2, stride=2)",
    "nn.Linear(12, 10)", "nn.BatchNorm2d(3)", "nn.LayerNorm(16)", "nn.RMSNorm(16, eps=1e-6)", "nn.MaxPool2d(3, 2)",
    "nn.AdaptiveAvgPool2d(1)", "nn.Embedding(10, 16)", "nn.MultiheadAttention(16, 4, batch_first=True)",
    "nn.LSTM(16, 8, batch_first=True)", "F.softmax(x, dim=1)", "F.glu(x)", "torch.add(x, y)",
    "torch.cat([x, y], dim=1)", "torch.matmul(x, y)", "torch.flatten(x, 1)", "x.permute(0, 2, 3, 1)",
    "x.mean(dim=[2, 3])",
)
"""Forms of PyTorch that stand on this page too; all of them stand in `docs/from-pytorch.md`."""

NAMED = {
    "metric": "metrics", "optimizer": "optimisers", "schedule": "curves of a rate", "average": "averages of weights",
    "augmentation": "augmentations", "initialiser": "initialisers", "encoding": "positions of attention",
    "threshold": "thresholds", "kernels": "kernels of `pbconv`", "weights": "kernels that are calculated",
}
"""Roles whose settings are named alone."""

def page() -> str:
    """The page as it should be: its own text, then the lists."""
    text = PAGE.read_text(encoding="utf-8")
    return text[: text.index(MARK) + len(MARK)] + "\n" + "\n".join(_lists())


def _lists() -> Iterator[str]:
    yield "**Structures**\n"
    yield from _table((_code(_signature(entry)), _sentence(entry.doc)) for entry in CATALOGUE.structures.values())

    for role, heading in SHOWN.items():
        entries = [entry for (of, _), entry in CATALOGUE.settings.items() if of == role]
        yield f"**{heading}**\n"
        yield from _table((_code(_signature(entry)), _sentence(entry.doc)) for entry in entries)

    yield "**PyTorch -> archlang**, and [all the rest of it](from-pytorch.md)\n"
    known = dict(pair for rows in TABLES.values() for row in rows for pair in row.examples)
    yield from _table(((_code(there), _code(known[there])) for there in COMMON), "there", "here")

    yield "**Operations**\n"
    families: dict[str, list[str]] = {}
    for op in CATALOGUE.ops.values():
        if not op.internal:
            families.setdefault(op.family, []).append(op.name)
    yield from _named((family.replace("_", " "), names) for family, names in families.items())

    yield "**Settings**\n"
    yield from _named((words, [name for of, name in CATALOGUE.settings if of == role]) for role, words in NAMED.items())

    yield "**Functions of static values**\n"
    yield from _named([("functions", sorted(FUNCTIONS))])

    yield "**The standard library**\n"
    modules: dict[str, list[str]] = {}
    for block in standard_library():
        modules.setdefault(block.module, []).append(block.name)
    yield from _named((_code(module), names) for module, names in modules.items())


def _table(rows: Iterable[tuple[str, str]], first: str = "name", second: str = "meaning") -> Iterator[str]:
    yield f"| {first} | {second} |\n|---|---|"
    yield from (f"| {name} | {meaning} |" for name, meaning in rows)
    yield ""


def _named(rows: Iterable[tuple[str, Iterable[str]]]) -> Iterator[str]:
    yield from (f"- {words}: {', '.join(map(_code, names))}" for words, names in rows)
    yield ""


def _signature(entry: Op | Setting | Structure) -> str:
    """The name with what must be given, dots for what may be, and braces."""
    arguments = [arg.name for arg in entry.args if arg.default is REQUIRED]
    if len(arguments) < len(entry.args):
        arguments.append("...")
    braces = {"flow": " { flow }", "flows": " { flow; flow }"}
    written = f"({', '.join(arguments)})" if arguments else ""
    return entry.name + written + braces.get(getattr(entry, "body", ""), "")


def _sentence(doc: str) -> str:
    """The first sentence, on one line, as a cell of a table."""
    # A full stop within a number, a name or `et al.` is followed by no capital.
    first = re.split(r"(?<=\.)\s+(?=[A-Z])", " ".join(doc.split()), maxsplit=1)[0].rstrip(".")
    return first.replace("|", "\\|")


def _code(text: str) -> str:
    return f"`{text}`"
