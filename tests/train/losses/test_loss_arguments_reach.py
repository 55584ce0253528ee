"""Every argument of every loss, changed, changes the training: nothing that is written is left aside.

The whole way is taken, from the text of a file to the weights after a training of two epochs.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from archlang.diagnostics import ArchError
from archlang.elaborate import loads
from archlang.ops import CATALOGUE
from archlang.ops.kinds import TensorKind
from archlang.train import fit
from archlang.train.data.splits import Data, Tensors

COUNT = 12
ROOT = Path(__file__).parents[3]


def network(body: str) -> str:
    """A file without its training."""
    return f"archlang 1\nnetwork N {{\n  input x: [1, 8, 8]\n{body}\n}}\n"


def spec(path: str) -> str:
    """A file of the project without its training."""
    return (ROOT / path).read_text(encoding="utf-8").partition("\ntrain {")[0] + "\n"


MAPS = network("  y = x -> conv(3x3, 3)\n  output y")
ONE_MAP = network("  y = x -> conv(3x3, 1)\n  output y")
PAIR = network("  y = x -> flatten -> linear(4)\n  z = x -> flatten -> linear(4)\n  output y\n  output second = z")
TRIPLE = network("  y = x -> flatten -> linear(4)\n  z = x -> flatten -> linear(4)\n"
                 "  w = x -> flatten -> linear(4)\n  output y\n  output second = z\n  output third = w")
UNIT = network("  y = x -> flatten -> linear(10) -> l2_normalize\n  output y")
LINE = network("  y = x -> reshape([8, 8]) -> linear(10)\n  output y")
GROUPS = network("  y = x -> flatten -> linear(4) -> standardize\n  output y")
BARE = network("  y = x -> flatten -> linear(4)\n  output y")
ROUTES = network("""
  y = x -> fork(2) -> each { conv(3x3, 3) -> relu } -> route(cross_prediction(conv(3x3, 5) -> batch_norm, hidden = 4))
  z = y -> each { global_avg_pool -> linear(4) } -> route(cross_connection(hidden = 0), to = 3) -> mean
  output z
""")
CODED = spec("specs/coded_resnext/digits.arch")
EXPERTS = spec("specs/pce/pce_tiny.arch")
FILES = {
    "cross_entropy": MAPS, "focal": MAPS, "dice": MAPS, "heatmap_focal": MAPS, "mse": ONE_MAP, "l1": ONE_MAP,
    "smooth_l1": ONE_MAP, "charbonnier": ONE_MAP, "frequency_l1": ONE_MAP, "contrastive": PAIR, "agreement": BARE,
    "mixture_em": BARE, "triplet": TRIPLE, "info_nce": PAIR, "nt_xent": BARE, "arc_margin": UNIT, "ctc": LINE,
    "confidence": EXPERTS, "collapse": EXPERTS, "coding_loss": CODED,
}

TENSORS = {"contrastive": "y, z, label", "agreement": "y", "mixture_em": "y", "triplet": "y, z, w",
           "info_nce": "y, z", "nt_xent": "y"}
"""The tensors of a loss that does not read `y` and the label."""

IGNORING = {"label_smoothing": ["0.3"], "ignore": ["255"], "weights": ["[1.0, 2.0, 3.0]"], "resize": ["true"]}
OTHERS: dict[str, dict[str, list[str]]] = {
    "cross_entropy": IGNORING,
    "focal": {"gamma": ["0", "3"], **{name: IGNORING[name] for name in ("ignore", "weights", "resize")}},
    "dice": {"smooth": ["0", "9"], "ignore": ["255"], "resize": ["true"]},
    "mse": {"resize": ["true"]}, "l1": {"resize": ["true"], "places": ["label"]}, "frequency_l1": {"resize": ["true"]},
    "smooth_l1": {"beta": ["0.1"], "resize": ["true"], "places": ["label"]},
    "charbonnier": {"epsilon": ["0.5"], "resize": ["true"]},
    "heatmap_focal": {"alpha": ["1"], "beta": ["1"]},
    "contrastive": {"margin": ["9"]}, "triplet": {"margin": ["9"]}, "info_nce": {"temperature": ["1"]},
    "nt_xent": {"temperature": ["0.1"]}, "arc_margin": {"margin": ["0"], "scale": ["8"]}, "ctc": {"blank": ["9"]},
    "mixture_em": {"gamma": ["1"], "augmented": ["true"], "statistics": ["batch", "none"], "prior": ["ema"]},
    "agreement": {"statistics": ["batch", "none"]},
    "confidence": {}, "collapse": {"below": ["0.9"]},
    "coding_loss": {"power": ["1", "2"]},
}
"""Other values than the default of each argument."""

OF_SITES = [
    ("mixture_em", ROUTES, 'of = "z.route"'), ("mixture_em", ROUTES, "over = router"),
    ("mixture_em", ROUTES, "prior = uniform"),
    ("confidence", EXPERTS, 'of = "layer1"'), ("load_balance", EXPERTS, 'of = "layer2"'),
    ("collapse", EXPERTS, 'below = 0.9, of = "layer2"'),
    ("coding_loss", CODED, 'of = "layer3"'),
]
"""Arguments that pick sites, or are of losses over sites."""


NEEDED = ("ignore", "resize")
"""Arguments without which their labels are refused."""


def label_of(loss: str, argument: str) -> torch.Tensor:
    """A label that fits a loss, and an argument that is given: of twice the rows and columns, with places to ignore."""
    chance, side = torch.Generator().manual_seed(1), 8
    if argument == "resize":
        side = 16
    if loss in ("cross_entropy", "focal", "dice"):
        label = torch.randint(0, 3, (COUNT, side, side), generator=chance)
        if argument == "ignore":
            label[:, :3] = 255
        return label
    if loss == "heatmap_focal":
        return torch.rand(COUNT, 3, side, side, generator=chance).round(decimals=1)
    if FILES[loss] is ONE_MAP:
        return torch.rand(COUNT, 1, side, side, generator=chance)
    if loss == "ctc":
        return torch.arange(3 * COUNT).reshape(COUNT, 3) % 8 + 1
    return torch.arange(COUNT) % (2 if loss == "contrastive" else 10)


def trained(text: str, loss: str, label: torch.Tensor, augment: str = "") -> list[torch.Tensor]:
    """The weights after a training, and its losses; nothing where the data are refused."""
    torch.set_num_threads(1)
    network = loads(f"{text}train {{\n  loss = {loss}\n  optimizer = sgd(lr = 0.1)\n  batch = 6\n"
                    f"{augment}  phase all {{ epochs = 2 }}\n}}\n")
    part = Tensors(torch.rand(COUNT, 1, 8, 8, generator=torch.Generator().manual_seed(0)), label)
    try:
        done = fit(network, Data("noise", part, part), seed=0, device="cpu")
    except ArchError as problem:
        assert problem.diagnostics[0].name == "bad-data"
        return []
    losses = torch.tensor([epoch.train_loss for epoch in done.history])
    return [losses, *done.model.state_dict().values()]


def differ(one: list[torch.Tensor], other: list[torch.Tensor]) -> bool:
    """Tell whether two trainings came out differently."""
    return len(one) != len(other) or any(not torch.equal(a, b) for a, b in zip(one, other, strict=True))


CASES = [(loss, name, value) for loss, others in OTHERS.items() for name, values in others.items() for value in values]


@pytest.mark.parametrize(("loss", "name", "value"), CASES)
def test_another_value_makes_another_training(loss: str, name: str, value: str) -> None:
    reads = TENSORS.get(loss, "y, label")
    if loss in ("confidence", "collapse", "coding_loss"):
        reads = ""
    label = label_of(loss, name)
    # A second view of the samples needs something that changes them.
    augment = "  augment = [shift(1)]\n" if loss in ("agreement", "nt_xent") or name == "augmented" else ""
    before = trained(FILES[loss], f"{loss}({reads})", label, augment)
    assert bool(before) is (name not in NEEDED)

    after = trained(FILES[loss], f"{loss}({reads}{', ' if reads else ''}{name} = {value})", label, augment)
    assert after and differ(before, after)


@pytest.mark.parametrize(("loss", "text", "arguments"), OF_SITES)
def test_what_is_said_of_sites_makes_another_training(loss: str, text: str, arguments: str) -> None:
    label = torch.arange(COUNT) % 10
    without = arguments.rpartition("of = ")[0].rstrip(", ") if "below" in arguments else ""
    before = trained(text, f"{loss}({without})", label)
    assert before and differ(before, trained(text, f"{loss}({arguments})", label))


def test_every_argument_is_here() -> None:
    picked = {(loss, part.partition(" = ")[0]) for loss, _, said in OF_SITES for part in said.split(", ")}
    there = {(loss, name) for loss, others in OTHERS.items() for name in others} | picked
    wanted = {
        (setting.name, argument.name) for setting in CATALOGUE.settings.values() if setting.role == "loss"
        for argument in setting.args if not isinstance(argument.kind, TensorKind) or argument.name == "places"
    }
    assert there == wanted
