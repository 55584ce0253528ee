"""Tuned models: equal to untuned ones in every way of every part, and nothing in them moved by the timing."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import torch
from torch import nn

import archlang
from archlang.diagnostics import ArchError
from archlang.emit.grouping import PARALLEL
from archlang.tuning import forms, layouts
from archlang.tuning.regions import regions_of
from tests.emit.test_grouped import leaves

ROUTED = """archlang 1
network N {
  let gate = cross_connection(hidden = 4)
  input image: [3, 8, 8]
  trunk  = image -> fork(2, gate) -> for c in [4, 6] { each { conv(3x3, c) -> batch_norm -> relu } -> route(gate) }
  logits = trunk -> each { pbconv(3x3, 5, kernels = dbb) -> flatten -> linear(5) } -> mean
  output logits
}
"""
CODED = """archlang 1
network Coded {
  code words = [[1, 1, 0], [0, 1, 1], [1, 0, 1]]
  input image: [6, 4, 4]
  maps = image -> coded_branches(words) { conv(1x1, 2) -> batch_norm -> relu -> conv(1x1, 8) } -> global_avg_pool
  output maps -> linear(3)
}
"""


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder of the test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "archlang" / "tuned.json"


def always(answer: bool, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Let every candidate be taken, or none, after one run of each; the list grows with each comparison."""
    asked: list[int] = []

    def answered(candidate: object, current: object, device: torch.device) -> bool:
        candidate()  # type: ignore[operator]
        asked.append(1)
        return answer

    monkeypatch.setattr(forms, "faster", answered)
    monkeypatch.setattr(layouts, "faster", answered)
    return asked


def assert_equal(one: nn.Module, other: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
    """Outputs, gradients and what a training step leaves in both."""
    one, other = one.double(), other.double()
    assert list(one.state_dict()) == list(other.state_dict())
    for training in (True, False):
        results = [leaves(model.train(training)(*(x.double() for x in inputs))) for model in (one, other)]
        for model, ends in zip((one, other), results, strict=True):
            model.zero_grad()
            sum((end**2).sum() for end in ends).backward()
        torch.testing.assert_close(results[1], results[0], rtol=1e-11, atol=1e-11)
        for (name, weight), same in zip(one.named_parameters(), other.parameters(), strict=True):
            torch.testing.assert_close(same.grad, weight.grad, rtol=1e-10, atol=1e-10, msg=name)
    torch.testing.assert_close(dict(other.state_dict()), dict(one.state_dict()), rtol=1e-11, atol=1e-11)


def test_every_candidate_taken_is_equal(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = always(True, monkeypatch)
    net, x = archlang.loads(ROUTED), torch.randn(3, 3, 8, 8)
    tuned = archlang.compile(net, tune=x)
    # Each comparison was won by the later candidate: the last way of every part.
    assert {"grouped"} == {way for part, way in tuned.meta["tuned"].items() if part.endswith("each")}
    assert tuned.meta["tuned"]["layout"] == "channels last" and len(asked) > 3 and tuned.training
    assert_equal(archlang.compile(net), tuned, (x,))
    # Passes start from the form operation by operation, and copies keep the choice.
    assert archlang.fuse(tuned.eval().float())(x).shape == (3, 5)
    assert copy.deepcopy(tuned).meta["tuned"] == tuned.meta["tuned"]


def test_each_way_of_each_part_is_equal() -> None:
    from archlang.emit.emit import rewritten

    net, x = archlang.loads(ROUTED), torch.randn(3, 3, 8, 8)
    found = regions_of(net.graph)
    assert {way for region in found for way in region.ways} == set(PARALLEL)
    for region in found:
        for way in region.ways:
            model = rewritten(net.graph, archlang.compile(net), dict.fromkeys(region.names, way))
            assert_equal(archlang.compile(net), model, (x,))


def test_timing_leaves_no_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    always(False, monkeypatch)
    net, x = archlang.loads(ROUTED), torch.randn(3, 3, 8, 8)
    torch.manual_seed(3)
    before = torch.get_rng_state()
    tuned = archlang.compile(net, tune=(x,), seed=4)
    assert torch.equal(torch.get_rng_state(), before)
    torch.testing.assert_close(tuned.state_dict(), archlang.compile(net, seed=4).state_dict(), rtol=0, atol=0)
    assert all(weight.grad is None for weight in tuned.parameters())
    assert str(tuned.code) == str(archlang.compile(net).code)


def test_choices_are_remembered(monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    net, x = archlang.loads(ROUTED), torch.randn(3, 3, 8, 8)
    asked = always(True, monkeypatch)
    first = archlang.compile(net, tune=x).meta["tuned"]
    count = len(asked)
    # Not timed again: what would now be refused stays chosen.
    asked = always(False, monkeypatch)
    assert archlang.compile(net, tune=x).meta["tuned"] == first and not asked
    # Other inputs are another question.
    archlang.compile(net, tune=x[:2])
    assert len(asked) == count


@pytest.mark.parametrize("content", [
    b"", b"{", b"[1]", b"null", b"\xff\xfe", b'{"form": "else", "choices": {}}', b"[" * 100_000, b'{"form": 1}',
    b'{"form": "archlang tuned choices 1", "choices": [1]}', b" " * (1 << 21),
])
def test_a_foreign_cache_is_ignored_and_rebuilt(monkeypatch: pytest.MonkeyPatch, cache: Path, content: bytes) -> None:
    from archlang.tuning.cache import remember, remembered

    cache.parent.mkdir()
    cache.write_bytes(content)
    assert remembered() == {}
    remember({"a": "loop"})
    assert remembered() == {"a": "loop"} and len(list(cache.parent.iterdir())) == 1


def test_a_choice_that_is_none_is_timed_again(monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    net, x = archlang.loads(ROUTED), torch.randn(3, 3, 8, 8)
    asked = always(True, monkeypatch)
    archlang.compile(net, tune=x)
    count = len(asked)
    for way in PARALLEL:
        cache.write_text(cache.read_text().replace(f'"{way}"', '"sideways"'))
    assert archlang.compile(net, tune=x).meta["tuned"] and len(asked) > count


def test_no_folder_to_write_to(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    always(True, monkeypatch)
    assert archlang.compile(archlang.loads(ROUTED), tune=torch.randn(2, 3, 8, 8)).meta["tuned"]


def test_fused_models_too(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = always(True, monkeypatch)
    net, x = archlang.loads(ROUTED), torch.randn(3, 3, 8, 8)
    model = archlang.compile(net).eval()
    model = model.double()
    x = x.double()
    tuned = archlang.fuse(model, (x,), tune=True)
    assert tuned.meta["tuned"] == {"layout": "channels last"} and len(asked) == 1
    convolution = next(w for w in tuned.parameters() if w.dim() == 4 and w.shape[1] > 1)
    assert convolution.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(tuned(x), model(x), rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("call", [
    lambda net: archlang.compile(net, tune=torch.randn(2, 3, 8, 8), parallel="loop"),
    lambda net: archlang.compile(net, tune="inputs"),
    lambda net: archlang.compile(net, tune=torch.zeros(2, 3, 8, 8, dtype=torch.int64)),
    lambda net: archlang.compile(net, tune=torch.zeros(2, 3, 8, 8, dtype=torch.float64)),
    lambda net: archlang.fuse(archlang.compile(net).eval(), tune=True),
])
def test_refused(call: object) -> None:
    with pytest.raises(ArchError) as refused:
        call(archlang.loads(ROUTED))  # type: ignore[operator]
    assert refused.value.diagnostics[0].name == "usage"


def test_inputs_of_another_network(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ArchError) as refused:
        archlang.compile(archlang.loads(ROUTED), tune=torch.randn(2, 3, 9, 9))
    assert refused.value.diagnostics[0].name == "input-shape"
