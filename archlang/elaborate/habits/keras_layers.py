"""Keras's layers, and Flax's and TensorFlow's of the same names: padding is none and strides are plural there."""

from __future__ import annotations

from archlang.elaborate.habits.habit import CallReading, Habit, items_of, short_size, size_text
from archlang.elaborate.habits.writing import always, plain, stage, unless

_CONV = (
    "filters", "kernel_size", "strides", "padding", "data_format", "dilation_rate", "groups", "activation", "use_bias",
)
_POOL = ("pool_size", "strides", "padding", "data_format")


def _activated(text: str | None, call: CallReading) -> str | None:
    """A stage and the activation that a layer of Keras has built in."""
    activation = call.text("activation")
    if text is None or activation in (None, "linear"):
        return text
    return f"{text} -> {activation}"


def _conv2d(call: CallReading) -> str | None:
    kernel, strides = call.numbers("kernel_size", 2), call.numbers("strides", 2, 1)
    dilation = call.numbers("dilation_rate", 2, 1)
    if kernel is None or strides is None or dilation is None:
        return None

    padding: str | None = "none"
    if call.text("padding") == "same":
        padding = None
        if set(strides) != {1}:  # Keras pads less in front of a stride, so that all cells stand elsewhere
            return None

    named = {
        "stride": unless(short_size(strides), "1"),
        "padding": padding,
        "dilation": unless(short_size(dilation), "1"),
        "groups": unless(call.text("groups"), "1"),
        "bias": unless(call.text("use_bias"), "true"),
    }
    return _activated(stage("conv", [size_text(kernel), call.text("filters")], named), call)


def _flax_conv(call: CallReading) -> str | None:
    """Flax's convolution keeps the size unless told otherwise, as the one here does."""
    kernel, strides = call.numbers("kernel_size", 2), call.numbers("strides", 2, 1)
    if kernel is None or strides is None or set(strides) != {1}:
        return None

    padding: str | None = None
    if call.word("padding") == "VALID":
        padding = "none"
    elif call.gives("padding") and call.word("padding") != "SAME":
        return None
    named = {"padding": padding, "bias": unless(call.text("use_bias"), "true")}
    return stage("conv", [size_text(kernel), call.text("features")], named)


def _reshape(call: CallReading) -> str | None:
    if not call.gives("target_shape"):
        return None
    sizes = [call.text_of(item) for item in items_of(call.values["target_shape"])]
    return stage("reshape", [f"[{', '.join(sizes)}]"], {})


def _dense(call: CallReading) -> str | None:
    units = call.text("units") or call.text("features")  # Flax's word
    return _activated(stage("linear", [units], {"bias": unless(call.text("use_bias"), "true")}), call)


def _batch_norm(call: CallReading) -> str | None:
    """Keras's momentum is the share of the old statistics, 0.99; here it is that of the new ones."""
    # Copied as it stands, a momentum would mean its opposite; of axes the one here is the channels'.
    if call.gives("momentum") or call.gives("axis"):
        return None
    return stage("batch_norm", [], {"eps": call.text("epsilon") or "0.001", "momentum": "0.01"})


def _layer_norm(call: CallReading) -> str | None:
    if call.gives("axis"):
        return None
    return stage("layer_norm", [], {"eps": call.text("epsilon") or "0.001"})


def _pool(here: str, there: str) -> Habit:
    def write(call: CallReading) -> str | None:
        size = call.numbers("pool_size", 2, 2)
        if size is None or call.text("padding") == "same":
            return None

        strides: tuple[int, ...] | None = size  # Keras's default: windows side by side
        if call.gives("strides"):
            strides = call.numbers("strides", 2)
        if strides is None:
            return None
        if strides == size:
            return stage(here, [size_text(size)], {})
        return stage(here, [size_text(size)], {"stride": short_size(strides), "padding": "none"})

    names = (f"{there}Pooling2D", f"{there}Pool2D")
    return Habit("Keras", names, _POOL, write, f"{here}(size)", (
        (f"layers.{names[0]}()", f"{here}(2x2)"),
        (f"layers.{names[0]}((3, 3), strides=2)", f"{here}(3x3, stride = 2, padding = none)"),
    ))


def _flax_pool(name: str) -> Habit:
    """Flax's pool is a function; without strides its windows move by one step."""

    def write(call: CallReading) -> str | None:
        window, strides = call.numbers("window_shape", 2), call.numbers("strides", 2, 1)
        if window is None or strides is None or call.word("padding") == "SAME":
            return None
        if strides == window:
            return stage(name, [size_text(window)], {})
        return stage(name, [size_text(window)], {"stride": short_size(strides), "padding": "none"})

    examples = (
        (f"nn.{name}(x, window_shape=(2, 2), strides=(2, 2))", f"x -> {name}(2x2)"),
        (f"nn.{name}(x, (3, 3), strides=(2, 2))", f"x -> {name}(3x3, stride = 2, padding = none)"),
    )
    return Habit("Flax", (name,), ("window_shape", "strides", "padding"), write, f"{name}(size)", examples)


FLAX_POOLS: tuple[Habit, ...] = (_flax_pool("max_pool"), _flax_pool("avg_pool"))
"""Flax's pools: functions whose first argument is the tensor that flows in."""


def _global_pool(here: str, there: str) -> Habit:
    names = (f"Global{there}Pooling2D", f"Global{there}Pooling1D")
    return Habit("Keras", names, (), always(here), here, ((f"layers.{names[0]}()", here),))


def _merge(here: str, there: str) -> Habit:
    example = (f"layers.{there}()([x, y])", f"(x, y) -> {here}")
    return Habit("Keras", (there,), (), always(here), here, (example,), gathers=True)


def _recurrent(there: str) -> Habit:
    """A recurrent layer of Keras, which gives its last state unless told otherwise."""

    def write(call: CallReading) -> str | None:
        every = call.truth("return_sequences", False)
        if every is None or call.gives("activation"):
            return None
        named = {"give": None if every else "last", "dropout": call.text("dropout")}
        return stage(there.lower(), [call.text("units")], named)

    return Habit("Keras", (there,), ("units", "activation", "recurrent_activation", "use_bias", "return_sequences",
                                     "dropout"), write, f"{there.lower()}(hidden)", (
        (f"keras.layers.{there}(64)", f"{there.lower()}(64, give = last)"),
        (f"keras.layers.{there}(64, return_sequences=True)", f"{there.lower()}(64)"),
    ), "[5, 16]")


def _conv1d(call: CallReading) -> str | None:
    kernel, strides = call.numbers("kernel_size", 1), call.numbers("strides", 1, 1)
    if kernel is None or strides is None:
        return None
    padding: str | None = {"same": None, "causal": "causal"}.get(call.text("padding") or "valid", "none")
    named = {"stride": unless(short_size(strides), "1"), "padding": padding}
    return _activated(stage("conv1d", [size_text(kernel), call.text("filters")], named), call)


def _depthwise(call: CallReading) -> str | None:
    kernel, strides = call.numbers("kernel_size", 2), call.numbers("strides", 2, 1)
    same = call.text("padding") == "same"
    if kernel is None or strides is None or (same and set(strides) != {1}):
        return None
    named = {"stride": unless(short_size(strides), "1"), "padding": None if same else "none"}
    return _activated(stage("depthwise_conv", [size_text(kernel)], named), call)


def _separable(call: CallReading) -> str | None:
    """A depthwise convolution, then a pointwise one."""
    kernel = call.numbers("kernel_size", 2)
    filters = call.text("filters")
    if kernel is None or filters is None or call.gives("strides"):
        return None
    padding = None if call.text("padding") == "same" else "none"
    depthwise = stage("depthwise_conv", [size_text(kernel)], {"padding": padding})
    return _activated(f"{depthwise} -> conv(1x1, {filters})", call)


def _zero_padding(call: CallReading) -> str | None:
    cells = call.numbers("padding", 2, 1)
    if cells is None or len(set(cells)) > 1:
        return None
    return stage("pad", [str(cells[0])], {})


def _transposed(call: CallReading) -> str | None:
    kernel, strides = call.numbers("kernel_size", 2), call.numbers("strides", 2, 1)
    if kernel is None or strides is None:
        return None
    named = {"stride": unless(short_size(strides), "1"), "padding": None if call.text("padding") == "same" else "none"}
    return _activated(stage("conv_transpose", [size_text(kernel), call.text("filters")], named), call)


KERAS_LAYERS: tuple[Habit, ...] = (
    Habit("Keras", ("Conv2D", "Convolution2D"), _CONV, _conv2d, "conv(kernel, channels)", (
        ("layers.Conv2D(32, 3)", "conv(3x3, 32, padding = none)"),
        ('layers.Conv2D(32, (3, 3), padding="same", activation="relu")', "conv(3x3, 32) -> relu"),
        ("layers.Conv2D(32, 3, strides=2, use_bias=False)", "conv(3x3, 32, stride = 2, padding = none, bias = false)"),
    ), note="at stride 1 the size is kept unless `padding` says otherwise; an activation is a step of its own"),
    Habit("Keras", ("Dense",), ("units", "activation", "use_bias", "features"), _dense, "linear(features)", (
        ("layers.Dense(10)", "linear(10)"), ('layers.Dense(128, activation="relu")', "linear(128) -> relu"),
    ), "[12]", note="an activation is a step of its own"),
    Habit("Flax", ("Conv",), ("features", "kernel_size", "strides", "padding", "use_bias"), _flax_conv,
          "conv(kernel, channels)", (("nn.Conv(features=16, kernel_size=(3, 3))", "conv(3x3, 16)"),)),
    Habit("Keras", ("Reshape",), ("target_shape",), _reshape, "reshape(sizes)",
          (("layers.Reshape((3, 1024))", "reshape([3, 1024])"),),
          note="channels stand first here, and last in Keras: the numbers are the same, their order is not"),
    _pool("max_pool", "Max"), _pool("avg_pool", "Average"),
    _global_pool("global_avg_pool", "Average"), _global_pool("global_max_pool", "Max"),
    Habit("Keras", ("BatchNormalization",), ("axis", "momentum", "epsilon"), _batch_norm, "batch_norm",
          (("layers.BatchNormalization()", "batch_norm(eps = 0.001, momentum = 0.01)"),),
          note="Keras's defaults are written out; `batch_norm` alone has PyTorch's, 1e-5 and 0.1"),
    Habit("Keras", ("LayerNormalization",), ("axis", "epsilon"), _layer_norm, "layer_norm",
          (("layers.LayerNormalization()", "layer_norm(eps = 0.001)"),), "[5, 16]"),
    Habit("Keras", ("Activation",), ("activation",), lambda call: call.text("activation"), "relu",
          (('layers.Activation("relu")', "relu"),)),
    Habit("Keras", ("UpSampling2D",), ("size",), plain("upsample", named={"factor": "size"}), "upsample(factor = ...)",
          (("layers.UpSampling2D(size=2)", "upsample(factor = 2)"),)),
    Habit("Keras", ("MultiHeadAttention",), ("num_heads", "key_dim"), plain("attention", "num_heads"),
          "attention(heads)"),
    _merge("sum", "Add"), _merge("product", "Multiply"), _merge("maximum", "Maximum"), _merge("mean", "Average"),
    _merge("concat", "Concatenate"),
    _recurrent("LSTM"), _recurrent("GRU"),
    Habit("Keras", ("Conv1D",), _CONV, _conv1d, "conv1d(kernel, channels)",
          (("layers.Conv1D(32, 3)", "conv1d(3, 32, padding = none)"),), "[8, 20]"),
    Habit("Keras", ("DepthwiseConv2D",), ("kernel_size", "strides", "padding", "activation"), _depthwise,
          "depthwise_conv(kernel)", (("layers.DepthwiseConv2D(3)", "depthwise_conv(3x3, padding = none)"),)),
    Habit("Keras", ("SeparableConv2D",), ("filters", "kernel_size", "strides", "padding", "activation"), _separable,
          "depthwise_conv(kernel) -> conv(1x1, channels)",
          (("layers.SeparableConv2D(32, 3)", "depthwise_conv(3x3, padding = none) -> conv(1x1, 32)"),)),
    Habit("Keras", ("Conv2DTranspose",), ("filters", "kernel_size", "strides", "padding", "activation"), _transposed,
          "conv_transpose(kernel, channels)",
          (("layers.Conv2DTranspose(32, 2, strides=2)", "conv_transpose(2x2, 32, stride = 2, padding = none)"),)),
    Habit("Keras", ("SpatialDropout2D",), ("rate",), plain("drop_channels", named={"p": "rate"}), "drop_channels(p)",
          (("layers.SpatialDropout2D(0.2)", "drop_channels(p = 0.2)"),)),
    Habit("Keras", ("ZeroPadding2D",), ("padding",), _zero_padding, "pad(size)",
          (("layers.ZeroPadding2D(1)", "pad(1)"),)),
    Habit("Keras", ("Permute",), (), lambda call: None, "axes have names: `permute([features, positions])`"),
    Habit("Keras", ("RepeatVector", "Cropping2D", "Lambda", "Masking", "TimeDistributed", "Bidirectional",
                    "GaussianNoise", "Subtract", "Dot"), (), lambda call: None,
          "`archlang ops` lists all stages: `slice` cuts, `sub` and `matmul` take two tensors, "
          "`lstm(64, bidirectional = true)` reads both ways"),
    Habit("Keras", ("Input", "InputLayer"), (), lambda call: None,
          "an input is declared in the network, channels first: `input image: [3, 32, 32]`"),
)  # fmt: skip
