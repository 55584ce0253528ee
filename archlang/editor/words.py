"""The words that highlighters know. `python -m tests.editor.words` writes this file from the catalogue.

They are written out so that a highlighter starts without the catalogue.
"""

DECLARING = (
    "import", "let", "layer", "block", "code", "network", "train", "phase", "step", "input", "output",
)
"""Reserved words that begin a declaration or a statement."""

FLOW = (
    "in", "for", "if", "else", "as", "at", "from", "where",
)
"""The other reserved words."""

OPERATORS = (
    "and", "or", "not",
)
"""Reserved words that are operators."""

CONSTANTS = (
    "true", "false",
)
"""Reserved words that are values."""

STAGES = (
    "above", "abs", "adaptive_avg_pool", "adaptive_avg_pool1d", "adaptive_avg_pool3d", "adaptive_max_pool",
    "adaptive_max_pool1d", "adaptive_max_pool3d", "add", "affine", "argmax", "attention", "avg_pool", "avg_pool1d",
    "avg_pool3d", "batch_norm", "celu", "channel_shuffle", "choose", "clamp", "class_token", "concat", "conv",
    "conv1d", "conv3d", "conv_transpose", "conv_transpose1d", "conv_transpose3d", "coordinates", "cos", "cumsum",
    "depthwise_conv", "depthwise_conv1d", "depthwise_conv3d", "detach", "div", "drop_channels", "drop_path",
    "dropout", "einsum", "elu", "embedding", "exp", "flatten", "floor", "fold", "gather", "gelu", "global_avg_pool",
    "global_avg_pool1d", "global_max_pool", "global_max_pool1d", "glu", "grid_sample", "group_norm", "gru",
    "hardsigmoid", "hardswish", "identity", "instance_norm", "l2_normalize", "layer_norm", "leaky_relu",
    "length_mask", "linear", "log", "log_softmax", "lstm", "masked_mean", "matmul", "max_pool", "max_pool1d",
    "max_pool3d", "maximum", "mean", "minimum", "mish", "mul", "neg", "noise", "pad", "parameter", "permute", "pick",
    "pixel_shuffle", "pixel_unshuffle", "position_embedding", "position_scores", "pow", "prelu", "product",
    "pyramid_pool", "reciprocal", "reduce", "relu", "relu6", "reshape", "rms_norm", "roll", "round", "rsqrt", "scale",
    "selu", "shift", "sigmoid", "sign", "silu", "sin", "sinusoidal_positions", "slice", "sobel", "softmax",
    "softplus", "split", "sqrt", "square", "squeeze_excite", "stack", "standardize", "sub", "sum", "tanh", "to_map",
    "to_sequence", "unembed", "unfold", "upsample", "window_attention",
)
"""Operations."""

STRUCTURES = (
    "attend", "branches", "each", "energy_normalize", "experts", "fork", "layers", "parallel", "patches", "pbconv",
    "position", "residual", "route", "shared", "unpatch",
)
"""Stages that give structure."""

FUNCTIONS = (
    "ceil", "len", "max", "min", "range", "round_to", "size", "words",
)
"""Functions of numbers."""

SETTINGS = (
    "acb", "accuracy", "adadelta", "adafactor", "adagrad", "adam", "adamax", "adamw", "adaptive", "agreement",
    "alibi", "all", "arc_margin", "asgd", "authors", "auto", "avg", "batch", "bce", "bfloat16", "bicubic", "bilinear",
    "border", "buckets", "causal", "channels", "charbonnier", "circular", "coding_loss", "collapse", "color_jitter",
    "confidence", "constant", "contrastive", "cosine", "cosine_router", "crop", "crop_from", "cross_connection",
    "cross_entropy", "cross_prediction", "cross_stitch", "ctc", "dbb", "depth", "design", "dice", "divided",
    "document", "ema", "erase", "fan_in", "fan_out", "features", "fixed", "flip", "float16", "float32", "focal",
    "frequency_l1", "full", "gate", "gaussian_nll", "grayscale", "group", "halves", "hard", "heatmap_focal", "height",
    "held", "iic", "info_nce", "innate_static", "kaiming_normal", "kaiming_uniform", "kl", "kmeans", "l1", "last",
    "learned", "length", "load_balance", "logsumexp", "loss", "mae", "masked", "matched_accuracy", "minimize", "miou",
    "mixture_em", "mse", "nadam", "nearest", "neighbours", "nmi", "no_centre", "no_coverage", "none", "normal",
    "nt_xent", "on", "one", "one_cycle", "ones", "orthogonal", "pixel_accuracy", "poly", "positions", "propose",
    "psnr", "radam", "rand_augment", "random", "recurrent", "reflect", "reflection", "relative", "replicate",
    "restarts", "rmsprop", "rotary", "rotate", "router", "rprop", "running", "same", "samples", "scaled", "scan",
    "self_attention", "sgd", "smooth_l1", "soft", "sparse_connection", "ssim", "standardized", "states",
    "static_vector", "steps", "swa", "tf_same", "top", "top_k", "triplet", "truncated_normal", "uniform", "variance",
    "weight_norm", "whole", "width", "xavier_normal", "xavier_uniform", "zeros",
)
"""Settings and bare words: routers, losses, optimisers, paddings."""
