"""A report as a table for people: names indented by scope, numbers aligned, totals first."""

from __future__ import annotations

from collections.abc import Sequence

from archlang.analysis.report import BlockRow, CodeRow, Count, ExpertsRow, NodeRow, PathRow, Report
from archlang.graph.outline import compact, levels
from archlang.ops.values import show

WIDEST = 40
HEAD = ("name", "operation", "output", "parameters", "FLOPs", "bytes")


def table(report: Report, depth: int | None = None) -> str:
    """Totals, then a row a scope and a row a node; `depth` leaves out what lies under so many levels of scopes."""
    rows = _tree(report, depth)
    parts = [_totals(report), _aligned([HEAD, *rows])]
    if report.paths:
        head = ("path", "operations", "parameters", "FLOPs", "bytes")
        parts.append(_aligned([head, *map(_path, report.paths)], left=1))
    if report.codes:
        titles = ("code", "classes", "branches", "active", "distance", "classes a branch", "distances: pairs")
        parts.append(_aligned([titles, *map(_code, report.codes)], left=1))
    if report.experts:
        parts.append(_aligned([_EXPERTS, *map(_experts, report.experts)], left=1))
    covered = [(n.name.rpartition(".")[0], n.args["kernel"], n.args["coverage"], n.args["kernels"])
               for n in report.nodes if "coverage" in n.args]
    if covered:
        rows = [("boosted kernel", "size", "coverage", "small kernels"), *[tuple(map(str, row)) for row in covered]]
        parts.append(_aligned(rows, left=4))
    return "\n\n".join(parts) + "\n"


_EXPERTS = (
    "experts", "a sample's rows", "experts", "FLOPs a row and expert", "router a row", "all active", "half", "one",
)


def _experts(row: ExpertsRow) -> tuple[str, ...]:
    """What a place of experts costs, with all of them, half of them (rounded up) or one working on each row."""
    active = [row.active_flops[k - 1] for k in (row.experts, -(-row.experts // 2), 1)]
    return row.name, *map(_cell, (row.rows, row.experts, row.pair_flops, row.router_flops, *active))


def _code(row: CodeRow) -> tuple[str, ...]:
    low, high = min(row.columns), max(row.columns)
    columns = str(low) if low == high else f"{low} to {high}"
    active = "unequal" if row.active is None else str(row.active)
    pairs = ", ".join(f"{distance}: {count:,}" for distance, count in row.histogram.items())
    return row.name, str(row.classes), str(row.branches), active, str(row.distance), columns, pairs


def grouped(number: Count) -> str:
    """With thousands separators; what is symbolic as it is.

    >>> grouped(1110564), grouped("4*H")
    ('1,110,564', '4*H')
    """
    return f"{number:,}" if isinstance(number, int) else number


def size(number: Count) -> str:
    """Bytes in binary units, exact below a kibibyte.

    >>> size(512), size(2048), size(3 << 20), size("4*H")
    ('512 B', '2 KiB', '3 MiB', '4*H bytes')
    """
    if not isinstance(number, int):
        return f"{number} bytes"
    value, unit = float(number), "B"
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if value < 1024 or unit == "TiB":
            break
        value /= 1024
    return f"{value:.4g} {unit}"


def _totals(report: Report) -> str:
    dials = ", ".join(f"{name} = {show(value)}" for name, value in report.dials.items())
    rows = [
        ("parameters", _both(report.parameters, "")),
        ("buffers", _both(report.buffers, "")),
        ("FLOPs", _both(report.flops, "one sample; a multiply-add counts as two")),
        ("activations", f"{size(report.activation_bytes)} (one sample in float32, every result)"),
    ]
    if report.peak_bytes is not None:
        rows.append(("peak", f"{size(report.peak_bytes)} (at once, each result until its last use)"))
    if not isinstance(report.activation_bytes, int):
        rows.append(("sizes", "the input's are open; give them for numbers, as in `-p H=224`"))
    title = f"{report.network}({dials})" if dials else report.network
    return "\n".join([title, *(f"  {name:<12} {value}" for name, value in rows)])


def _both(number: Count, note: str) -> str:
    short = f"{compact(number)}" if isinstance(number, int) and number >= 1000 else ""
    notes = "; ".join(part for part in (short, note) if part)
    return f"{grouped(number)} ({notes})" if notes else grouped(number)


def _tree(report: Report, depth: int | None) -> list[tuple[str, ...]]:
    blocks = {tuple(levels(tuple(block.name.split(".")))): block for block in report.blocks}
    rows: list[tuple[str, ...]] = []
    shown: set[tuple[str, ...]] = set()
    for node in report.nodes:
        steps = levels(tuple(node.name.split(".")))
        for end in range(1, len(steps)):
            here = steps[:end]
            if here not in shown and (depth is None or end <= depth + 1):
                shown.add(here)
                rows.append(_block(blocks[here], here))
        if depth is None or len(steps) <= depth + 1:
            rows.append(_node(node, steps))
    return rows


def _block(block: BlockRow, steps: tuple[str, ...]) -> tuple[str, ...]:
    name = "  " * (len(steps) - 1) + steps[-1]
    ops = f"{block.ops} operation{'s' if block.ops != 1 else ''}"
    return (name, ops, "", *map(_cell, (block.parameters, block.flops, block.activation_bytes)))


def _node(node: NodeRow, steps: tuple[str, ...]) -> tuple[str, ...]:
    name = "  " * (len(steps) - 1) + steps[-1]
    kinds = list(dict.fromkeys(node.outputs))
    output = f"{len(node.outputs)} * {kinds[0]}" if len(node.outputs) > 1 and len(kinds) == 1 else ", ".join(kinds)
    call = node.call if len(node.call) <= 40 else node.call[:39] + "…"
    return (name, call, _cut(output), *map(_few, (node.parameters, node.flops, node.activation_bytes)))


def _path(row: PathRow) -> tuple[str, ...]:
    name = f"{row.region}.{row.index} of {row.of}"
    return (name, str(row.ops), *map(_cell, (row.parameters, row.flops, row.activation_bytes)))


def _few(number: Count) -> str:
    return "-" if number == 0 else _cell(number)


def _cell(number: Count) -> str:
    return _cut(grouped(number))


def _cut(text: str) -> str:
    """What a cell can hold of a long formula; the totals and the JSON have it whole."""
    return text if len(text) <= WIDEST else text[: WIDEST - 1] + "…"


def _aligned(rows: Sequence[Sequence[str]], left: int = 3) -> str:
    """Columns of equal width: the first `left` ones flush left, the others flush right; a rule under the head."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = enumerate(zip(row, widths, strict=True))
        lines.append("  ".join(cell.ljust(w) if i < left else cell.rjust(w) for i, (cell, w) in cells))
    lines.insert(1, "  ".join("-" * w for w in widths))
    return "\n".join(line.rstrip() for line in lines)
