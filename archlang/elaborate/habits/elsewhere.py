"""Arguments of other programs that are no arguments here: where the same is said."""

from __future__ import annotations

_SAID: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("weights are pulled to zero by the optimizer: `optimizer = adamw(lr = 0.001, weight_decay = 0.01)`",
     ("kernel_regularizer", "regularizer", "weight_decay", "l2", "activity_regularizer")),
    ("a norm is a step of its own: `conv(3x3, 8) -> batch_norm`",
     ("norm", "batch_norm", "bn", "normalize", "use_bn", "batchnorm", "norm_layer")),
    ("dropout is a step of its own: `conv(3x3, 8) -> dropout(0.1)`", ("dropout", "drop_rate")),
    ("a pool is a step of its own: `conv(3x3, 8) -> max_pool(2x2)`", ("pool", "pooling")),
    ("a shortcut is a stage around others: `residual { conv(3x3, 8) -> relu }`", ("residual", "skip", "shortcut")),
    ("a stage is repeated with a number before it: `3 * unit(64)`",
     ("repeat", "repeats", "num_repeats", "depth", "num_blocks")),
    ("how many experts are kept of each patch is said by `keep = top(2)`", ("top_k", "topk", "k", "num_selected")),
    ("a loss in `train` sees that all experts are used: `loss = cross_entropy(logits, label) + 0.01 * collapse()`",
     ("aux_loss", "load_balancing", "capacity_factor")),
    ("every position is handed out: leave this out", ("return_sequences", "return_state")),
    ("a curve ends with its phase: leave this out", ("T_max", "t_max", "total_steps", "max_epochs")),
    ("the epochs are listed, and each multiplies the rate: `steps(30, 60, by = 0.1)`", ("step_size", "milestones")),
    ("the rate follows a curve in each phase: `phase all { epochs = 10; lr = cosine }`",
     ("scheduler", "decay", "lr_decay")),
    ("how long is said by the phase: `phase all { epochs = 10 }`", ("epochs", "num_epochs")),
    ("the batch is a setting of its own: `train { batch = 64 ... }`", ("batch_size", "batch")),
    ("a loss is a mean over the samples: leave this out", ("reduction", "size_average")),
    ("a loss takes what stands before the softmax: leave this out", ("from_logits", "apply_softmax")),
    ("the weights are those of the network: leave this out", ("params", "parameters", "model")),
)

STAGES_ELSEWHERE: dict[str, str] = {
    "list": "a list stands in square brackets, `[0, 1, 2]`, and `range(3)` is one already",
    "tuple": "values stand in square brackets, `[0, 1, 2]`, tensors in parentheses, `(a, b)`",
    "repeat": "a stage is repeated with its number before it: `3 * conv(3x3, 16)`",
    "sequential": "stages one behind the other are a flow: `conv(3x3, 16) -> relu`",
    "separable_conv": "write `depthwise_conv(3x3) -> conv(1x1, 32)`",
    "separableconv2d": "write `depthwise_conv(3x3) -> conv(1x1, 32)`",
    "conv_bn_relu": "write `conv(3x3, 16) -> batch_norm -> relu`, or `import std.conv (unit)`",
    "conv_bn": "write `conv(3x3, 16) -> batch_norm`, or `import std.conv (unit)`",
    "zeropadding2d": "write `pad(1)`",
    "activation": "an activation is a step by its own name: `conv(3x3, 16) -> relu`",
    "normalize": "an input brings its own numbers: `input image: [3, 32, 32] (mean = ..., std = ...)`",
    "patch_embed": "write `conv(4x4, 64, stride = 4) -> to_sequence`",
    "pointwise_conv": "a pointwise convolution is `conv(1x1, 32)`",
    "accuracy": "accuracy is told without being asked for: leave it out",
    "bottleneck_block": "a standard block is called so: `import std.resnet (bottleneck)`",
    "resblock": "write `residual { conv(3x3, 16) -> relu }`, or `import std.resnet (basic)`",
    "res_block": "write `residual { conv(3x3, 16) -> relu }`, or `import std.resnet (basic)`",
    "transformer": "write `import std.attention (encoder)`, and `encoder(heads, width)`",
    "feed_forward": "write `linear(256) -> gelu -> linear(64)`, or `import std.attention (mlp)`",
    "softmax_router": "experts are chosen by `cosine_router(embed)`, paths by `cross_connection`",
    "linear_router": "experts are chosen by `cosine_router(embed)`, paths by `cross_connection`",
    "router": "experts are chosen by `cosine_router(embed)`, paths by `cross_connection`",
    "enumerate": "numbers are `range(len(list))`, and an item is `list[i]`",
    "zip": "write the pairs as rows: `for row in [[16, 1], [32, 2]] { ... }`, with `row[0]` and `row[1]`",
    "print": "a file is data and prints nothing; `archlang info FILE` shows the network",
    "shape": "sizes are `x.channels`, `x.height`, `x.width`, `x.features`, `x.positions`",
    "gather": "a part of a tensor is taken by `slice(start, stop = end, axis = channels)`",
}
"""Names that are called elsewhere and have no single counterpart: what is written here."""

ELSEWHERE = {name: sentence for sentence, names in _SAID for name in names}
"""For each argument of other programs the sentence that says where the same is said here."""
