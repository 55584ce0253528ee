"""Choices inside a network: routers, mixing, initialisers, kinds of attention over layers, how keys move."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from archlang.ops.kinds import Fault, Int, Real, StageKind, Words
from archlang.ops.model import Arg, Setting, fits
from archlang.ops.rules import flow
from archlang.ops.values import show

HIDDEN = Arg("hidden", Int(0), 16, "hidden units of each gate; 0: a single dense map (eq. 3.9)")
_PATHS = "fork(2) -> each {{ conv(3x3, 8) }} -> route({router}) -> mean"


def _routing(router: str) -> str:
    return flow("[3, 32, 32]", _PATHS.format(router=router))


# Routers between paths; that of experts stands in `patch_experts`, that of sparse paths in `sparse`.
ROUTERS = (
    Setting(
        "cross_connection", "router", "Each output is the sum of all inputs, weighted by gates that each input works "
        "out for itself (Tissera 2023, eq. 3.3-3.5, 3.7).", (HIDDEN,), _routing("cross_connection(hidden = 16)"),
    ),
    Setting(
        "cross_prediction", "router", "Each output is an activation of the gated sum of what a stage with weights of "
        "its own makes of each input (Tissera 2023, eq. 3.1-3.6).",
        (
            Arg("stage", StageKind(), doc="what each input goes through on its way to each output"),
            HIDDEN,
            Arg("act", StageKind(), None, "what follows the sum; auto: relu"),
        ),
        _routing("cross_prediction(conv(3x3, 8) -> batch_norm)"),
    ),
    Setting(
        "cross_stitch", "router", "The weights are learned and do not depend on the inputs (Misra et al. 2016).", (),
        _routing("cross_stitch"),
    ),
)

MIXING = (
    Setting("fixed", "mixing", "A mix of x and f(x) that is not learned.",
            (Arg("beta", Real(0, 1), doc="weight of f(x)"),),
            flow("[8, 32, 32]", "residual(mix = fixed(0.3)) { conv(3x3, 8) }")),
)


def _initialiser(name: str, doc: str, *args: Arg, example: str = "",
                 check: Callable[[Mapping[str, Any]], None] = fits) -> Setting:
    use = f"conv(3x3, 64, init = {example or name})"
    return Setting(name, "initialiser", doc, args, flow("[3, 32, 32]", use), check=check)


def _has_an_end(args: Mapping[str, Any]) -> None:
    """Raise out-of-range where a range ends before it begins."""
    low, high = args["low"], args["high"]
    # torch raises a RuntimeError for it, only when weights are drawn.
    if low > high:
        raise Fault("out-of-range", f"this range begins at {show(low)} and ends at {show(high)}, before that",
                    argument="low")


# The arguments of `torch.nn.init.kaiming_*`, where `slope` is called `a`.
_KAIMING = (
    Arg("mode", Words(("fan_in", "fan_out")), "fan_in", "what keeps its variance: forward values, or gradients"),
    Arg("nonlinearity", Words(("relu", "leaky_relu", "tanh", "sigmoid", "selu", "linear")), "relu", "what follows"),
    Arg("slope", Real(), 0.0, "of a leaky relu"),
)
_GAIN = Arg("gain", Real(0), 1.0, "a factor")
_MEAN, _STD = Arg("mean", Real(), 0.0, "the mean"), Arg("std", Real(0), 0.01, "the standard deviation")

INITIALISERS = (
    _initialiser("zeros", "All 0."),
    _initialiser("ones", "All 1."),
    _initialiser("constant", "All the same.", Arg("value", Real(), doc="the number"), example="constant(0.1)"),
    _initialiser("normal", "Drawn from a normal distribution.", _MEAN, _STD, example="normal(std = 0.01)"),
    _initialiser("uniform", "Drawn evenly from a range.", Arg("low", Real(), -0.1, "its beginning"),
                 Arg("high", Real(), 0.1, "its end"), example="uniform(low = -0.05, high = 0.05)", check=_has_an_end),
    _initialiser("truncated_normal", "Drawn from a normal distribution, at most two deviations away.", _MEAN,
                 Arg("std", Real(0), 0.02, "the standard deviation")),
    _initialiser("kaiming_normal", "Normal, its variance by the connections of a unit (He et al. 2015).", *_KAIMING,
                 example="kaiming_normal(mode = fan_out)"),
    _initialiser("kaiming_uniform", "Even, its variance by the connections of a unit (He et al. 2015).", *_KAIMING),
    _initialiser("xavier_normal", "Normal, by the connections on both sides (Glorot and Bengio 2010).", _GAIN),
    _initialiser("xavier_uniform", "Even, by the connections on both sides (Glorot and Bengio 2010).", _GAIN),
    _initialiser("orthogonal", "Orthogonal rows or columns (Saxe et al. 2014).", _GAIN),
)


# A list of layers of one width: kinds that need equal ones get them, the others do not mind.
_LAYERS = "layers {{ linear(8); linear(16) }} -> each {{ linear(12) }} -> attend({kind})"
_LEAVING = Arg("features", Int(1), None, "features that leave; auto: as many as a layer has")


def _aggregator(name: str, doc: str, *args: Arg, use: str = "") -> Setting:
    return Setting(name, "aggregator", doc, args, flow("[6]", _LAYERS.format(kind=use or name)))


AGGREGATORS = (
    _aggregator("innate_static", "All layers end to end, then one dense map that selects (Bird 2022, figure 5).",
                Arg("features", Int(1), doc="features that leave"), use="innate_static(10)"),
    _aggregator("static_vector", "A learned vector, positive and summing to 1, scales each layer before they are "
                "joined and contracted (Bird 2022, section 3).", _LEAVING),
    _aggregator("self_attention", "Keys, queries and values over the layers, then a contraction (Bird 2022, section 3; "
                "Vaswani et al. 2017).", Arg("heads", Int(1), 1, "heads; they share the features"), _LEAVING,
                use="self_attention(heads = 4)"),
    _aggregator("recurrent", "An LSTM reads layer after layer; its states are joined and contracted (Bird 2022, "
                "section 3).", Arg("hidden", Int(1), doc="features of its state, and those that leave"),
                use="recurrent(10)"),
    _aggregator("mean", "The mean of the layers, for comparison."),
)


# How keys change in a phase; `learned` is a bare word there, not a setting.
KEYS = (
    Setting("ema", "keys", "Keys that follow a moving average of what is routed to them, without gradients.",
            (Arg("decay", Real(0, 1), 0.99, "share of a key that a step keeps"),),
            "phase stabilise { epochs = 10; keys = ema(0.99) }"),
)

SETTINGS = ROUTERS + MIXING + INITIALISERS + AGGREGATORS + KEYS
