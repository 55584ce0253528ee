"""Facts about settings that other rooms ask for: fields of the catalogue, so that nobody compares names.

A new loss, optimiser, schedule or average states these facts where it is declared; training reads them through
`catalogue.facts_of`.
"""

from __future__ import annotations

from typing import Literal

from archlang.dataclass import dataclass

Target = Literal["classes", "chances", "numbers", "scores", "pairs", "transcript"]
"""How a loss reads the tensor that it compares scores with.

classes   class numbers, or a share of each class (a distribution)
chances   numbers from 0 to 1; a class number stands for its one-hot row
numbers   any numbers; a class number stands for its one-hot row
scores    scores before a softmax
pairs     whether two embeddings belong together: 1 or 0
transcript  a line of class numbers, shorter than that of the scores
"""

Result = Literal["", "shares", "chances", "standardised", "gates", "line", "sequence", "unnamed"]
"""Results of operations that a loss, or whoever asks for a size by its name, must recognise.

Of a softmax, of a sigmoid, standardised relevance, the gates of a router, a line [channels, length], a
sequence [positions, features], a tensor whose axes
are those that the file says and have no names.
"""

Form = Literal["line", "sequence", ""]
"""A tensor of two sizes: a line [channels, length], a sequence [positions, features]; "" where either will do."""

Piece = Literal["", "cut patches", "put back", "dispatch", "joined experts", "energies", "weighed", "branch mask",
                "boosted sum"]
"""Operations that are a piece of a structure, for whoever looks for its pieces in a graph.

Patches cut and put back, rows handed to experts and their results summed; of coded branches the energies, the branches
times their weights, the mask that leaves some out; the sum of a boosted convolution's branches.
"""

SLIDING: dict[int, tuple[Result, ...]] = {1: ("line",), 2: (), 3: ()}
"""`Op.gives` of what slides over lines, maps and volumes, by their number of sliding axes."""

ViewPair = Literal["plain+augmented", "two augmented"]
"""Two views of the same samples: as they are and augmented, or augmented twice."""

SiteKind = Literal["energies", "gates", "weights", "filtered weights"]
"""Tensors inside a network that structural losses are over; `elaborate.training.sites` finds them."""


@dataclass(frozen=True)
class SiteFacts:
    """The sites of a structural loss.

    kind         which tensors it is over
    stage        the stage of the language that makes such a site
    description  these tensors in words, for messages
    labelled     whether the loss reads the labels beside them
    """

    kind: SiteKind
    stage: str
    description: str
    labelled: bool = False


@dataclass(frozen=True)
class AugmentationFacts:
    """The effect of an augmentation on several images of a sample, and the distance that it moves them.

    pixels  its argument that counts pixels, which is at most the image's smaller side; None where it has none
    joint   whether all images of a sample are changed alike, as views of one scene; else one must be named
    holds   whether it holds other augmentations (`changes`), of the `inputs` that it names
    larger  its argument that is the shorter side of images, larger than the network's input, which it cuts windows of
            that size out of; None where images come in the size of the input
    """

    pixels: str | None = None
    joint: bool = False
    holds: bool = False
    larger: str | None = None


@dataclass(frozen=True)
class LossFacts:
    """The way in which a loss reads its tensors.

    target         what it compares its first tensor with; None for a loss without a target
    applies        the function that it applies to its scores itself: a network must not apply one before
    reads_classes  whether labels may be class numbers of its scores; their names then travel with the model
    clusters       whether its scores are one number a cluster, two or more in all
    views          the two views of the samples that it reads, unless told `augmented = false`
    sites          where it is over parts of the network, unless it is given tensors
    vectors        whether its tensors of the network are vectors of one size: embeddings
    by_sample      whether it is a mean over samples, so that those of two halves of a batch give that of the whole
    """

    target: Target | None = None
    applies: Literal["softmax", "sigmoid"] | None = None
    reads_classes: bool = False
    clusters: bool = False
    views: ViewPair | None = None
    sites: SiteFacts | None = None
    vectors: bool = False
    by_sample: bool = False


@dataclass(frozen=True)
class MetricFacts:
    """The way in which a metric reads scores.

    target  what labels hold: class numbers (or a share of each class), or numbers
    ranks   the numbers of sizes that the scores of a sample may have; all where there are none
    least   how many classes the scores must tell apart at least
    higher  whether more is better
    """

    target: Literal["classes", "numbers"]
    ranks: tuple[int, ...] = ()
    least: int = 1
    higher: bool = True


@dataclass(frozen=True)
class OptimizerFacts:
    """The class of torch that an optimiser is, as a dotted name, and whether it has a fused kernel."""

    torch: str
    fused: bool = False


@dataclass(frozen=True)
class ScheduleFacts:
    """The origin of a curve's time: the end of the warm-up, or (`from_start`) the start of the phase."""

    from_start: bool = False


@dataclass(frozen=True)
class KernelsFacts:
    """The branches that a choice of small kernels puts beside a large one.

    windows  none at all, those of a published block, or those that the candidate rules draw
    chains   whether two chains stand beside them: 1x1 before the large kernel, 1x1 before the mean
    """

    # Drawn windows can be fixed in a file, `[3x1 at (1, 2), ...]`; published ones are known by their name.
    windows: Literal["none", "published", "drawn"]
    chains: bool = False


@dataclass(frozen=True)
class AverageFacts:
    """The times at which an average of the weights moves.

    every_step  at every step, with the buffers; otherwise at the end of an epoch, and statistics of batch norms are
                taken anew for it
    """

    every_step: bool


# A setting states one of these, by its role; settings of other roles state none.
Facts = (
    AugmentationFacts | LossFacts | MetricFacts | OptimizerFacts | ScheduleFacts | KernelsFacts | AverageFacts
)
