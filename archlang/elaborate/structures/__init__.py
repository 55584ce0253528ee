"""Structural stages: one file a family, and `catalogue` with the rule of each."""
