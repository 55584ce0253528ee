"""Comparisons of networks over seeds: what is trained, who is at what, what came out, and what that says."""
