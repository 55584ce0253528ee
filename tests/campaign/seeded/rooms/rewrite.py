"""Bugs in fusion, extraction and what they are compared by."""

from __future__ import annotations

from tests.campaign.seeded.seed import Seed

FOLD = ("rewrite/test_fold.py", "rewrite/test_arguments.py")
BRANCHES = ("rewrite/test_branches.py", "rewrite/test_fold.py")

SEEDS = (
    Seed("rewrite/reading.py", 'plain = got["ceil_mode"] is False and', "plain =",
         "an average pool with `ceil` is fused as one without", ("rewrite/test_arguments.py", "rewrite/test_beyond.py")),
    Seed("rewrite/reading.py", 'got["count_include_pad"] or divisor is not None or not any(padding)', "True",
         "an average pool whose padding does not count is fused as one whose padding does",
         ("rewrite/test_arguments.py", "rewrite/test_beyond.py")),
    Seed("rewrite/reading.py", "scale = (_wide(variance) + eps).rsqrt()", "scale = _wide(variance).rsqrt() + eps",
         "fold: eps outside the root", FOLD),
    Seed("rewrite/reading.py", "shift = -_wide(mean) * scale", "shift = -_wide(mean)",
         "fold: the running mean is not scaled", FOLD),
    Seed("rewrite/algebra.py", "bias = total_bias(second.bias, passed)", "bias = second.bias",
         "fold: the bias of the first of two layers is forgotten", FOLD),
    Seed("rewrite/algebra.py", "before = second.lo[i] * s + first.lo[i]", "before = second.lo[i] + first.lo[i]",
         "two in a row: the stride of the first is forgotten in the padding", FOLD),
    Seed("rewrite/algebra.py", "stride.append(s * second.stride[i])", "stride.append(s)",
         "two in a row: the stride of the second is forgotten", FOLD),
    Seed("rewrite/algebra.py", "if one.reach != other.reach:", "if one.dilation != other.dilation:",
         "branches: outputs of different sizes are added", BRANCHES),
    Seed("rewrite/algebra.py", "taps = conv.kernel.reshape(*conv.kernel.shape[:2], -1).sum(2)",
         "taps = conv.kernel.reshape(*conv.kernel.shape[:2], -1).mean(2)",
         "a constant behind a convolution: the mean of its taps instead of their sum", FOLD),
    Seed("rewrite/branches.py", "parts = [(factor, one), (factor * alpha * calls.SUMS[node.target], other)]",
         "parts = [(factor, one), (factor * calls.SUMS[node.target], other)]",
         "branches: `alpha` of a sum is forgotten", BRANCHES),
    Seed("rewrite/bench.py", "if link.contraction and self.reader.uses(link) > 1:", "if False:",
         "fold: a convolution that is used twice takes the norm of one use", ("rewrite/test_sharing.py",)),
    Seed("rewrite/bench.py", "if any(memory.written(node) and memory.seen_outside(node) for node in gone):", "if False:",
         "fold: somebody else sees what an operation in place overwrote", ("rewrite/test_memory.py",)),
    Seed("rewrite/chains.py", "return form_read or not all(map(bench.reader.alone, inner))", "return form_read",
         "fold: a result that something else reads too goes", ("rewrite/test_fold.py", "rewrite/test_neighbours.py")),
    Seed("rewrite/transposed.py", "if is_nonzero(step.shift):", "if False:",
         "a shift before a transposed convolution is left out", ("rewrite/test_turned.py",)),
    Seed("rewrite/baking.py", "        if inner.training:\n            continue\n", "",
         "a spectral norm in training mode is stored as if it stood still",
         ("rewrite/test_beyond.py", "rewrite/test_around.py")),
    Seed("rewrite/specialised.py", "leaf.detach() if isinstance(leaf, torch.Tensor)", "leaf if isinstance(leaf, torch.Tensor)",
         "tracing: what a model encloses in no_grad gets gradients", ("rewrite/test_tracing.py",)),
    Seed("rewrite/verify.py", "return self.error <= self.tolerance * (1 + self.largest)", "return self.error <= self.tolerance * (1 + self.error)",
         "verification: the error is measured by itself, and everything is equal", ("rewrite/test_passes.py", "passes/test_catalogue.py")),
    Seed("rewrite/verify.py", 'float("inf") if strange else worst', "worst",
         "verification: NaN in one of two results is overlooked", ("rewrite/test_passes.py", "passes/test_catalogue.py")),
    Seed("rewrite/extract.py", "replace(record, passes=(str(self),))",
         "replace(record, passes=(str(self),), labels=record.labels and tuple(record.labels[i] for i in chosen))",
         "extraction cuts the class names, and loading cuts them once more", ("artefact/test_labels.py",)),
    Seed("rewrite/extract.py", "index_select(part.dimension, kept)", "index_select(0, kept)",
         "extraction: weights are always cut along the axis 0", ("studies/test_coded.py",)),
)
