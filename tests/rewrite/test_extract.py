"""Classes extracted from networks whose branches, blocks and heads share layers."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import fx

import archlang
from archlang.artefact import load_model, save
from archlang.diagnostics import ArchError
from archlang.rewrite.extract import extract

HEAD = ('archlang 1\nimport std.coded (coded, coded_concat)\n'
        'code c = words("1100", "0110", "0011", "1001")\nnetwork N {\n  input image: [3, 8, 8]\n')
COLUMNS = ("1001", "1100", "0110", "0011")
"""Of each branch of `c`, the classes that it works for."""

SHARED = {
    "the end of a branch": """layer f = conv(1x1, 8, bias = false)
      maps = image -> branches(c) { conv(3x3, 4) -> relu -> f } -> energy_normalize -> sum""",
    "the begin of a branch, used outside too": """layer f = conv(3x3, 4) -> batch_norm
      maps = image -> branches(c) { f -> relu -> conv(1x1, 8) } -> energy_normalize -> sum
                   -> add(image -> f -> conv(1x1, 8))""",
    "a block": "layer b = coded(8, 3, c)\n maps = image -> conv(1x1, 8) -> 2 * b",
    "a block whose branches lie end to end": "layer b = coded_concat(8, 3, c)\n maps = image -> conv(1x1, 8) -> 2 * b",
}
REFUSED = {
    "the reader of branches that lie end to end": ("""layer g = conv(1x1, 8)
      maps = image -> branches(c) { conv(3x3, 2) } -> energy_normalize -> concat -> g -> g""", "linear(4)", "g.conv"),
    "the head, used in a branch": ("""layer h = linear(4)
      maps = image -> global_avg_pool -> linear(6) -> branches(c) { h } -> energy_normalize -> sum -> linear(6)
                   -> reshape([6, 1, 1])""", "h", "linear layer of its own"),
    "no head that tells classes apart": ("maps = image -> branches(c) { conv(1x1, 8) } -> energy_normalize -> sum",
                                         "linear(4) -> softmax", "linear layer of its own"),
}


def _model(body: str, head: str = "linear(4)") -> Any:
    """A model with numbers of every kind, in double precision, its branches run one by one."""
    text = f"{HEAD}{body}\n  output maps -> global_avg_pool -> {head}\n}}\n"
    model = archlang.compile(archlang.loads(text), parallel="loop").double()
    random = torch.Generator().manual_seed(1)
    for name, value in model.state_dict().items():
        if value.is_floating_point():
            value.copy_(torch.rand(value.shape, generator=random, dtype=torch.float64) + 0.5 * ("var" in name) - 0.3)
    return model.eval()


class _Without(fx.Interpreter):
    """The whole network with some branches at zero, before their energies are taken."""

    def __init__(self, model: Any, classes: list[int]) -> None:
        super().__init__(model)
        self.gone = set()
        for node in model.graph.nodes:
            if getattr(node.target, "__name__", "") == "energies":
                assert len(node.args) == len(COLUMNS)
                pairs = zip(node.args, COLUMNS, strict=True)
                self.gone |= {arg for arg, column in pairs if all(column[label] == "0" for label in classes)}

    def run_node(self, n: fx.Node) -> Any:
        found = super().run_node(n)
        if n in self.gone:
            return torch.zeros_like(found)
        return found


@pytest.mark.parametrize("classes", [[0], [1, 2], [3]])
@pytest.mark.parametrize("body", SHARED.values(), ids=SHARED)
def test_shared_layers_give_what_the_whole_network_gives(body: str, classes: list[int], tmp_path: Any) -> None:
    model = _model(body)
    x = torch.randn(3, 3, 8, 8, dtype=torch.float64)
    without = _Without(model, classes)
    assert without.gone
    smaller = extract(model, classes)
    torch.testing.assert_close(smaller(x), without.run(x)[:, classes], rtol=0, atol=1e-9)

    smaller = smaller.float()
    save(smaller, tmp_path / "m.safetensors")
    assert torch.equal(load_model(tmp_path / "m.safetensors").eval()(x.float()), smaller(x.float()))


@pytest.mark.parametrize(("body", "head", "said"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_lose_parts_is_refused(body: str, head: str, said: str) -> None:
    model = _model(body, head)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with pytest.raises(ArchError, match=said) as caught:
        extract(model, [0])
    assert caught.value.diagnostics[0].name == "pass-does-not-apply"
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
