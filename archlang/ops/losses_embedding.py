"""Losses of embeddings, of spoken or written lines, and of distributions; `ops/losses.py` has those of a task."""

from __future__ import annotations

from archlang.ops.facts import LossFacts
from archlang.ops.kinds import Int, Real, TensorKind
from archlang.ops.model import Arg, Setting

_LABEL = Arg("label", TensorKind(), doc="what is right: `label`")
_TEMPERATURE = Real(0, above=True)


def _setting(name: str, facts: LossFacts, doc: str, *args: Arg, example: str) -> Setting:
    return Setting(name, "loss", doc, args, f"loss = {example}", facts=facts)


SETTINGS = (
    _setting(
        "triplet", LossFacts(vectors=True, by_sample=True),
        "max(0, d(anchor, positive) - d(anchor, negative) + margin), d the distance of two embeddings (Schroff et al. "
        "2015, FaceNet, eq. 3, without squares, as torch has it).",
        Arg("anchor", TensorKind(), doc="an embedding"),
        Arg("positive", TensorKind(), doc="one that belongs to it"),
        Arg("negative", TensorKind(), doc="one that does not"),
        Arg("margin", Real(0, above=True), 1.0, "how much further away the negative should be"),
        example="triplet(logits, prediction, target)",
    ),
    _setting(
        "info_nce", LossFacts(vectors=True),
        "Cross-entropy over the batch: which of the second embeddings belongs to a first one, told by their cosines "
        "over the temperature, and the other way round; the mean of both (Radford et al. 2021, CLIP, figure 3).",
        Arg("first", TensorKind(), doc="the embedding of one"),
        Arg("second", TensorKind(), doc="that of what belongs to it"),
        Arg("factor", TensorKind(), None, "a number [1] that the network learns and cosines are multiplied by, such "
            "as `parameter([1]) -> exp`; auto: 1 / temperature"),
        Arg("temperature", _TEMPERATURE, 0.07, "what cosines are divided by"),
        example="info_nce(logits, prediction)",
    ),
    _setting(
        "nt_xent", LossFacts(vectors=True, views="two augmented"),
        "Cross-entropy over the batch: which embedding is that of the other augmented copy of the same sample, among "
        "all others of both copies, told by their cosines over the temperature (Chen et al. 2020, SimCLR, eq. 1).",
        Arg("embedding", TensorKind(), doc="the embedding of a sample"),
        Arg("temperature", _TEMPERATURE, 0.5, "what cosines are divided by"),
        example="nt_xent(logits)",
    ),
    _setting(
        "arc_margin", LossFacts(target="classes", applies="softmax", reads_classes=True, by_sample=True),
        "Cross-entropy of cosines times a scale, the angle of the right class made larger by a margin (Deng et al. "
        "2019, ArcFace, eq. 3). Where the angle would pass pi, its cosine less margin sin(margin) takes its place.",
        Arg("cosines", TensorKind(), doc="cosines of an embedding and a vector for each class"), _LABEL,
        Arg("margin", Real(0, 3), 0.5, "how much larger, in radians"),
        Arg("scale", Real(0, above=True), 64.0, "the factor of cosines"),
        example="arc_margin(logits, label)",
    ),
    _setting(
        "ctc", LossFacts(target="transcript", applies="softmax", by_sample=True),
        "Minus the logarithm of the chance that a sequence of scores spells the label, whichever positions its classes "
        "stand at, with blanks between them, over the length of the label (Graves et al. 2006, eq. 8).",
        Arg("logits", TensorKind(), doc="scores of classes at each position, before a softmax"), _LABEL,
        Arg("lengths", TensorKind(), None, "how many positions of each sample count, [1]; auto: all"),
        Arg("blank", Int(0), 0, "the class that stands for nothing; labels are filled up with it at their end"),
        example="ctc(logits, label)",
    ),
    _setting(
        "gaussian_nll", LossFacts(target="numbers", by_sample=True),
        "The mean of (s + (x - m)^2 / exp(s)) / 2, m the means and s the logarithms of the variances of normal "
        "distributions that the label x is drawn from (Nix and Weigend 1994, eq. 4, without its constant).",
        Arg("mean", TensorKind(), doc="the means"), _LABEL,
        Arg("log_variance", TensorKind(), doc="the logarithms of the variances, of the same sizes"),
        example="gaussian_nll(prediction, label, target)",
    ),
)
