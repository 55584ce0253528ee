"""Losses that a `train { }` may minimize: over tensors it names, or over sites of the network.

Each states its facts (`ops.facts.LossFacts`): how it reads its tensors, whether class names belong to it, where its
sites are. Its formula stands in `train/losses/`.
"""

from __future__ import annotations

from archlang.ops.facts import LossFacts, SiteFacts
from archlang.ops.kinds import Flag, Int, ListKind, OneOf, Real, String, TensorKind, Words
from archlang.ops.model import REQUIRED, Arg, Setting

_LOGITS = Arg("logits", TensorKind(), doc="scores, before a softmax")
_LABEL = Arg("label", TensorKind(), doc="what is right: `label`")
_OF = Arg("of", OneOf((String(), ListKind(String()))), None, "names of the parts it is over; auto: all of its kind")
_PREDICTION = Arg("prediction", TensorKind(), doc="numbers")
_IGNORE = Arg("ignore", Int(0), None, "a label that counts for nothing, such as 255, at places of maps and sequences")
_WEIGHTS = Arg("weights", ListKind(Real(0), 1), None, "how much each class counts; the mean is weighted with them")
_RESIZE = Arg(
    "resize", Flag(), False,
    "whether a label of another height and width is brought to those of the scores: classes by the nearest cell, "
    "numbers by blending",
)
_PLACES = Arg(
    "places", TensorKind(), None,
    "where it counts: where a channel of this is 1, as at the centres of a heatmap; auto: everywhere",
)
_STATISTICS = Arg(
    "statistics", Words(("running", "batch", "none")), "running",
    "what scores are standardised by, where the network does not (`standardize`); `none`: the ablation of table 4.1",
)
_GAMMA = Arg("gamma", Real(0, above=True), 5.0, "divides the relevance in the likelihood")


def _loss(name: str, facts: LossFacts, doc: str, *args: Arg, example: str = "") -> Setting:
    """A loss; its example hands it the tensors that it takes, unless another one is given."""
    # `cross_entropy(logits, label)`: by the arguments' own names, which the examples' networks use as well.
    needed = [arg.name for arg in args if isinstance(arg.kind, TensorKind) and arg.default is REQUIRED]
    tensors = ", ".join(needed)
    return Setting(name, "loss", doc, args, example or f"loss = {name}({tensors})", facts=facts)


# Losses that compare the network's scores with what is right.
TASK = (
    _loss(
        "cross_entropy", LossFacts(target="classes", applies="softmax", reads_classes=True, by_sample=True),
        "Minus the logarithm of the right class's share in the softmax; of maps and sequences the mean over places.",
        _LOGITS, _LABEL,
        Arg("label_smoothing", Real(0, 1), 0.0, "share spread over all classes"), _IGNORE, _WEIGHTS, _RESIZE,
    ),
    _loss(
        "focal", LossFacts(target="classes", applies="softmax", reads_classes=True, by_sample=True),
        "Cross-entropy, each place times (1 - p)^gamma, p the share of its right class: places that are right already "
        "count little (Lin et al. 2017, eq. 4).",
        _LOGITS, _LABEL,
        Arg("gamma", Real(0), 2.0, "how little they count"), _IGNORE, _WEIGHTS, _RESIZE,
    ),
    _loss(
        "dice", LossFacts(target="classes", applies="softmax", reads_classes=True),
        "1 - (2 sum(p g) + smooth) / (sum(p) + sum(g) + smooth), p the shares of the softmax and g the right ones, "
        "summed over the batch and its places, the mean over classes (Milletari et al. 2016, without squares).",
        _LOGITS, _LABEL,
        Arg("smooth", Real(0), 1.0, "keeps classes that occur nowhere from counting"), _IGNORE, _RESIZE,
    ),
    _loss(
        "mse", LossFacts(target="numbers", reads_classes=True, by_sample=True),
        "The mean of squared differences; a class stands for its one-hot vector.",
        _PREDICTION, _LABEL, _RESIZE,
    ),
    _loss(
        "l1", LossFacts(target="numbers", by_sample=True),
        "The mean of absolute differences.", _PREDICTION, _LABEL, _PLACES, _RESIZE,
    ),
    _loss(
        "smooth_l1", LossFacts(target="numbers", by_sample=True),
        "The mean of d^2 / (2 beta) where the difference d is smaller than beta, and of |d| - beta / 2 elsewhere "
        "(Girshick 2015, eq. 3).",
        _PREDICTION, _LABEL, Arg("beta", Real(0, above=True), 1.0, "where the two parts meet"), _PLACES, _RESIZE,
    ),
    _loss(
        "charbonnier", LossFacts(target="numbers", by_sample=True),
        "The mean of sqrt(d^2 + epsilon^2) over differences d (Charbonnier et al. 1994; Lai et al. 2017, eq. 5).",
        _PREDICTION, _LABEL, Arg("epsilon", Real(0, above=True), 1e-3, "how round its tip is"), _RESIZE,
    ),
    _loss(
        "frequency_l1", LossFacts(target="numbers"),
        "The mean absolute difference of two-dimensional Fourier transforms, real and imaginary parts by themselves "
        "(MIMO-UNet, Cho et al. 2021, eq. 6).",
        _PREDICTION, _LABEL, _RESIZE,
    ),
    _loss(
        "heatmap_focal", LossFacts(target="chances", applies="sigmoid"),
        "The focal loss of heatmaps of centres, over the number of centres: -(1 - p)^alpha log p where the target is "
        "1, -(1 - y)^beta p^alpha log(1 - p) elsewhere (CenterNet, Zhou et al. 2019, eq. 1).",
        _LOGITS, _LABEL,
        Arg("alpha", Real(0), 2.0, "how little places count that are right already"),
        Arg("beta", Real(0), 4.0, "how little places near a centre count"),
    ),
    _loss(
        "contrastive", LossFacts(target="pairs", by_sample=True),
        "y d^2 + (1 - y) max(0, margin - d)^2, d the distance of two embeddings and y whether they belong together "
        "(Hadsell et al. 2006, eq. 4, without the factor 1/2).",
        Arg("first", TensorKind(), doc="the embedding of one"), Arg("second", TensorKind(), doc="that of the other"),
        Arg("label", TensorKind(), doc="1 for pairs that belong together, 0 for others: `label`"),
        Arg("margin", Real(0, above=True), 1.0, "how far apart others should be"),
        example="loss = contrastive(logits, prediction, label)",
    ),
    _loss(
        "bce", LossFacts(target="chances", applies="sigmoid", reads_classes=True, by_sample=True),
        "Binary cross-entropy of each logit; a class stands for its one-hot vector.",
        _LOGITS, _LABEL,
    ),
    _loss(
        "kl", LossFacts(target="scores", applies="softmax", by_sample=True),
        "KL(p || q), p the softmax of the target and q that of the logits; of maps and sequences the mean over places.",
        _LOGITS, Arg("target", TensorKind(), doc="scores that are right, before a softmax"),
    ),
    _loss(
        "minimize", LossFacts(by_sample=True),
        "The mean of a quantity that the network calculates itself, over samples and all of its numbers: a divergence, "
        "a penalty. With a negative factor it is made large.",
        Arg("quantity", TensorKind(), doc="what is to be small"),
        example="loss = mse(prediction, label) + 0.1 * minimize(logits)",
    ),
)

# Losses without labels, over relevance scores or the gates of routers.
CLUSTERING = (
    _loss(
        "mixture_em",
        LossFacts(clusters=True, views="plain+augmented", sites=SiteFacts("gates", "route", "the gates of routers")),
        "The clustering objective of neural mixture EM: minus the mean over samples of "
        "`sum_j p_j log sigmoid(a*_j / gamma)`, on relevance scores (Tissera 2023, eq. 4.22), or on the relevance "
        "under every gate of the network (section 5.1). With `augmented`, of the samples and of augmented copies "
        "(eq. 4.23).",
        Arg("scores", TensorKind(), None, "relevance scores, a number a cluster; auto: all gates", placed=True), _GAMMA,
        Arg("augmented", Flag(), False, "whether it is over augmented copies too"), _STATISTICS,
        Arg("prior", Words(("uniform", "ema")), None,
            "of the clusters; `ema`: the mean posterior so far; auto: uniform for scores, ema for gates"),
        Arg("over", Words(("gate", "router")), "gate",
            "each gate alone, or the gates of a router together (section 5.2)"),
        _OF, example="loss = mixture_em(logits, gamma = 5)",
    ),
    _loss(
        "agreement", LossFacts(clusters=True, views="plain+augmented"),
        "KL(p || q) between the clusters p of samples, held, and q of their augmented copies (Tissera 2023, eq. 4.24).",
        Arg("scores", TensorKind(), doc="relevance scores"), _STATISTICS, example="loss = agreement(logits)",
    ),
    _loss(
        "iic", LossFacts(applies="softmax", clusters=True, views="plain+augmented"),
        "Minus the mutual information between the clusters of samples and of their augmented copies (Ji et al. 2019), "
        "for comparison.",
        Arg("scores", TensorKind(), doc="scores, before a softmax"), example="loss = iic(logits)",
    ),
)

# Losses over the weights that routers give to experts, added to a task's loss with a small factor.
ROUTING = (
    _loss(
        "confidence", LossFacts(sites=SiteFacts("weights", "experts", "the weights of experts")),
        "The mean entropy of the weights that patches give to experts, before the filter, averaged over the stages of "
        "experts (PCE, eq. 15).",
        _OF, example="loss = cross_entropy(logits, label) + 0.01 * confidence()",
    ),
    _loss(
        "collapse", LossFacts(sites=SiteFacts("filtered weights", "experts", "the weights of experts")),
        "`relu(below - mean weight) / below`, summed over experts, averaged over the stages of experts: what those "
        "lack that are hardly used (PCE, eq. 16, made differentiable). How many experts less than this share of "
        "patches use is reported beside it.",
        Arg("below", Real(0, 1, above=True), 0.01, "the least mean weight of an expert"), _OF,
        example="loss = cross_entropy(logits, label) + 0.001 * collapse(below = 0.01)",
    ),
)

# The balance of sparse transformers, over the same weights.
BALANCE = (
    _loss(
        "load_balance", LossFacts(sites=SiteFacts("weights", "experts", "the weights of experts")),
        "n sum_i f_i P_i over experts, averaged over their stages: f the share of rows whose largest weight is the "
        "expert's, P its mean weight before the filter. 1 where all are used alike (Switch Transformers, Fedus et al. "
        "2022, eq. 4-6).",
        _OF, example="loss = cross_entropy(logits, label) + 0.01 * load_balance()",
    ),
)

# Losses that make branches work for the classes that their code says.
CODING = (
    _loss(
        "coding_loss",
        LossFacts(sites=SiteFacts("energies", "energy_normalize", "branches of a code whose energies are normalised",
                                  labelled=True)),
        "Mean over batch and branches of |r E - w|^power, summed over the blocks of codes: the energies E of branches, "
        "times the share r of branches that work for a class, against its word w (Coded ResNeXt).",
        Arg("power", Int(1), 4, "the exponent"), _OF,
        example="loss = cross_entropy(logits, label) + 6 * coding_loss(power = 4)",
    ),
)

SETTINGS = TASK + CLUSTERING + ROUTING + BALANCE + CODING
