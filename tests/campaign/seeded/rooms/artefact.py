"""Bugs in model files and checkpoints."""

from __future__ import annotations

from tests.campaign.seeded.seed import Seed

SEEDS = (
    Seed(
        "artefact/loading.py", "    if digest(head, [memoryview(data)[len(head.raw) :]]) != sealed.digest:\n        raise _altered()\n",
        "",
        "a model whose weights were changed is loaded",
        ("artefact/test_attacks.py",)
    ),
    Seed(
        "artefact/loading.py", "    _check_finite(weights)\n",
        "",
        "weights that are no numbers are loaded",
        ("artefact/test_attacks.py",)
    ),
    Seed(
        "artefact/container.py", "if entry.start != position:",
        "if entry.start < position:",
        "gaps between the tensors of a file are overlooked",
        ("artefact/test_attacks.py",)
    ),
    Seed(
        "artefact/container.py", "if length > LONGEST_HEADER:",
        "if False:",
        "a header of any length is read",
        ("artefact/test_attacks.py",)
    ),
    Seed(
        "artefact/saving.py", "contiguous().clone()",
        "contiguous()",
        "views of one storage cannot be saved",
        ("artefact/test_saving.py",)
    ),
    Seed(
        "artefact/replay.py", "image = manifest.image\n",
        "image = None\n",
        "the sizes that images are brought to are not restored",
        ("train/data/test_same_pixels.py::test_the_crop_of_imagenet_travels_with_the_model", "artefact/test_saving.py", "train/data/test_same_pixels.py")
    ),
    Seed(
        "atomic.py", "part.unlink()",
        "pass",
        "a failed write leaves its part behind",
        ("artefact/test_atomic.py",)
    ),
    Seed(
        "atomic.py", "part.chmod(stat.S_IMODE(target.stat().st_mode))",
        "pass",
        "a file that is written anew loses its permissions",
        ("artefact/test_atomic.py", "cli/test_fmt.py")
    ),
)
