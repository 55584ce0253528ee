"""Losses: a file for each family, the catalogue of their formulas, and the weighted sums that are minimised."""
