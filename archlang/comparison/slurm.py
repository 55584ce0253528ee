"""The script that gives a study to a cluster's queue (SLURM): tasks that all work at the journal of one folder."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from string import Template

from archlang.diagnostics import ArchError, error
from archlang.diagnostics.text import one_line

TEMPLATE = """\
#!/bin/bash
#SBATCH --job-name=$name
#SBATCH --array=1-$tasks
#SBATCH --output=archlang-study-%A_%a.log
#SBATCH --requeue
# Add here what your cluster asks for: --partition, --time, --gres=gpu:$processes, the environment to load.

# Every task takes trainings that no other is at. A task that is stopped and queued again goes on where it was, and the
# same command, run by hand at the end, prints the table.
exec $command
"""

FIELDS = ("name", "tasks", "folder", "processes", "command")


def script(words: Sequence[str], folder: str, *, tasks: int, processes: int, template: str = TEMPLATE) -> str:
    """The script of a study: `words` are its command. A `$$` in a template stands for `$`.

    Raises `ArchError` (usage) for a template with other fields than `FIELDS`, or without `$command`.
    """
    fields = {
        "name": "archlang-study", "tasks": str(tasks), "folder": shlex.quote(folder), "processes": str(processes),
        "command": shlex.join(words),
    }
    known = f"there are {', '.join(f'${name}' for name in FIELDS)}; `$$` stands for a dollar sign"
    try:
        # `substitute` rather than `safe_substitute`: a field that is not known must not stay in a script.
        written = Template(template).substitute(fields)
    except KeyError as problem:
        said = one_line(str(problem.args[0]), 40)
        message = f"the template has the field `${said}`, which is not known"
        raise ArchError(error("usage", message, help=known)) from None
    except ValueError as problem:
        message = f"the template cannot be filled in: {one_line(str(problem), 120)}"
        raise ArchError(error("usage", message, help=known)) from None

    # A script without it would be queued, run, and do nothing.
    if "$command" not in template and "${command}" not in template:
        raise ArchError(error("usage", "the template does not run the study: it has no `$command`", help=known))
    return written
