"""The loop of a training: steps, phases, what it reports and how it is measured."""
