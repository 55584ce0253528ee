"""Position-boosted convolutions in any torch model: boosting, and the search for small kernels."""
