"""Which epoch is the best, and what its row in the log holds."""

import pytest

from archlang.train import Epoch


def epoch(loss: float, accuracy: float | None, parts: dict[str, float] | None = None) -> Epoch:
    return Epoch(1, "all", 0.1, 1.0, None, loss, accuracy, 0, 1.23456, parts or {})


NAN = float("nan")


@pytest.mark.parametrize(("new", "old", "better"), [
    (epoch(1.0, 0.9), None, True),
    (epoch(2.0, 0.9), epoch(1.0, 0.8), True),
    (epoch(1.0, 0.8), epoch(2.0, 0.9), False),
    (epoch(1.0, 0.9), epoch(2.0, 0.9), True),
    (epoch(2.0, 0.9), epoch(2.0, 0.9), False),
    (epoch(1.0, None), epoch(2.0, None), True),
    (epoch(NAN, None), epoch(2.0, None), False),
    (epoch(2.0, None), epoch(NAN, None), True),
])
def test_which_epoch_is_better(new: Epoch, old: Epoch | None, better: bool) -> None:
    assert new.better_than(old) is better


def test_single_losses_stand_in_the_log_where_there_are_several() -> None:
    assert "train_mse" not in epoch(1.0, 0.5, {"mse": 1.0}).row()
    row = epoch(1.0, 0.5, {"mse": 1.0, "kl": 2.0}).row()
    assert (row["epoch"], row["seconds"], row["train_kl"]) == (1, 1.235, 2.0)
