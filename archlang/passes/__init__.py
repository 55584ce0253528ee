"""Passes: the contract that transformations and rewritings share, their catalogue, and those of other packages."""
