"""Choices of `train { }`: optimisers, schedules, augmentations, and what its parts may declare."""

from __future__ import annotations

from archlang.ops.kinds import Flag, Int, ListOf, OneOf, Real, String, Sum, Words
from archlang.ops.kinds import Setting as SettingKind
from archlang.ops.model import Arg, Setting

_LR = Arg("lr", Real(0, above=True), doc="learning rate")
_DECAY = Arg("weight_decay", Real(0), 0.0, "pulls weights to zero")
_BETAS = Arg("betas", ListOf(Real(0, 1), 2, 2), (0.9, 0.999), "how long means of gradients and of squares last")
_EPS = Arg("eps", Real(0, above=True), 1e-8, "added to a divisor")


def _optimiser(name: str, doc: str, *args: Arg) -> Setting:
    return Setting(name, "optimizer", doc, args, f"optimizer = {name}(lr = 0.001)")


OPTIMISERS = (
    _optimiser("sgd", "Stochastic gradient descent.", _LR,
               Arg("momentum", Real(0, 1), 0.0, "share kept of the last step"),
               Arg("nesterov", Flag(), False, "whether the gradient is taken after the momentum's step"), _DECAY),
    _optimiser("adam", "Adam (Kingma and Ba 2015); weight decay goes into the gradient.", _LR, _BETAS, _EPS, _DECAY),
    _optimiser("adamw", "Adam with decoupled weight decay (Loshchilov and Hutter 2019).", _LR, _BETAS, _EPS,
               Arg("weight_decay", Real(0), 0.01, "pulls weights to zero")),
    _optimiser("rmsprop", "RMSprop (Tieleman and Hinton 2012).", _LR, Arg("alpha", Real(0, 1), 0.99, "smoothing"),
               _EPS, _DECAY, Arg("momentum", Real(0, 1), 0.0, "share kept of the last step")),
)

_WARMUP = Arg("warmup", Real(0), 0, "epochs in which the rate rises evenly from 0, before the curve begins")
_TO = Arg("to", Real(0), 0.0, "the rate at the end, absolute")


def _schedule(name: str, doc: str, *args: Arg, example: str = "") -> Setting:
    return Setting(name, "schedule", doc, args, f"phase all {{ epochs = 10; lr = {example or name} }}")


SCHEDULES = (
    _schedule("constant", "The optimiser's rate throughout.", _WARMUP),
    _schedule("cosine", "Half a cosine from the optimiser's rate down (Loshchilov and Hutter 2017).", _TO, _WARMUP),
    _schedule("linear", "Evenly from the optimiser's rate down.", _TO, _WARMUP),
    _schedule("steps", "Times a factor at each of some epochs.",
              Arg("at", Int(1), doc="epochs, counted within the phase", many=True),
              Arg("by", Real(0, above=True), 0.1, "the factor"), _WARMUP, example="steps(4, 8, by = 0.1)"),
)


def _augmentation(name: str, doc: str, *args: Arg, use: str = "") -> Setting:
    return Setting(name, "augmentation", doc, args, f"augment = [{use or name}]")


AUGMENTATIONS = (
    _augmentation("flip", "Left and right exchanged.", Arg("p", Real(0, 1), 0.5, "probability")),
    _augmentation("shift", "Moved by up to so many pixels each way, its border repeated.",
                  Arg("by", Int(0), 2, "pixels at most"), use="shift(2)"),
    _augmentation("crop", "Padded with zeros all around and cut back to size at a random place.",
                  Arg("pad", Int(0), 4, "pixels on every side"), use="crop(4)"),
    _augmentation("erase", "A square at a random place set to 0 (Zhong et al. 2020).",
                  Arg("share", Real(0, 1, above=True), 0.25, "its side, as a share of the image's"),
                  Arg("p", Real(0, 1), 0.5, "probability")),
    Setting("sobel", "augmentation", "Horizontal and vertical edges of the grey image: two channels. "
            "For a later version.", available=False),
)

_RATE = Arg("lr", Sum("schedule"), None, "the rate's curve; auto: constant")
_LOSS = Arg("loss", Sum("loss"), None, "what is minimised")
_OPTIMIZER = Arg("optimizer", SettingKind("optimizer"), None, "how")
_BATCH = Arg("batch", Int(1), 128, "samples in a batch")
_SEED = Arg("seed", Int(0), 0, "of everything random")
_AUGMENT = Arg("augment", ListOf(SettingKind("augmentation"), 0), (), "changes of the images in training, in order")
_KEYS = Arg("keys", OneOf((Words(("learned",)), SettingKind("keys"))), None, "how a router's keys change")
_LABELS = Arg("labels", ListOf(String(), 1), None, "the classes' names")

DECLARATIONS = (
    Setting("train", "declaration", "What may stand in `train { }`.",
            (_LOSS, _OPTIMIZER, _BATCH, _SEED, _AUGMENT, _LABELS)),
    Setting("phase", "declaration", "What may stand in a phase.",
            (Arg("epochs", Int(1), doc="passes over the data"), _RATE, _KEYS)),
    Setting("step", "declaration", "What may stand in a step.", (_LOSS, _OPTIMIZER)),
    Setting("input", "declaration", "What an input may carry.",
            (Arg("mean", ListOf(Real(), 1), None, "of each channel"),
             Arg("std", ListOf(Real(0, above=True), 1), None, "of each channel"))),
)

SETTINGS = OPTIMISERS + SCHEDULES + AUGMENTATIONS + DECLARATIONS
