"""Networks by hand that several tests use."""

from __future__ import annotations

from archlang.graph.ir import Graph
from tests.emit.graphs import Maker


def plain(name: str = "stem", last: str = "head") -> Graph:
    """A residual network on [3, 8, 8] with ten outputs."""
    make = Maker()
    x = make.input("image", 3, 8, 8)
    y = make.add("conv", x, f"{name}.conv", channels=4)
    y = make.add("batch_norm", y, f"{name}.batch_norm")
    y = make.add("relu", y, f"{name}.relu")
    z = make.add("conv", y, "layer1.0.conv", channels=4, bias=True, shifted=True)
    y = make.add("add", (y, z), "layer1.0.add")
    y = make.add("pool", y, f"{last}.pool")
    y = make.add("linear", y, f"{last}.linear", features=10)
    return make.output(y)


def routed(paths: int = 2, *, unequal: bool = False) -> Graph:
    """Paths with convolutions, cross-connections between them, and the mean of their outputs."""
    make = Maker()
    x = make.input("image", 3, 8, 8)
    xs = [x] * paths
    unit = [("conv", {"channels": 4}), ("batch_norm", {}), ("relu", {}), ("max_pool", {})]
    xs = make.each(xs, "trunk.each", unit)
    xs = make.route(xs, "trunk.route", paths)
    xs = make.each(xs, "trunk.each_2", [("conv", {"channels": 6, "bias": True}), ("relu", {})])
    xs = make.route(xs, "trunk.route_2", paths)
    xs = make.each(xs, "head.each", [("flatten", {}), ("linear", {"features": 5}), ("batch_norm", {}), ("relu", {})])
    xs = make.route(xs, "head.route", paths)
    xs = make.each(xs, "head.each_2", [("linear", {"features": 5}), ("relu", {}), ("linear", {"features": 3})])
    return make.output(make.add("mean", xs, "head.mean"))


def several() -> Graph:
    """Two inputs and three outputs."""
    make = Maker()
    a, b = make.input("image", 4, 8, 8), make.input("mask", 4, 8, 8)
    y = make.add("add", (a, b), "both.add")
    first, second = make.add("split", y, "both.split")
    make.graph.bound = {"halves": (first, second), "logits": (first,)}
    return make.output(first, aux=second, whole=y)
