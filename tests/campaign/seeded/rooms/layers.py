"""Bugs in modules and functions that operations name."""

from __future__ import annotations

from tests.campaign.seeded.seed import Seed

CLUSTERING = ("layers/test_clustering.py", "clustering/test_equations.py")
ROUTING = ("layers/test_multipath.py", "layers/test_multipath_sparse.py")
EXPERTS = (
    "layers/test_patch_experts.py",
    "layers/test_patch_experts_router.py",
    "layers/test_patch_experts_dispatch.py",
)

SEEDS = (
    Seed(
        "layers/clustering.py",
        "p = relevance.detach().log_softmax(1)",
        "p = relevance.log_softmax(1)",
        "`agreement`: the posterior of the samples is not detached",
        CLUSTERING,
    ),
    Seed(
        "layers/clustering.py",
        "return logits.softmax(1).detach()",
        "return logits.softmax(1)",
        "EM: the posterior is not detached",
        CLUSTERING,
    ),
    Seed(
        "layers/clustering.py",
        "* (self.seen > 0).to(mean.dtype)",
        "",
        "`standardize`: the first batch does not set the running statistics",
        CLUSTERING,
    ),
    Seed(
        "layers/clustering.py",
        "keep * self.variance + (1 - keep) * variance",
        "(1 - keep) * self.variance + keep * variance",
        "`standardize`: the momentum of the variance counts the other way",
        CLUSTERING,
    ),
    Seed(
        "layers/clustering.py",
        ".square().sum(0)) / count",
        ".square().sum(0)) / (count - 1)",
        "`standardize`: the unbiased variance instead of the biased one",
        CLUSTERING,
    ),
    Seed(
        "layers/clustering.py",
        "wide = widened(gates)",
        "wide = gates",
        "relevance under gates is centred in half precision",
        CLUSTERING,
    ),
    Seed(
        "layers/multipath.py",
        "return x.mean(1, dtype=wide)",
        "return x.mean(1).to(wide)",
        "gates of sequences: positions are averaged in half precision",
        ("train/losses/test_clustering_losses.py::test_gates_see_means_in_full_precision",),
    ),
    Seed(
        "layers/multipath.py",
        "return self.scores(*inputs).softmax(2)",
        "return self.scores(*inputs).softmax(1)",
        "gates: the softmax runs over the inputs instead of the outputs",
        ROUTING,
    ),
    Seed(
        "layers/multipath.py",
        "fill_(0.1 / (inputs - 1))",
        "fill_(0.1 / inputs)",
        "cross-stitch: the columns of the start do not sum to 1",
        ROUTING,
    ),
    Seed(
        "layers/sparse.py",
        "total = total.detach()",
        "pass",
        "a single sparse path: the sum is not held, and the gate gets no gradient",
        ROUTING,
    ),
    Seed(
        "layers/sparse.py",
        "before.sort(dim=1, descending=True, stable=True)",
        "before.flip(1).sort(dim=1, descending=True)",
        "sparse gates: indices of a reversed order",
        ROUTING,
    ),
    Seed(
        "layers/patch_experts/dispatch.py",
        "(weights >= cut * weights.amax",
        "(weights > cut * weights.amax",
        "cut of experts: `>` for `>=`",
        EXPERTS,
    ),
    Seed(
        "layers/patch_experts/dispatch.py",
        "return left / left.sum(1, keepdim=True)",
        "return left",
        "cut of experts: the weights that are left do not sum to 1",
        EXPERTS,
    ),
    Seed(
        "layers/patch_experts/patches.py",
        "for n in (columns, rows, width, height)",
        "for n in (rows, columns, width, height)",
        "positions of patches: rows and columns of the grid swapped",
        EXPERTS,
    ),
    Seed(
        "layers/patch_experts/patches.py",
        "return base + total / count",
        "return base + total",
        "overlapping patches are summed instead of averaged",
        EXPERTS,
    ),
    Seed(
        "layers/patch_experts/router.py",
        "rest = ordered[:, 1 : 1 + REST].mean(1)",
        "rest = ordered[:, :REST].mean(1)",
        "threshold: the gap counts the largest weight among the rest",
        EXPERTS,
    ),
    Seed(
        "layers/patch_experts/router.py",
        "share = entropy(logs) / math.log(count)",
        "share = entropy(logs) / math.log2(count)",
        "threshold: the entropy's share of its most in mixed units, nats and bits",
        EXPERTS,
    ),
    Seed(
        "layers/coded.py",
        "torch.rsqrt(raw.sum(1, keepdim=True) / of + EPS)",
        "(raw.sum(1, keepdim=True) / of).rsqrt() + EPS",
        "energy normalisation: eps outside the root, without energy infinite",
        ("layers/test_coded.py",),
    ),
    Seed(
        "layers/coded.py",
        "raw.sum(1, keepdim=True) / of",
        "raw.mean(1, keepdim=True)",
        "energy normalisation: the mean forgets branches that were taken out",
        ("layers/test_coded.py",),
    ),
    Seed(
        "layers/coded.py",
        "(kernels.shape[1] * places)",
        "places",
        "energies by Gram matrices are not divided by the channels",
        ("layers/test_coded.py",),
    ),
    Seed(
        "layers/coded.py",
        "share = words.mean(1, keepdim=True)",
        "share = words.mean(0, keepdim=True)",
        "coding loss: the share of ones over the batch instead of the word",
        ("layers/test_coded.py",),
    ),
    Seed(
        "layers/regularisation.py",
        "x.shape[0], *(1,) * (x.dim() - 1)",
        "x.shape[0], *x.shape[1:]",
        "stochastic depth drops single numbers instead of whole samples",
        ("layers/test_modules.py",),
    ),
    Seed(
        "layers/pooling.py",
        "/ self._pool(torch.ones_like(x[:1, :1]))",
        "",
        "average pool with uneven padding: padded cells count although they should not",
        ("layers/test_modules.py", "ops/test_arguments_reach.py::test_another_value_makes_another_operation"),
    ),
    Seed(
        "layers/pooling.py",
        "value=-math.inf",
        "value=0.0",
        "max pool with uneven padding: a padded zero wins over negative numbers",
        ("reference/test_reference.py",),
    ),
    Seed(
        "layers/layer_attention.py",
        "/ math.sqrt(size // self.heads)",
        "/ math.sqrt(size)",
        "attention over layers: scores divided by the root of all features instead of a head's",
        ("layer_attention/test_kinds.py",),
    ),
    Seed(
        "layers/layer_attention.py",
        "pairs.mean((1, 2)), pairs",
        "pairs.mean((1, 3)), pairs",
        "attention over layers: handed out by query instead of by key",
        ("layer_attention/test_kinds.py",),
    ),
)
