"""Edits of a wrong statement that newcomers' habits suggest. Each is tried on the text before it is told."""
