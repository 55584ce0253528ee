"""The dials of a network as fields of a page: name, kind, default, the value now, where the default stands."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from archlang.editor.text import OpenText
from archlang.graph.ir import Graph
from archlang.ops.values import show
from archlang.page.boxes import stretch
from archlang.syntax.tree import File, NetworkDeclaration, Parameter

STEPS = 100
"""Steps of a slider over numbers that are not whole, about."""


def dial_names(tree: File) -> list[str]:
    """The names of a file's dials."""
    return [dial.name for dial in _dials(tree)]


def dial_fields(tree: File, graph: Graph, given: Mapping[str, str], text: OpenText) -> list[dict[str, Any]]:
    """Every dial of a text, in its order.

    Args:
        tree: the text as far as it could be read.
        graph: the network, whose dials have the values of now.
        given: values that were set from outside.
        text: the text with its places.
    """
    fields = []
    for dial in _dials(tree):
        default = dial.default
        written, place = "", None
        if default is not None and default.span.end <= len(text.text):
            written, place = default.span.text, stretch(text, default.span.start, default.span.end)

        value: object = graph.dials.get(dial.name, written)
        now = given.get(dial.name, written)
        # A default that is calculated is shown by what it comes to.
        if dial.name not in given and dial.name in graph.dials:
            now = show(value)
        fields.append({"name": dial.name, "default": written, "value": now, "place": place, **_range(value, written)})
    return fields


def _dials(tree: File) -> tuple[Parameter, ...]:
    for item in tree.declarations:
        if isinstance(item, NetworkDeclaration):
            return item.dials
    return ()


def _range(value: object, written: str) -> dict[str, Any]:
    """The kind of a dial, and the range of a slider for it, which no rule of the language bounds.

    >>> _range(2, "2"), _range(0.1, "0.1")["step"], _range("same", "same")["kind"]
    ({'kind': 'whole', 'least': 1, 'most': 8, 'step': 1}, 0.01, 'text')
    """
    number = _number(written)
    if isinstance(value, bool):
        return {"kind": "truth"}
    if isinstance(value, int) and (number is None or float(number).is_integer()) and "." not in written:
        # About the default, so that the slider does not move away under the pointer.
        middle = int(number or value)
        least = min(1, middle, value)
        return {"kind": "whole", "least": least, "most": max(4 * abs(middle), 8, value), "step": 1}
    if isinstance(value, int | float) and math.isfinite(value):
        middle_real = abs(float(number or value)) or 1.0
        most = max(4 * middle_real, float(value))
        if middle_real <= 1.0:
            most = max(1.0, float(value))
        step = 10.0 ** math.floor(math.log10(middle_real / (STEPS / 10)))
        return {"kind": "real", "least": min(0.0, float(value)), "most": most, "step": step}
    return {"kind": "text"}


def _number(written: str) -> float | None:
    try:
        return float(written.replace("_", ""))
    except ValueError:
        return None
