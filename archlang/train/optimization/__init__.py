"""Optimisers, learning rates, averages of weights, and the plan that brings them together."""
