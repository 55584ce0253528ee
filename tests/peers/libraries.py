"""timm and torchvision, imported so that torchvision's missing operators do not matter."""

from __future__ import annotations

import sys
from types import ModuleType

from tests.campaign.fusion import declare


def torchvision_models() -> ModuleType:
    """`torchvision.models`."""
    _declare_once()
    from torchvision import models

    return models


def torchvision_changes() -> ModuleType:
    """`torchvision.transforms.v2.functional`."""
    _declare_once()
    from torchvision.transforms.v2 import functional

    return functional


def timm() -> ModuleType:
    """`timm`, which imports torchvision."""
    _declare_once()
    import timm

    return timm


def _declare_once() -> None:
    """Declare what a torchvision built for another torch lacks, unless somebody imported it before."""
    if "torchvision" not in sys.modules:
        declare()
