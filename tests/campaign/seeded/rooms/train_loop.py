"""Bugs in the loop of training and in what it keeps."""

from __future__ import annotations

from tests.campaign.seeded.seed import Seed

SEEDS = (
    Seed(
        "train/loop/state.py", 'if facts["best"]:',
        'if facts["best"] > len(self.history):',
        "the best epoch after a resume is chosen among the later epochs only",
        ("train/kept/test_resume.py::test_bit_for_bit_after_any_step",)
    ),
    Seed(
        "train/loop/state.py", 'self.step, self.tally = facts["step"], Tally.of(facts["tally"])',
        'self.step = facts["step"]',
        "a resume in the middle of an epoch forgets the losses so far",
        ("train/kept/test_resume.py::test_bit_for_bit_after_any_step",)
    ),
    Seed(
        "train/loop/batches.py", 'derived(self.task.seed, epoch, "order")',
        'derived(self.task.seed, 0, "order")',
        "every epoch has the same order of samples",
        ("train/loop/test_fit.py", "train/optimization/test_planning.py", "train/kept/test_resume.py")
    ),
    Seed(
        "train/loop/batches.py", "            if moved is not share:\n                target = task.world.all_gather(moved, len(rows))\n",
        "",
        "label maps do not move with their images",
        ("train/data/test_augment_labels.py::test_a_training_moves_maps_with_their_images",)
    ),
    Seed(
        "train/loop/stepping.py", "        snapshot.restore()\n",
        "",
        "a skipped step leaves its running statistics",
        ("train/loop/test_stepping.py",)
    ),
    Seed(
        "train/loop/stepping.py", "            stage.scaler.unscale_(stage.optimizer)\n",
        "            pass\n",
        "gradients are clipped before the scale of float16 is taken off",
        ("train/loop/test_phases.py",)
    ),
    Seed(
        "train/loop/stepping.py", "        self.in_a_row = 0\n",
        "        pass\n",
        "ten bad steps in all, not in a row, end a training",
        ("train/loop/test_stepping.py",)
    ),
    Seed(
        "train/loop/evaluation.py", "float(value) * len(rows)",
        "float(value) * batch",
        "a last, smaller batch counts as a whole one in the test loss",
        ("train/loop/test_evaluation.py",)
    ),
    Seed(
        "train/loop/evaluation.py", "model.to(home).train(was_training)",
        "model.to(home)",
        "evaluating leaves a model in evaluation mode",
        ("train/loop/test_evaluation.py",)
    ),
    Seed(
        "train/loop/evaluation.py", "@torch.no_grad()\ndef measure",
        "def measure",
        "measuring keeps the graph of gradients",
        ("train/loop/test_evaluation.py",),
        "the figures are the same; only memory grows by the graph of one batch, as each loss becomes a number at once"
    ),
    Seed(
        "train/loop/phasing.py", "module.train(module.training and any(w.requires_grad for w in weights))",
        "pass",
        "the statistics of a frozen batch norm move",
        ("train/loop/test_phases.py",)
    ),
    Seed(
        "train/loop/phasing.py", "weight.requires_grad_(name in training)",
        "weight.requires_grad_(True)",
        "a phase trains all weights, whatever it says",
        ("train/loop/test_phases.py",)
    ),
    Seed(
        "train/loop/progress.py", "return mine > yours",
        "return mine < yours",
        "the worst epoch is kept as the best",
        ("train/loop/test_progress.py",)
    ),
    Seed(
        "train/loop/progress.py", "if self.validation_loss is not None:\n            return self",
        "if self.validation_loss is None:\n            return self",
        "the best epoch is chosen on the test part though there is a validation part",
        ("train/loop/test_progress.py", "train/data/test_parts.py::test_the_best_epoch_is_chosen_on_the_validation_part")
    ),
    Seed(
        "train/loop/tally.py", "self.sum += outcome.loss * samples",
        "self.sum += outcome.loss",
        "an epoch's loss is no mean over samples",
        ("train/loop/test_fit.py", "train/kept/test_resume.py::test_every_optimiser_goes_on")
    ),
    Seed(
        "train/loop/watch.py", "if module.training:  # what is measured on the test part is no step",
        "if True:",
        "what is measured on the test part is written down as a step",
        ("train/loop/test_watch_experts.py", "layer_attention/test_uses.py", "train/kept/test_resume_pictures.py")
    ),
    Seed(
        "train/kept/runs.py", "for path in reversed(self.checkpoints):",
        "for path in self.checkpoints:",
        "a training goes on from the oldest checkpoint",
        ("train/kept/test_resume.py::test_bit_for_bit_after_any_step",)
    ),
    Seed(
        "train/kept/runs.py", 'b"".join(lines[: rows + 1])',
        'b"".join(lines[:rows])',
        "a resume cuts one row too many from the log",
        ("train/kept/test_resume.py::test_rows_after_the_checkpoint_are_cut",)
    ),
    Seed(
        "train/kept/runs.py", "os.truncate(path, before)",
        "pass",
        "a row that did not fit on the disk is left half-written",
        ("train/kept/test_killed.py::test_a_full_disk_leaves_the_run_as_it_was",)
    ),
    Seed(
        "train/kept/checkpoints.py", '_restore_optimizer(stage, _under(f"optimizer.{number}", tensors))',
        "pass",
        "a resume forgets the momenta of the optimiser",
        ("train/kept/test_resume.py::test_bit_for_bit_after_any_step",)
    ),
    Seed(
        "train/kept/checkpoints.py", 'average.restore(state, facts["averaged"])',
        "average.restore(state, 0)",
        "a resume begins the average of the weights anew",
        ("train/kept/test_resume.py::test_bit_for_bit_after_any_step",)
    ),
    Seed(
        "train/kept/checkpoints.py", "stage.goal.state.load_state_dict(remembered)",
        "pass",
        "a resume forgets what a clustering loss remembers",
        ("train/kept/test_resume.py::test_steps_in_turn_go_on", "train/kept/test_resume.py")
    ),
)
