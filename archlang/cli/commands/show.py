"""`archlang show SUBJECT ...`: what a trained network does inside."""

from __future__ import annotations

from importlib import import_module

import click

SUBJECTS = {
    "routes": "The way of given inputs through parallel paths.",
    "gates": "The range of each gate, and the inputs that open and close it.",
    "maximise": "The input that a gate, an output, a cluster or a filter answers most.",
    "classes": "Histograms and means of each gate, class by class.",
    "weights": "Weight histograms of parallel operations.",
    "patches": "Which expert took which patch, and how much each is used.",
    "attention": "Which layers a network attends to, of a model or over a training.",
    "energies": "Energies of branches against their code, and early decoding.",
}
"""Subject to its help line. Each is the object `command` of the module `commands.show_SUBJECT`."""


class Subjects(click.Group):
    """A group that imports a subject's module when it is asked for, and shows its help from the table."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click calls it so
        """All subjects, in the table's order."""
        return list(SUBJECTS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - as above
        """The subject of this name."""
        if cmd_name not in SUBJECTS:
            return None
        found = import_module(f"archlang.cli.commands.show_{cmd_name}").command
        assert isinstance(found, click.Command)
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - as above
        """The table, without importing any subject."""
        with formatter.section("Subjects"):
            formatter.write_dl(list(SUBJECTS.items()))


@click.group("show", cls=Subjects, short_help="What a trained network does inside.")
def command() -> None:
    """What a trained network does inside: numbers and pictures of a model file or a run folder."""
