"""On digits: the search's score of ten candidates, their accuracy after training, and the correlation of the two.

    python -m tests.campaign.boost [--candidates 10] [--iterations 40] [--epochs 5] [--seed 0] [--seeds 3]

Scores and accuracies are means over the seeds.
"""

from __future__ import annotations

import argparse
from statistics import mean

import torch

from archlang.compiler import loads
from archlang.elaborate import Network
from archlang.studies.pbconv.search import search, spread
from archlang.studies.pbconv.trial import Settings, boosted
from archlang.train import fit

NET = """archlang 1
import std.conv (unit)

network Digits(classes = 10) {
  input image: [1, 8, 8]
  logits = image -> unit(8) -> unit(16, stride = 2) -> unit(16) -> global_avg_pool -> linear(classes)
  output logits
}

train {
  loss      = cross_entropy(logits, label)
  optimizer = sgd(lr = 0.05, momentum = 0.9)
  batch     = 64
  phase all { epochs = 5; lr = cosine }
}
"""


def correlation(one: list[float], other: list[float]) -> float:
    """Pearson's."""
    return float(torch.corrcoef(torch.tensor([one, other], dtype=torch.float64))[0, 1])


def accuracy(net: Network, epochs: int, settings: Settings) -> float:
    """The accuracy in % after a training, the mean over the seeds of a search."""
    every = []
    for index in range(settings.seeds):
        done = fit(net, "digits", epochs=epochs, seed=settings.training_seed(index), device="cpu")
        every.append(100 * (done.history[-1].test_accuracy or 0.0))
    return mean(every)


def main() -> None:
    """Search, then train every candidate to its end."""
    parser = argparse.ArgumentParser()
    for name, default in (("candidates", 10), ("iterations", 40), ("epochs", 5), ("seed", 0), ("seeds", 3)):
        parser.add_argument(f"--{name}", type=int, default=default)
    given = parser.parse_args()
    torch.set_num_threads(1)

    net = loads(NET)
    settings = Settings(given.candidates, given.iterations, given.seed, seeds=given.seeds)
    before, after, accuracies = [], [], []
    print("| candidate | small kernels | score before training | score | deviation | accuracy |")
    print("|---:|---:|---:|---:|---:|---:|")
    for trial in search(net, "digits", settings):
        before.append(trial.starts["3x3"])
        after.append(trial.scores["3x3"])
        accuracies.append(accuracy(boosted(net, trial.kernels), given.epochs, settings))
        deviation = spread(trial, "3x3") or 0.0
        count = trial.kernels["3x3"].count(" at ")
        print(f"| {trial.number + 1} | {count} | {before[-1]:.4f} | {after[-1]:.4f} | {deviation:.4f} | "
              f"{accuracies[-1]:.2f} % |", flush=True)

    print(f"| unboosted | | | | | {accuracy(net, given.epochs, settings):.2f} % |")
    print(f"correlation of the scores before and after training: {correlation(before, after):+.2f}")
    print(f"correlation of score and accuracy: {correlation(after, accuracies):+.2f}")
    print(f"correlation of the score before training and accuracy: {correlation(before, accuracies):+.2f}")


if __name__ == "__main__":
    main()
