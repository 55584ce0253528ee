"""On digits: the search's score of ten candidates, their accuracy after training, and the correlation of the two.

    python -m tests.campaign.boost [--candidates 10] [--iterations 40] [--epochs 5] [--seed 0]
"""

from __future__ import annotations

import argparse

import torch

from archlang.compiler import loads
from archlang.studies.pbconv.search import search
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


def main() -> None:
    """Search, then train every candidate to its end."""
    parser = argparse.ArgumentParser()
    for name, default in (("candidates", 10), ("iterations", 40), ("epochs", 5), ("seed", 0)):
        parser.add_argument(f"--{name}", type=int, default=default)
    given = parser.parse_args()
    torch.set_num_threads(1)
    net = loads(NET)
    trials = search(net, "digits", Settings(given.candidates, given.iterations, given.seed))
    scores, accuracies = [], []
    for trial in trials:
        done = fit(boosted(net, trial.kernels), "digits", epochs=given.epochs, seed=given.seed)
        scores.append(trial.scores["3x3"])
        accuracies.append(100 * (done.history[-1].test_accuracy or 0.0))
        print(f"{trial.number + 1:>3}  score {scores[-1]:.4f}  accuracy {accuracies[-1]:.2f} %  {trial.kernels['3x3']}",
              flush=True)
    plain = fit(net, "digits", epochs=given.epochs, seed=given.seed)
    print(f"unboosted: accuracy {100 * (plain.history[-1].test_accuracy or 0.0):.2f} %")
    print(f"correlation of score and accuracy: {correlation(scores, accuracies):+.2f}")


if __name__ == "__main__":
    main()
