"""The same from Python: a network is counted without torch, compiled to a torch.fx module, and shows its gates."""

from __future__ import annotations

from pathlib import Path

import archlang

HERE = Path(__file__).parent


def main() -> None:
    """Load, count, compile, look at the gates."""
    net = archlang.load(HERE / "04_paths.arch", paths=3)
    print(f"{net.name} with {net.dials['paths']} paths: {net.parameters:,} parameters, {net.flops:,} FLOPs")

    import torch

    model = archlang.compile(net, seed=0, taps=True)
    logits, taps = model(torch.rand(2, 1, 8, 8))
    print("logits", list(logits.shape))
    for name, gates in taps.items():
        print(name, list(gates.shape), "each input's gates sum to", round(gates[0, 0].sum().item(), 3))
    print(*list(model.state_dict())[:3], sep="\n")

    try:
        archlang.load(HERE / "mistakes.arch")
    except archlang.ArchError as problem:
        print(*(f"{d.name}: {d.message}" for d in problem.diagnostics), sep="\n")


if __name__ == "__main__":
    main()
