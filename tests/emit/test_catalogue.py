"""Every operation of the catalogue, emitted from its own example."""

from __future__ import annotations

import pytest
import torch
from torch import fx

from archlang.elaborate import loads
from archlang.emit import emit, module_name
from archlang.ops import CATALOGUE
from archlang.shapes import substitute
from tests.ops.instantiate import drawn

EXAMPLES = {name: op.example for name, op in CATALOGUE.ops.items() if op.example and not op.internal}
EXAMPLES |= {f"{role} {name}": s.example for (role, name), s in CATALOGUE.settings.items()
             if s.example and role in ("initialiser", "router", "mixing")}


@pytest.mark.parametrize("name", EXAMPLES)
def test_example(name):
    graph = loads(f"archlang 1\nnetwork N {{\n{EXAMPLES[name]}\n}}\n").graph
    model = emit(graph).eval()
    sizes = {symbol.name: symbol.low for symbol in graph.symbols}
    chance = torch.Generator().manual_seed(0)
    inputs = [drawn(spec.type, tuple(substitute(d, sizes) for d in spec.type.dims), 2, chance) for spec in graph.inputs]
    result, again = model(*inputs), fx.Interpreter(model).run(*inputs)
    torch.testing.assert_close(again, result, rtol=0, atol=0)
    wanted = {f"{module_name(node.path)}.{w.name}": tuple(w.shape) for node in graph.modules().values()
              for w in graph.weights(node)}
    assert {n: tuple(t.shape) for n, t in model.state_dict().items()} == wanted
    if isinstance(result, torch.Tensor) and isinstance(graph.type(graph.outputs[0].port).dims[0], int):
        assert result.shape[1:] == tuple(substitute(d, sizes) for d in graph.type(graph.outputs[0].port).dims)
