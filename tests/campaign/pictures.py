"""Every picture of the docs: small trainings, then the command of each picture.

    python -m tests.campaign.pictures            # all, into docs/images
    python -m tests.campaign.pictures gradcam    # those whose name has this in it

Trainings are kept in build/pictures, and are not repeated where they are there.
"""

from __future__ import annotations

import argparse
import shlex
import sys
import time
from pathlib import Path

import torch

from archlang.cli.main import run

ROOT = Path(__file__).resolve().parents[2]
RUNS = "build/pictures"

TRAININGS = {
    "early": "examples/04_paths.arch --data digits --epochs 1",
    "paths": "examples/04_paths.arch --data digits --epochs 8",
    "plain": "specs/layer_attention/digits_plain.arch --data digits --epochs 4",
    "experts": "specs/pce/pce_tiny.arch --data digits --epochs 4",
    "coded": "specs/coded_resnext/digits.arch --data digits --epochs 3",
    "attention": "specs/layer_attention/digits.arch -p by=self_attention(heads=2) --data digits --epochs 3",
    "boosted": "build/pictures/boosted.arch --data digits --epochs 4",
}
"""Run to what `archlang train` is given."""

CLUSTERS = "specs/clustering/digits.arch"
CLUSTERINGS = {
    "normalised": f"{CLUSTERS} --data digits --epochs 10",
    "unnormalised": f"{RUNS}/unnormalised.arch --data digits --epochs 10",
}
"""The same for `archlang cluster`."""

MADE = {"untrained": f"compile {CLUSTERS} -o {RUNS}/untrained/last.safetensors"}
"""Folder to the command that makes its model."""

CANDIDATE = """archlang 1
network Candidate {
  input map: [16, 32, 32]
  output map -> pbconv(3x3, 16, kernels = [3x1 at (1, 2), 1x3 at (2, 1), 3x1 at (1, 1), 3x1 at (1, 3)])
}
"""
"""The candidate of Hao et al., figure 5: small kernels 3x1, 1x3, 3x1, 3x1 in the places that the rules leave them."""

PATHS = "{paths}/best.safetensors --data digits"
PICTURES = {
    "two_paths": "draw examples/04_paths.arch",
    "vit": "draw examples/networks/vit_small.arch",
    "paths_right": "draw specs/multipath/base_cnn_cc.arch --direction right --style paper",
    "predictions_right": "draw specs/multipath/base_cnn_cp.arch --direction right --style paper",
    "mixture_em": "draw specs/clustering/digits.arch --direction right --style paper",
    "attended_right": "draw specs/layer_attention/self_attention.arch --direction right --style paper",
    "candidate": f"draw {RUNS}/candidate.arch",
    "coded": "draw {coded}/best.safetensors --depth 3",
    "route": f"show routes {PATHS} --samples 0,1,2",
    "route_network": f"show routes {PATHS} --samples 0 --network",
    "gates": f"show gates {{early}}/best.safetensors {PATHS}",
    "gate": f"show gates {PATHS} --gate maps.route.0.1 --synthesised",
    "classes": f"show classes {PATHS} --gate maps.route.0.1 --gate maps.route.1.0",
    "weights": "show weights {paths}/best.safetensors",
    "filters": "show maximise {paths}/best.safetensors --filter maps.each.0.conv.0-7 --filter logits.each.0.conv.0-7",
    "curves": "show curves {paths} {plain}",
    "positions": "show positions {paths}/best.safetensors",
    "branches": "show positions {boosted}/best.safetensors --branches",
    "pruning": "show positions {paths}/best.safetensors --prune digits",
    "course": "show positions {early}/best.safetensors {paths}/best.safetensors --course",
    "gradcam": f"show gradcam {PATHS} --beside {{early}}/best.safetensors --samples 0,1,2",
    "clusters": "show clusters {untrained}/last.safetensors {unnormalised}/last.safetensors "
                "{normalised}/last.safetensors --data digits",
    "tsne": f"show tsne {PATHS} --stage maps --stage logits --count 359",
    "specialisation": "show specialisation {experts}/best.safetensors --data digits --switch-off",
    "pce_patches": "show patches {experts}/best.safetensors --data digits --samples 0,1,2",
    "cuts": "eval {experts}/best.safetensors --data digits --cut 0 --cut 0.1 --cut 0.3 --cut 0.6 --cut 0.9",
    "levels": "show attention {attention}/best.safetensors --data digits",
    "attention": "show attention {attention}",
    "energies": "show energies {coded}/best.safetensors --data digits",
    "ablation": "ablate {coded}/best.safetensors --data digits --block layer3",
    "study": "study specs/layer_attention/digits_plain.arch specs/layer_attention/digits_residual.arch "
             "-p width=4,16,64 --data mnist5k:train=500 --epochs 5 --seeds 3",
    "samples": "show samples digits mnist5k mnist5k:rotated mnist5k:cluttered mnist5k:pairs mnist5k:styles photos",
    "points": "show samples moons rings blobs blobs:heaps=10 blobs:heaps=30 bottleneck",
}
"""Picture to its command, the runs' folders in braces."""


def trained(name: str) -> str:
    """The folder of a run, trained where it is not there yet."""
    folder = f"{RUNS}/{name}"
    if name in MADE or name in CLUSTERINGS:
        if not Path(folder, "last.safetensors").exists():
            clustered(name, folder)
    elif not Path(folder, "best.safetensors").exists():
        if name == "boosted":
            boosted = ["transform", "examples/04_paths.arch", "pbconv{seed=2}", "-o", f"{RUNS}/boosted.arch"]
            assert run(boosted) == 0
        assert run(["train", *shlex.split(TRAININGS[name]), "--run", folder]) == 0, name
    return folder


def clustered(name: str, folder: str) -> None:
    """Make a model of clusters: untrained, trained, or trained without standardisation."""
    if name in MADE:
        Path(folder).mkdir(parents=True, exist_ok=True)
        assert run(shlex.split(MADE[name])) == 0
        return
    if name == "unnormalised":
        text = Path(CLUSTERS).read_text(encoding="utf-8").replace(" -> standardize", "")
        text = text.replace("mixture_em(scores,", "mixture_em(scores, statistics = none,")
        Path(f"{RUNS}/unnormalised.arch").write_text(text, encoding="utf-8")
    assert run(["cluster", *shlex.split(CLUSTERINGS[name]), "--no-pictures", "--run", folder]) == 0, name


def drawn(name: str, images: Path) -> float:
    """Draw one picture; returns the seconds that its command took."""
    words = PICTURES[name]
    runs = (*TRAININGS, *CLUSTERINGS, *MADE)
    words = words.format_map({run_: trained(run_) for run_ in runs if f"{{{run_}}}" in words})
    option = "-o"
    if words.startswith(("eval", "study")):
        option = "--plot"
    begun = time.perf_counter()
    assert run([*shlex.split(words), option, str(images / f"{name}.svg")]) == 0, words
    return time.perf_counter() - begun


def main() -> int:
    """Draw what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="parts of names of pictures (default: all)")
    parser.add_argument("--images", type=Path, default=ROOT / "docs" / "images")
    options = parser.parse_args()

    torch.set_num_threads(1)
    Path(RUNS).mkdir(parents=True, exist_ok=True)
    Path(f"{RUNS}/candidate.arch").write_text(CANDIDATE, encoding="utf-8")
    for name in PICTURES:
        if not options.names or any(part in name for part in options.names):
            took = drawn(name, options.images)
            print(f"{name}: {took:.1f} s", file=sys.stderr, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
