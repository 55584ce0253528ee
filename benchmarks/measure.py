"""What is measured: ResNet-50 against timm, checking against importing torch, paths against a loop by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from benchmarks.by_hand import BaseCNNCC
from benchmarks.timing import Row, Watch, process

SPECS = Path(__file__).resolve().parents[1] / "specs" / "multipath"
RESNET = str(SPECS / "resnet50.arch")
PATHS = str(SPECS / "base_cnn_cc.arch")
LIBRARIES: list[Any] = []
TIMM = 'timm.create_model("resnet50")'


def starting(watch: Watch) -> Iterator[Row]:
    """`archlang check` of ResNet-50, and of nothing but the start, against `import torch`: processes, start to end."""
    torch = process("-c", "import torch")
    checking = process("-m", "archlang", "check", RESNET)
    yield watch.compared("`archlang check resnet50.arch`, a process", "`import torch`", checking, torch)
    checking = process("-m", "archlang", "check", PATHS)
    yield watch.compared("`archlang check base_cnn_cc.arch`, a process", "`import torch`", checking, torch)


def resnet(watch: Watch) -> Iterator[Row]:
    """Check, compile and first forward of ResNet-50 against making it with timm and its first forward."""
    import torch

    import archlang

    x = torch.rand(1, 3, 224, 224)
    peer = f"`{TIMM}`"
    create = timm_constructor()
    names = ("check and compile ResNet-50", "the same and its first forward (1 image)", "forward of 8 images")
    if create is None:
        yield from (Row(what, peer, missing="timm is not installed") for what in names)
        return

    def ours() -> Any:
        return archlang.compile(archlang.load(RESNET)).eval()

    def theirs() -> Any:
        return create("resnet50").eval()

    with torch.no_grad():
        yield watch.compared(names[0], peer, ours, theirs)
        yield watch.compared(names[1], peer, lambda: ours()(x), lambda: theirs()(x))
        one, other, images = ours(), theirs(), torch.rand(8, 3, 224, 224)
        yield watch.compared(names[2], peer, lambda: one(images), lambda: other(images))


@cache
def timm_constructor() -> Callable[[str], Any] | None:
    """timm's `create_model`. torchvision without its compiled part has two operations that nobody here calls."""
    import torch

    # A fragment may be defined again; the definitions last as long as this object.
    library = torch.library.Library("torchvision", "FRAGMENT")
    for name in ("nms", "qnms"):
        with suppress(RuntimeError):  # it is there already
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    LIBRARIES.append(library)

    try:
        import timm
    except ImportError:
        return None
    created: Callable[[str], Any] = timm.create_model
    return created


def paths(watch: Watch, counts: tuple[int, ...] = (2, 4, 8), batch: int = 32) -> Iterator[Row]:
    """Forward and training step of base_cnn_cc against the same network written by hand."""
    import torch

    import archlang

    x, label = torch.rand(batch, 3, 32, 32), torch.arange(batch) % 10
    for count in counts:
        net = archlang.load(PATHS, paths=count)
        hand = BaseCNNCC(count)
        assert sum(p.numel() for p in hand.parameters()) == net.parameters
        for parallel in ("loop", "grouped", "auto"):
            model = archlang.compile(net, parallel=parallel)
            what = f"base_cnn_cc, {count} paths, `{parallel}`"
            one, other = _forward(model, x), _forward(hand, x)
            yield watch.compared(f"{what}: forward", "by hand", one, other, warm=2)
            one, other = _step(model, x, label), _step(hand, x, label)
            yield watch.compared(f"{what}: training step", "by hand", one, other, warm=2)


def _forward(model: Any, x: Any) -> Callable[[], None]:
    import torch

    def run() -> None:
        with torch.no_grad():
            model.eval()(x)

    return run


def _step(model: Any, x: Any, label: Any) -> Callable[[], None]:
    import torch

    optimiser = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)

    def run() -> None:
        model.train()
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(model(x), label).backward()
        optimiser.step()

    return run
