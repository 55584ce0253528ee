"""Gates and weights of parallel paths."""
