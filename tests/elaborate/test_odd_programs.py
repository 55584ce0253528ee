"""What the checker says of odd programs is what happens: they compile and run with the predicted shapes and counts."""

from __future__ import annotations

import pytest
import torch

from archlang import compiler
from archlang.elaborate.network import Network, check_text, loads
from archlang.shapes import Dim, Tensor, substitute
from tests.elaborate.odd_programs import ODD

SYMBOL = 16


def _sizes(dims: tuple[Dim, ...], net: Network) -> tuple[int, ...]:
    return tuple(substitute(d, {s.name: SYMBOL for s in net.graph.symbols}) for d in dims)


def run(net: Network) -> None:
    """Compile and run a network; outputs, parameters and buffers are those predicted."""
    model = compiler.compile(net, seed=1)
    assert sum(p.numel() for p in model.parameters()) == net.parameters
    assert sum(b.numel() for b in model.buffers()) == net.buffers
    made = model(*(torch.randn(3, *_sizes(spec.type.dims, net)) for spec in net.graph.inputs))
    outputs = net.graph.outputs
    given = made if isinstance(made, dict) else {outputs[0].name: made}
    if len(outputs) == 1:
        given = {outputs[0].name: next(iter(given.values()))}
    assert len(given) == len(outputs)
    for output, tensor in zip(outputs, given.values(), strict=True):
        kind: Tensor = net.graph.type(output.port)
        assert tuple(tensor.shape) == (3, *_sizes(kind.dims, net))


@pytest.mark.parametrize("name", ODD)
def test_verdict(name: str) -> None:
    wanted, text = ODD[name]
    found = check_text(text)
    errors = {d.name for d in found if d.severity == "error"}
    assert errors == ({wanted} if wanted else set())
    if wanted:
        return
    net = loads(text)
    run(net)
    again = loads(net.text)
    assert [n.path for n in again.graph] == [n.path for n in net.graph]
    assert again.text == net.text
    assert again.parameters == net.parameters
