"""Data sets: named, read from files or given by a function; split, prepared and augmented for training."""
