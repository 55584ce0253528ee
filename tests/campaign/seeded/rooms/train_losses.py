"""Bugs in losses and their targets."""

from __future__ import annotations

from tests.campaign.seeded.seed import Seed

SEEDS = (
    Seed(
        "train/losses/clustering.py",
        "self.priors.mul_(DECAY).add_((1 - DECAY) *",
        "self.priors.mul_(1 - DECAY).add_(DECAY *",
        "EM: the moving average of the priors counts the other way",
        ("clustering/test_equations.py",),
    ),
    Seed(
        "train/losses/clustering.py",
        "        if self.training:\n            self._follow",
        "        if True:\n            self._follow",
        "EM: evaluation moves the priors",
        ("train/losses/test_clustering_losses.py::test_an_evaluation_moves_neither_priors_nor_statistics",),
    ),
    Seed(
        "train/losses/task.py",
        'targets.scores("kl", logits, target).detach()',
        'targets.scores("kl", logits, target)',
        "KL: the target is not detached",
        ("train/losses/test_task_losses.py",),
    ),
    Seed(
        "train/losses/task.py",
        ".sum(axis).mean()",
        ".mean()",
        "KL is divided by the number of classes",
        ("train/losses/test_task_losses.py",),
    ),
    Seed(
        "train/losses/task.py",
        'return int(args.get("class_axis", 0)) + 1',
        "return 1",
        "the axis of classes in a sequence is that of positions",
        ("train/losses/test_task_losses.py", "train/losses/test_any_label.py"),
    ),
    Seed(
        "train/losses/targets.py",
        "if low < 0 or high >= classes:",
        "if low < 0 or high > classes:",
        "a class number one past the last is no mistake",
        ("train/losses/test_targets.py",),
    ),
    Seed(
        "train/losses/targets.py",
        "one_hot(target, channels).movedim(-1, axis)",
        "one_hot(target, channels)",
        "one-hot maps keep their classes on the last axis",
        ("train/losses/test_task_losses.py",),
    ),
    Seed(
        "train/losses/targets.py",
        "if bool(low < 0) or bool(high > 1):",
        "if bool(high > 1):",
        "BCE takes negative targets",
        ("train/losses/test_targets.py",),
    ),
    Seed(
        "train/losses/patch_experts.py",
        "/ below).sum() for weights in reads]).mean()",
        "/ below).mean() for weights in reads]).mean()",
        "collapse: the mean over experts instead of the sum",
        ("train/losses/test_expert_losses.py",),
    ),
    Seed(
        "train/losses/patch_experts.py",
        "torch.where(weights > 0, weights, torch.ones_like(weights))",
        "weights",
        "confidence: the logarithm sees a weight of 0",
        ("train/losses/test_expert_losses.py",),
    ),
    Seed(
        "train/losses/objective.py",
        "weighted = term.weight * weighted",
        "weighted = parts[term.name]",
        "a sum of losses forgets their weights",
        ("train/losses/test_objective.py",),
    ),
    Seed(
        "train/losses/coded.py",
        'return torch.stack([coding_loss(e, table[label], args["power"]) for e, table in pairs]).sum()',
        "return torch.stack([coding_loss(e, table[label]) for e, table in pairs]).sum()",
        "the coding loss forgets its power",
        ("train/losses/test_loss_arguments_reach.py",),
    ),
    Seed(
        "train/losses/means.py",
        "over = counted.get(name, float(samples))",
        "over = float(samples)",
        "a batch in which little counts weighs as much as a full one",
        ("train/losses/test_counted.py",),
    ),
    Seed(
        "train/losses/means.py",
        "if any(term.counted is not None for term in self.goal.terms):",
        "if False:",
        "the sum of losses is a mean over samples where one leaves places out",
        ("train/losses/test_counted.py",),
    ),
)
