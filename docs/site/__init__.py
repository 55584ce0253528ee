"""What Sphinx reads: the pages of `docs/` with links that work there, and pages written by the catalogue."""
