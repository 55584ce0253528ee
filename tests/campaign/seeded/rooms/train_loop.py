"""Bugs in the loop of training and in what it keeps."""

from __future__ import annotations

from tests.campaign.seeded.seed import Seed

SEEDS = (
    Seed(
        "train/loop/state.py",
        'if facts["best"]:',
        'if facts["best"] > len(self.history):',
        "the best epoch after a resume is chosen among the later epochs only",
        ("train/kept/test_resume.py::test_bit_for_bit_after_any_step",),
    ),
    Seed(
        "train/loop/state.py",
        'self.step, self.tally = facts["step"], Tally.of(facts["tally"])',
        'self.step = facts["step"]',
        "a resume in the middle of an epoch forgets the losses so far",
        ("train/kept/test_resume.py::test_bit_for_bit_after_any_step",),
    ),
    Seed(
        "train/loop/batches.py",
        'derived(self.task.seed, epoch, "order")',
        'derived(self.task.seed, 0, "order")',
        "every epoch has the same order of samples",
        ("train/optimization/test_planning.py", "train/loop/test_fit.py::test_every_epoch_has_an_order_of_its_own"),
    ),
    Seed(
        "train/loop/batches.py",
        "            if moved is not share:\n                target = task.world.all_gather(moved, len(rows))\n",
        "",
        "label maps do not move with their images",
        ("train/data/test_augment_labels.py::test_a_training_moves_maps_with_their_images",),
    ),
    Seed(
        "train/loop/stepping.py",
        "        snapshot.restore()\n",
        "",
        "a skipped step leaves its running statistics",
        ("train/loop/test_stepping.py",),
    ),
    Seed(
        "train/loop/stepping.py",
        "            stage.scaler.unscale_(stage.optimizer)\n",
        "            pass\n",
        "gradients are clipped before the scale of float16 is taken off",
        (
            "train/loop/test_phases.py::test_lower_precision_is_near",
            "train/loop/test_phases.py::test_a_scale_that_is_too_large_is_no_divergence",
            "train/loop/test_phases.py::test_clipping_is_torchs",
        ),
    ),
    Seed(
        "train/loop/stepping.py",
        "        self.in_a_row = 0\n",
        "        pass\n",
        "ten bad steps in all, not in a row, end a training",
        ("train/loop/test_stepping.py",),
    ),
    Seed(
        "train/loop/evaluation.py",
        "float(value) * len(rows)",
        "float(value) * batch",
        "a last, smaller batch counts as a whole one in the test loss",
        ("train/loop/test_evaluation.py::test_evaluation_by_hand",),
    ),
    Seed(
        "train/loop/evaluation.py",
        "model.to(home).train(was_training)",
        "model.to(home)",
        "evaluating leaves a model in evaluation mode",
        ("train/loop/test_evaluation.py::test_evaluation_by_hand",),
    ),
    Seed(
        "train/loop/evaluation.py",
        "@torch.no_grad()\ndef measure",
        "def measure",
        "measuring keeps the graph of gradients",
        ("train/loop/test_evaluation.py",),
        same="the figures are the same; only memory grows by the graph of one batch, as each loss becomes a "
             "number at once",
    ),
    Seed(
        "train/loop/phasing.py",
        "module.train(module.training and any(w.requires_grad for w in weights))",
        "pass",
        "the statistics of a frozen batch norm move",
        ("train/loop/test_phases.py::test_a_frozen_batch_norm_rests",),
    ),
    Seed(
        "train/loop/phasing.py",
        "weight.requires_grad_(name in training)",
        "weight.requires_grad_(True)",
        "a phase trains all weights, whatever it says",
        ("train/loop/test_phases.py::test_a_phase_trains_what_it_says",),
    ),
    Seed(
        "train/loop/progress.py",
        "return mine > yours",
        "return mine < yours",
        "the worst epoch is kept as the best",
        ("train/loop/test_progress.py",),
    ),
    Seed(
        "train/loop/progress.py",
        "if self.validation_loss is not None:\n            return self",
        "if self.validation_loss is None:\n            return self",
        "the best epoch is chosen on the test part though there is a validation part",
        ("train/loop/test_progress.py",),
    ),
    Seed(
        "train/loop/tally.py",
        "self.sum += outcome.loss * samples",
        "self.sum += outcome.loss",
        "an epoch's loss is no mean over samples",
        ("train/loop/test_fit.py::test_an_epochs_loss_is_the_mean_over_its_samples",),
    ),
    Seed(
        "train/loop/watch.py",
        "if module.training:  # what is measured on the test part is no step",
        "if True:",
        "what is measured on the test part is written down as a step",
        (
            "layer_attention/test_uses.py::test_training_is_watched_and_shown",
            "train/loop/test_watch_experts.py::test_every_step_leaves_a_row",
        ),
    ),
    Seed(
        "train/kept/runs.py",
        "for path in reversed(self.checkpoints):",
        "for path in self.checkpoints:",
        "a training goes on from the oldest checkpoint",
        ("train/kept/test_resume.py::test_bit_for_bit_after_any_step",),
    ),
    Seed(
        "train/kept/runs.py",
<<<<<<< HEAD
        "elif found == before.encode():",
        "elif found:",
        "a row is added to a damaged log",
        ("train/kept/test_folders.py::test_a_log_cut_at_any_byte_is_written_anew",),
    ),
    Seed(
        "train/kept/runs.py",
        '("unreadable-file", "foreign-model")',
        '("unreadable-file",)',
        "a checkpoint of another version is left out as a damaged one is",
        ("train/kept/test_resume.py::test_a_checkpoint_of_another_version_is_an_error_of_its_own",),
    ),
    Seed(
        "train/kept/runs.py",
        "            check_checkpoint(path)\n",
        "            pass\n",
        "a checkpoint is removed though the newer one cannot be read",
        ("train/kept/test_resume.py::test_no_checkpoint_goes_before_the_new_one_was_read_back",),
    ),
    Seed(
        "train/kept/runs.py",
=======
>>>>>>> seeded
        "os.truncate(path, before)",
        "pass",
        "a row that did not fit on the disk is left half-written",
        ("train/kept/test_folders.py::test_a_row_that_does_not_fit_leaves_the_file_as_it_was",),
    ),
    Seed(
        "train/kept/checkpoints.py",
        '_restore_optimizer(stage, _under(f"optimizer.{number}", tensors))',
        "pass",
        "a resume forgets the momenta of the optimiser",
        ("train/kept/test_resume.py::test_bit_for_bit_after_any_step",),
    ),
    Seed(
        "train/kept/checkpoints.py",
        'average.restore(state, facts["averaged"])',
        "average.restore(state, 0)",
        "a resume begins the average of the weights anew",
        ("train/kept/test_resume.py::test_bit_for_bit_after_any_step",),
    ),
    Seed(
        "train/kept/checkpoints.py",
        "stage.goal.state.load_state_dict(remembered)",
        "pass",
        "a resume forgets what a clustering loss remembers",
        ("train/kept/test_resume.py::test_steps_in_turn_go_on",),
    ),
)
