"""Data at hand: from installed packages or from a seed alone, changed by options in its name; `catalogue` lists it."""
