"""Operations that sequences of tokens begin with: embeddings, masks out of lengths, positions."""

from __future__ import annotations

from archlang.ops.convolution import INIT
from archlang.ops.extents import Extent
from archlang.ops.kinds import Fault, Int, Real, TensorKind
from archlang.ops.model import Arg, Function, Module, Op, OpCall, Weight
from archlang.ops.rules import flow, known, need_divides, need_rank
from archlang.ops.tables import TableKind
from archlang.ops.whole import need_lengths, need_mask_at, need_over, need_whole
from archlang.shapes import Tensor

TOKENS = "[128] (range = 50257)"


def _embedding_shape(call: OpCall) -> Tensor:
    x = need_rank(call, 1, 2, 3)
    _tokens(call)
    return Tensor((*x.dims, call["features"]))


def _tokens(call: OpCall) -> int:
    """The number of tokens there are. Raises `Fault` where nobody knows it."""
    return known(need_whole(call, "embedding"), "tokens")


EMBEDDING = Op(
    name="embedding", family="tokens", whole=("in",), gives=("sequence",),
    doc="A learned vector for each token, looked up by its number: tokens [T] become a sequence [T, features].",
    shape=_embedding_shape,
    weights=lambda call: (Weight("weight", (_tokens(call), call["features"]), init=call["init"]),),
    torch=Module("archlang.layers.Embedding", lambda call: {
        "num_embeddings": call.x.range, "embedding_dim": call["features"],
    }),
    habit=("", "features"),
    args=(Arg("features", Int(1), doc="features of each vector"), INIT),
    example=flow(TOKENS, "embedding(64) -> position_embedding -> attention(4, causal = true)"),
)


def _unembed_shape(call: OpCall) -> Tensor:
    x, table = need_rank(call, 1, 2), call["table"]
    features = x.dims[-1]
    if features != table.features:
        message = f"`{table.name}` holds vectors of {table.features} features, and {features} flow in"
        raise Fault("shape-mismatch", message, argument="table", help=f"`linear({table.features})` before it")
    return Tensor((*x.dims[:-1], table.rows))


UNEMBED = Op(
    name="unembed", family="tokens", reads="sequence",
    doc="A score for each token: the product with each vector of the embedding that a `layer` holds, so that both ends "
    "of a network share one table (Press and Wolf 2017). It has no weights of its own and no bias.",
    shape=_unembed_shape,
    weights=lambda call: (Weight("weight", (call["table"].rows, call["table"].features), init=call["table"].init),),
    flops=lambda call: 2 * call.x.elements * call["table"].rows,
    torch=Module("archlang.layers.Embedding", lambda call: {
        "num_embeddings": call["table"].rows, "embedding_dim": call["table"].features,
    }, keywords=lambda call: {"transposed": True}),
    args=(Arg("table", TableKind(), doc="the embedding, a declared `layer` that tokens have flowed through"),),
    example="input tokens: [128] (range = 50257)\nlayer table = embedding(64)\n"
    "output tokens -> table -> attention(4, causal = true) -> unembed(table)",
)


def _lengths_shape(call: OpCall) -> Tensor:
    need_rank(call, 1)
    need_lengths(call, 0, call["positions"], "length_mask")
    return Tensor((call["positions"],), range=2)


LENGTH_MASK = Op(
    name="length_mask", family="tokens", whole=("in",),
    doc="The mask of the positions that a length counts: 1 for those before it, 0 for the rest. The length is at most "
    "the number of positions.",
    shape=_lengths_shape, torch=Function("archlang.layers.length_mask", lambda call: {"positions": call["positions"]}),
    args=(Arg("positions", Extent(), doc="how many positions the mask is over"),),
    example="input tokens: [128] (range = 50257)\ninput lengths: [1] (range = 129)\n"
    "output tokens -> embedding(64) -> attention(4, mask = lengths -> length_mask(128))",
)


def _masked_mean_shape(call: OpCall) -> Tensor:
    x, mask = need_rank(call, 2), need_mask_at(call, 1, "masked_mean")
    need_over(mask, Tensor(x.dims[:1]), "masked_mean", 1)
    return Tensor((x.dims[1],))


MASKED_MEAN = Op(
    name="masked_mean", family="tokens", reads="sequence", whole=("mask",),
    doc="The mean of a sequence's features over the positions where the mask is 1; zeros where it is 1 nowhere.",
    shape=_masked_mean_shape, torch=Function("archlang.layers.masked_mean"),
    args=(Arg("mask", TensorKind(), doc="which positions count, [positions] of range 2"),),
    example="input x: [128, 64]\ninput lengths: [1] (range = 129)\n"
    "output x -> masked_mean(lengths -> length_mask(128)) -> linear(10)",
)


def _sinusoidal_shape(call: OpCall) -> Tensor:
    x = need_rank(call, 2)
    need_divides(2, known(x.dims[1], "features"), "each frequency has a sine and a cosine", None)
    return x


SINUSOIDAL_POSITIONS = Op(
    name="sinusoidal_positions", family="tokens", gives=("sequence",),
    doc="Adds sines and cosines of the position, of a frequency for each pair of features: sin(p / base^(2i/F)) at "
    "feature 2i, the cosine at 2i + 1 (Vaswani et al. 2017, section 3.5). Any number of positions.",
    shape=_sinusoidal_shape,
    torch=Function("archlang.layers.sinusoidal_positions", lambda call: {"base": call["base"]}),
    args=(Arg("base", Real(1, above=True), 10000.0, "the slowest frequency is about one over it"),),
    example=flow("[49, 64]", "sinusoidal_positions"),
)

OPS = (EMBEDDING, UNEMBED, LENGTH_MASK, MASKED_MEAN, SINUSOIDAL_POSITIONS)
