"""Bugs in how files are read and written out as one."""

from __future__ import annotations

from tests.campaign.seeded.seed import Seed

SEEDS = (
    Seed(
        "project/locating.py",
        "if not path.is_relative_to(home.root):",
        "if False:",
        "an import leads out of the project's folder",
        ("elaborate/test_projects.py",),
    ),
    Seed(
        "project/locating.py",
        "path = (home.path.parent / wanted).resolve()",
        "path = (home.root / wanted).resolve()",
        "a relative import begins at the main file's folder instead of its own",
        ("elaborate/test_projects.py",),
    ),
    Seed(
        "project/project.py",
        "if place.key in self.opening:",
        "if False:",
        "files that import each other are not refused",
        ("elaborate/test_projects.py",),
    ),
    Seed(
        "project/flatten.py",
        "while name in taken or name in hiding:",
        "while name in taken:",
        "one file: a helper gets a name that another file binds inside a body",
        ("elaborate/test_projects.py",),
    ),
    Seed(
        "project/flatten.py",
        "    if code.shared:\n",
        "    if False:\n",
        "one file: a code whose classes share a word is written out without saying so",
        ("elaborate/test_coded.py",),
    ),
    Seed(
        "project/flatten.py",
        "dial, default=given.get(dial.name, dial.default)",
        "dial, default=dial.default",
        "one file: dials given from outside are forgotten",
        ("elaborate/test_projects.py",),
    ),
)
