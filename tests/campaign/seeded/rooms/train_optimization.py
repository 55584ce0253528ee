"""Bugs in schedules, averages, planning and processes."""

from __future__ import annotations

from tests.campaign.seeded.seed import Seed

SCHEDULE = ("train/optimization/test_schedule.py",)

SEEDS = (
    Seed(
        "train/optimization/schedule.py",
        "passed = sum(at >= epoch for epoch",
        "passed = sum(at > epoch for epoch",
        "steps of the rate come one step too late",
        SCHEDULE,
    ),
    Seed(
        "train/optimization/schedule.py",
        "return CURVES[option.name](start, at - origin, epochs - origin, args)",
        "return CURVES[option.name](start, at - origin, epochs, args)",
        "a cosine behind a warm-up does not reach its end",
        SCHEDULE,
    ),
    Seed(
        "train/optimization/schedule.py",
        "return start * at / warmup",
        "return start * (at + 1) / warmup",
        "a warm-up is one step ahead",
        SCHEDULE,
    ),
    Seed(
        "train/optimization/schedule.py",
        "return start + (to - start) * at / epochs",
        "return start - to * at / epochs",
        "a linear rate ends at another rate than asked for",
        SCHEDULE,
    ),
    Seed(
        "train/optimization/averaging.py",
        "self._update(1 - self.decay)",
        "self._update(self.decay)",
        "the moving average of weights counts the other way",
        ("train/loop/test_phases.py::test_a_moving_average_is_torchs",),
    ),
    Seed(
        "train/optimization/averaging.py",
        "self._update(1 / (self.count + 1))",
        "self._update(1 / (self.count + 2))",
        "a plain mean of weights counts one epoch too many",
        ("train/loop/test_phases.py::test_a_plain_mean_is_torchs",),
    ),
    Seed(
        "train/optimization/averaging.py",
        "passed > self.after:",
        "passed >= self.after:",
        "a plain mean of weights begins one epoch too early",
        ("train/loop/test_phases.py::test_a_plain_mean_is_torchs",),
    ),
    Seed(
        "train/optimization/planning.py",
        "return max(1, full + (rest > 1))",
        "return max(1, full + (rest > 0))",
        "a last batch of one sample stands alone",
        ("train/optimization/test_planning.py",),
    ),
    Seed(
        "train/optimization/planning.py",
        'f"{seed}:{epoch}:{use}".encode()',
        'f"{seed}:{epoch}".encode()',
        "the order of samples and their augmentation share their chance",
        ("train/optimization/test_planning.py",),
    ),
    Seed(
        "train/optimization/optimizers.py",
        "if k not in NOT_OF_TORCH and v is not None})",
        'if k == "weight_decay"})',
        "groups of weights forget their own rates",
        ("train/loop/test_phases.py::test_groups_are_torchs",),
    ),
    Seed(
        "train/processes/sharding.py",
        "distributed.all_reduce(weight.grad.div_(world.size))",
        "distributed.all_reduce(weight.grad)",
        "gradients of several processes are summed instead of averaged",
        ("train/processes/test_processes.py::test_two_processes_train_as_one",),
    ),
    Seed(
        "layers/processes.py",
        "total = gradients[0].clone(memory_format=torch.contiguous_format)\n        distributed.all_reduce(total)\n",
        "total = gradients[0].clone(memory_format=torch.contiguous_format)\n",
        "a sum over processes: the gradients of the others are missing",
        ("layers/test_processes.py",),
    ),
)
