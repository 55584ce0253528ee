"""`archlang show SUBJECT ...`: what a trained network does inside."""

from __future__ import annotations

import click

from archlang.cli.lazy import LazyGroup

SUBJECTS = {
    "routes": "The way of given inputs through parallel paths.",
    "gates": "The range of each gate, and the inputs that open and close it.",
    "maximise": "The input that a gate, an output, a cluster or a filter answers most.",
    "classes": "Histograms and means of each gate, class by class.",
    "weights": "Weight histograms of parallel operations.",
    "patches": "Which expert took which patch, and how much each is used.",
    "attention": "Which layers a network attends to, of a model or over a training.",
    "energies": "Energies of branches against their code, and early decoding.",
    "specialisation": "What experts on patches have specialised in, and how much each is needed.",
    "positions": "How much each position of kernels weighs, by layer and branch.",
    "gradcam": "Where in an image a class is seen (Grad-CAM).",
    "tsne": "What leaves stages, as maps of samples in the plane (t-SNE).",
    "clusters": "Samples by what networks say of their clusters, as maps in the plane (t-SNE).",
    "curves": "Figures of trainings, epoch by epoch.",
    "samples": "What is in data sets: sizes, and a picture of some samples.",
}
"""Subject to its help line. Each is the object `command` of the module `commands.show_SUBJECT`."""


class Subjects(LazyGroup):
    """All subjects of `show`."""

    table, heading, noun, modules = SUBJECTS, "Subjects", "subject", "archlang.cli.commands.show_"


@click.group("show", cls=Subjects, short_help="Show what a trained network does inside.")
def command() -> None:
    """Show what a trained network does inside, or what its data holds: numbers and pictures."""
