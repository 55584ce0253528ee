"""The caller's model, its inputs and hooks are after a rewriting as they were before."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from archlang.diagnostics import ArchError
from archlang.rewrite import fuse
from tests.rewrite.harness import assert_same, assert_untouched, check, example, norms, snapshot
from tests.rewrite.subjects import chain, randomised

MAP = (2, 4, 6, 6)
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")  # torch's own, of its trees



class Base(nn.Module):
    """A convolution and its norm, and whatever a subclass does with them."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4)

    def body(self, x: Tensor) -> Tensor:
        made: Tensor = self.norm(self.conv(x))
        return made


# --- optional arguments ----------------------------------------------------------------------------------------------



def test_the_example_and_the_model_stay_bit_for_bit() -> None:
    class Overwriting(Base):
        def forward(self, x: Tensor, more: dict[str, Tensor]) -> Tensor:
            x.add_(1)
            more["y"].mul_(2)
            return self.body(x) + more["y"]

    model = randomised(Overwriting())
    model.conv.weight.grad = torch.ones_like(model.conv.weight)
    x, more = example(MAP), {"y": example(MAP, 4)}
    kept = x.clone(), more["y"].clone(), model.conv.weight.grad.clone()
    before = snapshot(model)
    made = fuse(model, (x, more))
    assert_untouched(before, snapshot(model))
    assert torch.equal(x, kept[0]) and torch.equal(more["y"], kept[1])
    assert torch.equal(model.conv.weight.grad, kept[2]) and x.grad is None

    one, other = (x.clone(), {"y": more["y"].clone()}), (x.clone(), {"y": more["y"].clone()})
    assert_same(model(*one), made(*other))
    assert torch.equal(one[0], other[0]) and torch.equal(one[1]["y"], other[1]["y"])


def test_hooks_are_not_called_and_not_lost() -> None:
    model = randomised(nn.Sequential(nn.Sequential(nn.Conv2d(4, 4, 3), nn.BatchNorm2d(4)), nn.Conv2d(4, 4, 1),
                                     nn.BatchNorm2d(4)))
    seen: list[Any] = []
    model[0].register_forward_hook(lambda module, args, result: seen.append(result.shape))
    x = example(MAP)
    for given in (None, (x,)):
        made = fuse(model, given)
        assert seen == [] and norms(made) == 0  # the block with the hook stays whole, the rest folds
        assert_same(model(x), made(x))
        assert len(seen) == 2
        seen.clear()
    blocks = [m for m in made.modules() if isinstance(m, nn.BatchNorm2d)]
    assert len(blocks) == 1


def test_a_hook_that_changes_shapes_changes_what_is_known() -> None:
    model = nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6))
    model[0].register_forward_hook(lambda module, args, result: result.unsqueeze(2).expand(-1, -1, 6))
    model = randomised(model)
    x = example((3, 4))
    assert_same(model(x), fuse(model, (x,))(x))


def test_what_cannot_be_copied_is_shared() -> None:
    import threading

    class Locked(Base):
        def __init__(self) -> None:
            super().__init__()
            self.lock, self.notes = threading.Lock(), ["kept"]

        def forward(self, x: Tensor) -> Tensor:
            self.notes.append("traced")
            with self.lock:
                return self.body(x)

    model = randomised(Locked())
    made = check(model, MAP, prepared=True)
    assert model.notes.count("traced") == 2 and norms(made) == 0  # its own calls alone


def test_wrappers_are_taken_off() -> None:
    model, x = randomised(chain(nn.Conv2d(4, 4, 3), nn.BatchNorm2d(4))), example(MAP)
    for wrapped in (nn.DataParallel(model).eval(), torch.compile(model, backend="eager")):
        made = fuse(wrapped)
        assert_same(model(x), made(x))
        assert list(made.state_dict()) == ["0.weight", "0.bias"]
    wrapped = nn.DataParallel(model).eval()
    wrapped.register_forward_hook(lambda module, args, result: 2 * result)
    with pytest.raises(ArchError, match="hooks on the wrapper"):
        fuse(wrapped)


def test_one_tensor_stands_for_a_tuple_of_one() -> None:
    model, x = randomised(chain(nn.Linear(4, 6), nn.BatchNorm1d(6))), example((5, 4))
    assert norms(fuse(model, x)) == 0
    with pytest.raises(ArchError, match="input-shape"):
        fuse(model, (x, x))
    with pytest.raises(ArchError, match="the model itself fails on the example"):
        fuse(model, (example((5, 3)),))


def test_names_that_are_words_of_python() -> None:
    class Worded(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.parts = nn.ModuleDict({"in": nn.Conv2d(4, 4, 1), "if": nn.BatchNorm2d(4), "plain": nn.Conv2d(4, 4, 1)})
            self.tensors = nn.ParameterDict({"lambda": nn.Parameter(torch.randn(4, 1, 1))})

        def forward(self, x: Tensor) -> Tensor:
            y = self.parts["plain"](self.parts["if"](self.parts["in"](x)).relu())
            return y + self.tensors["lambda"] * x

    model, x = randomised(Worded()), example(MAP)
    made = fuse(model)
    assert_same(model(x), made(x))
    assert "parts.in_.weight" in made.state_dict() and "parts.in.weight" in model.state_dict()


def test_a_graph_is_compared_where_inputs_can_be_guessed() -> None:
    for parts, compared in ((chain(nn.Conv2d(4, 4, 3), nn.BatchNorm2d(4)), True),
                            (chain(nn.Linear(7, 4), nn.ReLU(), nn.Linear(4, 2)), True),
                            (chain(nn.Conv1d(4, 4, 3), nn.ReLU()), True),
                            (chain(nn.ReLU(), nn.Softmax(1)), False)):
        assert fuse(randomised(parts)).meta["report"].compared == compared


@pytest.mark.skipif(torch.cuda.is_initialized(), reason="the generators of its devices exist here")
def test_a_device_that_starts_later_draws_as_it_would(monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[int] = []
    monkeypatch.setattr(torch.cuda, "manual_seed_all", kept.append)
    made = fuse(nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.Dropout(0.5)).eval(), (torch.rand(2, 3, 4, 4),))
    assert not any(isinstance(module, nn.BatchNorm2d) for module in made.modules())
    assert kept == []
