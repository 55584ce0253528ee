"""A report as a table for people: names indented by scope, numbers aligned, totals first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from archlang.analysis.processes import ProcessCosts
from archlang.analysis.report import BlockRow, CodeRow, Count, ExpertsRow, NodeRow, PathRow, Report
from archlang.graph.outline import compact, levels
from archlang.ops.values import show
from archlang.wording import counted

WIDEST = 40
"""Characters of a cell at most."""

Cells = tuple[str, ...]

HEAD = ("name", "operation", "output", "parameters", "FLOPs", "bytes")
PATHS_HEAD = ("path", "operations", "parameters", "FLOPs", "bytes")
CODES_HEAD = ("code", "classes", "branches", "active", "distance", "classes a branch", "distances: pairs")
EXPERTS_HEAD = (
    "experts", "a sample's rows", "experts", "FLOPs a row and expert", "router a row", "all active", "half", "one",
)
COVERAGE_HEAD = ("boosted kernel", "size", "coverage", "small kernels")


def table(report: Report, depth: int | None = None) -> str:
    """The totals, then a row for each scope and operation; `depth` leaves out rows under more levels of scopes."""
    parts = [_totals(report), aligned([HEAD, *_tree(report, depth)], left=3)]
    if report.paths:
        parts.append(aligned([PATHS_HEAD, *map(_path, report.paths)], left=1))
    if report.codes:
        parts.append(aligned([CODES_HEAD, *map(_code, report.codes)], left=1))
    if report.experts:
        parts.append(aligned([EXPERTS_HEAD, *map(_experts, report.experts)], left=1))

    kernels = [_coverage(node) for node in report.nodes if "coverage" in node.args]
    if kernels:
        parts.append(aligned([COVERAGE_HEAD, *kernels], left=4))
    return "\n\n".join(parts) + "\n"


def told_processes(costs: ProcessCosts) -> str:
    """The cost of several processes, as lines below the totals of a network."""
    rows = [
        ("samples", f"{costs.samples} of each batch"),
        ("weights", f"{size(costs.weights)} (with gradients and Adam's two averages {size(4 * costs.weights)})"),
        ("sums", f"{size(costs.weights)} of gradients in a step"),
    ]
    if costs.spread_weights is not None and costs.exchanged_all is not None and costs.exchanged_one is not None:
        rows += [
            ("spread", f"{size(costs.spread_weights)} of weights, the experts spread over the processes"),
            ("spread sums", f"{size(costs.spread_sums or 0)} of gradients in a step"),
            ("exchanged", f"{size(costs.exchanged_all)} in a step, each row to every expert; "
                          f"{size(costs.exchanged_one)}, each to one"),
        ]
    return "\n".join([f"on each of {costs.processes} processes", *(f"  {name:<12} {value}" for name, value in rows)])


def grouped(number: Count) -> str:
    """A number with thousands separators; a symbolic one as it is.

    >>> grouped(1110564), grouped("4*H")
    ('1,110,564', '4*H')
    """
    if isinstance(number, int):
        return f"{number:,}"
    return number


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


# --- totals ----------------------------------------------------------------------------------------------------------


def _totals(report: Report) -> str:
    """The network with its dials, and the sums over all operations."""
    rows = [
        ("parameters", _total(report.parameters)),
        ("buffers", _total(report.buffers)),
        ("FLOPs", _total(report.flops, "one sample; a multiply-add counts as two")),
        ("activations", f"{size(report.activation_bytes)} (one sample in float32, every result)"),
    ]
    # With a symbolic size it is not known which result is the largest.
    if report.peak_bytes is not None:
        rows.append(("peak", f"{size(report.peak_bytes)} (at once, each result until its last use)"))
    if not isinstance(report.activation_bytes, int):
        rows.append(("sizes", "the input's are open; give them for numbers, as in `-p H=224`"))

    title = report.network
    if report.dials:
        dials = ", ".join(f"{name} = {show(value)}" for name, value in report.dials.items())
        title = f"{title}({dials})"
    return "\n".join([title, *(f"  {name:<12} {value}" for name, value in rows)])


def _total(number: Count, note: str = "") -> str:
    """A number in full, in short where it is long, and a note."""
    notes = []
    if isinstance(number, int) and number >= 1000:
        notes.append(compact(number))
    if note:
        notes.append(note)

    if not notes:
        return grouped(number)
    return f"{grouped(number)} ({'; '.join(notes)})"


# --- scopes and operations -------------------------------------------------------------------------------------------


def _tree(report: Report, depth: int | None) -> list[Cells]:
    """A row for each scope where it begins, and for each operation."""
    block_at = {levels(tuple(block.name.split("."))): block for block in report.blocks}
    shown: set[Cells] = set()

    rows: list[Cells] = []
    for node, steps in _by_scope(report):
        for end in range(1, len(steps)):
            scope = steps[:end]
            if scope not in shown and (depth is None or end <= depth + 1):
                shown.add(scope)
                rows.append(_block(block_at[scope], scope))

        if depth is None or len(steps) <= depth + 1:
            rows.append(_node(node, steps))
    return rows


def _by_scope(report: Report) -> list[tuple[NodeRow, Cells]]:
    """The operations with the steps of their paths; scopes stand in the order of their first operations."""
    nodes = [(node, levels(tuple(node.name.split(".")))) for node in report.nodes]

    first: dict[Cells, int] = {}
    keys: list[tuple[int, ...]] = []
    for at, (_, steps) in enumerate(nodes):
        # Members of one scope may stand apart in the graph: a layer is used here and there.
        around = [first.setdefault(steps[:end], at) for end in range(1, len(steps))]
        keys.append((*around, at))
    return [nodes[at] for at in sorted(range(len(nodes)), key=keys.__getitem__)]


def _indented(steps: Cells) -> str:
    """The last step of a path, indented by the number of those above it."""
    return "  " * (len(steps) - 1) + steps[-1]


def _block(block: BlockRow, steps: Cells) -> Cells:
    numbers = (block.parameters, block.flops, block.activation_bytes)
    return (_indented(steps), counted(block.ops, "operation"), "", *map(_cell, numbers))


def _node(node: NodeRow, steps: Cells) -> Cells:
    # A `fork` into a hundred paths has a hundred outputs of one type.
    kinds = list(dict.fromkeys(node.outputs))
    output = ", ".join(kinds)
    if len(node.outputs) > 1 and len(kinds) == 1:
        output = f"{len(node.outputs)} * {kinds[0]}"

    numbers = (node.parameters, node.flops, node.activation_bytes)
    return (_indented(steps), _cut(node.call), _cut(output), *map(_cell_or_dash, numbers))


# --- parallel parts, codes, experts, small kernels -------------------------------------------------------------------


def _path(row: PathRow) -> Cells:
    name = f"{row.region}.{row.index} of {row.of}"
    return (name, str(row.ops), *map(_cell, (row.parameters, row.flops, row.activation_bytes)))


def _code(row: CodeRow) -> Cells:
    low, high = min(row.columns), max(row.columns)
    columns = str(low)
    if low != high:
        columns = f"{low} to {high}"

    active = "unequal"
    if row.active is not None:
        active = str(row.active)

    pairs = ", ".join(f"{distance}: {count:,}" for distance, count in row.histogram.items())
    return row.name, str(row.classes), str(row.branches), active, str(row.distance), columns, pairs


def _experts(row: ExpertsRow) -> Cells:
    """The costs of a place of experts, with all of them, half of them (rounded up) or one working on each row."""
    active = [row.active_flops[k - 1] for k in (row.experts, -(-row.experts // 2), 1)]
    return row.name, *map(_cell, (row.rows, row.experts, row.pair_flops, row.router_flops, *active))


def _coverage(node: NodeRow) -> Cells:
    """The small kernels over a large one, which stands at the path above the operation."""
    region = node.name.rpartition(".")[0]
    return region, str(node.args["kernel"]), str(node.args["coverage"]), str(node.args["kernels"])


# --- cells -----------------------------------------------------------------------------------------------------------


def _cell(number: Count) -> str:
    return _cut(grouped(number))


def _cell_or_dash(number: Count) -> str:
    """A number; a dash for 0, of which a table of operations is full."""
    if number == 0:
        return "-"
    return _cell(number)


def _cut(text: str) -> str:
    """The part of a long text that a cell can hold; the totals and the JSON have all of it."""
    if len(text) <= WIDEST:
        return text
    return text[: WIDEST - 1] + "…"


def aligned(rows: Iterable[Sequence[str]], left: int) -> str:
    """Columns of equal width: the first `left` ones flush left, the others flush right; a rule under the head."""
    rows = list(rows)
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]

    lines = []
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row[:left], widths, strict=False)]
        cells += [cell.rjust(width) for cell, width in zip(row[left:], widths[left:], strict=True)]
        lines.append("  ".join(cells).rstrip())

    rule = "  ".join("-" * width for width in widths)
    return "\n".join([lines[0], rule, *lines[1:]])
