"""Bugs in model files and checkpoints."""

from __future__ import annotations

from tests.campaign.seeded.seed import Seed

SEEDS = (
    Seed(
        "artefact/loading.py",
        "if digest(head, [memoryview(data)[len(head.raw) :]]) != sealed.digest:",
        "if False:",
        "a model whose weights were changed is loaded",
        ("artefact/test_attacks.py::test_bits_flipped_in_the_weights_are_alterations",),
    ),
    Seed(
        "artefact/loading.py",
        "    _check_finite(weights)\n",
        "",
        "weights that are no numbers are loaded",
        ("artefact/test_attacks.py::test_weights_that_are_no_numbers",),
    ),
    Seed(
        "artefact/container.py",
        "if entry.start != position:",
        "if entry.start < position:",
        "gaps between the tensors of a file are overlooked",
        ("artefact/test_attacks.py::test_bytes_between_tensors_that_belong_to_none",),
    ),
    Seed(
        "artefact/container.py",
        "if length > LONGEST_HEADER:",
        "if False:",
        "a header of any length is read",
        ("artefact/test_attacks.py::test_what_is_no_model",),
    ),
    Seed(
        "artefact/saving.py",
        "contiguous().clone()",
        "contiguous()",
        "views of one storage cannot be saved",
        ("artefact/test_saving.py::test_views_of_one_storage_can_be_saved",),
    ),
    Seed(
        "artefact/replay.py",
        "image = manifest.image\n",
        "image = None\n",
        "the sizes that images are brought to are not restored",
        ("artefact/test_saving.py::test_all_that_a_training_notes_comes_back",),
    ),
    Seed(
        "atomic.py",
        "part.unlink()",
        "pass",
        "a failed write leaves its part behind",
        ("artefact/test_atomic.py",),
    ),
    Seed(
        "atomic.py",
        "part.chmod(stat.S_IMODE(target.stat().st_mode))",
        "pass",
        "a file that is written anew loses its permissions",
        ("artefact/test_atomic.py::test_a_file_keeps_its_permissions",),
    ),
)
