"""Bugs from graph to graph."""

from __future__ import annotations

from tests.campaign.seeded.seed import Seed

SEEDS = (
    Seed(
        "transform/multipath.py",
        "pooled = here.shrinks and not here.windowed",
        "pooled = here.shrinks",
        "multipath: a router stands behind a convolution with a stride",
        ("transform/test_multipath.py",),
    ),
    Seed(
        "transform/multipath.py",
        "if span.stop == len(self.steps):",
        "if span.start == 0:",
        "multipath: the mean of the paths stands behind the first flow",
        ("transform/test_multipath.py",),
    ),
    Seed(
        "transform/pbconv.py",
        '_counted("batch_norm", before)',
        "pass",
        "pbconv: modules behind a boosted convolution get other names",
        ("transform/test_pbconv.py",),
    ),
    Seed(
        "transform/pbconv.py",
        'if site.without_bias and "bias" not in given:',
        "if False:",
        "pbconv: a convolution without a bias gets one",
        ("transform/test_pbconv.py::test_a_bias_is_there_where_it_was",),
    ),
    Seed(
        "transform/base.py",
        "if output_types(before) != output_types(after):",
        "if False:",
        "a transformation that changes the outputs is not noticed",
        ("transform/test_refused.py::test_a_pass_that_changes_the_outputs_breaks_its_word",),
    ),
    Seed(
        "transform/scoring.py",
        "if not weight:",
        "if weight:",
        "coded: the coding loss is added only where its weight is 0",
        ("transform/test_coded.py",),
    ),
    Seed(
        "transform/kernels.py",
        "if size in by_size:",
        "if False:",
        "two lists of small kernels of one size: the second wins",
        ("transform/test_pbconv.py::test_two_lists_for_one_size_are_refused",),
    ),
)
