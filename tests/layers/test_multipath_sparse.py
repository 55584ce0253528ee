"""Paths of which an input takes one or a few: what is chosen, what teaches the gate, what is calculated."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from archlang.artefact import load_model, save
from archlang.compiler import compile, fuse
from archlang.diagnostics import ArchError
from archlang.elaborate import loads
from archlang.layers import Gates, SparseGates, executed, set_cut
from archlang.layers.patch_experts.dispatch import dispatches

TEXT = """archlang 1
block path(c) = conv(3x3, c) -> batch_norm -> relu
network Sparse(n = 4, keep = 1) {
  input image: [3, 8, 8]
  first  = image -> experts(n, sparse_connection(hidden = 8, keep = keep)) { path(6) }
  second = first -> experts(n, sparse_connection(hidden = 0, keep = keep)) { path(6) }
  logits = second -> global_avg_pool -> linear(10)
  output logits
}
"""


def model(**dials: int) -> torch.fx.GraphModule:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    made = compile(loads(TEXT, dials))
    for _ in range(3):
        made(torch.randn(16, 3, 8, 8))  # running statistics that are not those of the start
    return made.eval()


@pytest.mark.parametrize("hidden", [0, 8])
@pytest.mark.parametrize("keep", [1, 2, 4])
def test_the_largest_weights_are_kept_and_sum_to_one(hidden: int, keep: int) -> None:
    torch.manual_seed(1)
    gates, x = SparseGates(4, 6, hidden, keep).double(), torch.randn(5, 6, 3, 3, dtype=torch.float64)
    weights, before, scores = gates(x)
    plain = Gates(1, 4, 6, hidden).double()
    plain.load_state_dict(gates.state_dict())
    assert before.allclose(plain(x)[:, 0]) and before.allclose(scores.softmax(1))
    for row, full in zip(weights, before, strict=True):
        top = full.topk(keep).indices
        by_hand = torch.zeros(4, dtype=torch.float64).scatter(0, top, full[top] / full[top].sum())
        assert row.allclose(by_hand, atol=1e-12)


def test_equal_weights_go_to_the_first_paths() -> None:
    gates = SparseGates(3, 2, 0, 2)
    nn.init.zeros_(gates.weight)
    assert gates(torch.ones(1, 2))[0].tolist() == [[0.5, 0.5, 0.0]]


def test_a_single_path_teaches_its_gate() -> None:
    gates, x = SparseGates(3, 4, 0, 1), torch.randn(6, 4)
    weights, _, _ = gates(x)
    (weights * torch.randn(6, 3)).sum().backward()  # type: ignore[no-untyped-call]
    assert gates.weight.grad is not None and float(gates.weight.grad.abs().sum()) > 0


@pytest.mark.parametrize("keep", [1, 2])
def test_at_inference_only_the_paths_chosen_are_calculated(keep: int) -> None:
    made, x, rows = model(keep=keep), torch.randn(12, 3, 8, 8), [0, 0]

    def count(which: int):  # type: ignore[no-untyped-def]  # a hook
        def hook(_module: nn.Module, args: tuple[torch.Tensor, ...], _out: object) -> None:
            rows[which] += len(args[0])
        return hook

    for which, name in enumerate(("first", "second")):
        for path in range(4):
            made.get_submodule(f"{name}.experts.{path}.path.conv").register_forward_hook(count(which))
    sparse = made(x)
    assert rows == [12 * keep, 12 * keep]
    assert [done.pairs for done in executed(made).values()] == rows
    set_cut(made, None)
    assert sparse.allclose(made(x), atol=1e-6)
    assert rows == [12 * keep + 12 * 4] * 2


def test_in_training_every_path_sees_every_sample() -> None:
    made = model().train()
    x = torch.randn(12, 3, 8, 8)
    made(x).sum().backward()
    assert all(p.grad is not None and bool(p.grad.isfinite().all()) for p in made.parameters())


def test_saved_fused_and_exported(tmp_path) -> None:  # type: ignore[no-untyped-def]
    made, x = model(), torch.randn(5, 3, 8, 8)
    save(made, tmp_path / "m.safetensors")
    loaded = load_model(tmp_path / "m.safetensors")
    assert all(place.cut == 0.0 for place in dispatches(loaded).values())
    assert torch.equal(loaded(x), made(x))
    assert fuse(made)(x).allclose(made(x), atol=1e-5)
    set_cut(made, None)
    assert torch.export.export(made, (x,)).module()(x).allclose(made(x), atol=1e-6)


def test_more_paths_than_there_are() -> None:
    with pytest.raises(ArchError, match="`keep = 5` is more than there are"):
        loads(TEXT, {"keep": 5})
