"""Compiled models through pickle, copies, torch's own files and other processes; through torch.jit."""

from __future__ import annotations

import copy
import io
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import fx, multiprocessing

from archlang.artefact import load_model, save
from archlang.compiler import compile, fuse
from archlang.diagnostics import ArchError
from archlang.elaborate import load, loads
from archlang.rewrite.extract import extract

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "examples").glob("[0-9]*.arch"))


def through_pickle(model: fx.GraphModule) -> fx.GraphModule:
    return pickle.loads(pickle.dumps(model))


def through_torch(model: fx.GraphModule) -> fx.GraphModule:
    file = io.BytesIO()
    torch.save(model, file)
    file.seek(0)
    return torch.load(file, weights_only=False)


WAYS: dict[str, Callable[[fx.GraphModule], fx.GraphModule]] = {
    "pickle": through_pickle, "torch.save": through_torch, "deepcopy": copy.deepcopy,
}


def same(one: fx.GraphModule, other: fx.GraphModule) -> None:
    """Check that two models share nothing and are the same: code, names, weights, record, what files they make."""
    assert type(one).__mro__[1] is type(other).__mro__[1] and type(one).__name__ == type(other).__name__
    assert one.code == other.code and one.training is other.training
    assert [n.meta.get("archlang") for n in one.graph.nodes] == [n.meta.get("archlang") for n in other.graph.nodes]
    assert one.archlang.network.text == other.archlang.network.text
    assert one.archlang.network.dials == other.archlang.network.dials
    assert (one.archlang.seed, one.archlang.passes) == (other.archlang.seed, other.archlang.passes)

    mine, yours = one.state_dict(keep_vars=True), other.state_dict(keep_vars=True)
    assert list(mine) == list(yours)
    for name, value in mine.items():
        assert torch.equal(value, yours[name])
        assert value.data_ptr() != yours[name].data_ptr()


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_comes_back_from_a_pickle(path: Path, tmp_path: Path) -> None:
    model = compile(load(path), seed=3)
    again = through_pickle(model)
    same(again, model)
    save(model, tmp_path / "a")
    save(again, tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize("way", WAYS)
def test_dials_passes_and_results_come_back(way: str) -> None:
    network = load(ROOT / "examples" / "04_paths.arch", {"paths": 3, "classes": 4})
    x = torch.randn(2, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    for model in (compile(network, seed=5).eval(), fuse(compile(network, seed=5).eval())):
        again = WAYS[way](model)
        same(again, model)
        assert torch.equal(again(x), model(x))
        with pytest.raises(ArchError, match="input `image` must be"):
            again(x[:, :, :5])
    assert again.archlang.passes == ("fuse",) and again.archlang.network.dials["paths"] == 3


def test_a_long_network_comes_back() -> None:
    """A chain of nodes deeper than Python's stack."""
    network = loads("archlang 1\nnetwork N {\n input x: [4]\n output x -> 1500 * relu\n}\n")
    same(through_pickle(compile(network)), compile(network))


def test_an_extracted_model_comes_back() -> None:
    text = (ROOT / "tests" / "artefact" / "test_labels.py").read_text().split('"""')[3]
    model = extract(compile(loads(text)).eval(), [1, 3])
    same(through_pickle(model), model)


def worker(model: fx.GraphModule, path: str) -> None:
    """Save, in another process, what came there."""
    save(model, path)


def test_a_model_goes_to_another_process(tmp_path: Path) -> None:
    model = compile(load(EXAMPLES[0]), seed=2)
    process = multiprocessing.get_context("spawn").Process(target=worker, args=(model, str(tmp_path / "there")))
    process.start()
    process.join(300)
    assert process.exitcode == 0
    save(model, tmp_path / "here")
    assert (tmp_path / "here").read_bytes() == (tmp_path / "there").read_bytes()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # torch.compile warns of its own parts
def test_what_torch_compile_made_is_saved_as_what_it_was_made_of(tmp_path: Path) -> None:
    model = compile(load(EXAMPLES[0]), seed=2)
    save(torch.compile(model), tmp_path / "a")
    save(model, tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert load_model(tmp_path / "a").archlang.seed == 2

    outside = torch.compile(torch.nn.Linear(2, 2))
    with pytest.raises(ArchError) as caught:
        save(outside, tmp_path / "c")
    assert caught.value.diagnostics[0].name == "unsupported-module"


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
def test_script_is_refused_and_trace_works() -> None:
    model = compile(load(ROOT / "examples" / "04_paths.arch"), seed=2).eval()
    with pytest.raises(ArchError, match=r"`torch.jit.trace\(model, example\)`"):
        torch.jit.script(model)
    x = torch.randn(2, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    traced = torch.jit.trace(model, x)
    torch.testing.assert_close(traced(x), model(x))
