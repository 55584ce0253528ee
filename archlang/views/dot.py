"""A picture as DOT text. Every id is ours, every node has its label, and one function escapes all text.

Graphviz is told the order of members, and keeps it as far as its crossings of arrows allow.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from archlang.views.coded import code_table, in_appendix
from archlang.views.palette import ATTEND, FAN, FONT, FRAME, GATE, GROUND, INK, QUIET, opened
from archlang.views.picture import Arrow, Box, Cluster, Picture, Turn, colours_of
from archlang.views.turns import fans_of, in_turn, turns_of


def quoted(text: str) -> str:
    r"""Quote text as a DOT string that means just this text; line ends become centred lines.

    >>> print(quoted('a "b" \\'), quoted("<b>"), quoted("x:y"))
    "a \"b\" \\" "<b>" "x:y"
    """
    # An `&` would start an entity: Graphviz reads them in labels.
    escaped = text.replace("&", "&amp;").replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return '"' + "".join(c for c in escaped if c.isprintable()) + '"'


def to_dot(picture: Picture) -> str:
    """Write the picture in Graphviz's language, top to bottom, clusters nested."""
    lines = [f"digraph {quoted(picture.name)} {{", *_defaults(picture), *_body(picture, None, 1)]

    # Arrows within a frame pull harder than those between frames, so that frames stay together.
    home = {box.id: box.cluster for box in picture.boxes}
    for arrow in _in_order(picture):
        lines.append(f"  {_arrow(arrow, home[arrow.tail] == home[arrow.head], picture.paper)}")
    lines += [f'  {tail} [ordering="out"];' for tail in fans_of(picture)]
    lines += _appendix(picture)

    return "\n".join([*lines, "}", ""])


def _appendix(picture: Picture) -> Iterator[str]:
    """The codes whose names have no room beside their stages, below the last box."""
    for i, code in enumerate(picture.codes):
        if not in_appendix(code):
            continue
        yield f'  appendix{i} [shape=plain, style="", label=<{code_table(code, whole=True)}>];'
        if picture.boxes:
            yield f"  {picture.boxes[-1].id} -> appendix{i} [style=invis];"


def _in_order(picture: Picture) -> list[Arrow]:
    """The arrows, those that a box sends to several members in the order of these."""
    turns, fans = turns_of(picture), set(fans_of(picture))

    def turn(arrow: Arrow) -> Turn | None:
        if arrow.tail in fans and arrow.head in turns:
            return arrow.tail, turns[arrow.head][1]
        return None

    ordered = in_turn(picture.arrows, turn)
    if picture.sideways:
        return ordered[::-1]
    return ordered


def _defaults(picture: Picture) -> list[str]:
    name, direction = picture.name, "TB"
    # A figure has its title in the caption.
    if picture.paper:
        name = ""
    if picture.sideways:
        direction = "LR"
    graph = {
        "rankdir": direction, "bgcolor": "white", "fontname": FONT, "fontsize": "13", "fontcolor": QUIET, "label": name,
        "labelloc": "t", "nodesep": "0.22", "ranksep": "0.3", "pad": "0.2", "compound": "true",
    }
    node = {
        "shape": "box", "style": "rounded,filled", "fontname": FONT, "fontsize": "11", "fontcolor": INK,
        "margin": "0.14,0.06", "height": "0.3", "penwidth": "1.1",
    }
    edge = {"fontname": FONT, "fontsize": "9", "fontcolor": QUIET, "color": "#52606d", "arrowsize": "0.6"}

    return [f"  graph {_attributes(graph)};", f"  node {_attributes(node)};", f"  edge {_attributes(edge)};"]


def _body(picture: Picture, within: str | None, depth: int) -> Iterator[str]:
    boxes, clusters = picture.inside(within)
    # What Graphviz reads first it puts first, and first is lowest where a drawing reads sideways.
    if picture.sideways:
        boxes, clusters = boxes[::-1], clusters[::-1]
    pad = "  " * depth

    for box in boxes:
        yield f"{pad}{box.id} {_attributes(_box(box, picture.paper))};"

    # Without an arrow a matrix stands in the first row of its frame.
    for i, code in enumerate(picture.codes):
        if code.cluster == within:
            yield f'{pad}code{i} [shape=plain, style="", label=<{code_table(code)}>];'

    for cluster in clusters:
        yield f"{pad}subgraph cluster_{cluster.id} {{"
        yield f"{pad}  graph {_attributes(_cluster(cluster, depth, picture.paper))};"
        yield from _body(picture, cluster.id, depth + 1)
        yield f"{pad}}}"


def _cluster(cluster: Cluster, depth: int, paper: bool) -> Mapping[str, str]:
    ground = "#ffffff"
    # Every second frame is tinted, so that a frame stands out from the one around it.
    if depth % 2 and not paper:
        ground = GROUND

    return {
        "label": cluster.label, "labeljust": "l", "fontsize": "10", "fontcolor": QUIET, "style": "rounded,filled",
        "color": FRAME, "fillcolor": ground, "penwidth": "0.8", "margin": "9",
    }


def _box(box: Box, paper: bool) -> Mapping[str, str]:
    colours = colours_of(box, paper)
    attributes = {
        "label": "\n".join(box.lines), "tooltip": box.tip, "fillcolor": colours.fill, "color": colours.border,
        "fontcolor": colours.text,
    }

    # Boxes of one group stand in a straight column; a router's parts stand between columns.
    if box.look not in ("sum", "gate"):
        attributes |= {"group": box.cluster or "top"}

    if box.look == "sum":
        attributes |= {"shape": "circle", "width": "0.28", "height": "0.28", "fixedsize": "true", "style": "filled"}
    elif box.look == "gate":
        attributes |= {"shape": "ellipse", "fontsize": "9", "margin": "0.02,0.01", "height": "0.2", "style": "filled"}
    elif box.look == "scope":
        attributes |= {"peripheries": "2"}
    elif box.look == "end":
        attributes |= {"style": "filled", "shape": "box", "margin": "0.2,0.05"}

    return attributes


def _arrow(arrow: Arrow, at_home: bool, paper: bool) -> str:
    # Sums and gates have no labels: there are too many arrows between them.
    attributes = {"label": f" {arrow.label}", "weight": "12" if at_home else "2"}

    if arrow.line == "fan":
        attributes = {"color": FAN, "weight": "1", "arrowsize": "0.45", "penwidth": "0.9"}
    elif arrow.line == "gate":
        attributes = {"color": GATE, "weight": "1", "style": "dashed", "arrowsize": "0.4", "penwidth": "0.7"}
    elif arrow.line == "attend":
        attributes |= {"color": ATTEND, "weight": "1", "penwidth": "1.3"}

    if paper:
        attributes |= {"color": "#000000"}

    # A gate's strength comes last: it replaces what the kind of arrow says.
    if arrow.strength is not None:
        colour, width = opened(arrow.strength)
        attributes |= {"color": colour, "penwidth": f"{width:.2f}", "edgetooltip": arrow.label, "label": arrow.label}

    return f"{arrow.tail} -> {arrow.head} {_attributes(attributes)};"


def _attributes(values: Mapping[str, str]) -> str:
    return "[" + ", ".join(f"{key}={quoted(value)}" for key, value in values.items()) + "]"
