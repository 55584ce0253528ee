"""Heads that score tokens by the table that they were looked up in."""

from __future__ import annotations

from dataclasses import replace

from archlang.importing.steps import LayerOf, Static, Step, Traced, Word


def tied(traced: Traced) -> Traced:
    """A traced model whose dense maps with the weight of an embedding read its table: `unembed`.

    The embedding is a layer from then on. A bias of such a map is an offset of its own.
    """
    tables: dict[tuple[tuple[str, ...], str], Step] = {}
    steps: list[Step] = []
    sizes, shared = dict(traced.sizes), dict(traced.shared)
    for step in traced.steps:
        origin = step.weights.get("weight")
        if step.op == "embedding" and origin is not None:
            tables.setdefault((origin.names, origin.key), step)
        if step.op != "linear" or origin is None or (origin.names, origin.key) not in tables:
            steps.append(step)
            continue

        table = tables[origin.names, origin.key]
        shared[table.output] = table.output
        scores = len(sizes)
        sizes[scores] = sizes[step.output]
        args: dict[str, Static] = {"table": LayerOf(table.output)}
        made = replace(step, op="unembed", args=args, weights={})
        if "bias" not in step.weights:
            steps.append(made)
            continue
        steps.append(replace(made, output=scores))
        steps.append(replace(
            step, op="affine", args={"scale": Word("none")}, inputs=(scores,), weights={"bias": step.weights["bias"]},
        ))
    return replace(traced, steps=tuple(steps), sizes=sizes, shared=shared)
