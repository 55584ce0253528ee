"""Metrics that a `train { }` may name: figures of the main scores on data that nothing is trained on.

Each states its facts (`ops.facts.MetricFacts`): what labels it reads, what it wants of the scores, which way is better.
Its formula stands in `train/metrics.py`.
"""

from __future__ import annotations

from archlang.ops.facts import MetricFacts
from archlang.ops.kinds import Int, Real
from archlang.ops.model import Arg, Setting

_IGNORE = Arg("ignore", Int(0), None, "a label that counts for nothing, such as 255")
_PEAK = Arg("peak", Real(0, above=True), 1.0, "the largest number that an image can hold, less the smallest")


def _metric(name: str, facts: MetricFacts, doc: str, *args: Arg) -> Setting:
    return Setting(name, "metric", doc, args, f"metrics = [{name}]", facts=facts)


SETTINGS = (
    _metric(
        "top_k", MetricFacts("classes", least=2),
        "The share of samples, or of places of maps and sequences, whose class is among the k largest scores.",
        Arg("k", Int(1), 5, "how many scores are looked at"),
    ),
    _metric(
        "pixel_accuracy", MetricFacts("classes", ranks=(2, 3, 4), least=2),
        "The share of places whose largest score is that of their class.", _IGNORE,
    ),
    _metric(
        "miou", MetricFacts("classes", ranks=(2, 3, 4), least=2),
        "The mean over classes of intersection over union: right places of the class over places that are of it or "
        "were taken for it, over the whole part of the data. Classes of which there is neither do not count.", _IGNORE,
    ),
    _metric(
        "matched_accuracy", MetricFacts("classes", least=2),
        "The share of samples whose largest score is that of their class, where clusters are named after classes as "
        "well as possible, one to one, over the whole part of the data: the accuracy of a clustering.",
    ),
    _metric(
        "nmi", MetricFacts("classes", least=2),
        "Normalised mutual information: that of the largest score's number and the class, over the mean of both "
        "entropies. It is 1 where each tells the other, and 0 where neither says anything.",
    ),
    _metric(
        "mae", MetricFacts("numbers", higher=False), "The mean of absolute differences.",
    ),
    _metric(
        "psnr", MetricFacts("numbers", ranks=(3,)),
        "Peak signal-to-noise ratio in decibels, 10 log10(peak^2 / mean squared difference), of each image; their "
        "mean. An image without any difference counts as 100.", _PEAK,
    ),
    _metric(
        "ssim", MetricFacts("numbers", ranks=(3,)),
        "Structural similarity of each image, by Gaussian windows of 11 x 11 cells with a deviation of 1.5, where they "
        "lie inside the image; the mean over channels and images (Wang et al. 2004).", _PEAK,
    ),
)
