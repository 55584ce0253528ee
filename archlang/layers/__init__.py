"""The torch modules and functions that operations name and torch itself does not have."""

from archlang.layers.accumulating import decayed_sum
from archlang.layers.attention import Attention, ClassToken, PositionEmbedding, PositionScores, SqueezeExcite
from archlang.layers.clustering import Standardize
from archlang.layers.coded import BranchMask, coded_sum, coding_loss, energies, energy, weigh
from archlang.layers.edges import sobel
from archlang.layers.indexing import choose, gather, pick
from archlang.layers.initialise import fill
from archlang.layers.layer_attention import (
    EqualAttention,
    InnateStatic,
    RecurrentAttention,
    SelfAttention,
    StaticVector,
)
from archlang.layers.learned import LearnedAffine, LearnedTensor
from archlang.layers.merging import average, largest, smallest, times, total
from archlang.layers.multipath import Gates, Mix, Stitch, combine
from archlang.layers.normalisation import ChannelNorm, ChannelRMSNorm
from archlang.layers.patch_experts.dispatch import Dispatch, executed, join_experts, set_cut
from archlang.layers.patch_experts.keys import Keyed
from archlang.layers.patch_experts.patches import add_position, cut_patches, put_back, put_positions
from archlang.layers.patch_experts.router import CosineRouter
from archlang.layers.pooling import PyramidPool, UnevenAvgPool, UnevenMaxPool
from archlang.layers.recurrent import GRU, LSTM
from archlang.layers.regularisation import DropPath, Noise
from archlang.layers.reparametrized import ReparametrizedConv
from archlang.layers.reshaping import cut, reshape, to_map, to_sequence
from archlang.layers.sampling import coordinates, einsum, fold, grid_sample, unfold
from archlang.layers.small_kernels import channelwise, embedded, window_mean
from archlang.layers.sparse import SparseGates
from archlang.layers.spreading import (
    spread_difference,
    spread_largest,
    spread_quotient,
    spread_smallest,
    spread_times,
    spread_total,
)
from archlang.layers.tokens import GLU, Embedding, length_mask, masked_mean, sinusoidal_positions
from archlang.layers.window_attention import WindowAttention

__all__ = [
    "GLU", "GRU", "LSTM", "Attention", "BranchMask", "ChannelNorm", "ChannelRMSNorm", "ClassToken", "CosineRouter",
    "Dispatch", "DropPath", "Embedding", "EqualAttention", "Gates", "InnateStatic", "Keyed", "LearnedAffine",
    "LearnedTensor", "Mix", "Noise", "PositionEmbedding", "PositionScores", "PyramidPool", "RecurrentAttention",
    "ReparametrizedConv", "SelfAttention", "SparseGates", "SqueezeExcite", "Standardize", "StaticVector", "Stitch",
    "UnevenAvgPool", "UnevenMaxPool", "WindowAttention", "add_position", "average", "channelwise", "choose",
    "coded_sum", "coding_loss", "combine", "coordinates", "cut", "cut_patches", "decayed_sum", "einsum", "embedded",
    "energies", "energy", "executed", "fill", "fold", "gather", "grid_sample", "join_experts", "largest", "length_mask",
    "masked_mean", "pick", "put_back", "put_positions", "reshape", "set_cut", "sinusoidal_positions", "smallest",
    "sobel", "spread_difference", "spread_largest", "spread_quotient", "spread_smallest", "spread_times",
    "spread_total", "times", "to_map", "to_sequence", "total", "unfold", "weigh", "window_mean",
]
