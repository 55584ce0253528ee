"""Settings that move the weights in training: torch's optimisers, groups of weights, learning rates, averages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from archlang.ops.facts import AverageFacts, OptimizerFacts, ScheduleFacts
from archlang.ops.kinds import Fault, Flag, Int, ListKind, Real, SettingKind, String
from archlang.ops.model import Arg, Setting, fits

_LR = Arg("lr", Real(0, above=True), doc="learning rate")
_DECAY = Arg("weight_decay", Real(0), 0.0, "pulls weights to zero")
_DECOUPLED = Arg("decoupled_weight_decay", Flag(), False, "whether the pull passes by the gradient, as in AdamW")
_AMSGRAD = Arg("amsgrad", Flag(), False, "whether the divisor never shrinks (Reddi et al. 2018)")
_BRANCHES = Arg("branches", ListKind(Real(0), 2, 3), None,
                "constants of a kernel, of a 1x1 beside it and of the input: kernels train as their sum would")
_GROUPS = Arg("groups", ListKind(SettingKind("group"), 0), (), "weights that get values of their own")


def _betas(high: float = 0.999) -> Arg:
    return Arg("betas", ListKind(Real(0, 1), 2, 2), (0.9, high), "how long means of gradients and of squares last")


def _eps(value: float = 1e-8) -> Arg:
    return Arg("eps", Real(0, above=True), value, "added to a divisor")


def _optimiser(name: str, torch: str, doc: str, *args: Arg, fused: bool = False,
               check: Callable[[Mapping[str, Any]], None] = fits) -> Setting:
    """An optimiser by torch's class name; `fused` where torch has a kernel of the whole step for CPUs and GPUs."""
    facts = OptimizerFacts(f"torch.optim.{torch}", fused)
    return Setting(name, "optimizer", doc, (_LR, *args, _GROUPS), f"optimizer = {name}(lr = 0.001)", facts=facts,
                   check=check)


def _betas_below_1(args: Mapping[str, Any]) -> None:
    """Raise out-of-range for a mean that keeps all of the old: it would never move, and its correction divides by 0."""
    # In a group, None stands for the optimiser's own betas.
    if any(beta == 1 for beta in args["betas"] or ()):
        raise Fault("out-of-range", "a beta is less than 1, or nothing new would count", argument="betas")


def _nesterov_has_momentum(args: Mapping[str, Any]) -> None:
    """Raise out-of-range where there is no momentum after whose step a gradient could be taken."""
    # The two conditions of `torch.optim.SGD`, whose own message names neither the file nor the place.
    if args["nesterov"] and not args["momentum"]:
        raise Fault("out-of-range", "`nesterov` goes with a `momentum` greater than 0", argument="nesterov")
    if args["nesterov"] and args["dampening"]:
        raise Fault("out-of-range", "`nesterov` goes with a `dampening` of 0", argument="dampening")


def _steps_go_both_ways(args: Mapping[str, Any]) -> None:
    """Raise out-of-range unless steps can grow and shrink between two ends."""
    (down, up), (smallest, largest) = args["etas"], args["step_sizes"]
    if not down < 1 < up:
        raise Fault("out-of-range", "the first of `etas` is less than 1, the second greater", argument="etas")
    if smallest > largest:
        raise Fault("out-of-range", "the smallest step comes before the largest one", argument="step_sizes")


# Arguments have torch's names and defaults: a published recipe can be copied as it stands.
OPTIMISERS = (
    _optimiser("sgd", "SGD", "Stochastic gradient descent.",
               Arg("momentum", Real(0, 1), 0.0, "share kept of the last step"),
               Arg("nesterov", Flag(), False, "whether the gradient is taken after the momentum's step"), _DECAY,
               Arg("dampening", Real(0, 1), 0.0, "share of the gradient that momentum leaves out"), _BRANCHES,
               fused=True, check=_nesterov_has_momentum),
    _optimiser("adam", "Adam", "Adam (Kingma and Ba 2015); weight decay goes into the gradient.",
               _betas(), _eps(), _DECAY, _AMSGRAD, fused=True, check=_betas_below_1),
    _optimiser("adamw", "AdamW", "Adam with decoupled weight decay (Loshchilov and Hutter 2019).", _betas(), _eps(),
               Arg("weight_decay", Real(0), 0.01, "pulls weights to zero"), _AMSGRAD, fused=True,
               check=_betas_below_1),
    _optimiser("rmsprop", "RMSprop", "RMSprop (Tieleman and Hinton 2012).", Arg("alpha", Real(0, 1), 0.99, "smoothing"),
               _eps(), _DECAY, Arg("momentum", Real(0, 1), 0.0, "share kept of the last step"),
               Arg("centered", Flag(), False, "whether the divisor is the gradient's deviation")),
    _optimiser("adagrad", "Adagrad", "Adagrad (Duchi et al. 2011).",
               Arg("lr_decay", Real(0), 0.0, "of the learning rate"), _DECAY, _eps(1e-10)),
    _optimiser("adadelta", "Adadelta", "Adadelta (Zeiler 2012); `lr` multiplies its steps, 1 is the paper's.",
               Arg("rho", Real(0, 1), 0.9, "smoothing"), _eps(1e-6), _DECAY),
    _optimiser("adamax", "Adamax", "Adam with the largest gradient for the root of squares (Kingma and Ba 2015).",
               _betas(), _eps(), _DECAY, check=_betas_below_1),
    _optimiser("nadam", "NAdam", "Adam with Nesterov's momentum (Dozat 2016).", _betas(), _eps(), _DECAY,
               Arg("momentum_decay", Real(0), 0.004, "of the momentum"), _DECOUPLED, check=_betas_below_1),
    _optimiser("radam", "RAdam", "Adam whose first steps are rectified (Liu et al. 2020).", _betas(), _eps(), _DECAY,
               _DECOUPLED, check=_betas_below_1),
    _optimiser("rprop", "Rprop", "Resilient backpropagation (Riedmiller and Braun 1993), for batches of all samples; "
               "`lr` is its first step alone, so that schedules change nothing later.",
               Arg("etas", ListKind(Real(0, above=True), 2, 2), (0.5, 1.2), "factors of its steps, down and up"),
               Arg("step_sizes", ListKind(Real(0, above=True), 2, 2), (1e-6, 50.0), "its smallest and largest step"),
               check=_steps_go_both_ways),
    _optimiser("asgd", "ASGD", "Averaged gradient descent (Polyak and Juditsky 1992).",
               Arg("lambd", Real(0), 1e-4, "how fast the rate falls"), Arg("alpha", Real(0, 2), 0.75, "its power"),
               Arg("t0", Real(0), 1e6, "the step at which averaging starts"), _DECAY),
    _optimiser("adafactor", "Adafactor", "Adafactor (Shazeer and Stern 2018): squares are kept by rows and columns.",
               Arg("beta2_decay", Real(None, 0), -0.8, "the power at which old squares fade"),
               Arg("d", Real(1), 1.0, "the largest step, in units of its root mean square"), _DECAY),
)

# A group takes what differs alone: None leaves the optimiser's own value.
GROUPS = (
    Setting("group", "group", "Weights by patterns over their names, with values of their own; the rest of an "
            "optimiser's arguments holds for them too. A weight belongs to the first group that names it.",
            (Arg("names", String(), doc="names of modules or weights; `*` stands for any characters", many=True),
             Arg("lr", Real(0, above=True), None, "their learning rate; schedules start there"),
             Arg("weight_decay", Real(0), None, "pulls them to zero"),
             Arg("momentum", Real(0, 1), None, "share kept of the last step"),
             Arg("betas", ListKind(Real(0, 1), 2, 2), None, "how long means of gradients and of squares last"),
             _BRANCHES),
            'optimizer = sgd(lr = 0.1, groups = [group("logits", lr = 0.01, weight_decay = 0)])', check=_betas_below_1),
)

_WARMUP = Arg("warmup", Real(0), 0, "epochs (steps, in a phase of steps) in which the rate rises evenly from 0, first")
_TO = Arg("to", Real(0), 0.0, "the rate at the end, absolute")


def _schedule(name: str, doc: str, *args: Arg, example: str = "", from_start: bool = False) -> Setting:
    # A schedule stands in a phase, whose length is that of its curve.
    use = f"phase all {{ epochs = 10; lr = {example or name} }}"
    return Setting(name, "schedule", doc, args, use, facts=ScheduleFacts(from_start))


SCHEDULES = (
    _schedule("constant", "The optimiser's rate throughout.", _WARMUP,
              Arg("cooldown", Real(0), 0, "epochs (steps, in a phase of steps) in which the rate falls evenly to 0, "
                  "last")),
    _schedule("cosine", "Half a cosine from the optimiser's rate down (Loshchilov and Hutter 2017).", _TO, _WARMUP),
    _schedule("linear", "Evenly from the optimiser's rate down.", _TO, _WARMUP),
    _schedule("poly", "The optimiser's rate less its way down, times (1 - time)^power (Chen et al. 2017, DeepLab).",
              Arg("power", Real(0, above=True), 0.9, "how long it stays high: less than 1 for long, 1 for a line"),
              _TO, _WARMUP),
    _schedule("steps", "Times a factor at each of some epochs (steps, in a phase of steps).",
              Arg("at", Int(1), doc="epochs, counted within the phase", many=True),
              Arg("by", Real(0, above=True), 0.1, "the factor"), _WARMUP, example="steps(4, 8, by = 0.1)",
              from_start=True),
    _schedule("restarts", "Cosines one after the other, each from the optimiser's rate down (SGDR, Loshchilov and "
              "Hutter 2017).", Arg("first", Real(0, above=True), doc="epochs of the first one"),
              Arg("times", Real(1), 1.0, "how much longer each is than the one before"), _TO, _WARMUP,
              example="restarts(2, times = 2)"),
    _schedule("one_cycle", "Up to the optimiser's rate and down again, both by half a cosine (Smith and Topin 2019).",
              Arg("rise", Real(0, 1, above=True), 0.3, "share of the phase in which it rises"),
              Arg("start", Real(1), 25.0, "what the first rate is divided by"),
              Arg("end", Real(1), 1e4, "what the first rate is divided by for the last one")),
)

AVERAGES = (
    Setting("ema", "average", "A moving average of the weights, moved at every step.",
            (Arg("decay", Real(0, 1), 0.999, "share of it that a step keeps"),), "average = ema(0.999)",
            facts=AverageFacts(every_step=True)),
    Setting("swa", "average", "The plain mean of the weights at the ends of epochs (Izmailov et al. 2018).",
            (Arg("after", Int(0), doc="epochs that are left out, first"),), "average = swa(after = 5)",
            facts=AverageFacts(every_step=False)),
)

SETTINGS = OPTIMISERS + GROUPS + SCHEDULES + AVERAGES
