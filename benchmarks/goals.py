"""The rows of `docs/benchmarks.md`: two ways of doing a thing, or one way and the seconds it may take."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

import archlang
from archlang.exporting.aot_file import aot_bytes
from archlang.layers import set_cut
from benchmarks import exporting, front, importing
from benchmarks.by_hand import BaseCNNCC
from benchmarks.cases import output, spec
from benchmarks.coded import peer
from benchmarks.measure import RESNET, timm_constructor
from benchmarks.timing import process

Work = Callable[[], object]

IMAGENET = "coded_resnext/imagenet"
DIGITS = "multipath/base_cnn_cc"

EXPERTS = """archlang 1
network Experts {
  input image: [16, 32, 32]
  output image -> patches(8x8) -> experts(4, cosine_router(global_avg_pool, threshold = adaptive, start = random)) {
                    conv(3x3, 32)
                  } -> unpatch
}
"""
WIDE = """archlang 1
network Wide {
  input image: [16, 32, 32]
  output image -> conv(3x3, 128)
}
"""
"""Four experts on every patch, and one convolution with as many multiplications."""


@dataclass(frozen=True)
class Line:
    """One row: ours beside a peer.

    Args:
        what, peer: their names.
        ours, theirs: one run of each.
        most: the largest ratio that is wanted; None where the row has no goal.
    """

    what: str
    peer: str
    ours: Work
    theirs: Work
    most: float | None = None


@dataclass(frozen=True)
class Seconds:
    """One row of `benchmarks.front`, measured in processes of its own."""

    goal: front.Goal
    values: tuple[float, ...]


Lines = Iterator[Line]


def forward(model: nn.Module, x: Any, half: bool = False) -> Work:
    """A forward pass in evaluation mode, without gradients; with `half` under autocast to bfloat16."""
    model.eval()

    def run() -> object:
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16) if half else nullcontext():
            return model(x)

    return run


def step(model: nn.Module, x: torch.Tensor) -> Work:
    """Forward in training mode and backward."""
    model.train()

    def run() -> None:
        model.zero_grad(set_to_none=True)
        output(model(x)).square().mean().backward()

    return run


def trained(model: nn.Module, x: torch.Tensor) -> Work:
    """A whole training step: forward, backward, SGD with momentum."""
    model.train()
    optimiser = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    label = torch.arange(len(x)) % 10

    def run() -> None:
        optimiser.zero_grad()
        nn.functional.cross_entropy(output(model(x)), label).backward()
        optimiser.step()

    return run


def starting() -> Lines:
    """Checking, as processes from start to end."""
    importing = process("-c", "import torch")
    for file in (RESNET, RESNET.replace("resnet50", "base_cnn_cc")):
        checking = process("-m", "archlang", "check", file)
        yield Line(f"`archlang check {Path(file).name}`, a process", "`import torch`", checking, importing)


def resnet() -> Lines:
    """ResNet-50, compiled and run."""
    create: Any = timm_constructor()
    named = '`timm.create_model("resnet50")`'

    def ours() -> Any:
        return archlang.compile(archlang.load(RESNET)).eval()

    def theirs() -> Any:
        return create("resnet50").eval()

    one = torch.rand(1, 3, 224, 224)
    yield Line("check and compile ResNet-50", named, ours, theirs)
    yield Line("the same and its first forward (1 image)", named, lambda: forward(ours(), one)(),
               lambda: forward(theirs(), one)())
    images = torch.rand(8, 3, 224, 224)
    yield Line("forward of 8 images", named, forward(ours(), images), forward(theirs(), images))


def paths() -> Lines:
    """base_cnn_cc beside the loop by hand."""
    for count, batch in ((2, 32), (4, 16), (8, 8)):
        x = torch.rand(batch, 3, 32, 32)
        net, hand = archlang.load(Path(RESNET).with_name("base_cnn_cc.arch"), paths=count), BaseCNNCC(count)
        for parallel in ("loop", "grouped", "auto"):
            model = archlang.compile(net, parallel=parallel)  # type: ignore[arg-type]  # one of the three
            what = f"base_cnn_cc, {count} paths, {batch} images, `{parallel}`"
            yield Line(f"{what}: forward", "by hand", forward(model, x), forward(hand, x))
            yield Line(f"{what}: training step", "by hand", trained(model, x), trained(hand, x))


def tuned() -> Lines:
    """Tuned forms beside the usual ones: never slower."""
    x = torch.rand(8, 3, 32, 32)
    for name, dials in ((DIGITS, {"paths": 4}), (DIGITS, {"paths": 8}), ("pbconv/vgg16_cifar", {"boost": "acb"})):
        net = archlang.load(front.ROOT / "specs" / f"{name}.arch", **dials)
        usual, other = archlang.compile(net), archlang.compile(net, tune=x)
        what = f"{name} ({', '.join(f'{k} = {v}' for k, v in dials.items())}), 8 images"
        yield Line(f"{what}, tuned: training step", "not tuned", step(other, x), step(usual, x), 1.05)

        plain, quick = archlang.fuse(usual.eval()), archlang.fuse(usual.eval(), (x,), tune=True)
        yield Line(f"{what}, fused and tuned: forward", "fused", forward(quick, x), forward(plain, x), 1.05)


def deployed() -> Lines:
    """The deployed form beside the same done by hand: fused, kernels laid channels last, compiled by torch."""
    from torch.fx.experimental.optimization import fuse as torch_fuse

    create: Any = timm_constructor()
    layout = torch.channels_last
    x = torch.rand(4, 3, 224, 224)
    ours = archlang.fuse(archlang.compile(archlang.load(RESNET)).eval(), (x,))
    theirs = torch_fuse(create("resnet50").eval())
    named = "timm's, `torch.fx` fusion"
    yield Line("ResNet-50 fused: forward of 4 images", named, forward(ours, x), forward(theirs, x), 1.05)

    last = x.to(memory_format=layout)
    ours, theirs = ours.to(memory_format=layout), theirs.to(memory_format=layout)  # type: ignore[call-overload]
    yield Line("the same, channels last", f"{named}, channels last", forward(ours, last), forward(theirs, last), 1.05)
    compiled: list[Any] = [torch.compile(model) for model in (ours, theirs)]
    yield Line("the same, `torch.compile`", f"{named}, channels last, `torch.compile`", forward(compiled[0], last),
               forward(compiled[1], last), 1.05)

    with tempfile.TemporaryDirectory() as folder:
        package = Path(folder) / "ours.pt2"
        package.write_bytes(aot_bytes(ours)[0])
        programs = load_package(package), packaged(theirs, last, package.with_name("theirs.pt2"))
    yield Line("the same, machine code (`export --to aot`)", f"{named}, packaged by AOTInductor",
               lambda: programs[0](last), lambda: programs[1](last), 1.05)


def packaged(model: nn.Module, x: torch.Tensor, path: Path) -> Any:
    """A model as machine code for any batch, by torch's own functions."""
    batch = torch.export.Dim("batch", min=1, max=4096)
    with torch.no_grad():
        program = torch.export.export(model, (x,), dynamic_shapes=({0: batch},))
        torch._inductor.aoti_compile_and_package(program, package_path=str(path))
    return load_package(path)


def load_package(path: Path) -> Any:
    """The program of a package, which is called as a module."""
    return torch._inductor.aoti_load_package(str(path))


def coded() -> Lines:
    """Coded ResNeXt-50 beside timm's ResNeXt-50."""
    name, plain = peer()
    model, off = spec(IMAGENET)(), spec(IMAGENET, use_codes=False)()
    two, eight = torch.randn(2, 3, 160, 160), torch.randn(8, 3, 160, 160)
    what = "Coded ResNeXt-50"
    yield Line(f"{what}, forward of 2 images of 160x160", name, forward(model, two), forward(plain, two), 1.05)
    yield Line(f"{what}, forward of 8 images", name, forward(model, eight), forward(plain, eight), 1.05)
    yield Line(f"{what}, forward of 8 images, bfloat16", name, forward(model, eight, True),
               forward(plain, eight, True), 1.05)
    yield Line("the same with its codes off, forward of 2 images", name, forward(off, two), forward(plain, two), 1.05)

    fused = archlang.fuse(model.eval())
    yield Line(f"{what}, fused, forward of 2 images", f"{name}, not fused", forward(fused, two), forward(plain, two),
               1.05)
    yield Line(f"{what}, fused, forward of 8 images", f"{name}, not fused", forward(fused, eight),
               forward(plain, eight), 1.05)
    yield Line(f"{what}, step of 2 images", name, step(model, two), step(plain, two), 1.10)
    yield Line(f"{what}, step of 8 images", name, step(model, eight), step(plain, eight), 1.10)


def experts() -> Lines:
    """Patch experts beside dense networks with their FLOPs."""
    x = torch.randn(32, 3, 32, 32)
    sparse, dense = spec("pce/pce_cifar10")().eval(), spec("pce/dense_cifar10")().eval()
    set_cut(sparse, 1.0)
    peer = "`dense_cifar10`, equal FLOPs"
    yield Line("`pce_cifar10`, one expert a patch: forward of 32 images", peer, forward(sparse, x), forward(dense, x),
               1.1)
    ours, theirs = archlang.fuse(sparse), archlang.fuse(dense)
    set_cut(ours, 1.0)
    yield Line("the same, both fused", peer, forward(ours, x), forward(theirs, x), 1.1)

    maps = torch.randn(32, 16, 32, 32)
    all_of_them, wide = archlang.compile(archlang.loads(EXPERTS)), archlang.compile(archlang.loads(WIDE))
    peer = "one convolution, equal FLOPs"
    yield Line("4 experts of a 3x3 convolution, all on every patch: forward", peer, forward(all_of_them, maps),
               forward(wide, maps), 1.2)
    yield Line("the same, training step", peer, step(all_of_them, maps), step(wide, maps), 1.2)


def attention() -> Lines:
    """Attention over layers beside the plain network, alone and with dense maps of the same FLOPs."""
    small = "layer_attention/self_attention"
    for batch in (4, 32):
        x = torch.randn(batch, 3, 32, 32)
        ours, plain, equal = spec(small)(), spec("layer_attention/plain")(), Readouts()
        what = f"attention over layers, step of {batch} images"
        yield Line(what, "the plain network and dense maps with the FLOPs that attention adds", step(ours, x),
                   step(equal, x), 1.2)
        yield Line(what, "the plain network", step(ours, x), step(plain, x))


class Readouts(nn.Module):
    """The plain network, and of each of its six levels a dense map to 128 numbers: what attention reads, without it."""

    def __init__(self) -> None:
        super().__init__()
        self.units = nn.ModuleList()
        self.maps = nn.ModuleList()
        size, entering = 32, 3
        for leaving, stride in ((32, 1), (32, 1), (64, 2), (64, 1), (128, 2), (128, 1)):
            size //= stride
            convolution = nn.Conv2d(entering, leaving, 3, stride, 1, bias=False)
            self.units.append(nn.Sequential(convolution, nn.BatchNorm2d(leaving), nn.ReLU()))
            self.maps.append(nn.Sequential(nn.Flatten(), nn.Linear(leaving * size * size, 128)))
            entering = leaving
        self.last = nn.Linear(128, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Images [batch, 3, 32, 32] to the classes' scores [batch, 10]: those of the sum of what is read."""
        read = torch.zeros(())
        for unit, readout in zip(self.units, self.maps, strict=True):
            x = unit(x)
            read = read + readout(x)
        logits: torch.Tensor = self.last(read)
        return logits


def pbconv() -> Lines:
    """Boosted convolutions in training, beside the networks without small kernels."""
    x = torch.randn(16, 3, 64, 64)
    for name in ("mobilenet_v2", "resnet18"):
        text = (front.ROOT / "specs" / "pbconv" / f"{name}.arch").read_text().replace("224, 224", "64, 64")
        plain = archlang.compile(archlang.loads(text))
        for boost in ("dbb", "acb", "pbconv"):
            ours = archlang.compile(archlang.loads(text, boost=boost))
            yield Line(f"`specs/pbconv/{name}`, `{boost}`, step of 16 images of 64x64", "boost off", step(ours, x),
                       step(plain, x), 1.6)

    maps = torch.randn(16, 64, 32, 32)
    for groups, said in ((64, "a depthwise 3x3 over 64 channels"), (1, "a 3x3 of 64 channels")):
        convolution = nn.Conv2d(64, 64, 3, padding=1, groups=groups, bias=False)
        layer = nn.Sequential(convolution, nn.BatchNorm2d(64), nn.ReLU())
        for how in ("dbb", "acb", "pbconv"):
            yield Line(f"`archlang.boost`, {said} and its batch norm, `{how}`", "not boosted",
                       step(archlang.boost(layer, kernels=how), maps), step(layer, maps), 1.6)


def files() -> Lines:
    """Import and export, which compare what they make, beside torch's own parts of them."""
    create: Any = timm_constructor()
    works = importing.works(create("resnet50").eval())
    yield Line("`archlang.import_model` of timm's resnet50", "`torch.export.export`", *works, importing.MOST)
    works = exporting.works(archlang.create_model("multipath/resnet50").eval())
    yield Line("`archlang.export` of `specs/multipath/resnet50.arch` to ONNX, compared", "`torch.onnx.export`",
               *works, exporting.MOST)


def front_half(pairs: int) -> Iterator[Seconds]:
    """What the front half and compiling cost: seconds of processor time, and one ratio."""
    with tempfile.TemporaryDirectory() as folder:
        tree = front.prepared(Path(folder))
        turns = [tree.turn() for _ in range(1 + pairs)][1:]
    for goal, values in zip(front.GOALS, zip(*turns, strict=True), strict=True):
        yield Seconds(goal, values)


GROUPS: dict[str, Callable[[], Lines]] = {
    "coded": coded, "experts": experts, "attention": attention, "pbconv": pbconv, "tuned": tuned, "resnet": resnet,
    "starting": starting, "paths": paths, "files": files, "deployed": deployed,
}
"""Groups of rows in their order: what there are no minutes for is the end, and compiling takes longest."""

ONE_THREAD = ("starting", "files", "front")
"""Groups of processes, or of Python alone, which further threads change nothing for."""
