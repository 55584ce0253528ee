"""Attention over layers: of trained models, and of networks made by torch modules."""
