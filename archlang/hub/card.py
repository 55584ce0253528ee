"""The card of a repository: what a network takes, gives and costs, how it is loaded, its text."""

from __future__ import annotations

from archlang.elaborate.network import Network
from archlang.graph.ir import Graph
from archlang.ops.values import show
from archlang.record import Record


def card(network: Network, record: Record, repository: str) -> str:
    """The `README.md` of a repository, in Markdown with the head that the Hub reads.

    Args:
        network: the network.
        record: what its model knows: class names, the passes applied since.
        repository: its name, `owner/name`.
    """
    parts = [
        "---\nlibrary_name: archlang\ntags:\n- archlang\n---\n",
        f"# {network.name}\n",
    ]
    if network.tree.doc:
        parts.append(f"{network.tree.doc.strip()}\n")
    parts += ["![The network](network.svg)\n", _table(network, record), _loading(repository), _text(network)]
    return "\n".join(parts)


def _table(network: Network, record: Record) -> str:
    """A row for whatever a reader asks first."""
    graph = network.graph
    rows = [("parameters", _grouped(network.parameters)), ("FLOPs, one sample", _grouped(network.flops))]
    rows += [(f"input `{spec.name}`", str(spec.type)) for spec in graph.inputs]
    rows += [(f"output `{output.label}`", str(graph.type(output.port))) for output in graph.outputs]
    rows += [(f"dial `{name}`", show(value)) for name, value in graph.dials.items()]
    rows += _data(graph, record)

    # A bar would end a cell.
    lines = [f"| {name} | {value.replace('|', '&#124;')} |" for name, value in rows]
    return "\n".join(["| of the network | |", "|---|---|", *lines, ""])


def _data(graph: Graph, record: Record) -> list[tuple[str, str]]:
    """The rows of what the model knows of its data, and of what was done to it."""
    rows = []
    for spec in graph.inputs:
        if spec.mean is not None:
            rows.append((f"mean, deviation of `{spec.name}`", f"{show(spec.mean)}, {show(spec.std)}"))
    if record.labels is not None:
        rows.append(("classes", ", ".join(record.labels)))
    if record.passes:
        rows.append(("passes", ", ".join(record.passes)))
    return rows


def _loading(repository: str) -> str:
    return f"""## Use

```python
import archlang

model = archlang.from_pretrained("{repository}")   # text and weights, checked; no code of the repository runs
```

`pip install "archlang[hub]"` brings what it takes.
"""


def _text(network: Network) -> str:
    """The text, in a fence that no line of it closes."""
    fence = "```"
    while fence in network.listing:
        fence += "`"
    return f"## The network\n\n{fence}\n{network.listing.rstrip()}\n{fence}\n"


def _grouped(number: object) -> str:
    if isinstance(number, int):
        return f"{number:,}"
    return str(number)
