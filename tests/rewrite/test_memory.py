"""What works in place, by function, method, module, view or item: nothing is moved past it, nothing loses it."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, fx, nn
from torch.nn import functional

from archlang.rewrite import fuse
from archlang.rewrite.memory import Memory
from tests.rewrite.harness import assert_same, convolutions, example, norms
from tests.rewrite.subjects import Flow, randomised

MAP = (2, 4, 6, 6)
F = functional


class Halves(nn.Module):
    """Works in place by its own code."""

    def forward(self, x: Tensor) -> Tensor:
        return x.div_(2)


WRITES: dict[str, Callable[[Any, Tensor], Any]] = {
    "function": lambda m, y: torch.relu_(y),
    "function, by name": lambda m, y: F.leaky_relu_(y, 0.2),
    "function, inplace": lambda m, y: F.relu(y, inplace=True),
    "function, inplace by place": lambda m, y: F.relu(y, True),
    "function, inplace behind numbers": lambda m, y: F.hardtanh(y, -0.5, 0.5, True),
    "out": lambda m, y: torch.mul(y, 2, out=y),
    "method": lambda m, y: y.mul_(2),
    "method on a view": lambda m, y: y[:, 0].zero_(),
    "method on a view of a view": lambda m, y: y.transpose(1, 2)[0].unsqueeze(0).fill_(0.3),
    "method on a part": lambda m, y: torch.chunk(y, 2, 1)[1].mul_(-1),
    "method on data": lambda m, y: y.data.mul_(0.5),
    "method on a reshape": lambda m, y: y.reshape(2, -1).add_(1),
    "method on another name": lambda m, y: y.detach().neg_(),
    "method on real": lambda m, y: y.expand(-1, -1, -1, -1).sub_(0.1),
    "item": lambda m, y: operator.setitem(y, (slice(None), 1), 0.5),
    "item of a tensor": lambda m, y: operator.setitem(y, (0, 1), y[1, 2]),
    "operator": lambda m, y: operator.iadd(y, 0.7),
    "operator of a tensor": lambda m, y: operator.imul(y, y.mean()),
    "copy": lambda m, y: y.copy_(y.flip(-1)),
    "module": lambda m, y: m.relu(y),
    "module behind a view": lambda m, y: m.relu(y[:, 1:3]),
    "module in a sequence": lambda m, y: m.several(y),
    "own module": lambda m, y: m.halves(y),
    "module behind an identity": lambda m, y: m.relu(m.identity(y)),
    "module behind an idle dropout": lambda m, y: m.relu(F.dropout(y, 0.5, False)),
    "initialiser": lambda m, y: nn.init.constant_(y, 0.2),
}
PLACES: dict[str, Callable[[Any, Tensor, Callable[[Any, Tensor], Any]], Any]] = {
    "between branches": lambda m, x, w: (lambda y: (m.a(y), w(m, y), m.b(y)))(m.stem(x)),
    "before both branches": lambda m, x, w: (lambda y: (w(m, y), m.a(y), m.b(y))[1:])(m.stem(x)),
    "behind both branches": lambda m, x, w: (lambda y: (m.a(y), m.b(y), w(m, y)))(m.stem(x)),
    "before an identity": lambda m, x, w: (lambda y: (m.a(y), w(m, y), y))(m.stem(x)),
    "of a result": lambda m, x, w: (lambda y: (lambda z: (w(m, z), m.norm(z)))(m.a(y)))(m.stem(x)),
    "of a result that is kept": lambda m, x, w: (lambda z: (w(m, z), m.norm(z), z))(m.stem(x)),
    "of an input": lambda m, x, w: (m.stem(x), w(m, x), m.stem(x)),
    "of an affine's source": lambda m, x, w: (lambda y: (lambda z: (w(m, y), m.a(z)))(y * 2))(m.stem(x)),
    "of a view's source": lambda m, x, w: (lambda y: (lambda z: (w(m, y), m.a(z), y))(y[:, :, 1:-1]))(m.stem(x)),
    "behind a view's reader": lambda m, x, w: (lambda y: (lambda z: (m.a(z), w(m, y)))(y[..., 1:-1]))(m.stem(x)),
}


class Writing(nn.Module):
    """Branches of one tensor, and something that overwrites it; `joined`: the first and last result are added."""

    def __init__(self, place: str, write: str, joined: bool, normed: bool) -> None:
        super().__init__()
        self.stem, self.a, self.b = nn.Conv2d(4, 4, 1), nn.Conv2d(4, 4, 3, padding=1), nn.Conv2d(4, 4, 1)
        self.norm, self.relu, self.identity = nn.BatchNorm2d(4), nn.ReLU(inplace=True), nn.Identity()
        self.several, self.halves = nn.Sequential(nn.Identity(), nn.ReLU6(inplace=True)), Halves()
        self.place, self.write, self.joined, self.normed = place, write, joined, normed

    def forward(self, x: Tensor) -> Any:
        results = [t for t in PLACES[self.place](self, x, WRITES[self.write]) if t is not None]
        if self.joined:
            results = [results[0] + results[-1], *results[1:-1]]
        return tuple(self.norm(t) if self.normed else t for t in results[:1]) + tuple(results[1:])


def fits(model: nn.Module, x: Tensor) -> bool:
    """Whether the results of a place and a write can be put together so."""
    try:
        model(x.clone())
    except (RuntimeError, ValueError):
        return False
    return True


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("write", WRITES)
@torch.no_grad()
def test_something_in_place(place: str, write: str) -> None:
    tried = 0
    for joined in (True, False):
        for normed in (True, False):
            model = randomised(Writing(place, write, joined, normed))
            x = example(MAP)
            if not fits(model, x):
                continue
            tried += 1
            before = x.clone()
            wanted, overwritten = model(x), x.clone()

            x.copy_(before)
            made = fuse(model, (x,))
            assert torch.equal(x, before)  # the example stays
            assert_same(wanted, made(x))
            assert torch.equal(x, overwritten)  # and what the model overwrites is overwritten
    assert tried


def test_an_activation_in_place_between_branches() -> None:
    """The case that was wrong by 1.3: the first branch reads before, the second after."""
    def run(m: Any, x: Tensor) -> Any:
        y = m.stem(x)
        before = m.a(y)
        z = m.act(y)
        return before + m.b(y), z.mean()

    model = randomised(Flow(run, stem=nn.Conv2d(4, 4, 1), a=nn.Conv2d(4, 4, 3, padding=1), b=nn.Conv2d(4, 4, 1),
                            act=nn.ReLU(inplace=True)))
    made = fuse(model)
    x = example(MAP)
    assert_same(model(x), made(x))
    assert "changed-in-place" in {s.name for s in made.meta["report"].skipped} and convolutions(made) == 3


def test_the_usual_activation_in_place_costs_nothing() -> None:
    """Residual blocks as torchvision writes them fold whole."""
    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.na, self.b, self.nb = nn.Conv2d(4, 4, 3, padding=1), nn.BatchNorm2d(4), nn.Conv2d(4, 4, 3), \
                nn.BatchNorm2d(4)
            self.down, self.nd, self.relu = nn.Conv2d(4, 4, 3), nn.BatchNorm2d(4), nn.ReLU(inplace=True)

        def forward(self, x: Tensor) -> Tensor:
            identity = x
            out = self.relu(self.na(self.a(x)))
            out = self.nb(self.b(out))
            identity = self.nd(self.down(x))
            out += identity
            return self.relu(out)

    model, x = randomised(nn.Sequential(Block(), Block())), example(MAP)
    made = fuse(model)
    assert_same(model(x), made(x))
    assert norms(made) == 0


def test_a_sum_in_place_that_somebody_sees_stays() -> None:
    model = randomised(Flow(lambda m, x: (lambda y: (operator.iadd(y, m.a(y)), y))(m.stem(x)), stem=nn.Conv2d(4, 4, 1),
                            a=nn.Conv2d(4, 4, 3, padding=1)))
    x = example(MAP)
    assert_same(model(x), fuse(model)(x))
    seen = randomised(Flow(lambda m, x: (lambda y, v: (operator.iadd(y, m.a(y)), v))(*(lambda y: (y, y[0]))(m.stem(x))),
                           stem=nn.Conv2d(4, 4, 1), a=nn.Conv2d(4, 4, 3, padding=1)))
    assert_same(seen(x), fuse(seen)(x))


@torch.no_grad()
def test_weights_that_the_graph_overwrites_are_no_constants() -> None:
    class Forgetting(nn.Module):
        def __init__(self, how: str) -> None:
            super().__init__()
            self.conv, self.norm, self.how = nn.Conv2d(4, 4, 3), nn.BatchNorm2d(4), how
            self.register_buffer("gain", torch.ones(4, 1, 1))

        def forward(self, x: Tensor) -> Tensor:
            y = self.conv(x)
            if self.how == "buffer":
                self.gain.mul_(0.5)
                return y * self.gain
            if self.how == "view of a buffer":
                self.gain[1].add_(y.mean())
                return self.norm(y * self.gain)
            if self.how == "statistics":
                self.norm.running_mean.mul_(0.9).add_(y.mean((0, 2, 3)), alpha=0.1)
                return self.norm(y)
            return self.norm(y)

    for how in ("buffer", "view of a buffer", "statistics", "none"):
        model = randomised(Forgetting(how))
        x = example(MAP)
        made = fuse(model, (x,))
        for _ in range(3):
            assert_same(model(x), made(x))


def test_an_unknown_function_may_do_anything() -> None:
    graph = fx.Graph()
    x = graph.placeholder("x")
    y = graph.call_function(torch.relu, (x,))
    strange = graph.call_function(fits, (y,))
    z = graph.call_function(torch.abs, (y,))
    graph.output((strange, z))
    memory = Memory(fx.GraphModule(nn.Module(), graph))
    assert memory.writers == [strange] and memory.written(strange) == [y]
    assert memory.overwritten([y], y, z, but=()) and not memory.overwritten([x], y, z, but=())
    assert memory.seen_outside(strange)
