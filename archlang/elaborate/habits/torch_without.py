"""Names of PyTorch for which there is no stage: each with the sentence that says what comes nearest."""

from __future__ import annotations

from archlang.elaborate.habits.habit import CallReading, Habit


def _no_stage(call: CallReading) -> str | None:
    """Leave it to the sentence of the row to say what there is instead."""
    return None


def _row(sentence: str, names: str) -> Habit:
    return Habit("PyTorch", tuple(names.split()), (), _no_stage, sentence)


TORCH_WITHOUT: tuple[Habit, ...] = (
    # --- functions of each number ---
    _row("of functions of each number there are `abs`, `exp`, `log`, `sqrt`, `rsqrt`, `square`, `pow`, "
         "`reciprocal`, `sin`, `cos`, `tanh`, `sigmoid`, `sign`, `floor`, `round` and `clamp`, each a stage: `x -> "
         "exp`",
         "acos acosh arccos arccosh arcsin arcsinh arctan arctanh asin asinh atan atanh cosh sinh tan digamma erf "
         "erfc erfinv exp2 expm1 lgamma log10 log1p log2 logit mvlgamma polygamma sinc i0 deg2rad rad2deg frac fix "
         "trunc ceil sgn signbit angle conj conj_physical positive nan_to_num igamma igammac frexp ldexp nextafter"),
    _row("activations are `relu`, `leaky_relu`, `elu`, `selu`, `celu`, `gelu`, `silu`, `mish`, `hardswish`, "
         "`sigmoid`, `tanh`, `softplus` and `glu`, each a stage: `x -> relu`",
         "Hardshrink hardshrink RReLU rrelu Softshrink softshrink Softsign softsign Tanhshrink tanhshrink "
         "Threshold threshold prelu"),
    _row("write `x -> add(parameter([64, 1, 1]))` for what is learned, `x -> mul(y)` and `x -> add(y)` one behind "
         "the other for the rest",
         "addcdiv addcmul addmm addmv addr addbmm baddbmm lerp hypot xlogy atan2 arctan2 copysign logaddexp "
         "logaddexp2 heaviside fmod remainder floor_divide gcd lcm fmax fmin"),
    # --- along axes ---
    _row("along an axis there are the mean, the sum, the largest, the smallest, the variance and the logsumexp: "
         "`x -> reduce(channels, by = variance)`",
         "std var std_mean var_mean prod median mode quantile nanmean nanmedian nansum nanquantile norm logsumexp "
         "count_nonzero kthvalue aminmax argmin all any dist renorm frobenius_norm nuclear_norm norm_except_dim "
         "standard_deviation cov corrcoef LPPool1d LPPool2d LPPool3d lp_pool1d lp_pool2d lp_pool3d"),
    _row("sums along an axis are kept by `x -> cumsum(positions)`",
         "cumprod cummax cummin logcumsumexp cumulative_trapezoid trapezoid trapz diff gradient"),
    _row("the places of the largest numbers are given by `x -> argmax`; nothing is sorted here",
         "topk sort argsort msort unique unique_consecutive searchsorted bucketize histc histogram histogramdd "
         "bincount nonzero nonzero_static argwhere isin"),
    _row("numbers are compared with a number by `x -> above(0.5)`, a mask of 1 and 0; masks are joined by `mul`",
         "eq ne gt ge lt le greater greater_equal less less_equal not_equal equal isclose allclose isfinite isinf "
         "isnan isneginf isposinf isreal logical_and logical_or logical_not logical_xor bitwise_and bitwise_or "
         "bitwise_not bitwise_xor bitwise_left_shift bitwise_right_shift is_nonzero is_same_size"),
    # --- sizes and axes ---
    _row("axes of a sample are exchanged by `permute([features, positions])`; the batch is never written",
         "t adjoint H mH swapdims rot90 fliplr flipud flip"),
    _row("smaller tensors spread by themselves in `add`, `mul` and `sub`; a size is changed by `reshape([1, 64])`",
         "expand expand_as broadcast_to broadcast_tensors broadcast_shapes repeat repeat_interleave tile "
         "atleast_1d atleast_2d atleast_3d as_strided view_as reshape_as resize resize_as sum_to_size meshgrid "
         "cartesian_prod combinations"),
    _row("members of a bundle are `parts[0]` and `parts[1]`, and `x -> split(2)` cuts a tensor into one",
         "unbind dsplit hsplit vsplit unravel_index"),
    _row("tensors are joined by `(x, y) -> concat(axis = height)`, or along a new first axis by `(x, y) -> stack`",
         "vstack dstack column_stack row_stack block_diag"),
    _row("sizes are `x.channels`, `x.height`, `x.width`, `x.features`, `x.positions`; the batch is never written",
         "numel nelement dim ndim ndimension shape element_size stride storage_offset nbytes itemsize is_tensor"),
    # --- parts ---
    _row("parts are taken by `slice(0, stop = 8, axis = positions)` and `pick([2, 0], axis = positions)`; indices "
         "of each sample by `gather(indices, axis = positions)`",
         "take index index_add index_copy index_fill index_put index_reduce masked_select masked_scatter scatter "
         "scatter_add scatter_reduce select_scatter slice_scatter diagonal_scatter as_strided_scatter put "
         "narrow_copy segment_reduce slice_inverse"),
    _row("a mask that hides later positions is `attention(heads, causal = true)`",
         "tril triu tril_indices triu_indices diag diag_embed diagflat diagonal fill_diagonal trace vander"),
    # --- matrices ---
    _row("matrices are multiplied by `x -> matmul(y)`; named axes by `x -> einsum(\"a f, b f -> a b\", other = y)`",
         "mv dot vdot inner outer ger kron cross chain_matmul tensordot cdist pdist matrix_exp matrix_power smm "
         "sspaddmm dsmm hsmm hspmm spmm grouped_mm scaled_mm scaled_grouped_mm Bilinear bilinear multi_dot saddmm"),
    _row("there are no decompositions, inverses or transforms of Fourier here",
         "cholesky cholesky_inverse cholesky_solve det logdet slogdet eig geqrf inverse lstsq lu lu_solve "
         "lu_unpack orgqr ormqr pinverse qr solve svd symeig triangular_solve lobpcg pca_lowrank svd_lowrank "
         "matrix_rank stft istft fft bartlett_window blackman_window hamming_window hann_window kaiser_window real "
         "imag view_as_complex view_as_real complex polar is_complex"),
    # --- layers as functions ---
    _row("a layer brings its own weights: `x -> linear(features)`",
         "linear"),
    _row("a transposed convolution brings its own weights: `x -> conv_transpose(kernel, channels, stride = 2)`",
         "conv_transpose1d conv_transpose2d conv_transpose3d conv_tbc convolution"),
    _row("`x -> attention(4)` has its queries, keys and values itself; with tensors of your own write `q -> "
         "matmul(k -> permute([features, positions])) -> scale(0.125) -> softmax -> matmul(v)`",
         "scaled_dot_product_attention multi_head_attention_forward"),
    _row("tokens become vectors by `tokens -> embedding(64)`, and the input says how many there are: `input "
         "tokens: [T] (range = 1000)`",
         "embedding one_hot EmbeddingBag embedding_bag"),
    _row("`import std.attention (decoder)` and `(encoder)` bring the blocks of a transformer: `encoder(heads, "
         "hidden)`",
         "Transformer TransformerDecoder TransformerDecoderLayer"),
    _row("recurrent layers are `lstm(64)` and `gru(64)`, over all positions of a sequence at once",
         "RNN RNNBase RNNCell RNNCellBase GRUCell LSTMCell gru gru_cell lstm lstm_cell rnn_relu rnn_relu_cell "
         "rnn_tanh rnn_tanh_cell"),
    _row("norms are `batch_norm`, `layer_norm`, `rms_norm`, `group_norm(8)`, `instance_norm` and `l2_normalize`",
         "LocalResponseNorm local_response_norm CrossMapLRN2d"),
    _row("cosines are products of vectors of length 1: `x -> l2_normalize -> matmul(y)`",
         "CosineSimilarity cosine_similarity PairwiseDistance pairwise_distance"),
    _row("pools are `max_pool(2x2)`, `avg_pool(2x2)`, `adaptive_avg_pool(4x4)`, `global_avg_pool`; they give no "
         "indices, and `upsample(factor = 2)` goes the way back",
         "FractionalMaxPool2d FractionalMaxPool3d fractional_max_pool2d fractional_max_pool3d MaxUnpool1d "
         "MaxUnpool2d MaxUnpool3d max_unpool1d max_unpool2d max_unpool3d adaptive_max_pool1d_with_indices "
         "adaptive_max_pool2d_with_indices adaptive_max_pool3d_with_indices max_pool1d_with_indices "
         "max_pool2d_with_indices max_pool3d_with_indices fractional_max_pool2d_with_indices "
         "fractional_max_pool3d_with_indices"),
    _row("write `upsample(factor = 2)`, with `mode = bilinear` for the other one",
         "upsample upsample_bilinear upsample_nearest"),
    _row("write `pad(1)`, or `pad([0, 1], axis = width)`",
         "constant_pad_nd"),
    # --- chance ---
    _row("chance comes in by `dropout(0.1)`, `drop_channels(0.1)`, `drop_path(0.1)` and `noise(std = 0.1)`, in "
         "training alone",
         "AlphaDropout FeatureAlphaDropout alpha_dropout feature_alpha_dropout feature_dropout gumbel_softmax "
         "bernoulli multinomial normal poisson binomial rand_like randn_like randint randint_like randperm cauchy "
         "exponential geometric log_normal random uniform dropout1d dropout3d"),
    _row("a tensor of the file's own has its sizes in a list: `parameter([64, 1, 1], init = zeros)`; the places of "
         "a map are `x -> coordinates`",
         "arange range linspace logspace eye zeros_like ones_like full_like empty_like new_empty new_full new_ones "
         "new_tensor new_zeros new as_tensor from_numpy asarray scalar_tensor fill zero ParameterList "
         "ParameterDict empty_strided"),
    # --- containers ---
    _row("stages are named by `let`, and chosen by `if`: `let act = if large { gelu } else { relu }`",
         "ModuleDict"),
    _row("stages one behind the other are a flow: `conv(3x3, 16) -> relu`; a part with parameters is a `block`",
         "Module Container"),
    _row("`archlang train --device cuda` and `torchrun` use several devices; nothing of it stands in a file",
         "DataParallel"),
    # --- what is done to a tensor in a program ---
    _row("a flow has no values to look at: `archlang info FILE` shows the types of all tensors",
         "item tolist numpy data_ptr print backward register_hook retain_grad apply_ map_ grad grad_fn device "
         "dtype requires_grad is_cuda is_cpu is_leaf get_device data layout"),
    _row("what kind of numbers a model calculates with is said outside: `precision = bfloat16` in `train`; whole "
         "numbers are an input's `range`",
         "type long int short byte bool char bfloat16 cdouble cfloat chalf is_floating_point is_signed "
         "quantize_per_tensor dequantize to_sparse to_dense to_mkldnn"),
    _row("a flow is written out once, and nothing is chosen or repeated while it runs: `for`, `n * stage` and `if` "
         "work while compiling",
         "cond while_loop vmap"),
    # --- losses ---
    _row("speech and lines of text are spelt by `ctc(logits, label)`, with labels filled up with the blank",
         "CTCLoss ctc_loss"),
    _row("three embeddings are compared by `triplet(anchor, positive, negative)`",
         "TripletMarginLoss triplet_margin_loss TripletMarginWithDistanceLoss triplet_margin_with_distance_loss"),
    _row("a mean and the logarithm of its variance are compared by `gaussian_nll(mean, label, log_variance)`",
         "GaussianNLLLoss gaussian_nll_loss"),
    _row("losses stand in `train`: `loss = cross_entropy(logits, label)`, `mse(prediction, label)`, `bce(logits, "
         "label)` and others that `archlang ops` lists",
         "AdaptiveLogSoftmaxWithLoss CosineEmbeddingLoss cosine_embedding_loss "
         "HingeEmbeddingLoss hinge_embedding_loss LinearCrossEntropyLoss linear_cross_entropy "
         "MarginRankingLoss margin_ranking_loss MultiLabelMarginLoss multilabel_margin_loss "
         "MultiLabelSoftMarginLoss multilabel_soft_margin_loss MultiMarginLoss multi_margin_loss NLLLoss2d "
         "PoissonNLLLoss poisson_nll_loss SoftMarginLoss soft_margin_loss huber_loss"),
)  # fmt: skip
"""Names for which there is no stage: the form is a sentence."""
