"""Layers and functions of PyTorch that are written here by other words: bounds, signs, parts and choices of tensors."""

from __future__ import annotations

from archlang.elaborate.habits.axes import axis_word
from archlang.elaborate.habits.axis_functions import reduced
from archlang.elaborate.habits.habit import CallReading, Habit, items_of, short_size, size_text, whole_number
from archlang.elaborate.habits.writing import Writer, always, convolution, plain, pool, stage, unless
from archlang.syntax.tree import Binary, Name, Number

_CONV = ("in_channels", "out_channels", "kernel_size", "stride", "padding", "dilation", "groups", "bias",
         "padding_mode")
_TRANSPOSED = ("in_channels", "out_channels", "kernel_size", "stride", "padding", "output_padding", "groups", "bias",
               "dilation", "padding_mode")
_NORM = ("num_features", "eps", "momentum", "affine", "track_running_stats")
_NAMED_NORM = {"eps": "eps", "momentum": "momentum", "affine": "affine", "running": "track_running_stats"}
_VOLUME = "[2, 6, 6, 6]"
_LINE = "[8, 20]"


# --- numbers, one by one ---------------------------------------------------------------------------------------------


def _composed(text: str, example: str, *names: str, on: str = "[3, 32, 32]") -> Habit:
    """A function of each number that is a flow of stages here."""
    return Habit("PyTorch", names, ("inplace",), always(text), text.split(" ")[0], ((example, f"x -> {text}"),), on)


def _module(text: str, example: str, *names: str) -> Habit:
    return Habit("PyTorch", names, ("inplace",), always(text), text.split(" ")[0], ((example, text),))


def _hardtanh(call: CallReading) -> str | None:
    low, high = call.text("min_val") or "-1", call.text("max_val") or "1"
    return stage("clamp", [], {"low": low, "high": high})


def _one_bound(name: str, bound: str) -> Habit:
    def write(call: CallReading) -> str | None:
        value = call.text(bound)
        if value is None:
            return None
        return stage("clamp", [], {{"min": "low", "max": "high"}[bound]: value})

    here = {"min": "low", "max": "high"}[bound]
    return Habit("PyTorch", (name,), (bound,), write, f"clamp({here} = ...)",
                 ((f"x.{name}(0.5)", f"x -> clamp({here} = 0.5)"),))


def _power(call: CallReading) -> str | None:
    return stage("pow", [call.text("exponent")], {})


# --- axes ------------------------------------------------------------------------------------------------------------


def _largest(by: str) -> Writer:
    """`x.max(dim=1)` along an axis, of which torch gives the indices too; `torch.max(x, y)` of two tensors."""

    def write(call: CallReading) -> str | None:
        if not call.gives("dim"):
            return None
        if whole_number(call.values["dim"]) is None:
            return stage(f"{by}imum", [call.text("dim")], {})
        return reduced(call, by)

    return write


def _index_of_largest(call: CallReading) -> str | None:
    if not call.gives("dim"):
        return None
    word = axis_word(whole_number(call.values["dim"]), call.rank)
    if word is None or call.gives("keepdim"):
        return None
    return stage("argmax", [], {"axis": unless(word, "channels")})


def _select(call: CallReading) -> str | None:
    """One place along an axis, which goes: of a sequence a vector is left."""
    word = axis_word(whole_number(call.values["dim"]), call.rank) if call.gives("dim") else None
    index = whole_number(call.values["index"]) if call.gives("index") else None
    if word is None or index is None or index < 0 or call.rank != 2:
        return None
    return f"{stage('pick', [f'[{index}]'], {'axis': word})} -> flatten"


def _narrow(call: CallReading) -> str | None:
    if not call.gives("dim") or not call.gives("start") or not call.gives("length"):
        return None
    word = axis_word(whole_number(call.values["dim"]), call.rank)
    start, length = whole_number(call.values["start"]), whole_number(call.values["length"])
    if word is None or start is None or length is None:
        return None
    return stage("slice", [str(start)], {"stop": str(start + length), "axis": unless(word, "channels")})


def _range(call: CallReading) -> str | None:
    """`x[:, 2:6]`: an index from behind would need the size, which only the tensor has."""
    word = axis_word(whole_number(call.values["dim"]), call.rank) if call.gives("dim") else None
    if word is None:
        return None
    bounds = [call.text(name) for name in ("start", "stop", "step")]
    if any(bound is not None and bound.startswith("-") for bound in bounds):
        return None
    start, stop, step = bounds
    return stage("slice", [start or "0"], {"stop": stop, "stride": unless(step, "1"), "axis": unless(word, "channels")})


def _split(call: CallReading) -> str | None:
    """Sizes of parts; a single one means as many parts as there are, which only the tensor tells."""
    if not call.gives("split_size"):
        return None
    sizes = items_of(call.values["split_size"])
    word = axis_word(whole_number(call.values["dim"]) if call.gives("dim") else 0, call.rank)
    if len(sizes) < 2 or word is None:
        return None
    written = ", ".join(call.text_of(size) for size in sizes)
    return stage("split", [f"[{written}]"], {"axis": unless(word, "channels")})


def _movedim(call: CallReading) -> str | None:
    if call.rank != 3 or not (call.gives("source") and call.gives("destination")):
        return None
    pair = whole_number(call.values["source"]), whole_number(call.values["destination"])
    words = {(1, -1): "[height, width, channels]", (1, 3): "[height, width, channels]",
             (-1, 1): "[width, channels, height]", (3, 1): "[width, channels, height]"}
    if pair not in words:
        return None
    return stage("permute", [words[pair]], {})


# --- choices ---------------------------------------------------------------------------------------------------------


def _where(call: CallReading) -> str | None:
    """The tensor that flows in stands where the mask is 1, another tensor or a number elsewhere."""
    if not call.gives("condition") or not call.gives("other"):
        return None
    other, mask = call.values["other"], call.text("condition")
    if isinstance(call.values["condition"], Binary) and (mask is None or "above" not in mask):
        return None  # a comparison that no stage makes
    if isinstance(other, Number) or whole_number(other) is not None:
        return stage("choose", [mask], {"fill": call.text("other")})
    return stage("choose", [mask], {"other": call.text("other")})


def _filled(call: CallReading) -> str | None:
    """`masked_fill(mask == 0, v)` keeps what stands where the mask is 1, as `choose` does."""
    match call.values.get("mask"):
        case Binary(operator="==", left=Name() as mask, right=Number(value=0)):
            return stage("choose", [call.text_of(mask)], {"fill": call.text("value")})
    return None


# --- pads and sizes --------------------------------------------------------------------------------------------------


def _pad_everywhere(there: str, rank: int, mode: str | None, on: str) -> Habit:
    """A module that pads all places of a line or volume by the same number."""

    def write(call: CallReading) -> str | None:
        cells = call.numbers("padding", 2 * rank)
        if cells is None or min(cells) < 0 or call.text("value") not in (None, "0", "0.0"):
            return None
        if rank == 1:
            size = short_size(cells) if len(set(cells)) == 1 else f"[{cells[0]}, {cells[1]}]"
            return stage("pad", [size], {"axis": "features", "mode": mode})
        if len(set(cells)) > 1:
            return None
        return stage("pad", [str(cells[0])], {"mode": mode})

    value = ", 0.0" if there.startswith("Constant") else ""
    axis = "axis = features" if rank == 1 else ""
    text = ", ".join(part for part in ("pad(1", axis, f"mode = {mode}" if mode else "") if part)
    return Habit("PyTorch", (there,), ("padding", "value"), write, "pad(size)",
                 ((f"nn.{there}(1{value})", f"{text})"),), on)


def _upsampling(there: str, mode: str, aligned: bool) -> Habit:
    def write(call: CallReading) -> str | None:
        size, factor = call.numbers("size", 2), call.numbers("scale_factor", 2)
        named = {"mode": unless(mode, "nearest"), "align_corners": "true" if aligned else None}
        if size is not None:
            return stage("upsample", [], {"size": short_size(size), **named})
        if factor is not None:
            return stage("upsample", [], {"factor": short_size(factor), **named})
        return None

    end = ", mode = bilinear, align_corners = true" if aligned else ""
    return Habit("PyTorch", (there,), ("size", "scale_factor"), write, "upsample(factor = ...)",
                 ((f"nn.{there}(scale_factor=2)", f"upsample(factor = 2{end})"),))


def _adaptive(here: str, there: str, rank: int, on: str) -> Habit:
    def write(call: CallReading) -> str | None:
        size = call.numbers("output_size", rank)
        if size is None:
            return None
        return stage(here, [size_text(size)], {})

    size = size_text((2,) * rank)
    return Habit("PyTorch", (there, f"{here.removesuffix(f'{rank}d')}{rank}d"), ("output_size", "return_indices"),
                 write, f"{here}(size)", ((f"nn.{there}(2)", f"{here}({size})"),), on)


def _unflatten(call: CallReading) -> str | None:
    sizes = call.values.get("unflattened_size")
    if sizes is None or (call.gives("dim") and whole_number(call.values["dim"]) != 1):
        return None
    return stage("reshape", [f"[{', '.join(call.text_of(item) for item in items_of(sizes))}]"], {})


def _normal(here: str, *names: str) -> Habit:
    """A norm as a function, whose weights the stage here brings itself."""
    return Habit("PyTorch", names, ("shape", "weight", "bias", "eps"),
                 plain(here, named={"eps": "eps"}), here, ((f"F.{names[0]}(x, [16])", f"x -> {here}"),), "[5, 16]")






TORCH_MORE: tuple[Habit, ...] = (
    # --- each number ---
    _composed("neg -> softplus -> neg", "F.logsigmoid(x)", "LogSigmoid", "logsigmoid"),
    Habit("PyTorch", ("Hardtanh", "hardtanh"), ("min_val", "max_val", "inplace"), _hardtanh,
          "clamp(low = -1, high = 1)", (("nn.Hardtanh()", "clamp(low = -1, high = 1)"),)),
    Habit("PyTorch", ("CELU", "celu"), ("alpha", "inplace"), plain("celu", named={"alpha": "alpha"}), "celu",
          (("nn.CELU()", "celu"),)),
    _module("softmax", "nn.Softmax2d()", "Softmax2d"),
    Habit("PyTorch", ("Softmin", "softmin"), ("dim", "dtype"), always("neg -> softmax"), "neg -> softmax", (),
          by_type=True),
    Habit("PyTorch", ("negative", "neg"), (), always("neg"), "neg", (("torch.neg(x)", "x -> neg"),)),
    Habit("PyTorch", ("absolute",), (), always("abs"), "abs", (("x.absolute()", "x -> abs"),)),
    Habit("PyTorch", ("reciprocal",), (), always("reciprocal"), "reciprocal", ()),
    Habit("PyTorch", ("round",), (), always("round"), "round", (("x.round()", "x -> round"),)),
    Habit("PyTorch", ("pow", "float_power"), ("exponent",), _power, "pow(exponent)",
          (("x.pow(2)", "x -> pow(2)"), ("torch.pow(x, 2)", "x -> pow(2)"))),
    Habit("PyTorch", ("rsub",), ("other",), plain("sub", "other"), "sub(other)"),
    _one_bound("clamp_min", "min"), _one_bound("clamp_max", "max"),
    # --- axes ---
    Habit("PyTorch", ("max",), ("dim", "keepdim"), _largest("max"), "reduce(axis, by = max)",
          (("x.amax(dim=1)", "x -> reduce(channels, by = max)"), ("torch.max(x, y)", "x -> maximum(y)")),
          note="along an axis the largest numbers alone are given; their indices are `argmax`"),
    Habit("PyTorch", ("min",), ("dim", "keepdim"), _largest("min"), "reduce(axis, by = min)",
          (("torch.min(x, y)", "x -> minimum(y)"),)),
    Habit("PyTorch", ("argmax",), ("dim", "keepdim"), _index_of_largest, "argmax(axis = ...)", ()),
    Habit("PyTorch", ("select",), ("dim", "index"), _select, "pick([index], axis = ...)",
          (("x.select(1, 0)", "x -> pick([0], axis = positions) -> flatten"),), "[5, 16]",
          "axes have names, and the batch has none"),
    Habit("PyTorch", ("narrow",), ("dim", "start", "length"), _narrow, "slice(start, stop = end, axis = ...)",
          (("x.narrow(1, 1, 2)", "x -> slice(1, stop = 3)"),)),
    Habit("PyTorch", ("slice_axis",), ("dim", "start", "stop", "step"), _range, "slice(start, stop = end, axis = ...)",
          (), note="axes have names, and the batch has none"),
    Habit("PyTorch", ("split", "split_with_sizes", "tensor_split", "unsafe_split"), ("split_size", "dim"), _split,
          "split([sizes])", (("x.split([1, 2], dim=1)", "x -> split([1, 2])"),),
          note="`split(2)` cuts into two equal parts; a list has the size of each part"),
    Habit("PyTorch", ("movedim", "moveaxis"), ("source", "destination"), _movedim, "permute([axes])",
          (("x.movedim(1, -1)", "x -> permute([height, width, channels])"),)),
    Habit("PyTorch", ("ravel",), (), always("flatten"), "flatten", ()),
    # --- choices ---
    Habit("PyTorch", ("where",), ("condition", "other"), _where, "choose(mask, other = ...)",
          (("torch.where(x > 0, x, y)", "x -> choose(x -> above(0), other = y)"),
           ("torch.where(x > 0.5, x, 0)", "x -> choose(x -> above(0.5), fill = 0)")), flows=1),
    Habit("PyTorch", ("masked_fill",), ("mask", "value"), _filled, "choose(mask, fill = ...)", (),
          note="`choose` keeps what flows in where the mask is 1; `masked_fill` replaces it there"),
    # --- layers of other ranks ---
    Habit("PyTorch", ("ConvTranspose1d",), _TRANSPOSED, convolution("conv_transpose1d", 1, transposed=True),
          "conv_transpose1d(kernel, channels)",
          (("nn.ConvTranspose1d(8, 4, 2, stride=2)", "conv_transpose1d(2, 4, stride = 2, padding = none)"),), _LINE),
    Habit("PyTorch", ("ConvTranspose3d",), _TRANSPOSED, convolution("conv_transpose3d", 3, transposed=True),
          "conv_transpose3d(kernel, channels)", (
        ("nn.ConvTranspose3d(2, 4, 2, stride=2)", "conv_transpose3d(2x2x2, 4, stride = 2, padding = none)"),), _VOLUME),
    Habit("PyTorch", ("LazyConv1d",), _CONV[1:], convolution("conv1d", 1), "conv1d(kernel, channels)", ()),
    Habit("PyTorch", ("LazyConv3d",), _CONV[1:], convolution("conv3d", 3), "conv3d(kernel, channels)", ()),
    Habit("PyTorch", ("LazyConvTranspose1d",), _TRANSPOSED[1:], convolution("conv_transpose1d", 1, transposed=True),
          "conv_transpose1d(kernel, channels)", ()),
    Habit("PyTorch", ("LazyConvTranspose2d",), _TRANSPOSED[1:], convolution("conv_transpose", 2, transposed=True),
          "conv_transpose(kernel, channels)", ()),
    Habit("PyTorch", ("LazyConvTranspose3d",), _TRANSPOSED[1:], convolution("conv_transpose3d", 3, transposed=True),
          "conv_transpose3d(kernel, channels)", ()),
    Habit("PyTorch", ("LazyBatchNorm1d", "LazyBatchNorm2d", "LazyBatchNorm3d"), _NORM[1:],
          plain("batch_norm", named=_NAMED_NORM, defaults={"affine": "true", "track_running_stats": "true"}),
          "batch_norm", ()),
    Habit("PyTorch", ("InstanceNorm1d", "InstanceNorm3d"), _NORM,
          plain("instance_norm", named=_NAMED_NORM, defaults={"affine": "false", "track_running_stats": "false"}),
          "instance_norm", (("nn.InstanceNorm3d(2)", "instance_norm"),), _VOLUME),
    Habit("PyTorch", ("LazyInstanceNorm1d", "LazyInstanceNorm2d", "LazyInstanceNorm3d"), _NORM[1:],
          plain("instance_norm", named=_NAMED_NORM, defaults={"affine": "false", "track_running_stats": "false"}),
          "instance_norm", ()),
    Habit("PyTorch", ("MaxPool3d", "max_pool3d"),
          ("kernel_size", "stride", "padding", "dilation", "return_indices", "ceil_mode"), pool("max_pool3d", 3),
          "max_pool3d(size)", (("nn.MaxPool3d(2)", "max_pool3d(2x2x2)"),), _VOLUME),
    Habit("PyTorch", ("AvgPool3d", "avg_pool3d"),
          ("kernel_size", "stride", "padding", "ceil_mode", "count_include_pad"), pool("avg_pool3d", 3),
          "avg_pool3d(size)", (("nn.AvgPool3d(2)", "avg_pool3d(2x2x2)"),), _VOLUME),
    _adaptive("adaptive_avg_pool3d", "AdaptiveAvgPool3d", 3, _VOLUME),
    _adaptive("adaptive_max_pool3d", "AdaptiveMaxPool3d", 3, _VOLUME),
    _adaptive("adaptive_max_pool1d", "AdaptiveMaxPool1d", 1, _LINE),
    _pad_everywhere("CircularPad2d", 2, "circular", "[3, 32, 32]"),
    _pad_everywhere("ConstantPad2d", 2, None, "[3, 32, 32]"),
    _pad_everywhere("ZeroPad3d", 3, None, _VOLUME), _pad_everywhere("ReflectionPad3d", 3, "reflect", _VOLUME),
    _pad_everywhere("ReplicationPad3d", 3, "replicate", _VOLUME),
    _pad_everywhere("CircularPad3d", 3, "circular", _VOLUME), _pad_everywhere("ConstantPad3d", 3, None, _VOLUME),
    _pad_everywhere("ZeroPad1d", 1, None, _LINE), _pad_everywhere("ReflectionPad1d", 1, "reflect", _LINE),
    _pad_everywhere("ReplicationPad1d", 1, "replicate", _LINE),
    _pad_everywhere("CircularPad1d", 1, "circular", _LINE), _pad_everywhere("ConstantPad1d", 1, None, _LINE),
    _upsampling("UpsamplingBilinear2d", "bilinear", aligned=True),
    _upsampling("UpsamplingNearest2d", "nearest", aligned=False),
    Habit("PyTorch", ("PixelUnshuffle", "pixel_unshuffle"), ("downscale_factor",),
          plain("pixel_unshuffle", "downscale_factor"), "pixel_unshuffle(factor)",
          (("nn.PixelUnshuffle(2)", "pixel_unshuffle(2)"),)),
    Habit("PyTorch", ("Unflatten", "unflatten"), ("dim", "unflattened_size"), _unflatten, "reshape(sizes)",
          (("nn.Unflatten(1, (4, 3, 3))", "reshape([4, 3, 3])"),), "[36]"),
    # --- norms as functions ---
    _normal("layer_norm", "layer_norm"),
    Habit("PyTorch", ("instance_norm",), (), always("instance_norm"), "instance_norm",
          (("F.instance_norm(x)", "x -> instance_norm"),)),
    Habit("PyTorch", ("batch_norm",), ("running_mean", "running_var", "weight", "bias", "training", "momentum", "eps"),
          always("batch_norm"), "batch_norm", (), note="it brings its statistics and weights itself"),
    Habit("PyTorch", ("group_norm",), ("num_groups", "weight", "bias", "eps"),
          plain("group_norm", "num_groups", named={"eps": "eps"}), "group_norm(groups)",
          (("F.group_norm(x, 3)", "x -> group_norm(3)"),)),
)  # fmt: skip
