"""Bugs in the catalogue: arguments, shapes, counts, bounds."""

from __future__ import annotations

from tests.campaign.seeded.seed import Seed

REACH = ("ops/test_arguments_reach.py",)
COUNTS = ("ops/test_counts.py",)

SEEDS = (
    Seed(
        "ops/convolution.py",
        'call["padding_mode"]\n\n    return',
        '"zeros"\n\n    return',
        "`padding_mode` of a convolution does not reach its module",
        REACH,
    ),
    Seed(
        "ops/normalisation.py",
        '"statistics": call["statistics"], "momentum": call["momentum"]}),',
        '"statistics": call["statistics"]}),',
        "`momentum` of `standardize` does not reach its module",
        REACH,
    ),
    Seed(
        "ops/heads.py",
        "given |= {name: call[name] for name in further if call[name] is not None}",
        'given |= {name: call[name] for name in further if call[name] is not None} | {"dropout": 0.0}',
        "`dropout` of `attention` does not reach its module",
        REACH,
    ),
    Seed(
        "ops/pooling.py",
        '"stride": tuple(stride), "count_include_pad": call["count_padding"],',
        '"stride": tuple(stride),',
        "`count_padding` of an average pool does not reach its module",
        REACH,
    ),
    Seed(
        "ops/convolution.py",
        "return 2 * product(call.y.dims[1:]) * _weights(call)[0].numel",
        "return product(call.y.dims[1:]) * _weights(call)[0].numel",
        "FLOPs of a convolution count a multiply-add as one",
        COUNTS,
    ),
    Seed(
        "ops/convolution.py",
        "return 2 * product(call.x.dims[1:]) * _transposed_weights",
        "return 2 * product(call.y.dims[1:]) * _transposed_weights",
        "FLOPs of a transposed convolution count the places of the output",
        COUNTS,
    ),
    Seed(
        "ops/linear.py",
        'return 2 * product(call.x.dims) * int(call["features"])',
        'return 2 * call.x.dims[-1] * int(call["features"])',
        "FLOPs of a linear layer forget the positions of a sequence",
        COUNTS,
    ),
    Seed(
        "ops/linear.py",
        "return Tensor((a.dims[0], b.dims[1]))",
        "return Tensor((a.dims[0], b.dims[0]))",
        "`matmul`: the wrong axis of the second matrix is left",
        ("ops/test_geometry.py", "ops/test_counts.py", "ops/test_faults.py", "ops/test_examples.py"),
    ),
    Seed(
        "ops/windows.py",
        "(total // 2, total - total // 2)",
        "(total - total // 2, total // 2)",
        "`same`: the odd cell of padding stands before instead of after",
        ("ops/test_geometry.py", "reference/test_reference.py"),
    ),
    Seed(
        "ops/windows.py",
        "reach = d * (k - 1) + 1\n        padded",
        "reach = d * k\n        padded",
        "places of a window: dilation counts one cell too many",
        ("ops/test_arguments_reach.py::test_another_value_makes_another_operation",),
    ),
    Seed(
        "ops/windows.py",
        "if max(before, after) > reach // 2:",
        "if max(before, after) > reach:",
        "a pool's padding may be larger than half its window",
        ("ops/test_extremes.py", "ops/test_faults.py"),
    ),
    Seed(
        "ops/kinds.py",
        "(low is not None and value < low)",
        "(low and value < low)",
        "negative integers pass where the least number is 0",
        ("ops/test_kinds.py",),
    ),
    Seed(
        "ops/kinds.py",
        "_within(value, self.low, self.high, self.text)\n        return value",
        "return value",
        "whole numbers have no bounds",
        ("ops/test_kinds.py",),
    ),
    Seed(
        "ops/kinds.py",
        "if self.above and value == self.low:",
        "if False:",
        "a number that must be greater than 0 may be 0",
        ("ops/test_kinds.py",),
    ),
    Seed(
        "ops/spreading.py",
        "{first} and {other} differ",
        "{other} and {first} differ",
        "tensors of a sum that do not fit: the message has them in the wrong order",
        ("ops/test_faults.py",),
    ),
    Seed(
        "ops/rules.py",
        "{first} and {other} differ",
        "{other} and {first} differ",
        "unequal tensors: the message has them in the wrong order",
        ("ops/test_faults.py",),
    ),
    Seed(
        "ops/rules.py",
        "if -len(names) <= dim < 0:",
        "if -len(names) < dim < 0:",
        "torch's dim -3 of a map is no axis",
        ("elaborate/test_arguments.py",),
    ),
    Seed(
        "ops/pooling.py",
        "at_least((places - 1) * stride - padding - size, 0)",
        "at_least((places - 1) * stride - size, 0)",
        "`ceil`: a last window that begins in the padding counts or not by the wrong size",
        ("ops/test_geometry.py", "ops/test_extremes.py"),
    ),
    Seed(
        "ops/normalisation.py",
        'rows=lambda call: bool(call["running"]),',
        "rows=lambda call: True,",
        "a batch norm without running statistics is said to treat each sample by itself",
        COUNTS,
    ),
    Seed(
        "ops/einsum.py",
        "if sizes.setdefault(name, size) != size:",
        "if sizes.setdefault(name, size) is None:",
        "einsum: one name for axes of two sizes passes",
        ("ops/test_faults.py",),
    ),
    Seed(
        "ops/einsum.py",
        "summed = (first & second) - set(kept)",
        "summed = first & second",
        "einsum: axes that are kept count as summed",
        ("ops/test_counts.py",),
    ),
    Seed(
        "ops/neighbourhoods.py",
        'return stride or call["size"]',
        'return stride or Size((1, 1))',
        "unfold: windows without a stride overlap",
        ("emit/test_operations_at_any_size.py",),
    ),
)
