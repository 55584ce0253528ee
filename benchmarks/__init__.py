"""How long archlang takes, as ratios to named peers measured in the same run: `python -m benchmarks`."""
