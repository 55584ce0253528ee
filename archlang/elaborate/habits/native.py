"""Names of arguments, settings and stages in other programs, where the call itself is one of this language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from archlang.dataclass import dataclass
from archlang.elaborate.habits.habit import short_size, size_text, value_text, whole_number
from archlang.syntax.printer import print_flat
from archlang.syntax.tree import Call, Expr, ListOf, TupleOf

FUNCTION_NAMES = {
    "int": "floor", "make_divisible": "round_to", "_make_divisible": "round_to", "math.floor": "floor",
    "math.ceil": "ceil",
}
"""Functions of numbers in Python and in published networks, and the function here. `int` is `floor` above 0."""

SHORT_NAMES = {
    "avgpool": "avg_pool", "batchnorm": "batch_norm", "batchnorm2d": "batch_norm", "bn": "batch_norm", "cat": "concat",
    "concatenate": "concat", "conv2d": "conv", "convtranspose2d": "conv_transpose", "dense": "linear",
    "dropout2d": "drop_channels", "dwconv": "depthwise_conv", "fc": "linear", "gap": "global_avg_pool",
    "interpolate": "upsample", "maxpool": "max_pool", "maxpool2d": "max_pool", "multihead_attention": "attention",
    "skip": "residual", "se": "squeeze_excite", "swish": "silu",
    "gn": "group_norm", "ln": "layer_norm", "layernorm": "layer_norm", "groupnorm": "group_norm",
    "instancenorm": "instance_norm", "avgpool2d": "avg_pool", "global_pool": "global_avg_pool",
    "globalavgpool": "global_avg_pool", "global_average_pooling": "global_avg_pool", "lrelu": "leaky_relu",
    "leakyrelu": "leaky_relu", "hswish": "hardswish", "hard_swish": "hardswish", "hard_sigmoid": "hardsigmoid",
    "logsoftmax": "log_softmax", "deconv": "conv_transpose", "conv2d_transpose": "conv_transpose", "mha": "attention",
    "multi_head_attention": "attention", "moe": "experts", "mixture_of_experts": "experts",
    "pos_embed": "position_embedding",
    "positional_encoding": "position_embedding", "cls_token": "class_token", "pixelshuffle": "pixel_shuffle",
    "view": "reshape", "transpose": "permute", "chunk": "split", "multiply": "mul", "subtract": "sub",
    "divide": "div", "average": "mean", "spatial_dropout": "drop_channels",
    "spatialdropout2d": "drop_channels", "spatialdropout": "drop_channels", "droppath": "drop_path",
    "stochastic_depth": "drop_path", "categorical_crossentropy": "cross_entropy",
    "sparse_categorical_crossentropy": "cross_entropy", "softmax_cross_entropy": "cross_entropy",
    "crossentropy": "cross_entropy", "crossentropyloss": "cross_entropy", "ce": "cross_entropy",
    "binary_crossentropy": "bce", "binary_cross_entropy": "bce", "bce_with_logits": "bce",
    "mean_squared_error": "mse", "mse_loss": "mse", "mae": "l1", "l1_loss": "l1",
    "mean_absolute_error": "l1", "huber": "smooth_l1", "kl_div": "kl", "kldiv": "kl", "focal_loss": "focal",
    "dice_loss": "dice", "cosine_annealing": "cosine", "cosineannealinglr": "cosine", "cosine_decay": "cosine",
    "steplr": "steps", "multisteplr": "steps", "step_decay": "steps", "multistep": "steps", "onecyclelr": "one_cycle",
    "onecycle": "one_cycle", "linearlr": "linear", "linear_decay": "linear",
    "cosineannealingwarmrestarts": "restarts", "constantlr": "constant", "random_crop": "crop", "randomcrop": "crop",
    "horizontal_flip": "flip", "random_flip": "flip", "hflip": "flip", "randomhorizontalflip": "flip",
    "random_horizontal_flip": "flip", "cutout": "erase", "random_erasing": "erase", "randomerasing": "erase",
    "he_normal": "kaiming_normal", "he_uniform": "kaiming_uniform", "glorot_normal": "xavier_normal",
    "glorot_uniform": "xavier_uniform", "trunc_normal": "truncated_normal", "polyak": "ema",
    "valid": "none", "innate": "innate_static", "static": "static_vector",
}
"""Short names of stages, losses and settings that papers and other programs use, in lower case."""

CALLED: dict[str, tuple[str, ...]] = {
    "kernel_size": ("kernel", "size"), "pool_size": ("size",), "window": ("size",), "ksize": ("kernel", "size"),
    "out_channels": ("channels",), "out": ("channels", "features"), "out_ch": ("channels",), "cout": ("channels",),
    "out_chs": ("channels",), "out_planes": ("channels",), "planes": ("channels",), "nf": ("channels",),
    "filters": ("channels",), "num_filters": ("channels",),
    "out_features": ("features",), "units": ("features",), "output_dim": ("features",), "dim_out": ("features",),
    "strides": ("stride",), "pad": ("padding",), "paddings": ("padding",), "dilation_rate": ("dilation",),
    "group": ("groups",), "use_bias": ("bias",), "ceil_mode": ("ceil",), "count_include_pad": ("count_padding",),
    "rate": ("p",), "prob": ("p",), "drop_prob": ("p",), "drop": ("p", "dropout"),
    "epsilon": ("eps",), "track_running_stats": ("running",), "elementwise_affine": ("affine",),
    "num_groups": ("groups",), "num_heads": ("heads",), "nhead": ("heads",), "n_heads": ("heads",),
    "hidden_size": ("hidden",), "hidden_dim": ("hidden",), "num_layers": ("layers",),
    "scale_factor": ("factor",), "upscale_factor": ("factor",), "output_size": ("size",), "chunks": ("parts",),
    "num_or_size_splits": ("parts",), "learning_rate": ("lr",), "wd": ("weight_decay",),
    "target": ("label",), "targets": ("label",), "labels": ("label",), "pred": ("logits", "prediction"),
    "top_k": ("k",), "topk": ("k",), "num_experts": ("n",), "n_experts": ("n",), "num_paths": ("n",),
    "tau": ("temperature",),
    "temp": ("temperature",), "num_classes": ("classes",), "n_classes": ("classes",), "num_branches": ("branches",),
    "n_branches": ("branches",), "num_active": ("active",), "n_active": ("active",), "min_distance": ("distance",),
    "kernel_initializer": ("init",), "initializer": ("init",), "weight_init": ("init",),
    "eta_min": ("to",), "end_lr": ("to",), "warmup_epochs": ("warmup",), "gamma": ("by",),
    "interpolation": ("mode",), "p_drop": ("p",), "dropout_rate": ("p",),
    "random_state": ("seed",), "max_norm": ("clip",), "nesterov_momentum": ("nesterov",),
    "gating": ("router",), "gate": ("router",), "routing": ("router",), "outputs": ("to",),
    "input": ("logits", "prediction"), "output": ("logits", "prediction"), "shape": ("sizes",), "dims": ("axes",),
}
"""Names of arguments in other frameworks, and those here; of several, the one that the stage has."""

KNOWN = (
    "in_channels", "in_features", "num_features", "num_channels", "input_size", "embed_dim", "normalized_shape",
    "input_dim", "in_planes", "channels_in", "dim_in", "in_ch", "in_chs", "in_chans", "cin", "inplanes",
    "input_shape", "batch_first",
)
"""Arguments that say what enters: it is known here."""

WITHOUT_EFFECT = ("inplace", "name", "device", "dtype", "trainable", "data_format")
"""Arguments that change nothing about a network."""

ACTIVATIONS = ("activation", "act", "nonlinearity", "activation_fn")
"""Arguments that say what follows: a step of its own here."""

_LISTS = ("sizes", "betas", "axes", "parts", "others")
"""Arguments whose values are lists; in others a tuple of numbers is a size."""


# --- arguments -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Renamed:
    """A call with its arguments under their names here: the text, and the sentence about the one that was wrong."""

    text: str
    reason: str


def renamed(call: Call, wrong: str, signature: Sequence[tuple[str, bool]]) -> Renamed | None:
    """Write a call anew with the arguments that the stage here takes. None if one of them is no known habit.

    Args:
        call: the call of a stage, loss or optimizer of this language.
        wrong: the name of the argument that does not exist.
        signature: the arguments of the stage, each with whether it must be given.
    """
    known = [name for name, _ in signature]
    reason = _reason(wrong, known)
    if reason is None:
        return None

    named: dict[str, str] = {}
    positional: list[str] = []
    activation = ""
    for argument in call.arguments or ():
        name = argument.name
        if name is None:
            positional.append(_by_place(argument.value, len(positional), signature))
        elif name in known:
            named[name] = _text(argument.value, name)
        elif name == "dim" and "axis" in known and whole_number(argument.value) == 1:
            continue  # the batch is 0 there: 1 is the usual axis here, which is not written
        # `glu` has one of its own inside: behind it the activation would be another network.
        elif name in ACTIVATIONS and "activation" in known:
            named["activation"] = _text(argument.value, name)
        elif name in ACTIVATIONS:
            activation = f" -> {_text(argument.value, name)}"
        elif name not in KNOWN and name not in WITHOUT_EFFECT:
            here = _called(name, known)
            if here is None or here in named:
                return None
            named[here] = _text(argument.value, here)

    axes = _axes_of(call)
    words = _in_order(positional, named, signature, axes)
    if words is None:
        return None
    text = print_flat(call.callee)
    if words:
        text += f"({', '.join(words)})"
    return Renamed(text + activation, reason)


def _reason(wrong: str, known: Sequence[str]) -> str | None:
    if wrong in KNOWN:
        return "what enters is known and not written"
    if wrong in WITHOUT_EFFECT:
        return "it changes nothing here and is left out"
    if wrong in ACTIVATIONS and "activation" in known:
        return "it is called `activation` here"
    if wrong in ACTIVATIONS:
        return "an activation is a step of its own"
    if wrong == "dim" and "axis" in known:
        return "an axis has a name, `axis = channels`, and the usual one is not written"

    here = _called(wrong, known)
    if here is None:
        return None
    return f"it is called `{here}` here"


def _called(name: str, known: Sequence[str]) -> str | None:
    return next((here for here in CALLED.get(name, ()) if here in known), None)


def _in_order(
    positional: Sequence[str], named: Mapping[str, str], signature: Sequence[tuple[str, bool]], axes: int
) -> list[str] | None:
    """The arguments as they are best written: those that must be given by place, the others by name."""
    # The only argument of what has one may stand by place: `dropout(0.5)`.
    if len(signature) == 1 and len(positional) == 1 and not named:
        return [_as_size(signature[0][0], positional[0], axes)]

    required = [name for name, must in signature if must]
    free = [name for name in required if name not in named]
    if len(positional) > len(free):
        return None
    values = {**named, **dict(zip(free, positional, strict=False))}

    # Once one that must be given is left out, the rest would take its place: they get their names.
    words = []
    by_place = True  # until one that must be given is missing
    for name, must in signature:
        if name not in values:
            by_place = by_place and not must
        elif must and by_place:
            words.append(_as_size(name, values[name], axes))
        else:
            words.append(f"{name} = {values[name]}")
    return words


def _by_place(value: Expr, at: int, signature: Sequence[tuple[str, bool]]) -> str:
    """A value without a name: a list is a size only where one is wanted, and stays a list in `steps([10, 15])`."""
    required = [name for name, must in signature if must]
    if isinstance(value, ListOf) and (at >= len(required) or required[at] not in ("kernel", "size")):
        return print_flat(value)
    return _text(value, "")


def _text(value: Expr, name: str) -> str:
    if isinstance(value, TupleOf | ListOf) and name not in _LISTS:
        numbers = [number for item in value.items if (number := whole_number(item)) is not None]
        if numbers and len(numbers) == len(value.items):
            return short_size(numbers)
    return value_text(value)


def _axes_of(call: Call) -> int:
    """The axes that a stage's sizes have: one for `conv1d`, three for `conv3d`, else two."""
    name = print_flat(call.callee)
    return {"1d": 1, "3d": 3}.get(name[-2:], 2)


def _as_size(name: str, text: str, axes: int) -> str:
    """A kernel given as one number is written out as a size, as figures show it."""
    if name in ("kernel", "size") and text.isdigit():
        return size_text((int(text),) * axes)
    return text


# --- settings of a train ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class SettingHabit:
    """A setting of other training programs: the reason, and the text here with `{value}` in it.

    `takes_place` tells if the text is the same setting under its name here, so that a program may exchange them.
    """

    reason: str
    form: str
    takes_place: bool = False


_OF_OPTIMIZER = "it is an argument of the optimizer"
_CURVE = SettingHabit("the rate follows a curve in each phase", "phase all {{ epochs = 10; lr = cosine }}")
_EPOCHS = SettingHabit("a phase says how long it is", "phase all {{ epochs = {value} }}", True)
_WARMUP = SettingHabit("the curve of a phase has it", "phase all {{ epochs = 10; lr = cosine(warmup = {value}) }}")
_DATA = SettingHabit("data are named on the command line", "archlang train FILE --data digits")
_RATE = SettingHabit(_OF_OPTIMIZER, "optimizer = adam(lr = {value})")


_STOPPING = SettingHabit(
    "the best epoch is kept as `best.safetensors`, however long a phase is", "phase all {{ epochs = 10 }}"
)


def _is_called(here: str) -> SettingHabit:
    return SettingHabit(f"it is called `{here}` here", f"{here} = {{value}}", True)


SETTINGS: dict[str, SettingHabit] = {
    "learning_rate": _RATE, "lr": _RATE,
    "weight_decay": SettingHabit(_OF_OPTIMIZER, "optimizer = adam(lr = 0.001, weight_decay = {value})"),
    "momentum": SettingHabit(_OF_OPTIMIZER, "optimizer = sgd(lr = 0.1, momentum = {value})"),
    "epochs": _EPOCHS, "num_epochs": _EPOCHS, "max_epochs": _EPOCHS, "n_epochs": _EPOCHS,
    "steps": SettingHabit("a phase says how long it is", "phase all {{ steps = {value} }}", True),
    "batch_size": _is_called("batch"), "optim": _is_called("optimizer"), "optimiser": _is_called("optimizer"),
    "criterion": _is_called("loss"), "loss_fn": _is_called("loss"),
    "scheduler": _CURVE, "lr_scheduler": _CURVE,
    "augmentation": _is_called("augment"), "grad_clip": _is_called("clip"),
    "transforms": SettingHabit("it is called `augment` here", "augment = [flip, crop(4)]"),
    "warmup": _WARMUP, "warmup_epochs": _WARMUP, "schedule": _CURVE, "lr_schedule": _CURVE,
    "keys": SettingHabit("a phase says how keys move", "phase all {{ epochs = 10; keys = {value} }}"),
    "freeze": SettingHabit("a phase says what it trains", "phase all {{ epochs = 10; freeze = {value} }}"),
    "only": SettingHabit("a phase says what it trains", "phase all {{ epochs = 10; only = {value} }}"),
    "data": _DATA, "dataset": _DATA, "train_data": _DATA,
    "ema": SettingHabit("it is called `average` here", "average = ema(0.99)"),
    "clip_grad_norm": _is_called("clip"), "gradient_clip": _is_called("clip"), "dtype": _is_called("precision"),
    "amp": SettingHabit("it is called `precision` here", "precision = bfloat16"),
    "early_stopping": _STOPPING, "patience": _STOPPING, "early_stop": _STOPPING,
    "device": SettingHabit("it is said on the command line", "archlang train FILE --device cuda"),
}
