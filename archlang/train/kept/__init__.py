"""The folder of a run: its lock, log, checkpoints, identity and event files."""
