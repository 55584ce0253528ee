"""Augmentations, calculated on whole batches; `augment` applies those that a file names."""
