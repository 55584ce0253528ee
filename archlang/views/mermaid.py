"""A picture as a Mermaid flowchart, for pages that draw it themselves."""

from __future__ import annotations

from collections.abc import Iterator

from archlang.views.coded import title
from archlang.views.palette import ATTEND, FAMILIES, FAN, FRAME, GATE, GROUND, paint
from archlang.views.picture import Arrow, Box, Picture

ARROWS = {"flow": "-->", "fan": "-->", "gate": "-.->", "attend": "-->"}
HARMLESS = frozenset(" .,:=()[]-+/·×Σ…_")


def quoted(text: str) -> str:
    """Quote text as a Mermaid string: all but letters, digits, spaces and harmless signs goes as its number.

    >>> print(quoted('say "<b>"; 3 * [64, 8]'))
    "say #34;#60;b#62;#34;#59; 3 #42; [64, 8]"
    """
    return '"' + "".join(map(_safe, text)) + '"'


def _safe(letter: str) -> str:
    if letter.isalnum() or letter in HARMLESS:
        return letter
    if letter.isprintable():
        return f"#{ord(letter)};"
    return " "


def to_mermaid(picture: Picture) -> str:
    """Write the picture as a flowchart from top to bottom, frames as subgraphs."""
    lines = ["---", f"title: {quoted(picture.name)}", "---", "flowchart TB", *_body(picture, None, 1)]

    lines += [f"  {_arrow(arrow)}" for arrow in picture.arrows]
    lines += [f"  code{i}[{quoted(title(code.name, code.words))}]:::is_plain" for i, code in enumerate(picture.codes)]
    lines += _styles(picture)
    return "\n".join([*lines, ""])


def _body(picture: Picture, within: str | None, depth: int) -> Iterator[str]:
    boxes, clusters = picture.inside(within)
    pad = "  " * depth

    for box in boxes:
        yield f"{pad}{box.id}{_shape(box)}:::{_class(box)}"

    for cluster in clusters:
        yield f"{pad}subgraph {cluster.id}[{quoted(cluster.label)}]"
        yield from _body(picture, cluster.id, depth + 1)
        yield f"{pad}end"


def _shape(box: Box) -> str:
    # `quoted` puts quotes around each line; here the lines share one pair.
    label = '"' + "<br/>".join(quoted(line)[1:-1] for line in box.lines) + '"'
    match box.look:
        case "sum": return f"(({label}))"
        case "gate": return f"([{label}])"
        case "scope": return f"[[{label}]]"
        case "end": return f"[{label}]"
        case "plain": return f"({label})"


def _class(box: Box) -> str:
    # The prefix matters: a bare `end` would end a subgraph.
    if box.family in FAMILIES:
        return "is_" + box.family
    return "is_plain"


def _arrow(arrow: Arrow) -> str:
    label = ""
    if arrow.label:
        label = f"|{quoted(arrow.label)}|"
    return f"{arrow.tail} {ARROWS[arrow.line]}{label} {arrow.head}"


def _styles(picture: Picture) -> Iterator[str]:
    classes = {_class(box) for box in picture.boxes}
    if picture.codes:
        classes.add("is_plain")
    for name in sorted(classes):
        colours = paint(name.removeprefix("is_"))
        yield f"  classDef {name} fill:{colours.fill},stroke:{colours.border},color:{colours.text}"

    for line, colour in (("fan", FAN), ("gate", GATE), ("attend", ATTEND)):
        # Mermaid styles arrows by their numbers alone.
        numbers = ",".join(str(i) for i, arrow in enumerate(picture.arrows) if arrow.line == line)
        if numbers:
            yield f"  linkStyle {numbers} stroke:{colour},stroke-width:1px"

    for cluster in picture.clusters:
        yield f"  style {cluster.id} fill:{GROUND},stroke:{FRAME}"
