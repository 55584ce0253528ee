"""Clustering with neural mixture EM, and its pictures."""
