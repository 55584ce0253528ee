"""Patch experts of a trained model: which takes what, and what a cut saves."""
