"""PyTorch's modules, and functions of the same names: one row for each stage here.

Tests run the examples of each row in both programs, with the same weights, and compare the results.
"""

from __future__ import annotations

from archlang.elaborate.habits.axes import axis_word
from archlang.elaborate.habits.habit import CallReading, Habit, short_size, size_text
from archlang.elaborate.habits.writing import always, convolution, plain, pool, stage, unless

_CONV = (
    "in_channels", "out_channels", "kernel_size", "stride", "padding", "dilation", "groups", "bias", "padding_mode",
)
_TRANSPOSED = (
    "in_channels", "out_channels", "kernel_size", "stride", "padding", "output_padding", "groups", "bias", "dilation",
    "padding_mode",
)
_MAX_POOL = ("kernel_size", "stride", "padding", "dilation", "return_indices", "ceil_mode")
_AVG_POOL = ("kernel_size", "stride", "padding", "ceil_mode", "count_include_pad", "divisor_override")
_RECURRENT = ("input_size", "hidden_size", "num_layers", "bias", "batch_first", "dropout", "bidirectional")
_ATTENTION = (
    "embed_dim", "num_heads", "dropout", "bias", "add_bias_kv", "add_zero_attn", "kdim", "vdim", "batch_first",
)
_NORM = ("num_features", "eps", "momentum", "affine", "track_running_stats")
_NAMED_NORM = {"eps": "eps", "momentum": "momentum", "affine": "affine", "running": "track_running_stats"}

_KNOWN_CHANNELS = "the channels that enter are known"
_KEEPS_SIZE = "at stride 1 the size is kept unless `padding` says otherwise"


# --- rows made alike -------------------------------------------------------------------------------------------------


def _activation(there: str, here: str, *functions: str) -> Habit:
    """An activation without numbers; `inplace` changes nothing here."""
    return Habit("PyTorch", (there, *functions), ("inplace",), always(here), here, ((f"nn.{there}()", here),))


def _dropout(here: str, there: str, *others: str) -> Habit:
    examples = ((f"nn.{there}(p=0.5)", f"{here}(p = 0.5)"), (f"nn.{there}(0.2)", f"{here}(p = 0.2)"))
    parameters = ("p", "training", "inplace")
    return Habit("PyTorch", (there, *others), parameters, plain(here, named={"p": "p"}), f"{here}(p = ...)", examples)


def _softmax(here: str, there: str) -> Habit:
    """A softmax along an axis: the features of a vector or sequence and the channels of a map need no word."""

    def write(call: CallReading) -> str | None:
        dim = call.numbers("dim", 1)
        if dim is None or call.rank is None:
            return here

        word = axis_word(dim[0], call.rank)
        if word is None:
            return None
        default = {1: "features", 2: "features"}.get(call.rank, "channels")
        return stage(here, [], {"axis": unless(word, default)})

    note = "along the features of a vector or sequence, the channels of a map, unless `axis` names another axis"
    return Habit("PyTorch", (there, here), ("dim", "dtype"), write, f"{here}(axis = ...)", (
        (f"F.{here}(x, dim=1)", f"x -> {here}"), (f"F.{here}(x, dim=-1)", f"x -> {here}(axis = width)"),
    ), note=note, by_type=True)


def _adaptive(here: str, there: str, rank: int, *examples: tuple[str, str]) -> Habit:
    """A pool to a grid of a given size: over lines, or over maps."""

    def write(call: CallReading) -> str | None:
        size = call.numbers("output_size", rank)
        if size is None:  # `None` along an axis keeps its size, for which there is no text here
            return None
        return stage(here, [size_text(size)], {})

    names = (there, f"{here.removesuffix('1d')}{rank}d")
    note = ""
    if here == "adaptive_avg_pool":
        note = "`global_avg_pool` pools to one number a channel and makes a vector of them at once"
    return Habit("PyTorch", names, ("output_size", "return_indices"), write, f"{here}(size)", examples, note=note)


def _recurrent(here: str) -> Habit:
    def write(call: CallReading) -> str | None:
        named = {
            "layers": unless(call.text("num_layers"), "1"),
            "bidirectional": unless(call.text("bidirectional"), "false"),
            "bias": unless(call.text("bias"), "true"),
            "dropout": call.text("dropout"),
        }
        return stage(here, [call.text("hidden_size")], named)

    there = f"nn.{here.upper()}"
    return Habit("PyTorch", (here.upper(),), _RECURRENT, write, f"{here}(hidden)", (
        (f"{there}(16, 8, batch_first=True)", f"{here}(8)"),
        (f"{there}(16, 8, num_layers=2, batch_first=True)", f"{here}(8, layers = 2)"),
        (f"{there}(16, 8, bidirectional=True, batch_first=True)", f"{here}(8, bidirectional = true)"),
    ), "[5, 16]", "every state leaves; `give = last` gives the last one alone")


# --- writers of single rows ------------------------------------------------------------------------------------------


def _layer_norm(call: CallReading) -> str | None:
    """Only over the last axis: `normalized_shape` with several sizes is another norm."""
    if call.numbers("normalized_shape", 1) is None:
        return None
    affine = unless(call.text("elementwise_affine"), "true")
    return stage("layer_norm", [], {"eps": call.text("eps"), "affine": affine})


def _rms_norm(call: CallReading) -> str | None:
    """Only over the last axis. torch's own epsilon is that of the kind of numbers, here of 32-bit ones."""
    if call.numbers("normalized_shape", 1) is None:
        return None
    eps = call.text("eps")
    if eps in (None, "none"):
        eps = "1.1920929e-07"
    return stage("rms_norm", [], {"eps": eps, "affine": unless(call.text("elementwise_affine"), "true")})


def _glu(call: CallReading) -> str | None:
    """Along the last axis unless `dim` says otherwise, counted as torch counts."""
    dim = call.numbers("dim", 1) or [-1]
    word = axis_word(dim[0], call.rank or 2)
    if word is None:
        return None
    default = {1: "features", 2: "features"}.get(call.rank or 2, "channels")
    return stage("glu", [], {"axis": unless(word, default)})


def _upsample(call: CallReading) -> str | None:
    mode, aligned = call.word("mode") or "nearest", call.truth("align_corners", False)
    if mode not in ("nearest", "bilinear", "bicubic") or aligned is None:
        return None
    # Antialiased cells, and factors worked out anew from the rounded sizes, are other maps than those here.
    if call.truth("antialias", False) is not False or call.truth("recompute_scale_factor", False) is not False:
        return None
    named = {"mode": unless(mode, "nearest"), "align_corners": "true" if aligned else None}

    size = call.numbers("size", 2)
    if size is not None and not call.gives("scale_factor"):
        return stage("upsample", [], {"size": short_size(size), **named})
    if call.gives("scale_factor") and not call.gives("size"):
        return stage("upsample", [], {"factor": _factor(call), **named})
    return None


def _factor(call: CallReading) -> str | None:
    """A size of whole factors, else the number or list as it stands."""
    whole = call.numbers("scale_factor", 2)
    if whole is not None:
        return short_size(whole)
    return call.text("scale_factor")


def _attention(call: CallReading) -> str | None:
    # Keys and values of other sizes come from other tensors, and the stage here has but one.
    if call.gives("kdim") or call.gives("vdim") or call.gives("add_bias_kv"):
        return None
    named = {"bias": unless(call.text("bias"), "true"), "dropout": call.text("dropout")}
    return stage("attention", [call.text("num_heads")], named)


def _prelu(call: CallReading) -> str | None:
    if call.text("num_parameters") in (None, "1"):
        return stage("prelu", [], {"slope": call.text("init")})
    return stage("prelu", [], {"params": "channels", "slope": call.text("init")})


def _flatten(call: CallReading) -> str | None:
    """All axes of a sample: a later start would leave some of them."""
    start, end = call.text("start_dim"), call.text("end_dim")
    if start in (None, "0", "1") and end in (None, "-1"):
        return "flatten"
    # The places of a map in one axis behind the channels; a sequence has them in front.
    if start == "2" and end in (None, "-1", "3") and call.rank == 3:
        return "to_sequence -> permute([features, positions])"
    return None


TORCH_LAYERS: tuple[Habit, ...] = (
    # --- convolutions and linear layers ---
    Habit("PyTorch", ("Conv2d",), _CONV, convolution("conv", 2), "conv(kernel, channels)", (
        ("nn.Conv2d(3, 64, 3)", "conv(3x3, 64, padding = none)"),
        ("nn.Conv2d(3, 64, 3, padding=1)", "conv(3x3, 64)"),
        ("nn.Conv2d(3, 64, kernel_size=7, stride=2, padding=3, bias=False)", "conv(7x7, 64, stride = 2, bias = false)"),
        ("nn.Conv2d(3, 6, (1, 5), padding=(0, 2), groups=3)", "conv(1x5, 6, groups = 3)"),
        ("nn.Conv2d(3, 8, 3, padding=2, dilation=2)", "conv(3x3, 8, dilation = 2)"),
        ("nn.Conv2d(3, 8, 3, 2, 2)", "conv(3x3, 8, stride = 2, padding = 2)"),
    ), note=f"{_KNOWN_CHANNELS}; {_KEEPS_SIZE}"),
    Habit("PyTorch", ("Conv1d",), _CONV, convolution("conv1d", 1), "conv1d(kernel, channels)", (
        ("nn.Conv1d(8, 32, 3, padding=1)", "conv1d(3, 32)"), ("nn.Conv1d(8, 32, 4)", "conv1d(4, 32, padding = none)"),
    ), "[8, 20]", note=_KNOWN_CHANNELS),
    Habit("PyTorch", ("Conv3d",), _CONV, convolution("conv3d", 3), "conv3d(kernel, channels)", (
        ("nn.Conv3d(2, 4, 3, padding=1)", "conv3d(3x3x3, 4)"),
    ), "[2, 6, 6, 6]", note=_KNOWN_CHANNELS),
    Habit("PyTorch", ("ConvTranspose2d",), _TRANSPOSED, convolution("conv_transpose", 2, transposed=True),
          "conv_transpose(kernel, channels)", (
        ("nn.ConvTranspose2d(3, 8, 2, stride=2)", "conv_transpose(2x2, 8, stride = 2, padding = none)"),
        ("nn.ConvTranspose2d(3, 8, 4, stride=2, padding=1)", "conv_transpose(4x4, 8, stride = 2, padding = 1)"),
        ("nn.ConvTranspose2d(3, 8, 3, stride=2, padding=1, output_padding=1)",
         "conv_transpose(3x3, 8, stride = 2, padding = 1, output_padding = 1)"),
    ), note=_KNOWN_CHANNELS),
    Habit("PyTorch", ("Linear",), ("in_features", "out_features", "bias"),
          plain("linear", "out_features", named={"bias": "bias"}, defaults={"bias": "true"}), "linear(features)", (
        ("nn.Linear(12, 10)", "linear(10)"), ("nn.Linear(12, 10, bias=False)", "linear(10, bias = false)"),
        ("nn.Linear(in_features=12, out_features=10)", "linear(10)"),
    ), "[12]", note="the features that enter are known"),
    Habit("PyTorch", ("LazyLinear",), ("out_features", "bias"),
          plain("linear", "out_features", named={"bias": "bias"}, defaults={"bias": "true"}), "linear(features)",
          (("nn.LazyLinear(10)", "linear(10)"),), "[12]"),
    Habit("PyTorch", ("LazyConv2d",), _CONV[1:], convolution("conv", 2), "conv(kernel, channels)",
          (("nn.LazyConv2d(8, 3, padding=1)", "conv(3x3, 8)"),)),
    # --- norms ---
    Habit("PyTorch", ("BatchNorm2d", "BatchNorm1d", "BatchNorm3d", "SyncBatchNorm"), _NORM,
          plain("batch_norm", named=_NAMED_NORM, defaults={"affine": "true", "track_running_stats": "true"}),
          "batch_norm", (
        ("nn.BatchNorm2d(3)", "batch_norm"),
        ("nn.BatchNorm2d(3, eps=0.001, momentum=0.01)", "batch_norm(eps = 0.001, momentum = 0.01)"),
        ("nn.BatchNorm2d(3, affine=False)", "batch_norm(affine = false)"),
    ), note=_KNOWN_CHANNELS),
    Habit("PyTorch", ("InstanceNorm2d",), _NORM,
          plain("instance_norm", named=_NAMED_NORM, defaults={"affine": "false", "track_running_stats": "false"}),
          "instance_norm", (
        ("nn.InstanceNorm2d(3)", "instance_norm"),
        ("nn.InstanceNorm2d(3, affine=True)", "instance_norm(affine = true)"),
    ), note=_KNOWN_CHANNELS),
    Habit("PyTorch", ("LayerNorm",), ("normalized_shape", "eps", "elementwise_affine", "bias"), _layer_norm,
          "layer_norm", (("nn.LayerNorm(16)", "layer_norm"), ("nn.LayerNorm(16, eps=1e-6)", "layer_norm(eps = 1e-6)")),
          "[5, 16]", note="it works over the features of each position, and their number is known"),
    Habit("PyTorch", ("RMSNorm", "rms_norm"), ("normalized_shape", "eps", "elementwise_affine"), _rms_norm, "rms_norm",
          (("nn.RMSNorm(16, eps=1e-6)", "rms_norm(eps = 1e-6)"),
           ("nn.RMSNorm(16)", "rms_norm(eps = 1.1920929e-07)")),
          "[5, 16]", note="it works over the features of each position, and their number is known"),
    Habit("PyTorch", ("GroupNorm",), ("num_groups", "num_channels", "eps", "affine"),
          plain("group_norm", "num_groups", named={"eps": "eps", "affine": "affine"}, defaults={"affine": "true"}),
          "group_norm(groups)", (("nn.GroupNorm(3, 3)", "group_norm(3)"),), note=_KNOWN_CHANNELS),
    # --- pools ---
    Habit("PyTorch", ("MaxPool2d", "max_pool2d"), _MAX_POOL, pool("max_pool", 2), "max_pool(size)", (
        ("nn.MaxPool2d(2)", "max_pool(2x2)"), ("nn.MaxPool2d(2, 2)", "max_pool(2x2)"),
        ("nn.MaxPool2d(kernel_size=3, stride=2, padding=1)", "max_pool(3x3, stride = 2)"),
        ("nn.MaxPool2d(3, 2)", "max_pool(3x3, stride = 2, padding = none)"),
        ("nn.MaxPool2d(3, 2, ceil_mode=True)", "max_pool(3x3, stride = 2, padding = none, ceil = true)"),
        ("F.max_pool2d(x, 3, 1)", "x -> max_pool(3x3, stride = 1, padding = none)"),
    ), note="a pool with a stride keeps the size at stride 1 unless `padding` says otherwise"),
    Habit("PyTorch", ("MaxPool1d", "max_pool1d"), _MAX_POOL, pool("max_pool1d", 1), "max_pool1d(size)",
          (("nn.MaxPool1d(2)", "max_pool1d(2)"),), "[8, 20]"),
    Habit("PyTorch", ("AvgPool2d", "avg_pool2d"), _AVG_POOL, pool("avg_pool", 2), "avg_pool(size)", (
        ("nn.AvgPool2d(2)", "avg_pool(2x2)"), ("nn.AvgPool2d(3, stride=2, padding=1)", "avg_pool(3x3, stride = 2)"),
        ("nn.AvgPool2d(3, 2, 1, count_include_pad=False)", "avg_pool(3x3, stride = 2, count_padding = false)"),
    )),
    Habit("PyTorch", ("AvgPool1d", "avg_pool1d"), _AVG_POOL, pool("avg_pool1d", 1), "avg_pool1d(size)",
          (("nn.AvgPool1d(2)", "avg_pool1d(2)"),), "[8, 20]"),
    _adaptive("adaptive_avg_pool", "AdaptiveAvgPool2d", 2, ("nn.AdaptiveAvgPool2d((4, 8))", "adaptive_avg_pool(4x8)"),
              ("nn.AdaptiveAvgPool2d(1)", "adaptive_avg_pool(1x1)")),
    _adaptive("adaptive_avg_pool1d", "AdaptiveAvgPool1d", 1),
    _adaptive("adaptive_max_pool", "AdaptiveMaxPool2d", 2, ("nn.AdaptiveMaxPool2d(4)", "adaptive_max_pool(4x4)")),
    # --- activations ---
    _activation("ReLU", "relu", "relu", "relu_"), _activation("ReLU6", "relu6", "relu6"),
    _activation("SiLU", "silu", "silu"), _activation("Mish", "mish", "mish"),
    _activation("Hardswish", "hardswish", "hardswish"), _activation("Hardsigmoid", "hardsigmoid", "hardsigmoid"),
    _activation("Sigmoid", "sigmoid", "sigmoid"), _activation("Tanh", "tanh", "tanh"),
    _activation("SELU", "selu", "selu"), _activation("Identity", "identity"),
    Habit("PyTorch", ("LeakyReLU", "leaky_relu"), ("negative_slope", "inplace"),
          plain("leaky_relu", named={"negative_slope": "negative_slope"}), "leaky_relu(negative_slope = ...)",
          (("nn.LeakyReLU(0.1)", "leaky_relu(negative_slope = 0.1)"), ("nn.LeakyReLU()", "leaky_relu"))),
    Habit("PyTorch", ("ELU", "elu"), ("alpha", "inplace"), plain("elu", named={"alpha": "alpha"}), "elu(alpha = ...)",
          (("nn.ELU(0.5)", "elu(alpha = 0.5)"),)),
    Habit("PyTorch", ("GELU", "gelu"), ("approximate",), plain("gelu", named={"approximate": "approximate"}), "gelu",
          (("nn.GELU()", "gelu"), ('nn.GELU(approximate="tanh")', "gelu(approximate = tanh)"))),
    Habit("PyTorch", ("Softplus", "softplus"), ("beta",), plain("softplus", named={"beta": "beta"}), "softplus",
          (("nn.Softplus()", "softplus"), ("nn.Softplus(2.0)", "softplus(beta = 2.0)"))),
    Habit("PyTorch", ("PReLU",), ("num_parameters", "init"), _prelu, "prelu",
          (("nn.PReLU()", "prelu"), ("nn.PReLU(3)", "prelu(params = channels)"))),
    _softmax("softmax", "Softmax"), _softmax("log_softmax", "LogSoftmax"),
    Habit("PyTorch", ("GLU", "glu"), ("dim",), _glu, "glu(axis = ...)",
          (("F.glu(x)", "x -> glu"), ("F.glu(x, dim=1)", "x -> glu(axis = positions)")), "[6, 16]",
          "the first half times a sigmoid of the second; `activation = silu` makes it SwiGLU", by_type=True),
    # --- dropout ---
    _dropout("dropout", "Dropout", "dropout"),
    _dropout("drop_channels", "Dropout2d", "Dropout1d", "Dropout3d", "dropout2d"),
    # --- shapes ---
    Habit("PyTorch", ("Flatten", "flatten"), ("start_dim", "end_dim"), _flatten, "flatten",
          (("nn.Flatten()", "flatten"), ("torch.flatten(x, 1)", "x -> flatten"),
           ("x.flatten(2)", "x -> to_sequence -> permute([features, positions])"),
           ("x.flatten(2).transpose(1, 2)", "x -> to_sequence")),
          note="the batch is never written, so all axes are flattened"),
    Habit("PyTorch", ("Upsample", "interpolate"), (
        "size", "scale_factor", "mode", "align_corners", "recompute_scale_factor", "antialias"), _upsample,
          "upsample(factor = ...)", (
        ("nn.Upsample(scale_factor=2)", "upsample(factor = 2)"),
        ('nn.Upsample(scale_factor=2, mode="bilinear")', "upsample(factor = 2, mode = bilinear)"),
        ("nn.Upsample(size=(48, 40))", "upsample(size = 48x40)"),
        ('F.interpolate(x, scale_factor=2, mode="bilinear")', "x -> upsample(factor = 2, mode = bilinear)"),
        ("F.interpolate(x, scale_factor=(1.5, 0.5))", "x -> upsample(factor = [1.5, 0.5])"),
        ('F.interpolate(x, scale_factor=0.5, mode="bilinear", align_corners=True)',
         "x -> upsample(factor = 0.5, mode = bilinear, align_corners = true)"),
    )),
    Habit("PyTorch", ("PixelShuffle", "pixel_shuffle"), ("upscale_factor",), plain("pixel_shuffle", "upscale_factor"),
          "pixel_shuffle(factor)", (("nn.PixelShuffle(2)", "pixel_shuffle(2)"),), "[8, 6, 6]"),
    # --- sequences ---
    Habit("PyTorch", ("MultiheadAttention",), _ATTENTION, _attention, "attention(heads)",
          (("nn.MultiheadAttention(16, 4, batch_first=True)", "attention(4)"),), "[5, 16]",
          note="queries, keys and values come from the one tensor that flows in"),
    Habit("PyTorch", ("Embedding",), ("num_embeddings", "embedding_dim"), plain("embedding", "embedding_dim"),
          "embedding(features)", (("nn.Embedding(10, 16)", "embedding(16)"),), "[5] (range = 10)",
          note="how many there are says the input: `input tokens: [5] (range = 10)`"),
    _recurrent("lstm"), _recurrent("gru"),
)  # fmt: skip
