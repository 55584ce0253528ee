"""Bugs in looking into trained models."""

from __future__ import annotations

from tests.campaign.seeded.seed import Seed

SEEDS = (
    Seed(
        "studies/coded.py",
        "f1 = 2 * right / (told + wanted.sum())",
        "f1 = right / (told + 0 * wanted.sum())",
        "the threshold of a detector is that of the largest precision",
        ("archlang/studies/coded.py",),
    ),
    Seed(
        "studies/coded.py",
        "return (share * energies[:, None] - table)",
        "return (energies[:, None] - table)",
        "early decoding: energies are not brought to the scale of words",
        ("studies/test_decoding.py::test_words_of_any_weight_are_compared_on_their_own_scale",),
    ),
    Seed(
        "studies/coded.py",
        "able = rows if active else 1 - rows",
        "able = 1 - rows if active else rows",
        "ablation removes active branches for inactive ones",
        ("studies/test_coded.py::test_ablation_takes_the_branches_that_it_says",),
    ),
    Seed(
        "studies/multipath/gates.py",
        "after = after * gates[:, 0].to(after)",
        "pass",
        "the shares of sparse paths forget their weights",
        ("studies/test_inside.py::test_sparse_gates_and_gates_behind_them_are_the_hand_calculation",),
    ),
    Seed(
        "studies/maximise.py",
        "loss = ascent.decay * x.square().mean() - response(seen)",
        "loss = ascent.decay * x.square().mean() + response(seen)",
        "the ascent descends",
        ("studies/test_inside.py::test_ascent_climbs_is_repeated_by_its_seed_and_leaves_the_model",),
    ),
    Seed(
        "studies/maximise.py",
        "        finally:\n            for p in frozen:\n                p.requires_grad_(True)",
        "        finally:\n            for p in frozen:\n                p.requires_grad_(False)",
        "the ascent leaves the model's weights frozen",
        ("studies/test_inside.py::test_ascent_climbs_is_repeated_by_its_seed_and_leaves_the_model",),
    ),
    Seed(
        "train/groupings.py",
        "rows, columns = linear_sum_assignment(-table)",
        "rows, columns = linear_sum_assignment(table)",
        "clusters are named after classes as badly as possible",
        ("clustering/test_studies.py::test_accuracy_and_information_beside_scikit_learn",),
    ),
    Seed(
        "train/groupings.py",
        "mean = (cluster_entropy + class_entropy) / 2",
        "mean = max(cluster_entropy, class_entropy)",
        "mutual information over the larger entropy instead of their mean",
        ("clustering/test_studies.py::test_accuracy_and_information_beside_scikit_learn",),
    ),
    Seed(
        "studies/pbconv/positions.py",
        "mean(0).std(correction=0))",
        "mean(0).std())",
        "dispersion with Bessel's correction",
        ("studies/test_pbconv_boosting.py::test_eq_1",),
    ),
    Seed(
        "studies/pbconv/search.py",
        "key=lambda t: -t.scores[size])",
        "key=lambda t: t.scores[size])",
        "the candidate whose positions differ least wins",
        ("studies/test_pbconv_search.py::test_the_candidate_whose_positions_differ_most_wins_size_by_size",),
    ),
    Seed(
        "studies/layer_attention/readings.py",
        "            handle.remove()\n",
        "            pass\n",
        "reading the attention leaves its hooks in the model",
        ("studies/test_left_alone.py",),
    ),
    Seed(
        "train/processes/devices.py",
        "            module.training = was",
        "            pass",
        "looking into a model leaves it in evaluation mode",
        ("studies/test_left_alone.py",),
    ),
    Seed(
        "train/processes/devices.py",
        "        for module, was in modes:\n            module.training = was",
        "        model.train(modes[0][1])",
        "a frozen norm inside a model in training is in training mode after a look",
        ("studies/test_left_alone.py",),
    ),
)
