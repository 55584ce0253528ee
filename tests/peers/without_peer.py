"""What has no peer, and why. Everything else in `specs/`, `examples/` and `std` stands in a table of pairs."""

from __future__ import annotations

WITHOUT_PEER = {
    "examples/mistakes": "wrong on purpose: `tests/docs` compares what is said about it",
    "examples/mistakes_pytorch": "wrong on purpose: PyTorch's habits, each with the text to write instead",
    "examples/10_plugin/network": "its operation is a plug-in's, which no library has (`tests/ops/test_plugins.py`)",
    **dict.fromkeys(
        ("examples/16_package/network", "examples/16_package/libs/lab/blocks", "examples/16_package/libs/lab/norms"),
        "shows where modules of a package are found: `tests/elaborate/test_packages.py` compares the whole",
    ),
    **dict.fromkeys(
        ("std.backbone.plain_stem", "std.backbone.deep_stem", "std.backbone.dilated_resnet18",
         "std.backbone.dilated_resnet50", "std.backbone.dilated_mobilenet"),
        "compared inside `specs/pbconv`: PSPNet on ResNet-18, DeepLabv3 on ResNet-50, DeepLabv3+ on MobileNetV2",
    ),
    **dict.fromkeys(
        (f"specs/claims/{name}" for name in ("attended", "boosted", "clustered", "coded", "gated", "paths", "placed",
                                             "placed_dense", "single")),
        "small, for `tests/campaign/claims` alone, and made of blocks that are compared each for itself",
    ),
}
