"""Choices of `train { }`: augmentations, and what its parts may declare."""

from __future__ import annotations

from archlang.ops.facts import AugmentationFacts
from archlang.ops.kinds import Int, ListKind, OneOf, Real, SettingKind, String, SumKind, Words
from archlang.ops.model import Arg, Setting

MOST_CHANGES = 100
"""Changes of one `rand_augment`, each a pass over the batch."""


_NAMES = OneOf((String(), ListKind(String())))


def _augmentation(name: str, doc: str, *args: Arg, use: str = "", pixels: str | None = None,
                  joint: bool = False, holds: bool = False, larger: str | None = None) -> Setting:
    facts = AugmentationFacts(pixels, joint, holds, larger)
    return Setting(name, "augmentation", doc, args, f"augment = [{use or name}]", facts)


AUGMENTATIONS = (
    _augmentation("flip", "Left and right exchanged.", Arg("p", Real(0, 1), 0.5, "probability"), joint=True),
    _augmentation("shift", "Moved by up to so many pixels each way, its border repeated.",
                  Arg("by", Int(0), 2, "pixels at most"), use="shift(2)", pixels="by", joint=True),
    _augmentation("crop", "Padded with zeros all around and cut back to size at a random place.",
                  Arg("pad", Int(0), 4, "pixels on every side"), use="crop(4)", pixels="pad", joint=True),
    _augmentation("crop_from", "Scaled so that its shorter side has so many pixels, of which a window of the network's "
                  "size is cut out at a random place; the test takes the one in the middle.",
                  Arg("side", Int(1), doc="pixels of the shorter side"), use="crop_from(256)", larger="side"),
    _augmentation("erase", "A square at a random place set to 0 (Zhong et al. 2020).",
                  Arg("share", Real(0, 1, above=True), 0.25, "its side, as a share of the image's"),
                  Arg("p", Real(0, 1), 0.5, "probability"),
                  Arg("most", Int(1, MOST_CHANGES), 1, "squares at most, from 1 on drawn evenly")),
    _augmentation("rand_augment", "So many of fourteen changes of light and shape, drawn for each image (Cubuk et al. "
                  "2020).", Arg("count", Int(1, MOST_CHANGES), 2, "changes, one after the other"),
                  Arg("strength", Int(0, 30), 9, "how strong each is"),
                  Arg("noise", Real(0, 30), 0.0, "deviation of the strength, drawn for each change"),
                  use="rand_augment(count = 2, strength = 9)"),
    _augmentation("color_jitter", "Brightness, contrast and saturation changed, each by a factor from 1 - x to 1 + x; "
                  "hue turned by a share of the circle from -x to x.",
                  Arg("brightness", Real(0, 1), 0.4, "x of it"), Arg("contrast", Real(0, 1), 0.4, "x of it"),
                  Arg("saturation", Real(0, 1), 0.4, "x of it"), Arg("hue", Real(0, 0.5), 0.0, "x of it")),
    _augmentation("rotate", "Turned by up to so many degrees either way.",
                  Arg("degrees", Real(0, 180), 15.0, "at most"), use="rotate(15)", joint=True),
    _augmentation("scale", "Made larger or smaller from the middle.",
                  Arg("by", Real(0), 0.2, "the factor is at most 1 + by, at least 1 / (1 + by)"), use="scale(0.2)",
                  joint=True),
    _augmentation("grayscale", "Without colour.", Arg("p", Real(0, 1), 0.2, "probability")),
    _augmentation("on", "Augmentations of some inputs of a network alone, by their names; others stay as they are.",
                  Arg("inputs", _NAMES, doc="a name, or a list of them; these are changed alike"),
                  Arg("changes", ListKind(SettingKind("augmentation"), 1), doc="what is done, in order"),
                  use='on("x", [color_jitter])', holds=True),
)

# Arguments that several parts of `train { }` share.
_RATE = Arg("lr", SumKind("schedule"), None, "the rate's curve; auto: constant")
_LOSS = Arg("loss", SumKind("loss"), None, "what is minimised")
_OPTIMIZER = Arg("optimizer", SettingKind("optimizer"), None, "how")
_BATCH = Arg("batch", Int(1), 128, "samples in a batch")
_SEED = Arg("seed", Int(0), 0, "of everything random")
_AUGMENT = Arg("augment", ListKind(SettingKind("augmentation"), 0), (), "changes of the images in training, in order")
_KEYS = Arg("keys", OneOf((Words(("learned",)), SettingKind("keys"))), None, "how a router's keys change")
_LABELS = Arg("labels", ListKind(String(), 1), None, "the classes' names")
_CLIP = Arg("clip", Real(0, above=True), None, "the largest norm of a step's gradient; auto: any")
_PRECISION = Arg("precision", Words(("float32", "bfloat16", "float16")), "float32", "what the network calculates in")
_AVERAGE = Arg("average", SettingKind("average"), None, "which mean of the weights is tested and kept; auto: none")
_METRICS = Arg("metrics", ListKind(SettingKind("metric"), 0), (), "figures that are told beside the loss")
_BEST = Arg("best", OneOf((Words(("accuracy", "loss")), SettingKind("metric"))), None,
            "what the best epoch is chosen by; auto: accuracy, then loss")
_ACCUMULATE = Arg("accumulate", Int(1), 1, "parts that a batch is calculated in, one after the other")
_PATIENCE = Arg("patience", Int(1), None, "epochs without a better one after which training ends; auto: all are done")
_ONLY = Arg("only", _NAMES, None, "patterns of the modules or weights that train; auto: all")
_FREEZE = Arg("freeze", _NAMES, None, "patterns of the modules or weights that do not train")

# What stands between braces as `name = value` is checked like the arguments of a call.
DECLARATIONS = (
    Setting("train", "declaration", "What may stand in `train { }`.",
            (_LOSS, _OPTIMIZER, _BATCH, _SEED, _AUGMENT, _LABELS, _CLIP, _PRECISION, _AVERAGE,
             _METRICS, _BEST, _ACCUMULATE, _PATIENCE)),
    Setting("phase", "declaration", "What may stand in a phase.",
            (Arg("epochs", Int(1), None, "passes over the data"),
             Arg("steps", Int(1), None, "batches, instead of epochs"), _RATE, _KEYS, _ONLY, _FREEZE)),
    Setting("step", "declaration", "What may stand in a step.", (_LOSS, _OPTIMIZER)),
    Setting("input", "declaration", "What an input may carry.",
            (Arg("mean", ListKind(Real(), 1), None, "of each channel"),
             Arg("std", ListKind(Real(0, above=True), 1), None, "of each channel"))),
)

SETTINGS = AUGMENTATIONS + DECLARATIONS
