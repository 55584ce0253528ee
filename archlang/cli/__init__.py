"""The command line: one file a command in `commands/`, one boundary in `main`."""
